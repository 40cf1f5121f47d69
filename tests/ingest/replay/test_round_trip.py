"""What a table holds is what the events hold, for all values and both kinds of file."""

import csv
import json
import math
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlmon.ingest.replay.events import EventFiles
from mlmon.ingest.replay.mapping import ColumnMapping
from mlmon.ingest.replay.replay import Replay, ReplayResult
from mlmon.ingest.replay.table import open_table
from mlmon.logging_config.emit.redaction import redact_text

MAPPING = ColumnMapping.model_validate(
    {
        "service": {"name": "bids"},
        "model": {"name": "autobid", "version_column": "version"},
        "time": {"column": "time"},
        "prediction": {"id": "id", "score": "score", "threshold": 0.5},
        "outcome": {"label": "label", "value": "value", "time": "known"},
        "features": {"numeric": ["x y"], "categorical": ["country"], "embedding": ["vector"]},
    }
)
ENTITY = "replay-0-0"

times = st.datetimes(datetime(1970, 1, 1), datetime(2261, 12, 31))  # noqa: DTZ001 - naive means UTC
numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20).filter(
    lambda text: (
        text.strip()
        and redact_text(text) == text
        # Words for booleans are written as the log writes booleans.
        and text.strip().lower() not in {"true", "false"}
    )
)
rows = st.fixed_dictionaries(
    {
        "version": texts,
        "time": times,
        "score": st.floats(0, 1),
        "label": st.none() | st.booleans(),
        "value": numbers,
        "known": times,
        "x y": numbers,
        "country": st.none() | texts,
        "vector": st.none() | st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=3),
    }
)
tables = st.lists(rows, min_size=1, max_size=8).map(
    lambda table: [{"id": f"p{n}", **row} for n, row in enumerate(table)]
)


def write_csv(path: Path, table: list[dict[str, Any]]) -> None:
    """Write a table as CSV, times in ISO 8601, vectors as JSON."""

    def cell(value: Any) -> Any:
        if isinstance(value, list):
            return json.dumps(value)
        return value.isoformat() if isinstance(value, datetime) else value

    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(table[0])
        writer.writerows([[cell(row[name]) for name in table[0]] for row in table])


def write_parquet(path: Path, table: list[dict[str, Any]]) -> None:
    """Write a table as Parquet, with the types of its values."""
    schema = pa.schema(
        {
            "id": pa.string(),
            "version": pa.string(),
            "time": pa.timestamp("us"),
            "score": pa.float64(),
            "label": pa.bool_(),
            "value": pa.float64(),
            "known": pa.timestamp("us", "Asia/Tokyo"),
            "x y": pa.float64(),
            "country": pa.dictionary(pa.int32(), pa.string()),
            "vector": pa.list_(pa.float64()),
        }
    )
    aware = [{**row, "known": row["known"].replace(tzinfo=UTC)} for row in table]
    pq.write_table(pa.Table.from_pylist(aware, schema), path)


WRITERS = {"table.csv": write_csv, "table.parquet": write_parquet}


def replayed(name: str, table: list[dict[str, Any]]) -> tuple[ReplayResult, list[Any], list[Any]]:
    """Replay a table; return the account, the predictions and the outcomes."""
    with tempfile.TemporaryDirectory() as name_of_folder:
        folder = Path(name_of_folder)
        WRITERS[name](folder / name, table)
        target = EventFiles(folder, "t", MAPPING, ENTITY)
        replay = Replay(open_table(folder / name), MAPPING, ENTITY, target, folder / "rejected")
        result = replay.run(lambda _done, _what: None)
        assert result.rejections == []
        return result, *(
            [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []
            for path in (folder / "t.predictions.jsonl", folder / "t.outcomes.jsonl")
        )


def moment(value: datetime) -> str:
    """Write a time as the log does."""
    return value.isoformat(timespec="microseconds") + "Z"


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=20, deadline=None)
@given(table=tables)
def test_every_value_arrives(name: str, table: list[dict[str, Any]]) -> None:
    """Ids, versions, times, scores, decisions and features arrive, in the order of time."""
    result, predictions, _ = replayed(name, table)
    assert result.predictions == len(predictions) == len(table)
    ordered = sorted(table, key=lambda row: row["time"])
    for number, (row, event) in enumerate(zip(ordered, predictions, strict=True), 1):
        assert event["event.id"] == f"{ENTITY}-p-{number}"
        assert event["@timestamp"] == moment(row["time"])
        assert event["ml.prediction.id"] == row["id"]
        assert event["ml.model.version"] == row["version"]
        assert event["ml.prediction.score"] == row["score"]
        assert event["ml.prediction.decision"] == ("rejected", "approved")[row["score"] >= 0.5]
        assert event.get("ml.features.numeric.x_y") == row["x y"]
        assert event.get("ml.features.categorical.country") == row["country"]
        assert event.get("ml.features.embedding.vector") == row["vector"]
        missing = {name for name in ("x y", "country", "vector") if row[name] is None}
        named = set(event.get("ml.features.missing", ()))
        assert named == {name.replace(" ", "_") for name in missing}


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=20, deadline=None)
@given(table=tables)
def test_every_known_outcome_arrives_at_the_time_it_was_known(
    name: str, table: list[dict[str, Any]]
) -> None:
    """A row with a label makes an outcome in its prediction's trace; a row without makes none."""
    result, predictions, outcomes = replayed(name, table)
    traces = {prediction["ml.prediction.id"]: prediction["trace.id"] for prediction in predictions}
    known = sorted((row for row in table if row["label"] is not None), key=lambda row: row["known"])
    assert result.outcomes == len(outcomes) == len(known)
    for number, (row, event) in enumerate(zip(known, outcomes, strict=True), 1):
        assert event["event.id"] == f"{ENTITY}-o-{number}"
        assert event["event.sequence"] == number
        assert event["ml.prediction.id"] == row["id"]
        assert event["trace.id"] == traces[row["id"]]
        assert event["ml.outcome.label"] is row["label"]
        assert event.get("ml.outcome.value") == row["value"]
        assert event["@timestamp"] == event["event.created"] == moment(row["known"])


def test_a_missing_number_is_missing_however_it_is_written() -> None:
    """Null, NaN and an empty cell are all named in `ml.features.missing`, and none is written."""
    row = {
        "id": "p0",
        "version": "1",
        "time": datetime(2026, 1, 1),  # noqa: DTZ001 - naive means UTC
        "score": 0.25,
        "label": None,
        "value": None,
        "known": datetime(2026, 1, 1),  # noqa: DTZ001 - naive means UTC
        "x y": math.nan,
        "country": "",
        "vector": None,
    }
    for name in WRITERS:
        _, (event,), _ = replayed(name, [row])
        assert event["ml.features.missing"] == ["x_y", "country", "vector"]
        assert not [key for key in event if "numeric" in key or "categorical" in key]
