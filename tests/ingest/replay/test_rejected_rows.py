"""Rows that cannot be replayed: each kept with its reason, and the rest replayed all the same."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from mlmon.ingest.replay import arrow_tables
from mlmon.ingest.replay.commands import app

MAPPING = """
[service]
name = "bids"
[model]
name = "autobid"
version = "7"
[time]
column = "time"
[prediction]
id = "id"
score = "score"
threshold = 0.5
[outcome]
label = "label"
time = "known"
[features]
numeric = ["price"]
"""
HEADER = "id,time,score,label,known,price\n"
GOOD = "{},2026-01-01T00:00:00Z,0.5,1,2026-01-02T00:00:00Z,10.5\n"


def replay(folder: Path, table: str | bytes, mapping: str = MAPPING) -> Result:
    """Replay a CSV table into the folder `out`."""
    data = table if isinstance(table, bytes) else table.encode()
    (folder / "table.csv").write_bytes(data)
    (folder / "mapping.toml").write_text(mapping)
    arguments = [
        folder / "table.csv",
        "--mapping",
        folder / "mapping.toml",
        "--out",
        folder / "out",
    ]
    return CliRunner().invoke(app, [*map(str, arguments), "--json"])


def lines(path: Path) -> list[dict[str, Any]]:
    """Read a file of JSON lines."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize(
    ("cells", "column", "reason"),
    [
        ("b,yesterday,0.5,1,2026-01-02,1", "time", "is no ISO 8601 time"),
        ("b,1767225600,0.5,1,2026-01-02,1", "time", "is no ISO 8601 time"),
        ("b,1969-12-31,0.5,1,2026-01-02,1", "time", "lies outside 1970 to 2261"),
        ("b,,0.5,1,2026-01-02,1", "time", "is missing"),
        ("b,2026-01-01,1.01,1,2026-01-02,1", "score", "is outside 0 to 1"),
        ("b,2026-01-01,-0.01,1,2026-01-02,1", "score", "is outside 0 to 1"),
        ("b,2026-01-01,NaN,1,2026-01-02,1", "score", "is NaN"),
        ("b,2026-01-01,,1,2026-01-02,1", "score", "is missing"),
        ("b,2026-01-01,high,1,2026-01-02,1", "score", "is no number"),
        ("b,2026-01-01,0.5,2,2026-01-02,1", "label", "is neither yes nor no"),
        ("b,2026-01-01,0.5,1,,1", "known", "is missing"),
        ("b,2026-01-01,0.5,1,2026-01-02,dear", "price", "is no number"),
        ("b,2026-01-01,0.5,1,2026-01-02,1_000", "price", "is no number"),
        ("b,2026-01-01,0.5,1,2026-01-02,inf", "price", "is infinite"),
        ("a,2026-01-01,0.5,1,2026-01-02,1", "id", "is the id of an earlier row too"),
        (",2026-01-01,0.5,1,2026-01-02,1", "id", "is missing"),
        ("jo@example.com,2026-01-01,0.5,1,2026-01-02,1", "id", "looks like a secret"),
        ("b,2026-01-01,0.5,1,2026-01-02", None, "has 5 cells, the header has 6"),
        ("b,2026-01-01,0,5,1,2026-01-02,1", None, "has 7 cells, the header has 6"),
    ],
)
def test_a_bad_row_is_kept_with_row_column_and_reason(
    tmp_path: Path, cells: str, column: str | None, reason: str
) -> None:
    """The bad row lies in the rejected file, the others are events, the exit code is 3."""
    result = replay(tmp_path, HEADER + GOOD.format("a") + cells + "\n" + GOOD.format("c"))
    assert result.exit_code == 3
    result = json.loads(result.stdout)
    assert (result["rows"], result["predictions"], result["rejected"]) == (3, 2, 1)
    (rejected,) = lines(tmp_path / "out" / "table.rejected.ndjson")
    assert (rejected["row"], rejected["column"]) == (2, column)
    assert rejected["reason"].startswith(reason)
    kept = rejected["cells"] or rejected["value"].split(",")
    assert set(cells.split(",")) - {""} <= set(kept.values() if rejected["cells"] else kept)
    events = lines(tmp_path / "out" / "table.predictions.jsonl")
    assert [event["ml.prediction.id"] for event in events] == ["a", "c"]
    assert [event["event.sequence"] for event in events] == [1, 2]


def test_bytes_that_are_not_utf8_cost_one_row(tmp_path: Path) -> None:
    """A cell in another encoding is rejected, with its bytes escaped; its neighbours are not."""
    mapping = MAPPING.replace('numeric = ["price"]', 'categorical = ["price"]')
    table = (HEADER + GOOD.format("a") + GOOD.format("b")).encode()
    result = replay(tmp_path, table.replace(b"10.5", b"M\xfcnchen", 1), mapping)
    assert result.exit_code == 3
    (rejected,) = lines(tmp_path / "out" / "table.rejected.ndjson")
    assert (rejected["row"], rejected["value"]) == (1, "M\\xfcnchen")
    (event,) = lines(tmp_path / "out" / "table.predictions.jsonl")
    assert event["ml.features.categorical.price"] == "10.5"


def test_the_first_good_row_of_an_id_is_the_one_replayed(tmp_path: Path) -> None:
    """A row rejected for another reason does not take the id from the next one."""
    bad = GOOD.format("a").replace("0.5", "5")
    result = replay(tmp_path, HEADER + bad + GOOD.format("a") + GOOD.format("a"))
    rejected = lines(tmp_path / "out" / "table.rejected.ndjson")
    assert [(row["row"], row["column"]) for row in rejected] == [(1, "score"), (3, "id")]
    assert json.loads(result.stdout)["predictions"] == 1


def test_rows_keep_their_numbers_behind_broken_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blank lines are not counted, rows that cannot be split are; also in later blocks."""
    monkeypatch.setattr(arrow_tables, "BLOCK_BYTES", 5_000)
    block = "".join(GOOD.format(f"p{n}") for n in range(1_000))
    table = f"{HEADER}x\n{block}\ny,z\n{GOOD.format('last').replace('0.5', '7')}"
    result = replay(tmp_path, table)
    rejected = lines(tmp_path / "out" / "table.rejected.ndjson")
    rows = sorted((row["row"], row["value"]) for row in rejected)
    assert rows == [(1, "x"), (1_002, "y,z"), (1_003, "7")]
    assert json.loads(result.stdout)["predictions"] == 1_000


def test_a_value_the_log_changes_is_reported(tmp_path: Path) -> None:
    """A secret in a feature is redacted as in any log, and the account says in how many events."""
    mapping = MAPPING.replace('numeric = ["price"]', 'categorical = ["price"]')
    table = HEADER + GOOD.format("a").replace("10.5", "jo@example.com") + GOOD.format("b")
    result = json.loads(replay(tmp_path, table, mapping).stdout)
    assert result["changes"] == {"redacted:ml.features.categorical.price": 1}


def test_texts_named_as_missing_or_as_labels_are_read_so(tmp_path: Path) -> None:
    """`table.missing` and `outcome.positive` give the table's own words their meaning."""
    mapping = MAPPING.replace('label = "label"', 'label = "label"\npositive = ["won"]')
    mapping += '[table]\nmissing = ["NA"]\n'
    rows = GOOD.format("a").replace(",1,", ",won,").replace("10.5", "NA")
    rows += GOOD.format("b").replace(",1,", ",NA,")
    assert replay(tmp_path, HEADER + rows, mapping).exit_code == 0
    first, second = lines(tmp_path / "out" / "table.predictions.jsonl")
    assert first["ml.features.missing"] == ["price"]
    assert second["ml.features.numeric.price"] == 10.5
    (outcome,) = lines(tmp_path / "out" / "table.outcomes.jsonl")
    assert (outcome["ml.prediction.id"], outcome["ml.outcome.label"]) == ("a", True)


@pytest.mark.parametrize(
    ("given", "extra", "wanted"),
    [
        ("1767225600", 'unit = "s"', "2026-01-01T00:00:00.000000Z"),
        ("1767225600.25", 'unit = "s"', "2026-01-01T00:00:00.250000Z"),
        ("1767225600123", 'unit = "ms"', "2026-01-01T00:00:00.123000Z"),
        ("1767225600123456789", 'unit = "ns"', "2026-01-01T00:00:00.123456Z"),
        ("01.02.2026 13:00", 'format = "%d.%m.%Y %H:%M"', "2026-02-01T13:00:00.000000Z"),
        ("2026-01-01 12:00:00+02:00", "", "2026-01-01T10:00:00.000000Z"),
        ("2026-01-01", "", "2026-01-01T00:00:00.000000Z"),
    ],
)
def test_times_are_read_as_they_are_written(
    tmp_path: Path, given: str, extra: str, wanted: str
) -> None:
    """Numbers by their unit, texts by their format, zones turned to UTC, no zone taken as UTC."""
    mapping = MAPPING.replace('column = "time"', f'column = "time"\n{extra}')
    row = GOOD.format("a").replace("2026-01-01T00:00:00Z", given)
    result = replay(tmp_path, HEADER + row, mapping)
    assert result.exit_code == 0, result.stdout
    (event,) = lines(tmp_path / "out" / "table.predictions.jsonl")
    assert event["@timestamp"] == wanted
    has_zone = given.endswith(":00+02:00") or "unit" in extra
    assert json.loads(result.stdout)["without_zone"] == (0 if has_zone else 1)


def test_the_order_of_rows_can_stand_for_time(tmp_path: Path) -> None:
    """Row n lies n - 1 intervals after the start, rejected rows counted; ids are made from rows."""
    mapping = MAPPING.replace('column = "time"', 'start = 2026-01-01T00:00:00\ninterval = "1.5s"')
    mapping = mapping.replace('id = "id"\n', "").replace('time = "known"', 'delay = "1d"')
    table = HEADER + GOOD.format("a") + GOOD.format("b").replace("0.5", "9") + GOOD.format("c")
    replay(tmp_path, table, mapping)
    events = lines(tmp_path / "out" / "table.predictions.jsonl")
    times = [event["@timestamp"] for event in events]
    assert times == ["2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:03.000000Z"]
    assert [event["ml.prediction.id"][-2:] for event in events] == ["-1", "-3"]
    outcomes = lines(tmp_path / "out" / "table.outcomes.jsonl")
    assert [event["event.created"][:19] for event in outcomes] == [
        "2026-01-02T00:00:00",
        "2026-01-02T00:00:03",
    ]
