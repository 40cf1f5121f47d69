"""DataFrames of what is stored, read from a real cluster."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from mlmon import frames
from mlmon.alerting.alerts.store import AlertStore
from mlmon.analyzers.base.window import HOUR, MINUTE, Window
from mlmon.analyzers.run import engine
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.errors import WrongValueError
from mlmon.logging_config import Model, Service, open_log
from tests.support.histories import START, all_alerts, rule, spell

PAGE = Path(__file__).parents[1] / "docs" / "frames.md"
REQUESTS, FAILURES = 10, 3


@pytest.fixture(autouse=True)
def _settings(cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook's environment."""
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)


@pytest.fixture
def logged(ship: Callable[..., None], tmp_path: Path) -> None:
    """One event a minute from START on: requests, predictions, and outcomes of the even ones."""
    path, moment = tmp_path / "log.jsonl", [START]

    def clock() -> int:
        moment[0] += timedelta(seconds=20)
        return int(moment[0].timestamp() * 1e9)

    with open_log(Service("shop"), path=path, clock=clock) as log:
        for number in range(REQUESTS):
            status = 503 if number < FAILURES else 200
            log.access(method="POST", path="/price", status_code=status, duration_ns=5_000_000)
            log.prediction(
                prediction_id=f"p-{number}",
                model=Model("price", "7"),
                score=number / 10,
                approved=number % 2 == 0,
                features={"price": float(number), "country": "DE"},
            )
            if number % 2 == 0:
                log.outcome(prediction_id=f"p-{number}", label=True, value=2.5)
    events = [json.loads(line) for line in path.read_text().splitlines()]
    ship(event for event in events if event["event.dataset"] != "ml.app")


def test_findings_are_rows(cluster: Cluster, namespace: str) -> None:
    """One row a finding in order of time, with typed times and ordered severities."""
    found = [
        replace(finding, value=number / 4)
        for number, finding in enumerate(spell("owcu", service="api"))
    ]
    FindingStore(cluster, namespace).write(found, START)
    frame = frames.findings()
    assert frame["severity"].tolist() == ["ok", "warning", "critical", "unknown"]
    assert frame["value"].tolist() == [0.0, 0.25, 0.5, 0.75]
    assert frame["end"].tolist() == [finding.end for finding in found]
    assert isinstance(frame["end"].dtype, pd.DatetimeTZDtype)
    assert (frame["severity"] >= "warning").tolist() == [False, True, True, False]
    assert len(set(frame["series"])) == 1
    worse = frames.findings(since=START + HOUR, severity="warning", analyzer="drift")
    assert worse["severity"].tolist() == ["warning", "critical"]
    assert frames.findings(until=START + HOUR).shape[0] == 1


def test_chunks_are_the_same_rows(cluster: Cluster, namespace: str) -> None:
    """Frames of a chunk size follow each other and hold together what one frame holds."""
    FindingStore(cluster, namespace).write(spell("owcuowc"), START)
    chunks = list(frames.iter_findings(chunksize=3))
    assert [len(chunk) for chunk in chunks] == [3, 3, 1]
    joined = pd.concat(chunks, ignore_index=True)
    assert joined["end"].tolist() == frames.findings()["end"].tolist()
    assert {str(chunk["severity"].dtype) for chunk in chunks} == {"category"}


def test_without_rows_the_columns_are_there() -> None:
    """An empty namespace gives empty frames with typed columns, so that a notebook runs on."""
    empty = frames.findings()
    assert empty.empty
    assert {"analyzer", "severity", "value", "series"} <= set(empty.columns)
    assert isinstance(empty["start"].dtype, pd.DatetimeTZDtype)
    assert frames.alerts().empty
    assert "status" in frames.alerts()
    assert frames.profiles("access", START, START + HOUR).empty
    assert frames.predictions(START, START + HOUR).empty
    assert list(frames.iter_predictions(START, START + HOUR)) == []


def test_alerts_are_rows(cluster: Cluster, namespace: str) -> None:
    """One row an alert, with its state; of a period those that were open in it."""
    first = all_alerts(rule(), spell("wwwooo", "price"))
    second = all_alerts(rule(), spell("....ccc", "rating"))
    AlertStore(cluster, namespace).write([*first, *second])
    frame = frames.alerts()
    assert frame["subject"].tolist() == ["price", "rating"]
    assert frame["status"].tolist() == ["resolved", "open"]
    assert frame["ended"].isna().tolist() == [False, True]
    assert frames.alerts(since=START + 7 * HOUR)["subject"].tolist() == ["rating"]
    assert frames.alerts(until=START + 3 * HOUR)["subject"].tolist() == ["price"]


@pytest.mark.usefixtures("logged")
def test_predictions_are_rows_with_their_outcomes() -> None:
    """A sample by default, all of them in chunks: features by name, outcomes where known."""
    sample = frames.predictions(START, START + HOUR, rows=4)
    assert len(sample) == 4
    everything = frames.predictions(START, START + HOUR)
    assert everything["price"].tolist() == [float(number) for number in range(REQUESTS)]
    assert everything["ml.outcome.label"].notna().tolist() == [True, False] * 5
    assert everything["ml.outcome.value"].sum() == 2.5 * 5
    chunks = list(frames.iter_predictions(START, START + HOUR, chunksize=4))
    assert [len(chunk) for chunk in chunks] == [4, 4, 2]
    joined = pd.concat(chunks, ignore_index=True)
    pd.testing.assert_frame_equal(joined, everything, check_dtype=False)
    assert frames.predictions(START, START + HOUR, model="other").empty


@pytest.mark.usefixtures("logged")
def test_profiles_are_rows(cluster: Cluster, namespace: str) -> None:
    """One row a window: its counts are numbers, and they add up to the requests logged."""
    period = Window(START, START + HOUR)
    engine.analyze(cluster, namespace, period, now=datetime.now(UTC))
    frame = frames.profiles("access", START, START + HOUR)
    assert frame["documents"].sum() == REQUESTS
    paths = [path for row in frame["paths"] for path in row]
    assert {name for name, _counts in paths} == {"/price"}
    assert sum(counts["statuses"].get("503", 0) for _name, counts in paths) == FAILURES
    assert (frame["end"] - frame["start"]).unique().tolist() == [pd.Timedelta(5 * MINUTE)]
    assert frame["start"].is_monotonic_increasing
    chunks = list(frames.iter_profiles("access", START, START + HOUR, chunksize=1))
    assert [len(chunk) for chunk in chunks] == [1] * len(frame)


@pytest.mark.usefixtures("logged")
def test_the_examples_of_the_documentation_run() -> None:
    """Each block of Python in docs/frames.md runs as it stands, one after the other."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) > 3
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)  # noqa: S102 - our own page


@pytest.mark.parametrize(
    ("read", "says"),
    [
        (lambda: frames.findings(severity="bad"), "'bad' is no severity"),
        (lambda: frames.findings(since="yesterday"), "not a time"),
        (lambda: frames.findings("1d", "2d"), "no time between"),
        (lambda: frames.profiles("nonsense"), "no profiles of kind 'nonsense'"),
        (lambda: frames.predictions(until="7d", since="1d"), "no time between"),
        (lambda: frames.alerts(namespace="No-Namespace"), "namespace"),
    ],
)
def test_wrong_values_are_named(read: Callable[[], pd.DataFrame], says: str) -> None:
    """A wrong argument is an error that names it."""
    with pytest.raises(WrongValueError, match=says):
        read()
