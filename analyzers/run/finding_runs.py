"""Findings that say the same one window after the other, as one: what a person reads in a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlmon.formatting import count, moment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlmon.analyzers.base.finding import Finding


@dataclass(slots=True)
class FindingRun:
    """Findings of one series and severity whose windows touch or overlap.

    Args:
        first: The earliest one.
        last: The latest one, whose sentence is shown.
        windows: How many there are.
    """

    first: Finding
    last: Finding
    windows: int = 1

    def takes(self, finding: Finding) -> bool:
        """Whether a later finding of the series goes on with it."""
        last = self.last
        return finding.severity is last.severity and finding.start <= last.end

    def when(self) -> str:
        """Return the time it covers, and how many windows."""
        start, end = self.first.start, self.last.end
        until = f"{end:%H:%M} UTC" if start.date() == end.date() else moment(end)
        span = f"{start:%Y-%m-%d %H:%M} to {until}"
        return span if self.windows == 1 else f"{span}, {count(self.windows, 'window')}"


def finding_runs(findings: Iterable[Finding]) -> list[FindingRun]:
    """Return findings, given by time, as runs: the one that ended last comes first."""
    runs: list[FindingRun] = []
    open_runs: dict[object, FindingRun] = {}
    for finding in findings:
        known = open_runs.get(finding.identity)
        if known is not None and known.takes(finding):
            known.last = finding
            known.windows += 1
        else:
            open_runs[finding.identity] = run = FindingRun(finding, finding)
            runs.append(run)
    return sorted(runs, key=lambda run: run.last.end, reverse=True)
