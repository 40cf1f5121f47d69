"""The configurations for other shippers parse, and send to mlmon's streams under mlmon's ids."""

import importlib.util
import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlmon.elastic.indices import templates
from mlmon.logging_config.emit.event_encoder import LOG_LEVELS
from mlmon.logging_config.schema.fields import DATASETS

DEPLOY = Path(__file__).parents[2] / "deploy"
CHECKER = Path(__file__).parents[3] / "shared" / "tools" / "check_artefacts.py"
FILES = (
    "filebeat.yml",
    "elastic-agent.yml",
    "otel-collector.yaml",
    "logstash.conf",
    "vector.yaml",
    "fluent-bit.yaml",
)
PIPELINES = ("ingest-pipeline-arrival.json", "ingest-pipeline-route.json")
DATASET, NAMESPACE = "DATASET", "NAMESPACE"
_TOKEN = re.compile(r'\s*(?:#[^\n]*|(=>|[{}\[\],]|"[^"]*"|\w[\w.]*))')


def _yaml(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text())


def _logstash() -> dict[str, Any]:
    """Return Logstash's configuration: plugins by name, options by key; a condition is skipped."""
    text = re.sub(r'(?:if "[^"]*" in \[tags\]|else) (?={)', "group ", _lines("logstash.conf"))
    tokens = [token for token in _TOKEN.findall(text) if token]
    parsed, rest = _block(tokens)
    assert rest == []
    return parsed


def _lines(name: str) -> str:
    return "\n".join(
        line
        for line in (DEPLOY / name).read_text().splitlines()
        if not line.strip().startswith("#")
    )


def _block(tokens: list[str]) -> tuple[dict[str, Any], list[str]]:
    found: dict[str, Any] = {}
    while tokens and tokens[0] != "}":
        name, sign, *tokens = tokens
        if sign == "=>":
            value, tokens = _value(tokens)
        else:
            assert sign == "{", f"{name} is followed by {sign}"
            value, tokens = _block(tokens)
            assert tokens[0] == "}", f"{name} is not closed"
            tokens = tokens[1:]
        found |= value if name == "group" else {name: value}
    return found, tokens


def _value(tokens: list[str]) -> tuple[Any, list[str]]:
    if tokens[0] == "[":
        end = tokens.index("]")
        return [part.strip('"') for part in tokens[1:end] if part != ","], tokens[end + 1 :]
    if len(tokens) > 1 and tokens[1] == "{":
        inner, rest = _block(tokens[2:])
        return {tokens[0]: inner}, rest[1:]
    return tokens[0].strip('"'), tokens[1:]


def _metadata(processors: list[dict[str, Any]]) -> tuple[str, str]:
    """Return which field becomes the id, and the operation, from Beats' processors."""
    [copied] = [processor["copy_fields"] for processor in processors if "copy_fields" in processor]
    [added] = [processor["add_fields"] for processor in processors if "add_fields" in processor]
    [field] = copied["fields"]
    assert (field["to"], added["target"]) == ("@metadata._id", "@metadata")
    return field["from"], added["fields"]["op_type"]


def _filebeat() -> tuple[str, str, str]:
    config = _yaml("filebeat.yml")
    index = config["output.elasticsearch"]["index"]
    [source] = config["filebeat.inputs"]
    stream = index.replace("%{[event.dataset]:mlmon.dead_letter}", DATASET)
    return stream.replace("${MLMON_NAMESPACE:default}", NAMESPACE), *_metadata(source["processors"])


def _elastic_agent() -> tuple[str, str, str]:
    [source] = _yaml("elastic-agent.yml")["inputs"]
    [stream] = source["streams"]
    assert stream["pipeline"] == "mlmon-route"
    route = json.loads((DEPLOY / PIPELINES[1]).read_text())["processors"][-1]["reroute"]
    assert route["dataset"] == ["{{event.dataset}}"]
    # Reroute keeps the stream's type: `logs`, an input's default.
    assert "type" not in stream["data_stream"]
    return f"logs-{DATASET}-{NAMESPACE}", *_metadata(stream["processors"])


def _otel() -> tuple[str, str, str]:
    config = _yaml("otel-collector.yaml")
    exporter = config["exporters"]["elasticsearch"]
    assert (exporter["mapping"]["mode"], exporter["logs_dynamic_id"]) == (
        "bodymap",
        {"enabled": True},
    )
    operators = {
        operator["type"]: operator for operator in config["receivers"]["filelog"]["operators"]
    }
    added, copied = operators["add"], operators["copy"]
    assert added["field"] == 'attributes["elasticsearch.index"]'
    assert copied["to"] == 'attributes["elasticsearch.document_id"]'
    index = re.fullmatch(r'EXPR\("(.*)" \+ body\["event.dataset"\] \+ "(.*)"\)', added["value"])
    assert index is not None
    stream = f"{index[1]}{DATASET}{index[2]}".replace("${env:MLMON_NAMESPACE:-default}", NAMESPACE)
    return stream, copied["from"].removeprefix('body["').removesuffix('"]'), "create"


def _logstash_target() -> tuple[str, str, str]:
    output = _logstash()["output"]["elasticsearch"]
    stream = output["index"].replace("%{[event.dataset]}", DATASET)
    field = re.fullmatch(r"%{\[(.*)\]}", output["document_id"])
    assert field is not None
    return (
        stream.replace("${MLMON_NAMESPACE:default}", NAMESPACE),
        field[1],
        output["action"],
    )


def _vector() -> tuple[str, str, str]:
    config = _yaml("vector.yaml")
    sink = config["sinks"]["elasticsearch"]
    source = config["transforms"]["events"]["source"]
    assert f'.{sink["id_key"]} = string!(."event.id")' in source
    assert sink["acknowledgements"] == {"enabled": True}
    assert sink["request_retry_partial"] is True
    stream = sink["bulk"]["index"].replace("{{ _mlmon_dataset }}", DATASET)
    return (
        stream.replace("${MLMON_NAMESPACE:-default}", NAMESPACE),
        "event.id",
        sink["bulk"]["action"],
    )


def _fluent_bit() -> tuple[str, str, str]:
    pipeline = _yaml("fluent-bit.yaml")["pipeline"]
    outputs = {output["match"].removeprefix("mlmon."): output for output in pipeline["outputs"]}
    assert outputs.keys() == DATASETS.keys()
    for dataset, output in outputs.items():
        assert output["index"] == f"logs-{dataset}-${{MLMON_NAMESPACE}}"
        assert (output["id_key"], output["write_operation"]) == ("_mlmon_id", "create")
    [source] = pipeline["inputs"]
    code = source["processors"]["logs"][0]["code"]
    assert 'record["_mlmon_id"] = record["event.id"]' in code
    return f"logs-{DATASET}-{NAMESPACE}", "event.id", "create"


@pytest.mark.parametrize(
    "target", [_filebeat, _elastic_agent, _otel, _logstash_target, _vector, _fluent_bit]
)
def test_streams_and_ids_are_those_of_the_shipper(target: Any) -> None:
    """Each dataset goes to the stream of its own template, under `event.id`, by `create`."""
    stream, field, operation = target()
    assert (field, operation) == ("event.id", "create")
    patterns = {template.name: template.pattern for template in templates.templates()}
    for dataset in DATASETS:
        name = stream.replace(DATASET, dataset).replace(NAMESPACE, "default")
        matching = [key for key, pattern in patterns.items() if fnmatchcase(name, pattern)]
        assert matching == [f"logs-{dataset}"]


def test_lines_without_dataset_go_to_a_stream_of_ours() -> None:
    """Where Filebeat and the Agent put what is no JSON has a template of mlmon's."""
    patterns = [template.pattern for template in templates.templates()]
    [agent] = _yaml("elastic-agent.yml")["inputs"]
    fallback = agent["streams"][0]["data_stream"]["dataset"]
    for name in ("logs-mlmon.dead_letter-default", f"logs-{fallback}-default"):
        assert any(fnmatchcase(name, pattern) for pattern in patterns)


@pytest.mark.parametrize("name", [*FILES, *PIPELINES])
def test_each_shows_that_it_was_not_run_here(name: str) -> None:
    """The label stands at the top of each file, and the file in the list."""
    top = "".join((DEPLOY / name).read_text().splitlines(keepends=True)[:2])
    assert "Not run here" in top
    assert f"`{name}`" in (DEPLOY / "README.md").read_text()


def test_no_file_holds_a_secret() -> None:
    """Credentials come from the environment or the program's keystore."""
    for name in FILES:
        for key in re.findall(r'(?:api_key|password)"?\s*(?::|=>)\s*"?([^"\n]*)', _lines(name)):
            assert key.startswith("${")


def test_the_arrival_is_written_by_each() -> None:
    """Each way adds `event.ingested`, by which late lines are found."""
    assert _yaml("filebeat.yml")["output.elasticsearch"]["pipeline"] == "mlmon-arrival"
    exporter = _yaml("otel-collector.yaml")["exporters"]["elasticsearch"]
    assert exporter["pipeline"] == "mlmon-arrival"
    assert "event.set('event.ingested'" in _logstash()["filter"]["ruby"]["code"]
    for name in PIPELINES:
        assert "event.ingested" in [field for field, _ in _set_fields(name)]


def _set_fields(name: str) -> Iterator[tuple[str, str]]:
    for processor in json.loads((DEPLOY / name).read_text())["processors"]:
        if "set" in processor:
            yield processor["set"]["field"], processor["set"]["value"]


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pipeline_fits_the_published_schema(name: str) -> None:
    """Both ingest pipelines are what Elasticsearch's API description allows."""
    if not CHECKER.is_file():
        pytest.skip(f"../shared/tools/{CHECKER.name} is not there")
    specification = importlib.util.spec_from_file_location("check_artefacts", CHECKER)
    assert specification is not None
    assert specification.loader is not None
    checker = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(checker)
    assert checker.errors("pipeline", json.loads((DEPLOY / name).read_text())) == []


def test_log_records_are_made_of_fields_that_each_line_has() -> None:
    """The Collector reads only fields of the table; of the required ones it takes what it needs."""
    operators = _yaml("otel-logs.yaml")["receivers"]["filelog"]["operators"]
    read = set(re.findall(r'attributes\["([^"]+)"\]', json.dumps(operators).replace('\\"', '"')))
    optional = {"span.id"}
    for dataset, fields in DATASETS.items():
        required = {field.name for field in fields if field.required}
        assert read - optional <= required, dataset
        assert optional <= {field.name for field in fields}
    [levels] = [operator["mapping"] for operator in operators if "mapping" in operator]
    assert set(levels.values()) == set(LOG_LEVELS)
