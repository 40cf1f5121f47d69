"""What every analyzer is: a question, its limits, its panels, its alert, and a pure function."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Generic

from mlmon.analyzers.base.analysis_context import AnalysisContext, P
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, HOUR, WEEK, Window, floor, joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlmon.analyzers.base.alert import Alert
    from mlmon.analyzers.base.limits import Limits
    from mlmon.analyzers.base.panel import Panel


class Analyzer(ABC, Generic[P]):
    """One question about the logs, answered window by window.

    A subclass in a module of this package is found by `discover`. `evaluate` must depend on nothing
    but the context, and on no profile older than `lookback` before the window it judges: then
    judging a month at once or hour by hour gives the same findings.

    Attributes:
        name: The module's name, `finding.analyzer`.
        question: What it answers, one question.
        limits: Limits by metric.
        panels: How its metrics are drawn.
        alert: When its findings become an alert.
        advice: What to do about an alarm, a few sentences.
        reads: Kind of profile it judges.
        also: Other kinds it looks at beside, as `context.of(kind)`.
        lookback: How much of the past it needs before the window it judges.
        lookbacks: The same for kinds of which it needs less or more than `lookback`.
        weeks: In how many weeks before the window it judges it needs the same time of the week,
            and the day before that.
        whole: For kinds of whose older profiles their core is enough (`ProfileKind.core`): from how
            long before the period on it needs whole ones.
    """

    name: ClassVar[str]
    question: ClassVar[str]
    limits: ClassVar[Mapping[str, Limits]]
    panels: ClassVar[tuple[Panel, ...]]
    alert: ClassVar[Alert]
    advice: ClassVar[str]
    reads: ClassVar[str]
    also: ClassVar[tuple[str, ...]] = ()
    lookback: ClassVar[timedelta] = timedelta(0)
    lookbacks: ClassVar[Mapping[str, timedelta]] = {}
    weeks: ClassVar[int] = 0
    whole: ClassVar[Mapping[str, timedelta]] = {}

    @abstractmethod
    def evaluate(self, context: AnalysisContext[P]) -> Iterator[Finding]:
        """Yield the findings of every window that ends in the context's period."""

    def reach(self, kind: str) -> timedelta:
        """Return how much of the past it needs of a kind of profile."""
        return self.lookbacks.get(kind, self.lookback)

    def times(self, kind: str, period: Window) -> list[Window]:
        """Return which profiles of a kind it needs to judge a period, in order and apart."""
        start = floor(period.start, HOUR)
        weeks = range(1, self.weeks + 1) if kind == self.reads else ()
        past = [Window(start - week * WEEK - DAY, period.end - week * WEEK) for week in weeks]
        return joined([Window(start - self.reach(kind), period.end), *past])

    def whole_times(self, kind: str, period: Window) -> list[Window]:
        """Return of which of these times it needs whole profiles, not just their core."""
        if kind not in self.whole:
            return self.times(kind, period)
        return [Window(floor(period.start, HOUR) - self.whole[kind], period.end)]

    @property
    def runbook(self) -> str:
        """Where it is written what its findings mean and what to do."""
        return f"docs/analyzers/{self.name}.md"

    def finding(
        self, metric: str, subject: str | None, window: Window, severity: Severity, **known: Any
    ) -> Finding:
        """Return a finding of this analyzer; the metric's limits are its own unless given."""
        limits = self.limits.get(metric)
        declared = (
            {"warning": limits.warning, "critical": limits.critical}
            if limits and limits.judged
            else {}
        )
        return Finding(
            analyzer=self.name,
            metric=metric,
            subject=subject,
            start=window.start,
            end=window.end,
            severity=severity,
            runbook=self.runbook,
            **(declared | known),
        )

    def unknown(
        self, metric: str, subject: str | None, window: Window, reason: str, **known: Any
    ) -> Finding:
        """Return the finding that nothing can be said, and why."""
        return self.finding(metric, subject, window, Severity.UNKNOWN, reason=reason, **known)
