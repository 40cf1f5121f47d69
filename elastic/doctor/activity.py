"""Checks of what keeps running: services that log, shippers, and `mlmon run`.

They are read from what is stored, so that silence is named wherever `mlmon doctor` is run.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.doctor.check import Check, CheckVerdict
from mlmon.elastic.doctor.shippers import shipper_checks
from mlmon.elastic.indices.names import (
    BASELINES,
    BOOKMARK,
    JUDGED,
    SHIPPING,
    STATE,
    all_logs,
    data_stream,
    index_name,
)
from mlmon.formatting import duration, moment, size

RECENT = timedelta(days=7)
"""Services and shippers that were last seen before are not named one by one."""
SERVICE_SILENT = timedelta(hours=1)
SHIPPER_SILENT = timedelta(minutes=5)
"""A shipper that follows files reports every 30 s."""
RUN_SILENT = timedelta(hours=1)
"""`mlmon run` runs a cycle every 5 minutes, by default."""
_MOST = 100
_MOST_VERSIONS = 1_000


def activity_checks(cluster: Cluster, namespace: str, now: datetime) -> Iterator[Check]:
    """Yield how long services, shippers and `mlmon run` have been silent.

    Args:
        cluster: Where they write.
        namespace: Environment.
        now: The present time, UTC.
    """
    count = cluster.count(all_logs(namespace))
    if count == 0:
        advice = "Ship some with `mlmon ship PATH`, or see `mlmon demo`."
        yield Check("logs", CheckVerdict.NOTE, "no documents yet", advice)
        return
    yield Check("logs", CheckVerdict.OK, f"{count:,} documents in namespace {namespace!r}")
    yield from _services(cluster, namespace, now)
    yield from _shippers(cluster, namespace, now)
    yield from shipper_checks(cluster, namespace, now)
    yield _run(cluster, namespace, now)
    yield from judged_checks(cluster, namespace)
    yield from _baselines(cluster, namespace, now)


def _services(cluster: Cluster, namespace: str, now: datetime) -> Iterator[Check]:
    # mlmon's own lines are no service's.
    others = {"bool": {"must_not": [{"term": {"service.name": "mlmon"}}]}}
    seen = _newest(cluster, all_logs(namespace), "service.name", now, others)
    for service, (newest, _) in seen.items():
        if now - newest >= SERVICE_SILENT:
            yield Check(
                "service",
                CheckVerdict.NOTE,
                f"{service} has logged nothing for {duration(now - newest)} "
                f"(last line {moment(newest)})",
                "Check that it runs, and that its log is shipped.",
            )
    if not seen:
        body = {"size": 0, "aggs": {"newest": {"max": {"field": "@timestamp"}}}}
        answer = cluster.search(all_logs(namespace), body)
        newest = datetime.fromtimestamp(answer["aggregations"]["newest"]["value"] / 1000, UTC)
        yield Check(
            "service",
            CheckVerdict.NOTE,
            f"no service has logged anything in the past {RECENT.days} days "
            f"(last line {moment(newest)})",
            "Check that the services run, and that their logs are shipped.",
        )


def _shippers(cluster: Cluster, namespace: str, now: datetime) -> Iterator[Check]:
    # Reports about single files have a path; the one about all files has none.
    totals = {"bool": {"must_not": [{"exists": {"field": "log.file.path"}}]}}
    stream = data_stream(SHIPPING, namespace)
    for shipper, (newest, report) in _newest(cluster, stream, "agent.id", now, totals).items():
        silent, unread = now - newest, int(report.get("ingest.lag.bytes") or 0)
        if silent < SHIPPER_SILENT:
            yield Check("shipper", CheckVerdict.OK, f"{shipper} reported {duration(silent)} ago")
        elif unread:
            yield Check(
                "shipper",
                CheckVerdict.MISSING,
                f"{shipper} stopped {duration(silent)} ago with {size(unread)} not shipped",
                "Start it again with `mlmon ship --follow PATH`: it goes on where it stopped.",
            )
        else:
            yield Check(
                "shipper",
                CheckVerdict.NOTE,
                f"{shipper} stopped {duration(silent)} ago with everything shipped",
                "New lines stay where they are until `mlmon ship --follow PATH` runs again.",
            )


def _run(cluster: Cluster, namespace: str, now: datetime) -> Check:
    bookmark = cluster.get(index_name(STATE, namespace), BOOKMARK) or {}
    try:
        last = datetime.fromisoformat(bookmark["@timestamp"])
    except (KeyError, TypeError, ValueError):
        return Check(
            "run",
            CheckVerdict.NOTE,
            f"`mlmon run` has not run in namespace {namespace!r}",
            "Start it with `mlmon run`: until then only periods that `mlmon analyze` is given are "
            "judged.",
        )
    if now - last >= RUN_SILENT:
        return Check(
            "run",
            CheckVerdict.NOTE,
            f"`mlmon run` has not run for {duration(now - last)} (last cycle {moment(last)})",
            "Start it again with `mlmon run`: it judges what came since.",
        )
    return Check("run", CheckVerdict.OK, f"last cycle of `mlmon run` {duration(now - last)} ago")


def judged_checks(cluster: Cluster, namespace: str) -> Iterator[Check]:
    """Yield how many checks could not be judged, as the last cycle or analysis stored it."""
    stored = cluster.get(index_name(STATE, namespace), JUDGED) or {}
    if summary := stored.get("judged.summary"):
        incomplete = "cannot be judged" in summary
        yield Check(
            "checks",
            CheckVerdict.NOTE if incomplete else CheckVerdict.OK,
            str(summary),
            "Read the reasons with `mlmon findings --severity unknown`." if incomplete else "",
        )


def _baselines(cluster: Cluster, namespace: str, now: datetime) -> Iterator[Check]:
    """Yield which models that predicted lately have a baseline, if any predicted."""
    recent = {"range": {"@timestamp": {"gte": _iso(now - RECENT), "lte": _iso(now)}}}
    serving = _versions(cluster, data_stream("ml.prediction", namespace), recent)
    if not serving:
        return
    same = {"terms": {"ml.model.version": [version for _, version in serving]}}
    known = _versions(cluster, index_name(BASELINES, namespace), same)
    if lacking := sorted(serving - known):
        names = ", ".join(" ".join(version) for version in lacking)
        yield Check(
            "baselines",
            CheckVerdict.NOTE,
            f"no baseline, so that drift from training is not judged: {names}",
            "Make one with `mlmon baseline create PATH` from the model's training set.",
        )
    else:
        yield Check("baselines", CheckVerdict.OK, "every model that predicts has one")


def _versions(cluster: Cluster, index: str, query: dict[str, Any]) -> set[tuple[str, str]]:
    """Return name and version of the models that an index names."""
    sources = [{part: {"terms": {"field": f"ml.model.{part}"}}} for part in ("name", "version")]
    versions = {"composite": {"sources": sources, "size": _MOST_VERSIONS}}
    body = {"size": 0, "query": query, "aggs": {"versions": versions}}
    found = cluster.search(index, body).get("aggregations", {}).get("versions", {})
    return {
        (bucket["key"]["name"], bucket["key"]["version"]) for bucket in found.get("buckets", ())
    }


def _newest(
    cluster: Cluster, indices: str, field: str, now: datetime, query: dict[str, Any]
) -> dict[str, tuple[datetime, dict[str, Any]]]:
    """Return time and source of the newest document of each value of a field, by value."""
    # A clock that is ahead does not hide a silence.
    recent = {"range": {"@timestamp": {"gte": _iso(now - RECENT), "lte": _iso(now)}}}
    newest = {
        "top_hits": {
            "size": 1,
            "sort": [{"@timestamp": "desc"}],
            "_source": ["@timestamp", "ingest.lag.bytes"],
        }
    }
    body = {
        "size": 0,
        "track_total_hits": False,
        "query": {"bool": {"filter": [recent, query]}},
        "aggs": {"by": {"terms": {"field": field, "size": _MOST}, "aggs": {"newest": newest}}},
    }
    answer = cluster.search(indices, body).get("aggregations", {"by": {"buckets": []}})
    found = {}
    for bucket in answer["by"]["buckets"]:
        hit = bucket["newest"]["hits"]["hits"][0]
        when = datetime.fromtimestamp(hit["sort"][0] / 1000, UTC)
        found[bucket["key"]] = (when, hit["_source"])
    return found


def _iso(when: datetime) -> str:
    return when.astimezone(UTC).isoformat()
