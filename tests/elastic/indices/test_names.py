"""Every index and data stream that is named is one that a template makes."""

import re
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from mlmon.analyzers.checks import discover
from mlmon.elastic.indices import names
from mlmon.elastic.indices.index_tables import DEAD_LETTERS, SHIPPING_TABLE, TABLES, UNMAPPED
from mlmon.elastic.indices.templates import templates
from mlmon.logging_config.schema.fields import DATASETS

OWN_FAMILIES = {"cycle", "incident", "ingest", "lease", "notice", "waiting"}
ANSWERS = {"baseline.ids"}
"""Of what `mlmon compare --json` prints, and no document holds."""
ROOT = Path(__file__).parents[3]
FOLDERS = ("alerting", "analyzers", "dashboards", "elastic", "ingest", "kibana", "mlmon", "report")


def test_names_fit_their_templates() -> None:
    """A stream of each dataset and an index of each kind match the pattern of exactly one template.

    A document in an index without a template would be mapped by guesses of Elasticsearch's.
    """
    patterns = [template.pattern for template in templates()]
    streams = [*DATASETS, names.DEAD_LETTER, names.SHIPPING]
    made = [names.data_stream(dataset, "eu") for dataset in streams]
    made += [names.index_name(kind, "eu") for kind in TABLES]
    made += [names.month_index(kind, "eu", datetime(2026, 3, 2, tzinfo=UTC)) for kind in TABLES]
    for name in made:
        assert sum(fnmatchcase(name, pattern) for pattern in patterns) == 1, name
    for kind in TABLES:
        month = names.month_index(kind, "eu", datetime(2026, 3, 2, tzinfo=UTC))
        assert fnmatchcase(month, names.all_months(kind, "eu"))
    for dataset in DATASETS:
        assert fnmatchcase(names.data_stream(dataset, "eu"), names.all_logs("eu"))


def test_no_other_module_spells_the_name_of_an_index() -> None:
    """Names are made by `names` alone, so that a change of one is a change of one line."""
    spelled = []
    for path in (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        if path.name == "names.py":
            continue
        text = path.read_text(encoding="utf-8")
        for kind in (*TABLES, "logs-ml.", "logs-mlmon."):
            spelled += [
                f"{path.name}: {quote}{kind}" for quote in "\"'" if f"{quote}{kind}" in text
            ]
    assert spelled == []


def test_every_field_of_ours_is_declared() -> None:
    """Code names no field of mlmon's own documents that the tables do not declare.

    A misspelled name would be stored, and found by no search.
    """
    tables = (*TABLES.values(), SHIPPING_TABLE, DEAD_LETTERS)
    declared = {field.name for table in tables for field in table} | UNMAPPED.keys()
    metrics = {metric.name for analyzer in discover() for metric in analyzer.metrics}
    families = "|".join(sorted({name.partition(".")[0] for name in UNMAPPED} | OWN_FAMILIES))
    literal = re.compile(rf'"((?:{families})\.[a-z_.]+)"')
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        for name in literal.findall(path.read_text(encoding="utf-8"))
        if name not in declared | metrics | ANSWERS
    ]
    assert found == []
