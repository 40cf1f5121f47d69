"""A training set is divided as declared, and what cannot be divided is explained."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.baselines.segments import MOST_FEATURES, MOST_SEGMENTS
from mlmon.analyzers.baselines.training_set import read_baselines
from mlmon.analyzers.settings import AnalyzersSettings
from mlmon.elastic.errors import UserError

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def table(rows: int = 4_000) -> pa.Table:
    """Return a training set with a country, scores and labels."""
    rng = np.random.default_rng(3)
    scores = rng.random(rows)
    return pa.table(
        {
            "price": rng.random(rows),
            "country": rng.choice(["DE", "FR", "LI"], rows, p=[0.6, 0.395, 0.005]),
            "city": [f"c{number % 100:03}" for number in range(rows)],
            "ml.prediction.score": scores,
            "ml.outcome.label": rng.random(rows) < scores,
        }
    )


def divided(path: Path, of: pa.Table, *segmented: str) -> Baseline:
    """Return the baseline of a table divided by some features."""
    pq.write_table(of, path / "t.parquet")
    (baseline,) = read_baselines(path / "t.parquet", NOW, "m", "1", segmented)
    return baseline


def test_each_segment_is_counted_as_numpy_counts(tmp_path: Path) -> None:
    """Scores and positives per bucket of each country; the tiny one is left out."""
    rows = table()
    baseline = divided(tmp_path, rows, "country")
    assert set(baseline.segments["country"]) == {"DE", "FR"}
    edges = [-np.inf, *baseline.segment_edges, np.inf]
    for name, known in baseline.segments["country"].items():
        mine = rows.column("country").to_numpy(zero_copy_only=False) == name
        scores = rows.column("ml.prediction.score").to_numpy()[mine]
        labels = rows.column("ml.outcome.label").to_numpy(zero_copy_only=False)[mine]
        assert known.scores == tuple(np.histogram(scores, edges)[0])
        assert known.positives == tuple(np.histogram(scores[labels], edges)[0])
        labeled = known.labeled(baseline.segment_edges)
        assert labeled is not None
        assert labeled.negatives.counts == tuple(np.histogram(scores[~labels], edges)[0])
    assert set(baseline.segment_edges) <= set(baseline.score.edges if baseline.score else ())


def test_segments_are_part_of_the_baseline(tmp_path: Path) -> None:
    """They are stored and read again, and dividing makes another baseline."""
    whole, parts = divided(tmp_path, table()), divided(tmp_path, table(), "country")
    assert whole.id != parts.id
    assert Baseline.from_document(parts.to_document()) == parts
    assert whole.segments == {}


def test_the_most_frequent_values_are_segments(tmp_path: Path) -> None:
    """Of a hundred cities twenty are kept separate at most."""
    of = table(10_000)
    assert len(divided(tmp_path, of, "city").segments["city"]) == MOST_SEGMENTS


@pytest.mark.parametrize("feature", ["price", "no_such_column"])
def test_what_cannot_divide_is_refused(tmp_path: Path, feature: str) -> None:
    """A number, or a column that is not there, is named together with what could divide."""
    with pytest.raises(UserError) as caught:
        divided(tmp_path, table(), "country", feature)
    assert feature in caught.value.message
    assert "city, country" in caught.value.hint


def test_rows_without_a_label_are_no_failures(tmp_path: Path) -> None:
    """A segment's labels are those that are known, though its scores are all there."""
    rows = table()
    labels = rows.column("ml.outcome.label").to_pylist()
    known = [label if number % 2 else None for number, label in enumerate(labels)]
    column = rows.column_names.index("ml.outcome.label")
    baseline = divided(tmp_path, rows.set_column(column, "ml.outcome.label", [known]), "country")
    germany = np.array(rows.column("country").to_pylist()) == "DE"
    of = baseline.segments["country"]["DE"]
    labeled = of.labeled(baseline.segment_edges)
    assert labeled is not None
    assert of.rows == germany.sum()
    assert labeled.n == germany[1::2].sum()


def test_too_many_features_are_refused(tmp_path: Path) -> None:
    """More than ten features would make each hour's answer too large."""
    of = table()
    names = [f"f{number}" for number in range(MOST_FEATURES + 1)]
    for name in names:
        of = of.append_column(name, of.column("country"))
    with pytest.raises(UserError, match="11 features"):
        divided(tmp_path, of, *names)


def test_without_scores_there_are_no_segments(tmp_path: Path) -> None:
    """Nothing could be compared, so it is reported when the baseline is made."""
    with pytest.raises(UserError, match="scores"):
        divided(tmp_path, table().drop(["ml.prediction.score"]), "country")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('segments = "country"', "analyzers.segments: Input should be a valid tuple"),
        ('segment = ["country"]', "unknown setting 'segment' .did you mean 'segments'"),
    ],
)
def test_a_wrong_declaration_is_explained(
    line: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text in place of a list, or a misspelled key, is an error that names the key."""
    monkeypatch.chdir(tmp_path)
    assert AnalyzersSettings.load().segments == ()
    Path("mlmon.toml").write_text(f"[analyzers]\n{line}\n")
    with pytest.raises(UserError, match=problem):
        AnalyzersSettings.load()
