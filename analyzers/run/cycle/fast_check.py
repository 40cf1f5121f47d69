"""The fast check: faults that leave no doubt, judged every twenty seconds between cycles.

It sends two cheap queries for the newest lines. The requests of the last minutes are profiled in
memory and judged with the stored profiles of the past by the same analyzer as in a cycle, so the
findings are those that the next cycle finds again. Runs of jobs and reloads that failed are judged
as soon as their line is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, SECOND, Window, floor, parse_time
from mlmon.analyzers.checks.job_health.job_health import JobHealth
from mlmon.analyzers.checks.model_reload.model_reload import ModelReload
from mlmon.analyzers.checks.outage.outage import Outage
from mlmon.analyzers.event_logs.aggregations import DATED, INGESTED, within
from mlmon.analyzers.event_logs.logs import Logs
from mlmon.analyzers.profiles.kind import kinds
from mlmon.analyzers.profiles.kinds.pulse import KIND as PULSE
from mlmon.analyzers.profiles.kinds.pulse import PULSE_STEP, PulseProfile
from mlmon.analyzers.profiles.kinds.sequence import KIND as SEQUENCE
from mlmon.analyzers.profiles.profiler import Profiler
from mlmon.analyzers.profiles.store import ProfileStore
from mlmon.analyzers.run import engine
from mlmon.analyzers.run.cycle.state import BookmarkStore
from mlmon.analyzers.run.subscriber import NOBODY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from mlmon.analyzers.base.analyzer import Analyzer
    from mlmon.analyzers.run.engine import Analysis
    from mlmon.analyzers.run.subscriber import Subscriber, SubscriberResult
    from mlmon.elastic.client.cluster import Cluster

EVERY = timedelta(seconds=20)
"""Time between two fast checks."""
AGAIN = 15 * MINUTE
"""So much is judged again each time: lines arrive late."""
CAUGHT_UP = 6 * HOUR
"""Where the last cycle judged to an earlier moment than this, the cycle comes first."""
_DETAILED = 5 * HOUR
_AFTER_FAILURES: dict[str, Analyzer[Any]] = {"job": JobHealth(), "model": ModelReload()}
"""Which analyzer judges the failures of which kind of profile."""


@dataclass(slots=True)
class _Past:
    """Profiles of the past, as they were read."""

    sums: list[PulseProfile] = field(default_factory=list)
    sums_of: Window | None = None
    recent: list[PulseProfile] = field(default_factory=list)
    sequences: list[Any] = field(default_factory=list)
    judged: datetime | None = None


@dataclass(slots=True)
class FastCheck:
    """The fast check of one namespace, with what it remembers of the past.

    Args:
        cluster: Where everything is.
        namespace: Environment.
        subscriber: Who acts on the findings.
    """

    cluster: Cluster
    namespace: str
    subscriber: Subscriber = NOBODY
    _past: _Past = field(init=False, default_factory=_Past)
    _handled: dict[str, datetime] = field(init=False, default_factory=dict)
    _unpublished: datetime | None = field(init=False, default=None)

    def run(self, now: datetime, *, since: datetime | None = None) -> SubscriberResult | None:
        """Judge the last minutes; return what the subscriber did, None where nothing changed.

        Args:
            now: When this is.
            since: While a cycle runs, its begin: what ended before is the cycle's to judge.
        """
        known = BookmarkStore(self.cluster, self.namespace).read()
        if known is None or not now - CAUGHT_UP <= known.judged <= now:
            return None
        period = Window(max(now - AGAIN, since or now - AGAIN), now)
        found = [self._outages(period, known.judged)] if period.start < now else []
        found += self._failures(now, since)
        changed = [
            analysis.period.start
            for analysis in found
            if analysis.withdrawn
            or any(written.created + written.revised for written in analysis.written.values())
        ]
        if self._unpublished is not None:
            changed.append(self._unpublished)
        if not changed:
            return None
        # Where publishing fails, the next check does it: its own findings are no news then.
        self._unpublished = min(changed)
        since = self._unpublished
        result = self.subscriber.findings_changed(self.cluster, self.namespace, since, now)
        self._unpublished = None
        return result

    def _outages(self, period: Window, judged: datetime) -> Analysis:
        """Judge the newest requests, of which the profiles are made in memory and not stored."""
        live = Window(floor(min(period.start, judged) - PULSE_STEP, PULSE_STEP), period.end)
        past = self._read(period, live.start, judged)
        logs = Logs(self.cluster, self.namespace, period.end, {})
        profiles = [*past.sums, *past.recent, *kinds()[PULSE].make(logs, (), live)]
        return engine.judge_profiles(
            self.cluster,
            self.namespace,
            period,
            Outage(),
            profiles,
            past.sequences,
            logs.without_delay_until,
        )

    def _read(self, period: Window, live: datetime, judged: datetime) -> _Past:
        """Return the stored profiles before the newest: the old once an hour, all once a cycle."""
        past = self._past
        detailed = floor(period.end, HOUR) - _DETAILED
        (needed,) = Outage.needs[0].windows(period)
        sums_of = Window(needed.start, detailed)
        if (past.sums_of, past.judged) != (sums_of, judged) or period.start < judged - AGAIN:
            store, kind = ProfileStore(self.cluster, self.namespace), kinds()[PULSE]
            if past.sums_of != sums_of:
                past.sums, past.sums_of = store.read(kind, sums_of, {}, kind.core), sums_of
            past.recent = store.read(kind, Window(detailed, period.end), {})
            # They name the environments only: verdicts that leave no doubt hold without the rest.
            past.sequences = store.read(kinds()[SEQUENCE], Window(detailed, period.end), {})
            past.judged = judged
        recent = [profile for profile in past.recent if profile.window.start < live]
        return replace(past, recent=recent)

    def _failures(self, now: datetime, since: datetime | None) -> list[Analysis]:
        """Judge the runs and reloads that failed and were not judged yet.

        While a cycle runs, those that failed after it began: it judges none of that time.
        """
        logs = Logs(self.cluster, self.namespace, now, {})
        oldest = now - 2 * AGAIN
        self._handled = {name: at for name, at in self._handled.items() if at >= oldest}
        found = []
        for name, analyzer in _AFTER_FAILURES.items():
            failed = {
                event: moment
                for event, moment in _failed(logs, kinds()[name].dataset, now)
                if event not in self._handled and (since is None or moment > since)
            }
            if failed:
                found.append(self._judge_failures(name, analyzer, min(failed.values()), now))
                self._handled |= dict.fromkeys(failed, now)
        return found

    def _judge_failures(
        self, kind: str, analyzer: Analyzer[Any], first: datetime, now: datetime
    ) -> Analysis:
        """Bring the kind's profiles up to the failures, and judge the time from the first on."""
        logs = Logs(self.cluster, self.namespace, now, {})
        Profiler(logs).update(kinds()[kind], Window(floor(first, HOUR), now))
        return engine.analyze(
            self.cluster,
            self.namespace,
            Window(floor(first, SECOND), now),
            now=now,
            analyzers=[analyzer],
            profiled=True,
        )


def _failed(logs: Logs, dataset: str, now: datetime) -> Iterator[tuple[str, datetime]]:
    """Yield id and time of the failures that were logged within a day and arrived lately."""
    logged = within(DATED, gte=now - DAY, lt=now - SECOND)
    arrived = within(INGESTED, gte=now - AGAIN)
    failed = {"term": {"event.outcome": "failure"}}
    body = {"query": {"bool": {"filter": [arrived, logged, failed]}}, "_source": [DATED]}
    for hit in logs.scan(dataset, body):
        yield hit["_id"], parse_time(hit["_source"][DATED])
