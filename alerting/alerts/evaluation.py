"""Alerts brought up to the findings: read what changed, go the machine of each series, store.

Only series that alarm, or have an open alert, are looked at, from the moment findings changed to
the last that is known. What was open then is taken from the store, so a run costs what is new.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from mlmon.alerting.alerts.alert import Ending
from mlmon.alerting.alerts.state_machine import AlertStateMachine
from mlmon.alerting.alerts.store import AlertStore, WrittenAlerts
from mlmon.alerting.policies.policy import Policy, policies
from mlmon.analyzers.base.window import iso, parse_time
from mlmon.analyzers.run.findings_store import FindingStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from mlmon.alerting.alerts.alert import Alert
    from mlmon.analyzers.base.finding import Finding
    from mlmon.elastic.client.cluster import Cluster

SERIES_PER_REQUEST = 1_000
"""Series asked for in one request."""
_JUST_BEFORE = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class AlertEvaluation:
    """What an evaluation did, and what is open after it.

    Args:
        written: Alerts stored.
        withdrawn: Alerts that, as is known now, never were.
        open: Alerts open now.
    """

    written: WrittenAlerts
    withdrawn: int
    open: tuple[Alert, ...]

    def to_json(self) -> dict[str, int]:
        """Return it as a JSON value."""
        return {
            "open": len(self.open),
            "new": self.written.opened,
            "changed": self.written.changed,
            "unchanged": self.written.unchanged,
            "withdrawn": self.withdrawn,
        }

    def summary(self) -> str:
        """Return it in one line."""
        critical = sum(alert.severity == "critical" for alert in self.open)
        return (
            f"alerts: {len(self.open)} open, {critical} of them critical; "
            f"{self.written.opened} new, {self.written.changed} changed, {self.withdrawn} withdrawn"
        )


def evaluate(
    cluster: Cluster,
    namespace: str,
    since: datetime,
    chosen: Sequence[Policy] | None = None,
) -> AlertEvaluation:
    """Bring the alerts up to the findings whose windows end after `since`, up to the last known.

    An earlier window decides about later ones, so there is no earlier end.

    Args:
        cluster: Where everything is.
        namespace: Environment.
        since: Findings of windows that end by then are the same as at the last evaluation.
        chosen: The rules there are, by default those of all analyzers.
    """
    by_analyzer = {rule.id: rule for rule in (policies() if chosen is None else chosen)}
    store = AlertStore(cluster, namespace)
    stored = list(store.overlapping(since))
    ruled = [alert for alert in stored if alert.rule in by_analyzer]
    history = _History(cluster, namespace, by_analyzer)
    found = {alert.id: alert for alert in history.alerts(_start(ruled, since))}
    withdrawn = store.withdraw(alert for alert in ruled if alert.id not in found)
    found |= {alert.id: _orphaned(alert) for alert in stored if alert.rule not in by_analyzer}
    written = store.write(sorted(found.values(), key=lambda alert: (alert.opened, alert.id)))
    return AlertEvaluation(written, withdrawn, tuple(store.open()))


def _orphaned(alert: Alert) -> Alert:
    """Return the alert of a rule that no longer exists, so that it can never be judged again."""
    over = alert.ending_as(Ending.ABSENCE, alert.expires)
    return over if alert.ended is None else alert


@dataclass(frozen=True, slots=True)
class _Start:
    """From when on to go through the findings.

    Args:
        begin: What came of findings by then is known.
        standing: The alerts open then, by series.
        earlier: Series that are gone through from an earlier moment on, by which they had none.
    """

    begin: datetime
    standing: dict[str, Alert] = field(default_factory=dict)
    earlier: dict[str, datetime] = field(default_factory=dict)


def _start(stored: Sequence[Alert], since: datetime) -> _Start:
    """Return where to begin.

    An alert that was open at `since` is resumed as it was then, if it was stored then. One that
    was stored later no longer shows that state, so its series is gone through from its opening.
    """
    lasting = [alert for alert in stored if alert.opened <= since]
    standing = {
        alert.series: replace(alert, ended=None, ending=None)
        for alert in lasting
        if alert.last_finding <= since
    }
    earlier = {
        alert.series: alert.opened - _JUST_BEFORE
        for alert in lasting
        if alert.series not in standing
    }
    return _Start(since, standing, earlier)


class _History:
    """The findings of a namespace, by the rules that judge them."""

    def __init__(self, cluster: Cluster, namespace: str, by_analyzer: dict[str, Policy]) -> None:
        self._cluster = cluster
        self._findings = FindingStore(cluster, namespace)
        self._rules = by_analyzer
        self._replacements: dict[tuple[str, str, str, datetime], datetime | None] = {}
        self._reach = max((rule.reach for rule in by_analyzer.values()), default=timedelta(0))

    def alerts(self, start: _Start) -> Iterator[Alert]:
        """Yield the alerts that end after the start, and those that are open."""
        known_until = self._known_until()
        fresh = sorted(
            (set(self._alarming(start.begin)) | start.standing.keys()) - start.earlier.keys()
        )
        first = min(start.earlier.values(), default=start.begin)
        for begin, names in ((start.begin, fresh), (first, sorted(start.earlier))):
            for place in range(0, len(names), SERIES_PER_REQUEST):
                machines = {
                    name: AlertStateMachine(
                        start.earlier.get(name, begin),
                        start.standing.get(name),
                        self._replacement,
                    )
                    for name in names[place : place + SERIES_PER_REQUEST]
                }
                yield from self._replayed(begin, machines, known_until)

    def _replayed(
        self,
        begin: datetime,
        machines: dict[str, AlertStateMachine],
        known_until: dict[str, datetime],
    ) -> Iterator[Alert]:
        for findings in self._together(begin, list(machines)):
            machine, rule = machines[findings[0].series], self._rules[findings[0].analyzer]
            yield from machine.take(rule, findings)
        for machine in machines.values():
            if machine.alert is not None:
                yield from machine.past(known_until.get(machine.alert.rule, begin))
            if machine.alert is not None:
                yield machine.alert

    def _together(self, begin: datetime, series: Sequence[str]) -> Iterator[list[Finding]]:
        """Yield the findings of each moment and series, in order of the moments."""
        found = self._findings.search(since=begin - self._reach, series=series)
        for _, at_once in groupby(found, key=lambda finding: finding.end):
            by_series: dict[str, list[Finding]] = defaultdict(list)
            for finding in at_once:
                by_series[finding.series].append(finding)
            yield from by_series.values()

    def _alarming(self, begin: datetime) -> Iterable[str]:
        """Return the series with a finding that may count after the begin."""
        filters: list[dict[str, Any]] = [
            {"term": {"finding.latest": True}},
            {"terms": {"finding.analyzer": [*self._rules]}},
            {"terms": {"finding.severity": ["warning", "critical"]}},
            {"range": {"event.end": {"gt": iso(begin - self._reach)}}},
        ]
        return self._terms(filters)

    def _terms(self, filters: list[dict[str, Any]]) -> Iterator[str]:
        after: dict[str, Any] = {}
        while True:
            sources = [{"series": {"terms": {"field": "finding.series"}}}]
            body = {
                "size": 0,
                "query": {"bool": {"filter": filters}},
                "aggs": {"by": {"composite": {"size": 10_000, "sources": sources, **after}}},
            }
            answer = self._cluster.search(self._findings.pattern, body)
            found = answer.get("aggregations", {}).get("by", {})
            yield from (bucket["key"]["series"] for bucket in found.get("buckets", ()))
            if "after_key" not in found:
                return
            after = {"after": found["after_key"]}

    def _replacement(self, alert: Alert) -> datetime | None:
        """Return when another version of an alert's model was judged first after it.

        None where its own version was still judged: then only its series is gone.
        """
        name, version = alert.model_name, alert.model_version
        if name is None or version is None:
            return None
        key = alert.analyzer, name, version, alert.last_finding
        if key not in self._replacements:
            own: dict[str, Any] = {"term": {"ml.model.version": version}}
            other: dict[str, Any] = {"bool": {"must_not": [own]}}
            after = {"gt": iso(alert.last_finding)}
            until = after | {"lte": iso(alert.expires)}
            found = None
            if self._first_judged(alert, own, until) is None:
                found = self._first_judged(alert, other, after)
            self._replacements[key] = found
        return self._replacements[key]

    def _first_judged(
        self, alert: Alert, versions: dict[str, Any], ends: dict[str, str]
    ) -> datetime | None:
        """Return the end of the first window of which an analyzer judged some versions of a model.

        Args:
            alert: Names the analyzer and the model.
            versions: A query for the versions.
            ends: The range that the window's end lies in.
        """
        about: list[dict[str, Any]] = [
            {"term": {"finding.latest": True}},
            {"term": {"finding.analyzer": alert.analyzer}},
            {"term": {"ml.model.name": alert.model_name}},
            {"bool": {"must_not": [{"term": {"finding.severity": "unknown"}}]}},
            {"range": {"event.end": ends}},
            versions,
        ]
        body = {
            "size": 0,
            "query": {"bool": {"filter": about}},
            "aggs": {"first": {"min": {"field": "event.end"}}},
        }
        answer = self._cluster.search(self._findings.pattern, body)
        first = answer.get("aggregations", {}).get("first", {}).get("value_as_string")
        return parse_time(first) if first else None

    def _known_until(self) -> dict[str, datetime]:
        """Return until when each analyzer has judged."""
        body = {
            "size": 0,
            "query": {"term": {"finding.latest": True}},
            "aggs": {
                "by": {
                    "terms": {"field": "finding.analyzer", "size": 1_000},
                    "aggs": {"end": {"max": {"field": "event.end"}}},
                }
            },
        }
        answer = self._cluster.search(self._findings.pattern, body)
        buckets = answer.get("aggregations", {}).get("by", {}).get("buckets", ())
        return {bucket["key"]: parse_time(bucket["end"]["value_as_string"]) for bucket in buckets}
