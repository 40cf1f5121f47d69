"""A suggested mapping: valid for any table, and right for tables with usual names."""

import csv
import tempfile
import tomllib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlmon.ingest.replay.mapping import ColumnMapping
from mlmon.ingest.replay.suggestion import suggestion


def suggested(folder: Path, header: str, *rows: str) -> ColumnMapping:
    """Return the mapping suggested for a CSV table, checked as a mapping file is."""
    path = folder / "bids.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return ColumnMapping.model_validate(tomllib.loads(suggestion(path)))


def test_usual_names_find_their_places(tmp_path: Path) -> None:
    """Id, times, score, label, value, version and decision are reported by name and values."""
    mapping = suggested(
        tmp_path,
        "prediction_id,created_at,model_version,score,approved,clicked,clicked_at,revenue,price,os",
        "a1,2026-01-01 00:00:00,7,0.25,0,1,2026-01-02,0.5,3,ios",
        "a2,2026-01-01 00:01:00,7,0.75,1,0,2026-01-02,0,4.5,web",
    )
    assert mapping.prediction.id == "prediction_id"
    assert mapping.time.column == "created_at"
    assert mapping.model.version_column == "model_version"
    assert (mapping.prediction.score, mapping.prediction.approved) == ("score", "approved")
    assert mapping.outcome
    outcome = (mapping.outcome.label, mapping.outcome.time, mapping.outcome.value)
    assert outcome == ("clicked", "clicked_at", "revenue")
    assert (mapping.features.numeric, mapping.features.categorical) == (("price",), ("os",))


@pytest.mark.parametrize(("count", "unit"), [(1, "s"), (10**3, "ms"), (10**6, "us"), (10**9, "ns")])
def test_the_unit_of_numeric_times_is_reported_by_their_size(
    tmp_path: Path, count: int, unit: str
) -> None:
    """A column of seconds since 1970 and one of nanoseconds get their units."""
    rows = [f"{(1_767_225_600 + n) * count},0.{n}" for n in range(1, 4)]
    mapping = suggested(tmp_path, "ts,proba", *rows)
    assert (mapping.time.column, mapping.time.unit) == ("ts", unit)


def test_delimiter_and_words_for_missing_are_seen(tmp_path: Path) -> None:
    """A table of semicolons with NA in a number column is read as numbers."""
    mapping = suggested(tmp_path, "score;age;city", "0.1;NA;Rome", "0.2;31;Oslo", "0.3;32;Rome")
    assert (mapping.table.delimiter, mapping.table.missing) == (";", ("NA",))
    assert (mapping.features.numeric, mapping.features.categorical) == (("age",), ("city",))


def test_what_is_an_id_or_empty_is_no_feature(tmp_path: Path) -> None:
    """Texts that never repeat and empty columns stand in a comment, to be decided by a person."""
    rows = [f"0.{n},key{n}," for n in range(10, 40)]
    (tmp_path / "t.csv").write_text("\n".join(["score,key,nothing", *rows]) + "\n")
    text = suggestion(tmp_path / "t.csv")
    assert '# Not used: "key", "nothing"' in text
    assert ColumnMapping.model_validate(tomllib.loads(text)).features.columns == ()


def test_the_types_of_parquet_are_heeded(tmp_path: Path) -> None:
    """Booleans are categories, lists embeddings, timestamps times, as the log has them."""
    table = pa.table(
        {
            "time": pa.array([0, 1], pa.timestamp("ns", "UTC")),
            "p": [0.5, 0.25],
            "mobile": [True, False],
            "vector": [[0.5, 1.0], [0.25, 2.0]],
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    mapping = ColumnMapping.model_validate(tomllib.loads(suggestion(tmp_path / "t.parquet")))
    assert (mapping.time.column, mapping.prediction.score) == ("time", "p")
    assert (mapping.features.categorical, mapping.features.embedding) == (("mobile",), ("vector",))


names = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), include_characters="\x7f\t"), min_size=1
)


@settings(max_examples=40, deadline=None)
@given(st.lists(names, min_size=1, max_size=6, unique=True), st.data())
def test_any_column_name_gives_valid_toml(columns: list[str], data: st.DataObject) -> None:
    """Quotes, backslashes and control characters in names do not break the file."""
    cells = st.lists(st.sampled_from(["", "0.5", "1", "x", "2026-01-01"]), min_size=3, max_size=3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL)
            writer.writerow(columns)
            writer.writerows(zip(*(data.draw(cells) for _ in columns), strict=True))
        document = tomllib.loads(suggestion(path))
    assert set(document) >= {"service", "model", "time", "prediction"}
