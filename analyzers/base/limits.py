"""Limits: the values from which a metric is `warning` and `critical`."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from mlmon.analyzers.base.finding import Severity

CONFIDENCE = 0.999
"""Of the intervals whose conservative end is judged: hundreds of series are judged every hour."""


@dataclass(frozen=True, slots=True)
class Multiples:
    """Multiples of a usual value: a metric's limits are never nearer to it than these.

    Args:
        warning, critical: How many times the usual value.
        usual: The usual value, as a sentence names it.
        spreads: How many robust standard deviations (1.4826 median absolute deviations) above the
            usual value `warning` and `critical` lie at least.
    """

    warning: float
    critical: float
    usual: str
    spreads: tuple[float, float] = (0.0, 0.0)

    def sentence(self, bad: Literal["above", "below"]) -> str:
        """Return the part of a sentence that names the limit."""
        times = f"{self.warning:g} and {self.critical:g} times {self.usual}"
        if bad == "below":
            return f"or {times}, if that is less"
        beyond = "{:g} and {:g} robust standard deviations above it".format(*self.spreads)
        return f"at least {times}{f', and {beyond}' if any(self.spreads) else ''}"


@dataclass(frozen=True, slots=True)
class Limits:
    """Two limits of one metric.

    Severity uses the conservative end of the value's interval: its lower end where large values are
    bad, its upper end where small ones are. Noise alone therefore raises no alarm, and a small
    sample needs a larger change.

    Args:
        warning: Limit of the severity `warning`.
        critical: Limit of the severity `critical`.
        bad: Whether values `above` or `below` the limits are bad.
        meaning: How the limits are set, one sentence without its full stop.
        measures: What the metric is, so that lines that were lost can widen its interval: a `rate`
            of lines, or a `distance` of their distribution that is at most 1. None for a measure
            that they may change in any way.
        multiples: Multiples of the usual value, where the metric has one.
        two_sided: Whether a value as far below zero is as bad: how far it lies from zero is judged.
    """

    warning: float
    critical: float
    bad: Literal["above", "below"] = "above"
    meaning: str = ""
    measures: Literal["rate", "distance"] | None = None
    multiples: Multiples | None = None
    two_sided: bool = False

    def judge(self, low: float, high: float) -> Severity:
        """Return the severity of a value that lies in [low, high]."""
        low, high = self._judged_ends(low, high)
        conservative = low if self.bad == "above" else -high
        sign = 1 if self.bad == "above" else -1
        if conservative >= sign * self.critical:
            return Severity.CRITICAL
        return Severity.WARNING if conservative >= sign * self.warning else Severity.OK

    def unproven(self, value: float, low: float, high: float) -> bool:
        """Whether a value in [low, high] lies beyond the limit of a warning without proof.

        Such a value is neither an alarm nor `ok`: its conservative end lies within the limit.
        """
        low, high = self._judged_ends(low, high)
        value = abs(value) if self.two_sided else value
        if self.bad == "above":
            return low < self.warning <= value
        return value <= self.warning < high

    @property
    def judged(self) -> bool:
        """Whether any value alarms; otherwise the metric is context for others."""
        return math.isfinite(self.warning)

    def judge_bounds(self, low: float, high: float) -> Severity:
        """Return the severity of a value that may be anything in [low, high]; unknown if it varies.

        For values with missing labels. `judge` covers sampling error, at the conservative end.
        """
        severity = self.judge(low, high)
        low, high = self._judged_ends(low, high)
        worst = high if self.bad == "above" else low
        undecided = not severity.alarming and self.judge(worst, worst).alarming
        return Severity.UNKNOWN if undecided else severity

    def _judged_ends(self, low: float, high: float) -> tuple[float, float]:
        """Return an interval as it is judged: of a two-sided metric, its distance from zero."""
        if not self.two_sided:
            return low, high
        return max(0.0, low, -high), max(-low, high)

    @property
    def description(self) -> str:
        """Origin of the limits, for documents; empty for limits that are plain numbers."""
        relative = self.multiples.sentence(self.bad) if self.multiples else ""
        return ", ".join(part for part in (self.meaning, relative) if part)

    @property
    def sign(self) -> str:
        """The comparison of a bad value with a limit: `≥` or `≤`."""
        return "≥" if self.bad == "above" else "≤"

    def at_least(self, warning: float, critical: float) -> Limits:
        """Return these limits, but none that alarms earlier than the given ones."""
        pick = max if self.bad == "above" else min
        return replace(
            self, warning=pick(self.warning, warning), critical=pick(self.critical, critical)
        )

    def relative_to(self, usual: float, spread: float = 0.0) -> Limits:
        """Return these limits, moved to the declared multiples of a usual value if those are wider.

        Args:
            usual: The usual value.
            spread: Its robust standard deviation.
        """
        if self.multiples is None:
            raise ValueError("these limits are not declared as multiples of a usual value")
        pairs = zip(
            (self.multiples.warning, self.multiples.critical), self.multiples.spreads, strict=True
        )
        warning, critical = (
            max(times * usual, usual + n * spread) if n else times * usual for times, n in pairs
        )
        limits = self.at_least(warning, critical)
        return limits.within_one(usual) if self.measures == "rate" else limits

    def within_one(self, usual: float) -> Limits:
        """Return these limits of a share, nearer where no share could pass them.

        However large the usual share is, half of what is left up to 1 is a change.
        """
        if self.bad == "below":
            return self
        return replace(
            self,
            warning=min(self.warning, (1 + usual) / 2),
            critical=min(self.critical, (3 + usual) / 4),
        )


CONTEXT = Limits(math.inf, math.inf, meaning="not judged")
"""The limits of a metric that explains others and never alarms."""
