"""A chart's question: what is asked of Elasticsearch, and how its answer is read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlmon.analyzers.base.window import Window, iso
from mlmon.dashboards.model.chart import Bins, Chart, Measure, Time, Values
from mlmon.dashboards.model.condition import AtLeast, is_
from mlmon.dashboards.model.query import MOST_PARTS, bodies, width
from mlmon.dashboards.model.rows import rows
from mlmon.dashboards.model.sources import FINDING_DOCUMENTS, PREDICTIONS, REQUESTS
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.client.documents import Document

START = datetime(2026, 5, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)
WINDOW = Window(START, START + 4 * HOUR)
STATUS = "http.response.status_code"


@pytest.fixture
def requests(cluster: Cluster, namespace: str) -> list[dict[str, Any]]:
    """Store 40 requests in four hours, each known, and return them."""
    documents = [
        {
            "@timestamp": iso(START + number * timedelta(minutes=6)),
            "url.path": "/a" if number % 4 else "/b",
            STATUS: 500 if number % 10 == 9 else 200,
            "event.duration": 1_000_000 * number,
        }
        for number in range(40)
    ]
    index = REQUESTS.index(namespace)
    body = b"".join(
        b'{"create":{"_index":"%s"}}\n%s\n' % (index.encode(), _json(document))
        for document in documents
    )
    assert not cluster.bulk(body)["errors"]
    cluster.refresh(index)
    return documents


def _json(document: dict[str, Any]) -> bytes:
    import orjson

    return orjson.dumps(document)


def ask(cluster: Cluster, namespace: str, chart: Chart) -> list[dict[str, Any]]:
    """Return the rows of a chart's first layer."""
    body = bodies(chart, WINDOW)[0]
    return rows(chart.layers[0], cluster.search(chart.source.index(namespace), body))


def chart(*measures: Measure, by: tuple[Any, ...] = (), **more: Any) -> Chart:
    """Return a table or tile of requests."""
    return Chart("t", "s?", REQUESTS, measures, "table" if by else "tile", by, **more)


def test_measures_are_what_python_counts(
    cluster: Cluster, namespace: str, requests: list[dict[str, Any]]
) -> None:
    """Counts, sums, extremes and shares per path equal those of the documents themselves."""
    asked = chart(
        Measure("n"),
        Measure("bad", where=AtLeast(STATUS, 500)),
        Measure("share", "ratio", where=AtLeast(STATUS, 500)),
        Measure("sum", "sum", "event.duration"),
        Measure("slowest bad", "max", "event.duration", where=AtLeast(STATUS, 500)),
        Measure("last", "last", STATUS),
        by=(Values("url.path", "path"),),
    )
    found = {row["path"]: row for row in ask(cluster, namespace, asked)}
    assert set(found) == {"/a", "/b"}
    for path, row in found.items():
        of_path = [request for request in requests if request["url.path"] == path]
        bad = [event for event in of_path if event[STATUS] >= 500]
        assert row["n"] == len(of_path)
        assert row["bad"] == len(bad)
        assert row["share"] == len(bad) / len(of_path)
        assert row["sum"] == sum(event["event.duration"] for event in of_path)
        slowest = max((event["event.duration"] for event in bad), default=None)
        assert row["slowest bad"] == slowest
        assert row["last"] == of_path[-1][STATUS]


def test_parts_of_time_and_ranges(
    cluster: Cluster, namespace: str, requests: list[dict[str, Any]]
) -> None:
    """Documents are counted in the part of time and in the range they lie in, each once."""
    over_time = ask(cluster, namespace, chart(Measure("n"), by=(Time(),)))
    assert sum(row["n"] for row in over_time) == len(requests)
    edges = (0.0, 1e7, 2e7, 4e7)
    ranged = chart(Measure("n"), by=(Bins("event.duration", "ns", edges),))
    assert [row["n"] for row in ask(cluster, namespace, ranged)] == [10, 10, 20]


def test_values_are_ranked_by_the_first_measure(
    cluster: Cluster, namespace: str, requests: list[dict[str, Any]]
) -> None:
    """The values with the highest, or lowest, first measure are shown, whatever it is."""
    assert requests
    for measure in (
        Measure("m", "max", "event.duration"),
        Measure("m", "percentile", "event.duration", 95),
        Measure("m", "median", "event.duration", where=is_(STATUS, 200)),
        Measure("m", where=is_(STATUS, 200)),
        Measure("m"),
    ):
        highest = chart(measure, by=(Values("url.path", "path", 1),))
        lowest = chart(measure, by=(Values("url.path", "path", 1, "lowest"),))
        assert [row["path"] for row in ask(cluster, namespace, highest)] == ["/a"]
        assert [row["path"] for row in ask(cluster, namespace, lowest)] == ["/b"]


def test_an_index_that_does_not_exist_has_no_rows(cluster: Cluster, namespace: str) -> None:
    """Before anything is stored a chart is empty, not broken."""
    assert ask(cluster, namespace, chart(Measure("n", where=AtLeast(STATUS, 500)))) == []


def test_findings_are_the_latest_revisions(cluster: Cluster, namespace: str) -> None:
    """A chart of findings counts no revision that a later one replaced."""
    about = {"@timestamp": iso(START), "finding.analyzer": "a", "finding.metric": "m"}
    cluster.put(
        Document(f"mlmon-findings-{namespace}-2026.05", f"{latest}", {**about, **more})
        for latest in (True, False)
        for more in ({"finding.latest": latest, "finding.severity": "ok"},)
    )
    cluster.refresh(FINDING_DOCUMENTS.index(namespace))
    asked = Chart("t", "s?", FINDING_DOCUMENTS, (Measure("n"),), "tile", ())
    assert ask(cluster, namespace, asked) == [{"n": 1}]


@pytest.mark.parametrize("days", [0.01, 1, 18, 90, 1000])
def test_time_is_divided_into_as_many_parts_as_can_be_drawn(days: float) -> None:
    """Neither a handful of parts nor more than Kibana would draw."""
    window = Window(START, START + timedelta(days=days))
    parts = window.length / width(window)
    assert parts <= MOST_PARTS
    assert parts >= 10 or width(window) == timedelta(minutes=1)


def test_a_chart_that_cannot_be_drawn_is_refused() -> None:
    """Lens can colour by one thing: measures or parts."""
    with pytest.raises(ValueError, match="colour"):
        Chart("t", "s?", PREDICTIONS, (Measure("a"), Measure("b")), "line", (Time(), Time()))
    with pytest.raises(ValueError, match="tile with 1 axes"):
        Chart("t", "s?", PREDICTIONS, (Measure("a"),), "tile")
    with pytest.raises(ValueError, match="average"):
        Measure("a", "average")
