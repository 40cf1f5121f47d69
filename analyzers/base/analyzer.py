"""What every analyzer is: a question, what it needs, its metrics, an alert policy, a pure function.

docs/how-to/add-an-analyzer.md walks through one.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Generic

from mlmon.analyzers.base.analysis_context import AnalysisContext, P
from mlmon.analyzers.base.finding import Finding, Severity, not_proven
from mlmon.formatting import number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import timedelta

    from mlmon.analyzers.base.alert_policy import AlertPolicy
    from mlmon.analyzers.base.identity import FindingIdentity
    from mlmon.analyzers.base.limits import Limits
    from mlmon.analyzers.base.metric import Metric
    from mlmon.analyzers.base.needs import Needs
    from mlmon.analyzers.base.reference_part import ReferencePart
    from mlmon.analyzers.base.runbook import Runbook
    from mlmon.analyzers.base.window import Window


class Analyzer(ABC, Generic[P]):
    """One question about the logs, answered window by window.

    A subclass in a module of `checks` is found by `discover`. `evaluate` must depend on nothing but
    the context, and on no profile that `needs` does not name: then judging a month at once or hour
    by hour gives the same findings.

    Attributes:
        name: The module's name, `finding.analyzer`.
        question: What it answers, one question.
        needs: The profiles it needs; first those of the kind it judges (`context.profiles`), then
            those of other kinds (`context.of(kind)`).
        metrics: Its metrics, each with limits, unit and panel.
        alert_policy: When its findings become an alert.
        advice: What to do about an alert, a few sentences.
        runbooks: What to do about each metric that is judged; "" stands for all others.
        holds_despite_losses: Whether its verdicts hold however many lines were lost, so that lost
            ones do not withhold them.
        at_once: Whether its findings may end between the steps of what it judges, so that every
            cycle asks it. What it judges must be of a growing kind: without the newest events it
            would find that they are missing.
        limits: The limits by metric, taken from `metrics`.
        windows: Lengths of windows, shortest first, of which it takes the shortest that carries a
            verdict; empty where its windows are fixed. mlmon.toml may allow some of them only.
        early: Lengths of the short windows that are judged besides, for alarms that are certain
            (`base/certain.py`).
    """

    name: ClassVar[str]
    question: ClassVar[str]
    needs: ClassVar[tuple[Needs, ...]]
    metrics: tuple[Metric, ...]
    alert_policy: ClassVar[AlertPolicy]
    advice: ClassVar[str]
    runbooks: ClassVar[Mapping[str, Runbook]]
    holds_despite_losses: ClassVar[bool] = False
    at_once: ClassVar[bool] = False
    limits: Mapping[str, Limits]
    windows: tuple[timedelta, ...] = ()
    early: ClassVar[tuple[timedelta, ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        """Derive the limits by metric."""
        super().__init_subclass__(**options)
        cls.limits = limits_of(cls.metrics)

    @abstractmethod
    def evaluate(self, context: AnalysisContext[P]) -> Iterator[Finding]:
        """Yield the findings of every window that ends in the context's period."""

    def reference_part(self, identity: FindingIdentity) -> ReferencePart | None:
        """Return the part of a baseline that a finding is compared with, if it can be moved.

        A person who accepts a change moves it; see `baselines/accepted.py`.
        """
        del identity
        return None

    @property
    def runbook(self) -> str:
        """Path of the page that explains its findings and what to do."""
        return f"docs/analyzers/{self.name}.md"

    def finding(
        self, metric: str, subject: str | None, window: Window, severity: Severity, **known: Any
    ) -> Finding:
        """Return a finding of this analyzer; the metric's limits are its own unless given.

        The sentence of a verdict names the limit it used, where it does not do so itself. A value
        beyond the limit whose interval reaches within it is not `ok` but `unknown`.
        """
        limits = self.limits.get(metric)
        declared = (
            {"warning": limits.warning, "critical": limits.critical}
            if limits and limits.judged
            else {}
        )
        if declared and severity is not Severity.UNKNOWN and known.get("reason"):
            limit = "critical" if severity is Severity.CRITICAL else "warning"
            unit = next((each.unit for each in self.metrics if each.name == metric), "")
            used = (declared | known)[limit]
            known |= {"reason": with_limit(known["reason"], used, unit)}
            if severity is Severity.OK and limits and _unproven(limits, declared | known):
                severity = Severity.UNKNOWN
                known |= {"reason": not_proven(known["reason"])}
        return Finding.of(
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
        """Return a finding without a verdict, and the reason."""
        return self.finding(metric, subject, window, Severity.UNKNOWN, reason=reason, **known)


_NAMED = re.compile(r"\blimit (?:of )?-?\d")
_WRITTEN = {"ratio", "ns", "ms", "s", "h", "d", "bytes"}
"""Units that stand behind a limit; others, such as `runs`, the sentence has named."""


def with_limit(reason: str, limit: float | None, unit: str) -> str:
    """Return a sentence that names a limit, as it is where it names one already.

    >>> with_limit("6 % of 100 requests failed.", 0.02, "ratio")
    '6 % of 100 requests failed; limit 2 %.'
    >>> with_limit("price: no drift (KS 0.02, limit 0.1).", 0.1, "")
    'price: no drift (KS 0.02, limit 0.1).'
    """
    if limit is None or not math.isfinite(limit) or _NAMED.search(reason):
        return reason
    shown = number(limit, unit if unit in _WRITTEN else "")
    return f"{reason.removesuffix('.')}; limit {shown}."


def _unproven(declared: Limits, known: Mapping[str, Any]) -> bool:
    """Whether the value of a finding lies beyond the limit it was judged by, without proof."""
    value, warning = known.get("value"), known["warning"]
    if value is None or warning is None:
        return False
    ends = (value if known.get(end) is None else known[end] for end in ("low", "high"))
    return replace(declared, warning=warning).unproven(value, *ends)


def limits_of(metrics: Iterable[Metric]) -> Mapping[str, Limits]:
    """Return the limits by the name of the metric."""
    return MappingProxyType({metric.name: metric.limits for metric in metrics})
