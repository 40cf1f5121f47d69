"""Public tables of maintained packages, replayed: results of other libraries next to ours.

    python -m tests.support.public_tables [--write]

Each table is cut in two: the first rows train a logistic regression by scikit-learn, which scores
the others. `mlmon replay` makes events of these, a real shipper and node and the analyzers judge
them. scikit-learn and scipy compute the same measures from the rows of the same window. Prints the
comparison, or writes it into docs/detection.md; a test asserts that the results agree.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mlmon.analyzers.base.window import DAY, HOUR, Window, iso
from mlmon.analyzers.baselines.store import BaselineStore
from mlmon.analyzers.baselines.training_set import METRICS, TABLE, read_baselines
from mlmon.analyzers.run.engine import analyze
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.formatting import number
from mlmon.ingest.replay.commands import replay
from mlmon.ingest.shipper import ShipRequest, open_pipeline
from mlmon.ingest.state.state_folder import StateFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mlmon.analyzers.base.finding import Finding
    from mlmon.elastic.client.cluster import Cluster

PAGE = Path(__file__).parents[2] / "docs" / "detection.md"
BEGIN, END = "<!-- tables: begin -->\n", "<!-- tables: end -->"
START = datetime(2026, 3, 2, tzinfo=UTC)
THRESHOLD = 0.5
LABEL_DELAY = HOUR
SUCCESS = "approved.success_rate"
"""The precision by counts of the labeled rows alone."""
MEASURES = (SUCCESS, "roc_auc", "precision", "recall", "f1", "log_loss", "brier")
DISTANCE = "ks.distance"
MOST_FEATURES = 3
"""So many features of a table are shown, those that moved most."""
SHUTTLE_ROWS = 23_640
"""The first rows of the table: a training set, and three days."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PublicTable:
    """A table of a package.

    Args:
        name: For people, and of the model.
        source: The package, and where the table comes from.
        load: Returns features, a row each, their names, and labels, 1 for yes.
        training: So many rows, the first, train the model.
        daily: So many of the others are a day.
    """

    name: str
    source: str
    load: Callable[[], tuple[Floats, list[str], NDArray[np.int64]]]
    training: int
    daily: int


@dataclass(frozen=True, slots=True)
class Rows:
    """A table with the scores of its model.

    Args:
        features: A column each.
        labels: 1 for yes.
        scores: Of the training rows out of fold, of the others by the model of all training rows.
        names: Of the features.
        training: How many rows are the training set's.
    """

    features: Floats
    labels: NDArray[np.int64]
    scores: Floats
    names: list[str]
    training: int

    def of(self, window: Window, interval: timedelta) -> slice:
        """Return the rows that were predicted in a window."""
        first, last = ((moment - START) / interval for moment in (window.start, window.end))
        begin, end = self.training + max(0, int(np.ceil(first))), self.training + int(np.ceil(last))
        return slice(begin, min(end, len(self.labels)))


@dataclass(frozen=True, slots=True)
class Compared:
    """A finding next to what another library computes from the window's rows.

    Args:
        table: The table's name.
        finding: Ours.
        rows: How many rows the window holds.
        theirs: Theirs.
    """

    table: str
    finding: Finding
    rows: int
    theirs: float


def shuttle() -> tuple[Floats, list[str], NDArray[np.int64]]:
    """Return river's table of space shuttle readings."""
    from river.datasets import Shuttle

    rows = list(Shuttle().take(SHUTTLE_ROWS))
    names = sorted(rows[0][0])
    values = np.array([[features[name] for name in names] for features, _ in rows], dtype=float)
    return values, names, np.array([label for _, label in rows])


def breast_cancer() -> tuple[Floats, list[str], NDArray[np.int64]]:
    """Return scikit-learn's table of tumours; yes is malignant."""
    from sklearn.datasets import load_breast_cancer

    known = load_breast_cancer()
    names = [name.replace(" ", "_") for name in known.feature_names]
    return known.data, names, 1 - known.target


TABLES = (
    PublicTable(
        "shuttle",
        "river `datasets.Shuttle`: the first 23,640 rows of [Statlog (Shuttle)]"
        "(https://archive.ics.uci.edu/dataset/148/statlog+shuttle) as of "
        "[ODDS](https://odds.cs.stonybrook.edu/shuttle-dataset/)",
        shuttle,
        15_000,
        2_880,
    ),
    PublicTable(
        "breast_cancer",
        "scikit-learn `load_breast_cancer`: [Breast Cancer Wisconsin (Diagnostic)]"
        "(https://archive.ics.uci.edu/dataset/17/breast+cancer+wisconsin+diagnostic), 569 rows",
        breast_cancer,
        200,
        288,
    ),
)


def scored(table: PublicTable) -> Rows:
    """Return a table's rows with the scores of a logistic regression."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    values, names, labels = table.load()
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000))
    train = slice(0, table.training)
    inner = cross_val_predict(model, values[train], labels[train], cv=5, method="predict_proba")
    model.fit(values[train], labels[train])
    outer = model.predict_proba(values[table.training :])
    scores = np.concatenate([inner[:, 1], outer[:, 1]])
    return Rows(values, labels, scores, names, table.training)


def measured(labels: NDArray[np.int64], scores: Floats) -> dict[str, float]:
    """Return what scikit-learn computes of labels and scores."""
    from sklearn import metrics

    approved = scores >= THRESHOLD
    return {
        SUCCESS: float(metrics.precision_score(labels, approved)),
        "roc_auc": float(metrics.roc_auc_score(labels, scores)),
        "precision": float(metrics.precision_score(labels, approved)),
        "recall": float(metrics.recall_score(labels, approved)),
        "f1": float(metrics.f1_score(labels, approved)),
        "log_loss": float(metrics.log_loss(labels, scores)),
        "brier": float(metrics.brier_score_loss(labels, scores)),
    }


def judged(cluster: Cluster, namespace: str, table: PublicTable, folder: Path) -> list[Compared]:
    """Replay a table into a namespace, judge it, and return our results next to others'."""
    rows, interval = scored(table), DAY / table.daily
    mapping = folder / "mapping.toml"
    mapping.write_text(_mapping(table, rows.names, interval))
    model = folder / "models" / "1"
    model.mkdir(parents=True)
    for name, part in (("train", slice(0, table.training)), ("live", slice(table.training, None))):
        _write(folder / f"{name}.csv", rows, part)
    replay(folder / "train.csv", mapping, suggest=False, training_set=model / TABLE)
    evaluation = measured(rows.labels[: table.training], rows.scores[: table.training])
    (model / METRICS).write_text(
        json.dumps({"model": {"name": table.name, "version": "1"}, "metrics": evaluation})
    )
    replay(folder / "live.csv", mapping, suggest=False, out=folder / "events")
    _ship(cluster, namespace, folder)
    BaselineStore(cluster, namespace).write(list(read_baselines(model, START)))
    end = START + (len(rows.labels) - table.training) * interval + LABEL_DELAY
    analysis = analyze(cluster, namespace, Window(START, end), now=datetime.now(UTC))
    assert analysis.failures == {}
    found = FindingStore(cluster, namespace).search()
    return [*_compared(table, rows, interval, found)]


def _compared(
    table: PublicTable, rows: Rows, interval: timedelta, found: Iterator[Finding]
) -> Iterator[Compared]:
    from scipy.stats import ks_2samp

    for finding in found:
        part = rows.of(finding.window, interval)
        size = part.stop - part.start
        if finding.value is None:
            continue
        if finding.analyzer == "live_performance" and finding.metric in MEASURES:
            theirs = measured(rows.labels[part], rows.scores[part])[finding.metric]
            yield Compared(table.name, finding, size, theirs)
        elif finding.analyzer == "feature_drift" and finding.metric == DISTANCE:
            column = rows.features[:, rows.names.index(str(finding.subject))]
            theirs = float(ks_2samp(column[: rows.training], column[part]).statistic)
            yield Compared(table.name, finding, size, theirs)


def _mapping(table: PublicTable, names: list[str], interval: timedelta) -> str:
    features = ", ".join(f'"{name}"' for name in names)
    return f"""
[service]
name = "{table.name}"
[model]
name = "{table.name}"
version = "1"
[time]
start = {iso(START)}
interval = "{interval / timedelta(milliseconds=1):.0f}ms"
[prediction]
score = "score"
threshold = {THRESHOLD}
[outcome]
label = "label"
delay = "{LABEL_DELAY / timedelta(hours=1):.0f}h"
[features]
numeric = [{features}]
"""


def _write(path: Path, rows: Rows, part: slice) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*rows.names, "score", "label"])
        for values, score, label in zip(
            rows.features[part].tolist(),
            rows.scores[part].tolist(),
            rows.labels[part].tolist(),
            strict=True,
        ):
            writer.writerow([*values, score, label])


def _ship(cluster: Cluster, namespace: str, folder: Path) -> None:
    request = ShipRequest(
        [str(folder / "events")], namespace, StateFolder(folder / "state"), folder / "locks"
    )
    with open_pipeline(cluster, request, Event()) as pipeline:
        counts = pipeline.run(following=False)
    assert counts.rejected == 0


def shown(compared: Sequence[Compared]) -> list[Compared]:
    """Return what a table shows: the last full day's measures, and the features that moved most."""
    days = [one for one in compared if one.finding.window.length == DAY]
    last = max(
        one.finding.end
        for one in days
        if one.finding.metric in MEASURES and one.finding.end == _midnight(one.finding.end)
    )
    of_day = [one for one in days if one.finding.end == last]
    moved = sorted(
        (one for one in of_day if one.finding.metric == DISTANCE), key=lambda one: -one.theirs
    )
    measures = [one for one in of_day if one.finding.metric in MEASURES]
    return [
        *sorted(measures, key=lambda one: MEASURES.index(one.finding.metric)),
        *moved[:MOST_FEATURES],
    ]


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def markdown(compared: Sequence[Compared]) -> str:
    """Return the comparison as Markdown."""
    lines = [
        "| table | rows | measure | mlmon | interval | scikit-learn, scipy |",
        6 * "|---" + "|",
    ]
    for one in compared:
        finding = one.finding
        about = f"`{finding.metric}`" + (f" of `{finding.subject}`" if finding.subject else "")
        interval = f"{number(finding.low)} to {number(finding.high)}"
        lines.append(
            f"| {one.table} | {one.rows:,} | {about} | {finding.value:.4f} | {interval} "
            f"| {one.theirs:.4f} |"
        )
    sources = "; ".join(f"{table.name}: {table.source}" for table in TABLES)
    return "\n".join(lines) + f"\n\n{sources}.\n"


def main() -> int:
    """Print or write the comparison."""
    from mlmon.scoreboard.replay.own_node import own_cluster

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write it into docs/detection.md")
    given = parser.parse_args()
    found: list[Compared] = []
    with own_cluster() as cluster:
        for table in TABLES:
            with TemporaryDirectory(prefix="mlmon-tables-") as folder:
                found += shown(judged(cluster, table.name, table, Path(folder)))
    text = markdown(found)
    if given.write:
        page = PAGE.read_text(encoding="utf-8")
        head, rest = page.split(BEGIN, 1)
        PAGE.write_text(head + BEGIN + text + END + rest.split(END, 1)[1], encoding="utf-8")
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
