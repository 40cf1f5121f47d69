"""Baselines from tables and models' folders."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.baselines.summary import LABEL
from mlmon.analyzers.baselines.training_set import read_baselines
from mlmon.analyzers.drift.methods.kolmogorov_smirnov import numeric_drift
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.elastic.errors import UserError
from mlmon.logging_config import Model, Service, open_log

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def write_model(folder: Path, rows: dict[str, Any], version: str = "7") -> Path:
    """Write a model's folder as a training does."""
    folder.mkdir(parents=True)
    table = pa.table({name: pa.array(column) for name, column in rows.items()})
    pq.write_table(table, folder / "training_set.parquet")
    evaluation = {"model": {"name": "autobid", "version": version}, "metrics": {"roc_auc": 0.8}}
    (folder / "evaluation_metrics.json").write_text(json.dumps(evaluation))
    return folder


@pytest.fixture
def rows() -> dict[str, Any]:
    """A training set with missing values, a constant, an outlier, categories and a vector."""
    rng = np.random.default_rng(2)
    price = rng.lognormal(3, 1, 1_000)
    price[0] = 1e9
    return {
        "price": [None if index % 10 == 3 else value for index, value in enumerate(price)],
        "constant": [5] * 1_000,
        "empty": pa.nulls(1_000, pa.float64()),
        "country": ["DE"] * 600 + ["FR"] * 390 + [None] * 9 + ["LU"],
        "member": [True] * 700 + [False] * 300,
        "vector": [[1.0, 2.0]] * 1_000,
        "ml.prediction.score": rng.random(1_000),
        "ml.outcome.label": [True, False] * 500,
    }


def test_a_models_folder(tmp_path: Path, rows: dict[str, Any]) -> None:
    """Numbers, categories, scores and metrics are read; the rest is passed over by name."""
    (baseline,) = read_baselines(write_model(tmp_path / "7", rows), NOW)
    assert baseline.model == ("autobid", "7")
    assert baseline.rows == 1_000
    assert baseline.metrics == {"roc_auc": 0.8}
    assert baseline.passed_over == ("empty",)
    price = baseline.numeric["price"]
    assert (price.n, price.missing, price.maximum) == (900, 100, 1e9)
    assert max(price.counts) <= 12
    assert price.counts[0] == price.counts[-1] == 0
    assert baseline.numeric["constant"].counts == (0, 1_000, 0)
    country = baseline.categorical["country"]
    assert country.counts == {"DE": 600, "FR": 390, "LU": 1}
    assert (country.missing, country.singletons) == (9, 1)
    assert baseline.categorical["member"].counts == {"true": 700, "false": 300}
    assert baseline.score is not None
    assert baseline.score.n == 1_000


def test_scores_are_summed_by_value(tmp_path: Path, rows: dict[str, Any]) -> None:
    """The sums per bucket and category are those of pandas, missing values a part of their own."""
    (baseline,) = read_baselines(write_model(tmp_path / "7", rows), NOW)
    frame = pd.DataFrame({name: rows[name] for name in ("price", "country")})
    frame["score"] = rows["ml.prediction.score"]
    by_country = frame["score"].groupby(frame["country"], dropna=False).agg(["size", "sum"])
    country = baseline.score_sums["country"]
    assert country.categories == ("DE", "FR", "LU")
    assert country.rows == (600, 390, 1, 0, 9)
    assert country.totals[:3] == pytest.approx(by_country["sum"].loc[["DE", "FR", "LU"]])
    assert country.totals[-1] == pytest.approx(frame["score"][frame["country"].isna()].sum())
    price = baseline.score_sums["price"]
    edges = [-np.inf, *baseline.numeric["price"].edges, np.inf]
    bucket = pd.cut(frame["price"], edges, right=False, labels=False)
    for measure, expected in (("totals", frame["score"]), ("squares", frame["score"] ** 2)):
        sums = expected.groupby(bucket).sum().reindex(range(len(edges) - 1), fill_value=0)
        assert getattr(price, measure)[:-1] == pytest.approx(sums.to_numpy())
    assert price.rows[-1] == frame["price"].isna().sum()


def test_a_row_without_a_score_is_in_no_sum(tmp_path: Path, rows: dict[str, Any]) -> None:
    """Scores that are missing leave their rows out; without scores there are no sums."""
    scores = np.where(np.arange(1_000) < 100, np.nan, rows["ml.prediction.score"])
    folder = write_model(tmp_path / "7", rows | {"ml.prediction.score": scores})
    (baseline,) = read_baselines(folder, NOW)
    assert sum(baseline.score_sums["price"].rows) == 900
    del rows["ml.prediction.score"]
    (bare,) = read_baselines(write_model(tmp_path / "8", rows), NOW)
    assert bare.score_sums == {}


def test_finer_buckets_are_the_buckets_divided(tmp_path: Path, rows: dict[str, Any]) -> None:
    """Over its own edges the finer sample is the feature's, and it has many times as many."""
    (baseline,) = read_baselines(write_model(tmp_path / "7", rows), NOW)
    assert set(baseline.finer) == {*baseline.numeric, "ml.prediction.score"}
    price, finer = baseline.numeric["price"], baseline.finer["price"]
    assert finer.coarsened(price.edges).counts == price.counts
    assert len(finer.edges) >= 9 * len(price.edges)


def test_embeddings_are_sampled(tmp_path: Path) -> None:
    """At most 2,000 vectors are kept, each one of the column's, and broken ones are counted."""
    rng = np.random.default_rng(4)
    vectors: list[Any] = rng.normal(size=(2_990, 3)).tolist()
    column = [*vectors, [1.0, float("nan"), 0.0], [1.0], *[None] * 8]
    table = {"vector": column, "ml.prediction.score": rng.random(3_000)}
    (baseline,) = read_baselines(write_model(tmp_path / "7", table), NOW)
    stored = baseline.embeddings["vector"]
    assert (stored.logged, stored.broken, stored.dimensions) == (2_992, 1, {3: 2_990, 1: 1})
    kept = stored.vectors()
    assert kept.shape == (2_000, 3)
    known = {tuple(vector) for vector in np.array(vectors, np.float32).tolist()}
    assert {tuple(vector) for vector in kept.tolist()} < known
    assert kept.mean(axis=0) == pytest.approx(np.mean(vectors, axis=0), abs=0.05)


def test_long_embeddings_take_no_more_room(tmp_path: Path) -> None:
    """Of vectors of 2,048 numbers 512 are kept."""
    rows = {"vector": [[0.5] * 2_048] * 600, "x": [1.0] * 600}
    (baseline,) = read_baselines(write_model(tmp_path / "7", rows), NOW)
    assert baseline.embeddings["vector"].rows == 512


def test_a_document_holds_the_whole_baseline(tmp_path: Path, rows: dict[str, Any]) -> None:
    """Written as JSON and read back, a baseline is the same to the last bit of its edges."""
    (baseline,) = read_baselines(write_model(tmp_path / "7", rows), NOW)
    document = json.loads(json.dumps(baseline.to_document()))
    again = Baseline.from_document(document)
    assert again == baseline
    assert again.id == baseline.id


def test_the_id_comes_from_the_content(tmp_path: Path, rows: dict[str, Any]) -> None:
    """The same rows in another order, read at another time, have the id; other rows have not."""
    (one,) = read_baselines(write_model(tmp_path / "a", rows), NOW)
    order = np.random.default_rng(3).permutation(1_000)
    table = pa.table({name: pa.array(column) for name, column in rows.items()}).take(order)
    shuffled = {name: table.column(name).combine_chunks() for name in table.column_names}
    later = datetime(2026, 4, 1, tzinfo=UTC)
    (same,) = read_baselines(write_model(tmp_path / "b", shuffled), later)
    assert same.id == one.id
    (other,) = read_baselines(write_model(tmp_path / "c", rows | {"constant": [6] * 1_000}), NOW)
    (again,) = read_baselines(tmp_path / "a", later)
    assert again.id == one.id
    assert other.id != one.id


def test_a_folder_of_versions(tmp_path: Path, rows: dict[str, Any]) -> None:
    """Each version makes a baseline, in order of the version's number."""
    for version in ("2", "10", "1"):
        write_model(tmp_path / version, rows, version)
    assert [baseline.model_version for baseline in read_baselines(tmp_path, NOW)] == [
        "1",
        "2",
        "10",
    ]


def test_a_csv_table(tmp_path: Path) -> None:
    """Any table will do, if the model it trained is named."""
    path = tmp_path / "train.csv"
    path.write_text("price,country\n1.5,DE\n,FR\n3.5,DE\n")
    (baseline,) = read_baselines(path, NOW, "m", "1")
    assert baseline.numeric["price"].missing == 1
    assert baseline.categorical["country"].counts == {"DE": 2, "FR": 1}
    assert baseline.score is None


def test_counts_are_those_of_the_column(tmp_path: Path, rows: dict[str, Any]) -> None:
    """The baseline counts its own rows over its own edges."""
    (baseline,) = read_baselines(write_model(tmp_path / "7", rows), NOW)
    for name in ("price", "constant"):
        column = [np.nan if value is None else float(value) for value in rows[name]]
        sample = baseline.numeric[name]
        assert sample == Buckets.from_values(column, sample.edges)


def missing(_folder: Path) -> None:
    """Leave nothing there."""


def no_table(folder: Path) -> None:
    """Leave a folder without a training set."""
    folder.mkdir()


def broken_table(folder: Path) -> None:
    """Leave something that is no Parquet file."""
    folder.mkdir()
    (folder / "training_set.parquet").write_bytes(b"not parquet")
    (folder / "evaluation_metrics.json").write_text('{"model": {"name": "m"}}')


def no_rows(folder: Path) -> None:
    """Leave an empty table."""
    write_model(folder, {"price": pa.array([], pa.float64())})


def broken_metrics(folder: Path) -> None:
    """Leave metrics that are no JSON."""
    write_model(folder, {"price": [1.0]})
    (folder / "evaluation_metrics.json").write_text("{")


def no_model(folder: Path) -> None:
    """Leave it open which model it was."""
    write_model(folder, {"price": [1.0]})
    (folder / "evaluation_metrics.json").unlink()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (missing, "does not exist"),
        (no_table, "holds no training_set.parquet"),
        (broken_table, "cannot be read as a table"),
        (no_rows, "has no rows"),
        (broken_metrics, "cannot be read"),
        (no_model, "does not say which model"),
    ],
)
def test_what_is_no_training_set(tmp_path: Path, make: Callable[[Path], None], says: str) -> None:
    """Each is refused with what is wrong and what to do."""
    make(tmp_path / "model")
    with pytest.raises(UserError, match=says) as caught:
        list(read_baselines(tmp_path / "model", NOW))
    assert caught.value.hint


def test_scores_are_counted_by_label(tmp_path: Path, rows: dict[str, Any]) -> None:
    """Out-of-fold scores are counted and summed per label over the score's own edges."""
    labels = [True, False, None, False] * 250
    (baseline,) = read_baselines(write_model(tmp_path / "7", rows | {LABEL: labels}), NOW)
    scores = rows["ml.prediction.score"]
    assert baseline.score is not None
    assert baseline.labeled is not None
    assert baseline.labeled.edges == baseline.score.edges
    assert (baseline.labeled.positives.n, baseline.labeled.negatives.n) == (250, 500)
    assert baseline.labeled.positive_sums is not None
    assert sum(baseline.labeled.positive_sums) == pytest.approx(scores[0::4].sum())
    both = baseline.labeled
    for label, buckets in ((True, both.positives), (False, both.negatives)):
        of_label = scores[np.array([other is label for other in labels])]
        for low, high, n in zip(buckets.edges, buckets.edges[1:], buckets.counts[1:], strict=False):
            assert n == ((of_label >= low) & (of_label < high)).sum()


def test_labels_as_numbers_count_as_booleans(tmp_path: Path, rows: dict[str, Any]) -> None:
    """0 and 1 are labels in any order of the rows; other values are passed over by name."""
    numbers = [1.0, 0.0, None, 0.0] * 250
    table = rows | {LABEL: [None if number is None else bool(number) for number in numbers]}
    (booleans,) = read_baselines(write_model(tmp_path / "a", table), NOW)
    (same,) = read_baselines(write_model(tmp_path / "b", rows | {LABEL: numbers}), NOW)
    assert same.labeled == booleans.labeled is not None
    order = np.random.default_rng(4).permutation(1_000)
    shuffled = {
        LABEL: pa.array(numbers).take(pa.array(order)),
        "ml.prediction.score": rows["ml.prediction.score"][order],
    }
    (moved,) = read_baselines(write_model(tmp_path / "c", shuffled), NOW)
    assert moved.labeled == booleans.labeled
    wrong = rows | {LABEL: [2.0, 0.0] * 500}
    (other,) = read_baselines(write_model(tmp_path / "d", wrong), NOW)
    assert other.labeled is None
    assert LABEL in other.passed_over


@pytest.mark.parametrize(
    ("column", "numeric", "passed_over"),
    [
        (pa.array([2**63 - 1, 5]), ["x"], ()),
        (pa.array([2**64 - 1, 5], pa.uint64()), ["x"], ()),
        (pa.array(np.array([1, 2], np.float16)), ["x"], ()),
        (pa.array([None, 1], pa.decimal128(30, 2)), ["x"], ()),
        (pa.array([1e308, -1e308]), ["x"], ()),
        (pa.array([float("inf"), None]), [], ("x",)),
        (pa.array([{"a": 1}, {"a": 2}]), [], ("x",)),
        (pa.array([1, 2], pa.timestamp("us")), [], ("x",)),
        (pa.array([["a"], ["b"]]), [], ("x",)),
    ],
)
def test_columns_of_every_type(
    tmp_path: Path, column: pa.Array, numeric: list[str], passed_over: tuple[str, ...]
) -> None:
    """Any column that Parquet can hold is a number, or is passed over by name: none fails."""
    (baseline,) = read_baselines(write_model(tmp_path / "7", {"x": column, "y": [1, 2]}), NOW)
    assert sorted(baseline.numeric) == sorted([*numeric, "y"])
    assert baseline.passed_over == passed_over
    assert Baseline.from_document(json.loads(json.dumps(baseline.to_document()))) == baseline


def test_columns_named_like_a_secret(tmp_path: Path) -> None:
    """The baseline holds no value of them: the log does not write such features either."""
    rows = {
        "password": ["hunter2", "abcd"], "pin": [4821, 17], "psk": [[0.5], [0.25]],
        "token_count": [1, 2],
    }  # fmt: skip
    (baseline,) = read_baselines(write_model(tmp_path / "7", rows), NOW)
    assert baseline.features == ["token_count"]
    assert baseline.passed_over == ("password", "pin", "psk")
    assert "hunter2" not in json.dumps(baseline.to_document())


def test_scores_that_are_no_numbers(tmp_path: Path) -> None:
    """A column of scores as text is no feature: it is passed over by name."""
    rows = {"x": [1.0, 2.0], "ml.prediction.score": ["high", "low"]}
    (baseline,) = read_baselines(write_model(tmp_path / "7", rows), NOW)
    assert (baseline.score, baseline.features) == (None, ["x"])
    assert baseline.passed_over == ("ml.prediction.score",)


def test_nothing_to_compare_with(tmp_path: Path) -> None:
    """A table without any usable column is no training set, and that is reported."""
    folder = write_model(tmp_path / "7", {LABEL: [True, False], "x": pa.nulls(2)})
    with pytest.raises(UserError, match="no column of numbers, categories or embeddings"):
        list(read_baselines(folder, NOW))


@pytest.mark.parametrize(
    ("metrics", "kept"),
    [
        ('{"roc_auc": 0.8, "matrix": [[1, 2], [3, 4]], "note": "good", "f1": null}', 0.8),
        ('{"roc_auc": 0.8, "precision": NaN, "recall": Infinity}', 0.8),
        ('{"roc_auc": 1}', 1.0),
    ],
)
def test_metrics_that_are_no_numbers(tmp_path: Path, metrics: str, kept: float) -> None:
    """Of an evaluation, finite numbers are kept; what else a file says does no harm."""
    folder = write_model(tmp_path / "7", {"x": [1.0, 2.0]})
    text = f'{{"model": {{"name": "autobid", "version": 7}}, "metrics": {metrics}}}'
    (folder / "evaluation_metrics.json").write_text(text)
    (baseline,) = read_baselines(folder, NOW)
    assert baseline.metrics == {"roc_auc": kept}
    assert baseline.model == ("autobid", "7")


@pytest.mark.parametrize("evaluation", ['{"model": "autobid"}', '{"model": null}', "[]", "1"])
def test_an_evaluation_of_another_shape(tmp_path: Path, evaluation: str) -> None:
    """An evaluation that does not name its model as it should is a clear error."""
    folder = write_model(tmp_path / "7", {"x": [1.0, 2.0]})
    (folder / "evaluation_metrics.json").write_text(evaluation)
    with pytest.raises(UserError, match=r"which model|not a JSON object"):
        list(read_baselines(folder, NOW))


def of_table(tmp_path: Path, table: pa.Table, **known: Any) -> Baseline:
    """Return the baseline of a Parquet table."""
    path = tmp_path / "training.parquet"
    pq.write_table(table, path)
    (baseline,) = read_baselines(path, NOW, "m", "1", **known)
    return baseline


def logged(values: dict[str, Any]) -> dict[str, Any]:
    """Return features as the real log writes them."""
    with TemporaryDirectory() as folder, open_log(Service("api"), path=Path(folder) / "log") as log:
        log.prediction(
            prediction_id="1", model=Model("m", "1"), score=0.5, approved=True, features=values
        )
        log.close()
        (line,) = (Path(folder) / "log").read_text().splitlines()
    return dict(json.loads(line))


def test_features_are_named_as_the_log_names_them(tmp_path: Path) -> None:
    """Names with blanks, dots and signs are the same in the baseline and in a logged line."""
    names = ["Hours per week", "a.b", "price €"]
    table = pa.table({name: [1.0, 2.0, 3.0] for name in names})
    baseline = of_table(tmp_path, table)
    line = logged(dict.fromkeys(names, 1.0))
    prefix = "ml.features.numeric."
    assert {prefix + name for name in baseline.numeric} == {
        field for field in line if field.startswith(prefix)
    }


def test_names_that_meet_are_refused(tmp_path: Path) -> None:
    """`a.b` and `a b` would be one feature in the log: the error names both."""
    with pytest.raises(UserError, match=r"'a\.b' and 'a b' are both logged as the feature a_b"):
        of_table(tmp_path, pa.table({"a.b": [1.0], "a b": [2.0]}))


@pytest.mark.parametrize("kind", [pa.float32(), pa.float16()])
def test_numbers_are_compared_at_the_coarser_precision(tmp_path: Path, kind: pa.DataType) -> None:
    """Doubles, and single ones written as doubles, fall where the training set's values lie."""
    doubles = np.array([0.1] * 500 + [0.2] * 300 + [0.7, 1e-3, 123.456, 0.0, -0.3] * 40)
    coarse = doubles.astype(kind.to_pandas_dtype())
    baseline = of_table(tmp_path, pa.table({"x": pa.array(coarse, kind)}))
    known = baseline.numeric["x"]
    for live in (doubles, coarse.astype(np.float64)):
        sample = Buckets.from_values(live, known.edges)
        assert sample.counts == known.counts
        assert sample.counts[0] == sample.counts[-1] == 0
        distance = numeric_drift(sample, known)
        assert (distance.least, distance.value) == (0.0, 0.0)
    moved = Buckets.from_values(np.where(doubles == 0.1, 0.101, doubles), known.edges)
    assert numeric_drift(moved, known).least == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("column", "types"),
    [
        (pa.array([True, False, True]), {}),
        (pa.array(["True", "False", "True"]), {}),
        (pa.array([1, 0, 1]), {"member": "categorical"}),
        (pa.array([1.0, 0.0, 1.0]), {"member": "categorical"}),
    ],
)
def test_booleans_are_the_same_by_any_way(
    tmp_path: Path, column: pa.Array, types: dict[str, str]
) -> None:
    """True, "True" and 1 of a training set are what the log writes of True and of "True"."""
    baseline = of_table(tmp_path, pa.table({"member": column}), logged=types)
    assert baseline.categorical["member"].counts == {"true": 2, "false": 1}
    for value in (True, "True", "true"):
        field = logged({"member": value})["ml.features.categorical.member"]
        assert str(field).lower() == "true"
        assert field in (True, "true")


def test_booleans_that_are_logged_as_numbers(tmp_path: Path) -> None:
    """A column of booleans becomes zeros and ones where the log has numbers."""
    table = pa.table({"member": [True, False, True]})
    baseline = of_table(tmp_path, table, logged={"member": "numeric"})
    assert baseline.numeric["member"].n == 3
    assert (baseline.numeric["member"].minimum, baseline.numeric["member"].maximum) == (0.0, 1.0)
