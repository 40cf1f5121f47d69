"""One cycle: profile the windows that new events fall into, and judge what depends on them.

After a pause it catches up: it judges from where the last cycle ended, a day at a time. Killed in
the middle, the next cycle does the same again and ends in the same documents.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.digest import digest
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.window import DAY, Window, floor, iso, joined
from mlmon.analyzers.baselines.store import BaselineStore
from mlmon.analyzers.checks import discover
from mlmon.analyzers.event_logs.logs import Logs, bounds_note
from mlmon.analyzers.log_coverage.changed_lines import changed_lines
from mlmon.analyzers.log_coverage.log_completeness import CLOCK_AHEAD, COMPLETENESS_REACH
from mlmon.analyzers.profiles.kind import kinds
from mlmon.analyzers.profiles.kinds.sequence import KIND as SEQUENCE
from mlmon.analyzers.profiles.profiler import Profiler
from mlmon.analyzers.profiles.store import ProfileStore
from mlmon.analyzers.run import engine
from mlmon.analyzers.run.cycle.state import Bookmark, BookmarkStore
from mlmon.analyzers.run.cycle.touched import affected, touched
from mlmon.analyzers.run.judged import store_judged
from mlmon.analyzers.run.subscriber import NOBODY
from mlmon.elastic.indices.names import all_logs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mlmon.analyzers.base.analyzer import Analyzer
    from mlmon.analyzers.base.finding import Severity
    from mlmon.analyzers.profiles.kinds.sequence import SequenceProfile
    from mlmon.analyzers.run.engine import Analysis
    from mlmon.analyzers.run.subscriber import Subscriber, SubscriberResult
    from mlmon.elastic.client.cluster import Cluster

SWEEP = DAY
"""So often all windows within reach are searched for events that became visible very late."""

LINES = "lines"
"""Where the five minutes are noted whose numbered lines changed: an hour's profile holds twelve."""

LONGEST_ANALYSIS = 7 * DAY
"""The longest period that is judged in one go, so that memory stays flat after a long pause."""


@dataclass(slots=True)
class Cycle:
    """What one cycle did.

    Args:
        analyses: One per period and group of analyzers.
        profiles: Profiles made.
        period: What is judged for the first time: windows that end in (start, end].
        results: What the subscriber did about it.
        coverage: How many checks could not be judged and why, in a sentence.
        left_out: What bounds of profiles left out, and damaged state, a sentence for each.
        checks: How many checks have which severity.
    """

    period: Window
    analyses: list[Analysis] = field(default_factory=list)
    profiles: int = 0
    results: list[SubscriberResult] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    coverage: str = ""
    checks: dict[Severity, int] = field(default_factory=dict)

    @property
    def findings(self) -> int:
        """Findings written: new ones and revisions."""
        written = (count for analysis in self.analyses for count in analysis.written.values())
        return sum(count.created + count.revised for count in written)

    @property
    def failed(self) -> bool:
        """Whether anything could not be done, by an analyzer or after it."""
        return bool(self.failures) or any(result.failed for result in self.results)

    @property
    def judged(self) -> bool:
        """Whether all that was due was judged, or at least one analyzer's part of it."""
        judged = {name for analysis in self.analyses for name in analysis.written}
        return not self.failures or bool(judged - self.failures.keys())

    @property
    def notes(self) -> list[str]:
        """Further notes for a person."""
        notes = (note for analysis in self.analyses for note in analysis.notes)
        return list(dict.fromkeys([*notes, *self.left_out]))

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON value."""
        return {
            "from": iso(self.period.start),
            "to": iso(self.period.end),
            "profiles": self.profiles,
            "findings": self.findings,
            "failures": self.failures,
            "notes": self.notes,
            "coverage": self.coverage,
            "followed": [result.line for result in self.results if result.line],
        }

    @property
    def failures(self) -> dict[str, str]:
        """Errors that stopped an analyzer, by its name."""
        return {
            name: error for analysis in self.analyses for name, error in analysis.failures.items()
        }


def run_cycle(
    cluster: Cluster,
    namespace: str,
    now: datetime,
    first: datetime,
    progress: Callable[[str], None] = lambda _doing: None,
    subscriber: Subscriber = NOBODY,
) -> Cycle:
    """Judge what has happened, and what has become known, since the last cycle.

    Args:
        cluster: Where everything is.
        namespace: Environment.
        now: When this is.
        first: From when on to judge where no cycle has run yet.
        progress: Called with what is being done, often.
        subscriber: Who acts on the findings.
    """
    store = BookmarkStore(cluster, namespace)
    kept = store.read(now) or Bookmark(first, first, first)
    before = replace(kept, judged=min(kept.judged, now), seen=min(kept.seen, now))
    cycle = Cycle(Window(before.judged, now))
    # The analysis reports those that cannot be read.
    baselines = BaselineStore(cluster, namespace).current(unread=[])
    known = digest(sorted(baseline.id for baseline in baselines.values()))
    # What was acknowledged is counted, also where no refresh has made it visible yet.
    cluster.refresh(all_logs(namespace))
    logs = Logs(cluster, namespace, now, baselines)
    # Over a new baseline's edges everything within reach is counted again; so it is where the clock
    # was ahead, for what came after that cycle and before now was seen by none.
    ahead = max(kept.judged, kept.seen, kept.swept) > now
    sweep = ahead or now - before.swept >= SWEEP or known != before.baselines
    failed: dict[str, str] = {}
    news = _profiled(cycle, logs, before, progress, failed, sweep=sweep)
    cycle.left_out = [*bounds_note(logs.left_out), *logs.notes, *filter(None, [store.note])]
    for period, analyzers in _plan(cycle.period, news, now, before.owed):
        for part in period.split(LONGEST_ANALYSIS):
            cycle.analyses.append(
                engine.analyze(
                    cluster,
                    namespace,
                    part,
                    now=now,
                    analyzers=analyzers,
                    progress=progress,
                    profiled=True,
                    failed=failed,
                )
            )
    changed = min((analysis.period.start for analysis in cycle.analyses), default=now)
    progress("acting on the findings")
    judged = store_judged(cluster, namespace, now)
    cycle.coverage, cycle.checks = judged.sentence(now), judged.severities
    cycle.results = [subscriber.findings_changed(cluster, namespace, changed, now)]
    after = Bookmark(now, now, now if sweep else before.swept, known)
    reached = _held_back(before, now) if failed else after
    store.write(replace(reached, owed=_owed(cycle, before, now)), now)
    return cycle


def _owed(cycle: Cycle, before: Bookmark, now: datetime) -> dict[str, datetime]:
    """Return from when on analyzers that failed have to judge again, a day back at most."""
    earliest = now - SWEEP
    return {
        name: max(earliest, before.owed.get(name, cycle.period.start)) for name in cycle.failures
    }


def _held_back(before: Bookmark, now: datetime) -> Bookmark:
    """Return the bookmark of a cycle that could not make a kind of profiles.

    The next cycle looks at the same events again and judges the same time again; where the fault
    lasts, no more than a day of it: the sweep that follows finds what lies before.
    """
    earliest = now - SWEEP
    return replace(before, judged=max(before.judged, earliest), seen=max(before.seen, earliest))


def _profiled(
    cycle: Cycle,
    logs: Logs,
    before: Bookmark,
    progress: Callable[[str], None],
    failed: dict[str, str],
    *,
    sweep: bool,
) -> dict[str, list[Window]]:
    """Bring the profiles up to the logs; return the windows of each kind whose profiles changed.

    Those are the ones made since the last cycle that was completed, by this cycle or by one that
    was killed before it judged. Kinds that fail are noted in `failed`.
    """
    profiler = Profiler(logs, progress)
    store = ProfileStore(logs.cluster, logs.namespace)
    changed: dict[str, list[Window]] = {}
    needed = engine.times(discover(), Window(before.judged, logs.now), pooled=True)
    for name, times in needed.items():
        kind = kinds()[name]
        end = logs.now if kind.growing else floor(logs.now, kind.step)
        progress(f"looking for new events: {name}")
        lines: list[SequenceProfile] = []
        with engine.noting(failed, name):
            profiler.prepare(kind)
            if kind.derived_from is None:
                found = touched(kind, logs, before.seen, end)
            else:
                found = changed[kind.derived_from]
            if name == SEQUENCE:
                lines = _lines(logs, found)
            fresh = Window(floor(before.judged, kind.step), end)
            # Of what is not new, only past weeks may be unknown yet.
            more = times if sweep else [fresh, *times[:-1]] if fresh.start < end else []
            for window in joined([*found, *more]):
                if window.start < end:
                    part = Window(window.start, min(window.end, end))
                    cycle.profiles += profiler.update(kind, part)
        # What a cycle made that was killed before it judged is not made again, but judged.
        made = store.changed(kind, before.seen, logs.now)
        changed[name] = joined([*made, *profiler.changed.get(name, ())])
        if name == SEQUENCE:
            present = _lines(logs, changed[name])
            changed[LINES] = changed_lines(lines, present, changed[name])
    # Lines that fill a gap change the findings of all its time.
    changed[SEQUENCE] = joined([*changed[SEQUENCE], *changed[LINES]])
    return changed


def _lines(logs: Logs, windows: Sequence[Window]) -> list[SequenceProfile]:
    """Return the numbered lines of some windows and of a day around them, as profiles know them."""
    if not windows:
        return []
    period = Window(windows[0].start - CLOCK_AHEAD, windows[-1].end + CLOCK_AHEAD)
    return ProfileStore(logs.cluster, logs.namespace).read(kinds()[SEQUENCE], period, {})


def _plan(
    fresh: Window,
    news: Mapping[str, Sequence[Window]],
    now: datetime,
    owed: Mapping[str, datetime],
) -> list[tuple[Window, list[Analyzer[Any]]]]:
    """Return what to judge: periods, each with the analyzers whose verdicts may have changed.

    Args:
        fresh: What is judged for the first time.
        news: The windows whose profiles changed, by kind.
        now: Later windows are not judged.
        owed: From when on analyzers that failed judge again.
    """
    plan: dict[Window, list[Analyzer[Any]]] = defaultdict(list)
    for analyzer in discover():
        changed = [
            period
            for kind, needs in _needs(analyzer)
            for period in affected(news.get(kind, ()), needs, now)
        ]
        step = kinds()[analyzer.needs[0].kind].step
        first = Window(min(fresh.start, owed.get(analyzer.name, fresh.start)), fresh.end)
        for period in joined([*changed, *([first] if first.start < first.end else [])]):
            # A window ends with a profile of the kind that is judged, or not in this period.
            if analyzer.at_once or next(period.ends(step), None) is not None:
                plan[period].append(analyzer)
    return sorted(plan.items(), key=lambda item: item[0])


def _needs(analyzer: Analyzer[Any]) -> Iterator[tuple[str, Needs]]:
    """Yield what its findings depend on, each with where the changes of it are noted.

    The completeness of any analyzer's logs follows from the lines of five minutes.
    """
    for needs in analyzer.needs:
        yield needs.kind, needs
    yield LINES, Needs(SEQUENCE, COMPLETENESS_REACH)
