"""Rules: when findings become an alert, made of what each analyzer declares in its own file.

A rule decides per series. A finding counts from its window's end for as many steps as windows are
looked at (`of`), a step being the time from one window's end to the next. The rule holds at a level
while at least `after` findings of that level or worse count, or one that is certain
(`analyzers/base/certain.py`). Neither how findings are ordered nor what held before matters, so
that one query can ask the same of Elasticsearch.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.checks import discover
from mlmon.analyzers.references.cadence import CADENCES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from mlmon.analyzers.base.finding import Finding
    from mlmon.analyzers.base.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy(AlertPolicy):
    """What an analyzer declares of its alerts, with its name and its runbook.

    Args:
        id: Name of the rule, that of its analyzer.
        runbook: Where it is written what to do.
    """

    id: str
    runbook: str

    @property
    def least(self) -> Severity:
        """The severity from which on a finding counts."""
        return Severity(self.on)

    @property
    def levels(self) -> tuple[Severity, ...]:
        """The severities an alert of this rule may have, the mildest first."""
        return tuple(severity for severity in Severity if severity.rank >= self.least.rank)

    @property
    def reach(self) -> timedelta:
        """The longest time for which a finding counts."""
        return self.of * (self.step or max(CADENCES))

    def overlapping(self, window: Window) -> bool:
        """Return whether a window shares time with the one before it."""
        return self.step is not None and window.length > self.step

    def counts_until(self, finding: Finding) -> datetime:
        """Return the first moment at which a finding no longer counts."""
        return finding.end + self.of * (self.step or finding.window.length)

    def begin(self, finding: Finding) -> datetime:
        """Return when the part of a window began that the one before it had not."""
        return finding.end - (self.step or finding.window.length)

    def expires(self, finding: Finding) -> datetime:
        """Return when the series counts as replaced if no finding follows this one."""
        return max(finding.end + self.silence, self.counts_until(finding))

    def level(self, counting: Iterable[Finding]) -> Severity | None:
        """Return the worst level at which the rule holds, given the findings that count.

        One that is certain holds alone.
        """
        known = list(counting)
        ranks = sorted((finding.severity.rank for finding in known), reverse=True)
        held = ranks[self.after - 1] if len(ranks) >= self.after else -1
        held = max([held, *(finding.severity.rank for finding in known if finding.certain)])
        return max(
            (severity for severity in self.levels if severity.rank <= held),
            key=lambda severity: severity.rank,
            default=None,
        )


@cache
def policies() -> tuple[Policy, ...]:
    """Return the rule of every analyzer, in order of their names."""
    return tuple(
        policy_of(analyzer.name, analyzer.alert_policy, analyzer.runbook) for analyzer in discover()
    )


def policy_of(name: str, policy: AlertPolicy, runbook: str) -> Policy:
    """Return the policy that an analyzer declares."""
    declared = {field.name: getattr(policy, field.name) for field in fields(policy)}
    return Policy(id=name, runbook=runbook, **declared)
