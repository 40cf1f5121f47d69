"""Completeness: lost, repeated and late lines.

Each process numbers its lines from 1, over all datasets. A number without a line is a lost line,
two lines of one number are a repeated one: both are counted, not estimated. A line is late if it
arrived five minutes or more after the end of the five minutes it was written in.

Lines that a process wrote after its last known line are counted once its next line arrives: the
window of that line then shows the loss. Lines that arrive later lower it again, as a new revision.
A process that was already running when its service's logs began is counted from its first known
line on. Lines written before their service's logs were first shipped are not late.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, ClassVar

from mlmon.analyzers.base.alert_policy import INGEST, AlertPolicy
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.limits import Limits
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.runbook import Runbook
from mlmon.analyzers.base.window import DAY, Window
from mlmon.analyzers.log_coverage.incomplete_logs import REQUIRED_COMPLETENESS
from mlmon.analyzers.log_coverage.line_counts import LineCount, line_counts
from mlmon.analyzers.profiles.kinds.sequence import SEQUENCE_STEP, Missing, SequenceProfile
from mlmon.analyzers.references import cadence
from mlmon.formatting import count, number, percent, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.base.finding import Finding

LOST, REPEATED, LATE, DELAY = "lost.rate", "duplicated.rate", "late.rate", "late.seconds"
LOST_LIMITS = Limits(
    0.01, round(1 - REQUIRED_COMPLETENESS, 6), meaning="from the second on, verdicts are withheld"
)
EXPECTED_LINES = 100
SHOWN = 3


class CompletenessOfLogs(Analyzer[SequenceProfile]):
    """Lost, repeated and late lines per service."""

    name = "completeness"
    question = "Did every line that was written arrive, once, and in time?"
    advice = (
        "Ask `mlmon ship status` whether the shipper is behind or has met a file that vanished "
        "before it was read, and look into the dead letters (`logs-mlmon.dead_letter-*`) for "
        "lines that were refused. Lines the service itself dropped mean that its queue was full: "
        'give it a larger `queue_capacity`, or `overflow="block"`. Search the log file for the '
        "missing numbers: if they are there, ship the file again, and the verdicts of that time "
        "are computed again. Lines stored twice were sent again after a rollover; shippers other "
        "than mlmon's must make `event.id` the document's id."
    )
    runbooks: ClassVar = {
        "lost.rate": Runbook(
            "--service {subject}",
            "The shipper is behind; a file was rotated away before it was read; lines were "
            "rejected; the service's queue was full.",
            "Ask `mlmon ship status`, and `mlmon ship retry-rejected` for rejected lines. Where "
            "the numbers are in the file, ship it again: nothing is stored twice.",
        ),
        "duplicated.rate": Runbook(
            "--service {subject}",
            "Another shipper does not use `event.id` as the document's id; a rollover between two "
            "attempts.",
            "Make `event.id` the document's id. The extra documents do no harm to counts by id.",
        ),
        "": Runbook(
            "--service {subject}",
            "The shipper was down or is too slow; Elasticsearch rejected its requests for a while.",
            "Ask `mlmon ship status`; keep the shipper running until it has caught up. Late lines "
            "are judged again.",
        ),
    }
    windows = cadence.CADENCES
    needs = (Needs("sequence", 2 * DAY),)
    metrics = (
        Metric(
            LOST,
            "Lost lines",
            "Which share of the written lines is missing?",
            LOST_LIMITS,
            unit="ratio",
        ),
        Metric(
            REPEATED,
            "Repeated lines",
            "Which share of lines is stored more than once?",
            Limits(0.01, 0.10),
            unit="ratio",
        ),
        Metric(
            LATE,
            "Late lines",
            "Which share of lines arrived too late for its window?",
            Limits(0.05, 0.25),
            unit="ratio",
        ),
        Metric(
            DELAY,
            "Arrival delay",
            "How long does a line take to arrive on average?",
            Limits(60, 600, meaning="seconds, on average"),
            unit="s",
        ),
    )
    alert_policy = AlertPolicy(on="warning", after=1, of=1, layer=INGEST)

    def evaluate(self, context: AnalysisContext[SequenceProfile]) -> Iterator[Finding]:
        """Yield the findings of each service: by the hour, or longer where it writes little."""
        by_service: dict[str, list[LineCount]] = defaultdict(list)
        for line_count in line_counts(context.profiles):
            by_service[line_count.service].append(line_count)
        for service, found in sorted(by_service.items()):
            yield from self._judge(service, found, context)

    def _judge(
        self, service: str, found: Sequence[LineCount], context: AnalysisContext[SequenceProfile]
    ) -> Iterator[Finding]:
        starts = [line_count.start for line_count in found]
        lines = list(accumulate((line_count.stretch.distinct for line_count in found), initial=0))

        def part(window: Window) -> tuple[int, int]:
            return bisect_left(starts, window.start), bisect_left(starts, window.end)

        def written(window: Window) -> int:
            first, last = part(window)
            return lines[last] - lines[first]

        for window in cadence.windows(
            context.period, written, EXPECTED_LINES, SEQUENCE_STEP, self.windows
        ):
            first, last = part(window)
            if first < last:
                of_window = _ProcessLines(service, window, found[first:last])
                yield self._lost(of_window, context.within(window))
                yield self._repeated(of_window)
                yield from self._late(of_window, context)

    def _lost(self, lines: _ProcessLines, profiles: Sequence[SequenceProfile]) -> Finding:
        lost = lines.lost
        total = sum(lost.values())
        written = lines.distinct + total
        if total == 0:
            reason = f"No number is missing among {lines.title(lines.distinct)}."
        else:
            reason = (
                f"{percent(total / written)} of {lines.title(written)} never arrived: "
                f"{_missing_numbers(lost, lines, profiles)}{lines.dropped}."
            )
        return self._counted(LOST, lines, total, written, reason)

    def _repeated(self, lines: _ProcessLines) -> Finding:
        stored = sum(line_count.stretch.lines for line_count in lines.line_counts)
        extra = stored - lines.distinct
        reason = (
            f"{percent(extra / stored)} of {count(stored, 'document')} are duplicates of "
            f"{lines.title(lines.distinct)}."
            if extra
            else f"None of {lines.title(lines.distinct)} is stored twice."
        )
        return self._counted(REPEATED, lines, extra, stored, reason)

    def _late(
        self, lines: _ProcessLines, context: AnalysisContext[SequenceProfile]
    ) -> Iterator[Finding]:
        around = context.within(Window(lines.window.start - DAY, lines.window.end))
        shipped = [
            profile.shipped[lines.service] for profile in around if lines.service in profile.shipped
        ]
        heard = [
            line_count.stretch
            for line_count in lines.line_counts
            if line_count.stretch.timed and line_count.start >= min(shipped)
        ]
        timed = sum(stretch.timed for stretch in heard)
        if not timed:
            return
        late, delay = (
            sum(stretch.late for stretch in heard),
            sum(stretch.delay for stretch in heard) / timed,
        )
        reason = (
            f"{percent(late / timed)} of {lines.title(timed)} arrived late; they took "
            f"{number(delay)} s on average."
        )
        yield self._counted(LATE, lines, late, timed, reason)
        yield self._finding(DELAY, lines, delay, timed, reason)

    def _counted(
        self, metric: str, lines: _ProcessLines, part: int, whole: int, reason: str
    ) -> Finding:
        return self._finding(metric, lines, part / whole, whole, reason)

    def _finding(
        self, metric: str, lines: _ProcessLines, value: float, sample: int, reason: str
    ) -> Finding:
        return self.finding(
            metric,
            lines.service or None,
            lines.window,
            self.limits[metric].judge(value, value),
            service=lines.service or None,
            value=value,
            low=value,
            high=value,
            sample_count=sample,
            reason=reason,
        )


@dataclass(frozen=True, slots=True)
class _ProcessLines:
    """A service's lines of a window."""

    service: str
    window: Window
    line_counts: Sequence[LineCount]

    @property
    def distinct(self) -> int:
        """Lines, each once."""
        return sum(line_count.stretch.distinct for line_count in self.line_counts)

    @property
    def lost(self) -> Counter[str]:
        """Lost lines by process, as known at the window's end."""
        lost: Counter[str] = Counter()
        for line_count in self.line_counts:
            # What is given back beyond zero was counted in an earlier window.
            lost[line_count.process] = max(0, lost[line_count.process] + line_count.lost)
        return +lost

    @property
    def dropped(self) -> str:
        """Sentence part about lines that the processes dropped themselves."""
        dropped = sum(line_count.stretch.dropped for line_count in self.line_counts)
        return f"; the service dropped {dropped:,} (queue full)" if dropped else ""

    def title(self, lines: int) -> str:
        """Describe the lines in a sentence."""
        wrote = f"{self.service or 'an unnamed service'} wrote {span(self.window)}"
        return f"{count(lines, 'line')} that {wrote}"


def _missing_numbers(
    lost: Counter[str], lines: _ProcessLines, profiles: Iterable[SequenceProfile]
) -> str:
    """Describe the missing numbers of the process with most losses, and count the others."""
    (process, amount), *others = lost.most_common()
    ranges = sorted(_missing(process, lines, profiles), key=lambda gap: gap.first)[:SHOWN]
    more = amount - sum(range_.count for range_ in ranges)
    shown = [_range(range_) for range_ in ranges]
    if more > 0:
        shown.append(count(more, "other number" if ranges else "number"))
    also = sum(amount for _, amount in others)
    rest = f", and {also:,} of {_processes(len(others))}" if others else ""
    return f"{', '.join(shown)} of process {process}{rest}"


def _missing(
    process: str, lines: _ProcessLines, profiles: Iterable[SequenceProfile]
) -> Iterator[Missing]:
    """Yield the ranges: between an hour's lines as its profile knows them, and before them."""
    hours = {
        line_count.start: line_count
        for line_count in lines.line_counts
        if line_count.process == process and line_count.gap
    }
    for profile in profiles:
        for found in profile.processes:
            if found.process != process:
                continue
            before = hours.get(found.stretches[0].start)
            if before is not None:
                yield Missing(before.passed + 1, before.stretch.lowest - 1, before.gap)
            if found.absent > 0:
                whole = (Missing(found.lowest, found.highest, found.absent),)
                yield from found.missing or whole


def _range(missing: Missing) -> str:
    if missing.count == 1 and missing.first == missing.last:
        return f"number {missing.first:,}"
    numbers = f"{missing.first:,} to {missing.last:,}"
    return numbers if missing.empty else f"{missing.count:,} of {numbers}"


def _processes(others: int) -> str:
    return "1 other process" if others == 1 else f"{others:,} other processes"
