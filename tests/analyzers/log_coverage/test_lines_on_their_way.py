"""Lines that a shipper has still to send, and lines not yet visible, are not called lost."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.base.window import EPOCH, HOUR, MINUTE, Window, iso, parse_time
from mlmon.analyzers.checks.completeness import CompletenessOfLogs
from mlmon.analyzers.event_logs.shipping_backlog import SECOND, on_their_way, without_delay
from mlmon.analyzers.run import engine
from mlmon.analyzers.run.cycle.cycle import run_cycle
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.indices.names import SHIPPING
from tests.support.shipping_reports import reports

Events = list[dict[str, Any]]
NOW = datetime.fromisoformat("2026-03-02T12:00+00:00")


def of_files(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the reports of single files."""
    return [report for report in found if "log.file.path" in report]


def test_what_waits_in_a_file_began_after_its_last_line() -> None:
    """The file that is farthest behind decides; one that is shipped to its end says nothing."""
    found = of_files(reports(NOW, ("a", 9, 500, 20.0), ("b", 9, 80, 3_600.0), ("c", 9, 0, 0.0)))
    assert on_their_way(found) == NOW - HOUR
    assert on_their_way(of_files(reports(NOW, ("c", 9, 0, 0.0)))) is None
    assert on_their_way([]) is None


def test_a_file_that_was_not_begun_may_hold_anything() -> None:
    """Nothing is known of when its first line was written."""
    assert on_their_way(of_files(reports(NOW, ("a", 0, 500, 0.0)))) == EPOCH


def test_a_file_that_ends_within_a_line_holds_nothing_up() -> None:
    """Its bytes wait for ever: between two reports nothing moved."""
    before = of_files(reports(NOW - SECOND, ("a", 9, 40, 100.0)))
    after = of_files(reports(NOW, ("a", 9, 40, 101.0)))
    assert on_their_way(before) is not None
    assert on_their_way([*before, *after]) is None


@pytest.mark.parametrize(
    ("files", "seconds"),
    [
        ([("live", 9, 500, 90.0)], 90),
        ([("live", 9, 500, 90.0), ("old", 9, 500, 86_400.0), ("new", 0, 500, 0.0)], 90),
        ([("live", 9, 500, 14.0)], 0),
        ([("old", 9, 500, 601.0)], 0),
        ([("new", 0, 500, 0.0)], 0),
        ([("done", 9, 0, 0.0)], 0),
        ([], 0),
    ],
)
def test_a_shipper_explains_a_pause_that_it_is_behind_by(
    files: list[tuple[str, int, int, float]], seconds: int
) -> None:
    """By 15 seconds to ten minutes: neither the usual delay nor an old file is an explanation."""
    assert without_delay(of_files(reports(NOW, *files)), NOW) == NOW - seconds * SECOND


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(0, 90)), max_size=8))
def test_no_report_can_hide_what_waits(files: list[tuple[int, int, int]]) -> None:
    """More files can only make the time earlier."""
    found = [
        report
        for number, (shipper, lag, behind) in enumerate(files)
        for report in of_files(
            reports(NOW, (f"f{number}", 1, lag, float(behind)), shipper=str(shipper))
        )
    ]
    moments = [on_their_way(found[:length]) or NOW for length in range(len(found) + 1)]
    assert moments == sorted(moments, reverse=True)


@pytest.fixture
def hours(accesses_of: Callable[..., Events]) -> Events:
    """Six hours of numbered lines of a process, which arrived when they were written."""
    return [
        event
        | {
            "process.entity_id": "p",
            "event.sequence": number,
            "event.id": f"p-{number}",
            "event.ingested": event["@timestamp"],
        }
        for number, event in enumerate(accesses_of(6, 200), 1)
    ]


def lost(cluster: Cluster, namespace: str) -> dict[datetime, float]:
    """Return the share of lines called lost by the end of the window."""
    found = FindingStore(cluster, namespace).search(metric="lost.rate")
    return {finding.end: finding.value or 0.0 for finding in found}


def test_nothing_is_lost_while_a_shipper_catches_up(
    cluster: Cluster,
    namespace: str,
    hours: Events,
    start: datetime,
    ship: Callable[..., None],
) -> None:
    """Every 18th line lies in a file that is at its second hour: 5.4 % have not come yet."""
    now = start + 6 * HOUR
    other = [event for event in hours if event["event.sequence"] % 18 == 0]
    reached = start + 2 * HOUR
    come = [event for event in other if parse_time(event["@timestamp"]) <= reached]
    ship([event for event in hours if event not in other] + come)
    behind = (now - reached).total_seconds()
    ship(reports(now - 10 * SECOND, ("a", 1, 0, 0.0), ("b", 1, 900, behind - 10)))

    engine.analyze(
        cluster, namespace, Window(start, now), now=now, analyzers=[CompletenessOfLogs()]
    )
    found = lost(cluster, namespace)
    assert set(found.values()) == {0.0}
    assert max(found) == reached

    ship([event for event in other if event not in come])
    ship(reports(now + 20 * SECOND, ("b", 1, 0, 0.0)))
    later = now + MINUTE
    engine.analyze(
        cluster, namespace, Window(start, later), now=later, analyzers=[CompletenessOfLogs()]
    )
    assert lost(cluster, namespace) == dict.fromkeys(
        [start + hour * HOUR for hour in range(1, 7)], 0.0
    )


def test_what_is_lost_is_found_when_the_shipper_has_caught_up(
    cluster: Cluster,
    namespace: str,
    hours: Events,
    start: datetime,
    ship: Callable[..., None],
) -> None:
    """The same lines, and no file in which any wait: they are lost."""
    now = start + 6 * HOUR
    ship([event for event in hours if event["event.sequence"] % 18])
    ship(reports(now - 10 * SECOND, ("a", 1, 0, 0.0), ("b", 1, 0, 0.0)))
    run_cycle(cluster, namespace, now, start)
    found = lost(cluster, namespace)
    assert len(found) == 6
    assert all(0.05 < value < 0.06 for value in found.values())


@pytest.mark.parametrize("cycle", [False, True])
def test_what_was_acknowledged_is_counted_at_once(
    cluster: Cluster,
    namespace: str,
    hours: Events,
    start: datetime,
    ship: Callable[..., None],
    *,
    cycle: bool,
) -> None:
    """Half of the lines lie in a stream that does not refresh by itself; all are counted."""
    ship([{**hours[0], "event.dataset": name} for name in ("ml.access", "ml.app")])
    stream = f"logs-ml.app-{namespace}"
    cluster._client.indices.put_settings(index=stream, settings={"refresh_interval": "-1"})
    lines = []
    for event in hours[1:]:
        dataset = "ml.app" if event["event.sequence"] % 2 else "ml.access"
        create = {"_index": f"logs-{dataset}-{namespace}", "_id": event["event.id"]}
        lines += [orjson.dumps({"create": create}), orjson.dumps(event)]
    assert not cluster.bulk(b"\n".join(lines) + b"\n")["errors"]
    now = start + 6 * HOUR + timedelta(minutes=1)
    if cycle:
        run_cycle(cluster, namespace, now, start)
    else:
        engine.analyze(
            cluster, namespace, Window(start, now), now=now, analyzers=[CompletenessOfLogs()]
        )
    found = lost(cluster, namespace)
    assert len(found) == 6
    assert set(found.values()) == {0.0}


def test_a_shipper_reports_what_is_read_here(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    """A run of the real shipper leaves a report of its file that says that nothing waits."""
    from mlmon.analyzers.event_logs.shipping_backlog import read_reports
    from tests.support.shipping import Ship

    line = {"@timestamp": iso(NOW), "message": "hello", "event.dataset": "ml.app"}
    (tmp_path / "app.log").write_bytes(orjson.dumps(line) + b"\n")
    Ship(tmp_path, namespace, "p", cluster, cluster)("app.log")
    cluster.refresh(f"logs-{SHIPPING}-{namespace}")
    found = read_reports(cluster, namespace, datetime.now(NOW.tzinfo))
    assert found
    assert on_their_way(found) is None
