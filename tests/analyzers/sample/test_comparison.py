"""Both sides of a comparison have the same columns, and what is left out is reported."""

import importlib.util
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlmon.analyzers.sample import evidently_report, nannyml_report
from mlmon.analyzers.sample.comparison import read
from mlmon.analyzers.sample.library import library
from mlmon.elastic.errors import UserError


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A sample and a training set, in a model's folder."""
    sample = pa.table(
        {
            "@timestamp": [f"2026-03-02T00:00:0{number}Z" for number in range(4)],
            "ml.prediction.score": [0.1, 0.9, 0.4, 0.6],
            "ml.prediction.threshold": [0.5, 0.5, 0.4, 0.5],
            "price": [1.0, 2.0, None, 4.0],
            "country": ["DE", "FR", None, "DE"],
            "changed": ["a", "b", "c", "d"],
            "only_here": [1.0, 2.0, 3.0, 4.0],
            "ml.outcome.label": [True, None, False, None],
        }
    )
    training = pa.table(
        {
            "ml.prediction.score": [0.2, 0.8],
            "price": [1, 2],
            "country": ["DE", "US"],
            "changed": [1.0, 2.0],
            "only_there": ["x", "y"],
            "ml.outcome.label": [True, False],
        }
    )
    folder = tmp_path / "7"
    folder.mkdir()
    pq.write_table(sample, tmp_path / "sample.parquet")
    pq.write_table(training, folder / "training_set.parquet")
    return tmp_path / "sample.parquet", folder


def test_both_sides_have_the_same_features(files: tuple[Path, Path]) -> None:
    """Numbers and categories that both have; what one lacks or has as another type is left out."""
    found = read(*files)
    assert found.numeric == ("price",)
    assert found.categorical == ("country",)
    assert found.left_out == ("changed", "only_here", "only_there")
    assert found.threshold == 0.5
    shared = ["price", "country", "ml.prediction.score"]
    assert list(found.current[shared].columns) == list(found.reference[shared].columns)
    # Two outcomes are too few to speak of performance.
    assert not found.labeled


def test_what_cannot_be_compared_is_explained(files: tuple[Path, Path], tmp_path: Path) -> None:
    """A missing file, a table that is no sample, and one without a common feature."""
    sample, folder = files
    with pytest.raises(UserError, match="cannot be read"):
        read(tmp_path / "none.parquet", folder)
    pq.write_table(pa.table({"price": [1.0]}), tmp_path / "plain.parquet")
    with pytest.raises(UserError, match="no sample"):
        read(tmp_path / "plain.parquet", folder)
    pq.write_table(pa.table({"other": [1.0]}), tmp_path / "other.parquet")
    with pytest.raises(UserError, match="no feature in common"):
        read(sample, tmp_path / "other.parquet")


@pytest.mark.parametrize(
    ("extra", "report"), [("evidently", evidently_report), ("nannyml", nannyml_report)]
)
def test_without_the_library_it_shows_how_to_get_it(
    files: tuple[Path, Path], tmp_path: Path, extra: str, report: object
) -> None:
    """The extra is named; nothing is written."""
    if importlib.util.find_spec(extra) is not None:
        pytest.skip(f"{extra} is installed here")
    out = tmp_path / "report.html"
    with pytest.raises(UserError) as caught:
        report.write_report(read(*files), out)  # type: ignore[attr-defined]
    assert f"mlmon[{extra}]" in caught.value.hint
    assert not out.exists()


def test_a_column_without_values_is_left_out(files: tuple[Path, Path]) -> None:
    """No library compares nothing; which columns hold nothing is reported."""
    sample, folder = files
    table = pq.read_table(sample)
    place = table.column_names.index("price")
    pq.write_table(table.set_column(place, "price", pa.nulls(4, pa.float64())), sample)
    found = read(sample, folder)
    assert found.numeric == ()
    assert "price" in found.left_out


@pytest.mark.parametrize(("successes", "labeled"), [(0, False), (1, True), (40, False)])
def test_performance_needs_outcomes_of_both_kinds(
    files: tuple[Path, Path], successes: int, *, labeled: bool
) -> None:
    """Where all failed, or all succeeded, no score ranks them."""
    sample, folder = files
    rows = pa.concat_tables([pq.read_table(sample)] * 10)
    outcomes = pa.array([number < successes for number in range(40)])
    place = rows.column_names.index("ml.outcome.label")
    pq.write_table(rows.set_column(place, "ml.outcome.label", outcomes), sample)
    assert read(sample, folder).labeled == labeled


def test_what_a_library_cannot_do_is_an_error_of_its_name() -> None:
    """Whatever it raises; what is ours already is not renamed."""
    says = "Other cannot compare this sample: KeyError: '0'"
    with pytest.raises(UserError, match=says) as found, library("Other", "Get it."):
        raise KeyError("0")
    assert "--window" in found.value.hint
    with pytest.raises(UserError, match="ours"), library("Other", "Get it."):
        raise UserError("ours", "Fix it.")
