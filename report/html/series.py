"""Findings sorted into one series per check, in columns: 100,000 take a few megabytes."""

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import numpy as np

from mlmon.analyzers.base.finding import Finding
from mlmon.analyzers.base.identity import FindingIdentity
from mlmon.report.html.severity import OK, WARNING

Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
Ranks = np.ndarray[tuple[int], np.dtype[np.int8]]

COLUMNS = ("start", "end", "value", "low", "high", "warning", "critical", "maturity")


@dataclass(frozen=True, slots=True)
class CheckSeries:
    """One check's findings in time order; columns of equal length.

    Windows may overlap: the last 24 hours, judged every hour. Such a window adds information
    only of the time after the one before it, so that time is what it stands for here: else what
    one bad hour did would seem to have begun a day before it.

    Attributes:
        key: The check: an identity across model versions.
        start, end: The time that each window is the first to cover, in seconds since the epoch.
        value, low, high: The value and the interval it lies in; NaN where there is none.
        warning, critical: The limits that held for that window; NaN where there is none.
        maturity: Share of the expected labels that are known; NaN where nearly all are.
        severity: Ranks of `mlmon.report.html.severity`.
        kept: The whole finding where it is not ok, for its sentence; None where it is.
    """

    key: FindingIdentity
    start: Floats
    end: Floats
    value: Floats
    low: Floats
    high: Floats
    warning: Floats
    critical: Floats
    maturity: Floats
    severity: Ranks
    kept: tuple[Finding | None, ...]

    def __len__(self) -> int:
        """Return the number of findings."""
        return len(self.start)

    @property
    def worst(self) -> int:
        """The worst severity of the range."""
        return int(self.severity.max())

    @property
    def alarm_share(self) -> float:
        """The share of windows in alarm."""
        return float((self.severity >= WARNING).mean())


class VersionPeriod(NamedTuple):
    """A model version, and its first and last window's time in seconds since the epoch."""

    model: str
    version: str
    since: float
    until: float

    @property
    def short(self) -> str:
        """The version as a mark on a chart."""
        return f"v{self.version}" if self.version[:1].isdigit() else self.version


@dataclass(frozen=True, slots=True)
class FindingRecord:
    """All findings of a report, sorted.

    Attributes:
        series: By analyzer, metric, subject and segment.
        alarms: Findings that are warning or critical, by the end of their window.
        counts: Findings per severity's name.
        services: Names of the services found.
        versions: Model versions by their first appearance.
        since, until: Start of the first and end of the last window, in seconds since the epoch.
    """

    series: tuple[CheckSeries, ...]
    alarms: tuple[Finding, ...]
    counts: dict[str, int]
    services: tuple[str, ...]
    versions: tuple[VersionPeriod, ...]
    since: float
    until: float


def record(findings: Iterable[Finding]) -> FindingRecord:
    """Sort findings in one pass. Only the latest revision of a finding is taken.

    Raises:
        ValueError: There is no finding.
    """
    collection = _Collection()
    for finding in findings:
        if finding.latest:
            collection.add(finding)
    if not collection.columns:
        raise ValueError("a report needs at least one finding")
    return collection.record()


@dataclass(slots=True)
class _Columns:
    """The growing columns of one series."""

    numbers: dict[str, "array[float]"] = field(
        default_factory=lambda: {name: array("d") for name in COLUMNS}
    )
    severity: "array[int]" = field(default_factory=lambda: array("b"))
    kept: list[Finding | None] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        """Append one finding."""
        for name, column in self.numbers.items():
            column.append(_number(getattr(finding, name)))
        severity = finding.severity.rank
        self.severity.append(severity)
        self.kept.append(finding if severity != OK else None)

    def series(self, key: FindingIdentity) -> CheckSeries:
        """Return the columns in the order of their windows."""
        columns = {
            name: np.array(column, dtype=np.float64) for name, column in self.numbers.items()
        }
        order = np.lexsort((columns["start"], columns["end"]))
        columns["start"] = _first_covered(columns["start"], columns["end"])
        return CheckSeries(
            key=key,
            **{name: column[order] for name, column in columns.items()},
            severity=np.array(self.severity, dtype=np.int8)[order],
            kept=tuple(self.kept[int(place)] for place in order),
        )


@dataclass(slots=True)
class _Collection:
    """Everything noticed while findings pass by."""

    columns: dict[FindingIdentity, _Columns] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    services: set[str] = field(default_factory=set)
    versions: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        """Take one finding in."""
        self.columns.setdefault(finding.identity.across_versions(), _Columns()).add(finding)
        self.counts[finding.severity] += 1
        if finding.service:
            self.services.add(finding.service)
        if finding.model_version:
            self._see(finding)

    def _see(self, finding: Finding) -> None:
        """Widen the time in which the finding's model version was seen."""
        seen = (finding.model_name or "", finding.model_version or "")
        start, end = finding.start.timestamp(), finding.end.timestamp()
        since, until = self.versions.get(seen, (start, end))
        self.versions[seen] = (min(since, start), max(until, end))

    def record(self) -> FindingRecord:
        """Return what was noticed, sorted."""
        series = tuple(self.columns[key].series(key) for key in sorted(self.columns))
        alarms = (
            finding
            for one in series
            for finding in one.kept
            if finding is not None and finding.severity.alarming
        )
        versions = (VersionPeriod(*seen, *times) for seen, times in self.versions.items())
        return FindingRecord(
            series=series,
            alarms=tuple(sorted(alarms, key=lambda finding: (finding.end, finding.id))),
            counts=dict(self.counts),
            services=tuple(sorted(self.services)),
            versions=tuple(sorted(versions, key=lambda version: (version.since, version.version))),
            since=min(float(one.start[0]) for one in series),
            until=max(float(one.end.max()) for one in series),
        )


def _first_covered(start: Floats, end: Floats) -> Floats:
    """Return the starts of windows, moved to the end of the window before where the two overlap."""
    ends = np.unique(end)
    before = np.concatenate(([-np.inf], ends[:-1]))
    return np.maximum(start, before[np.searchsorted(ends, end)])


def _number(value: float | datetime | None) -> float:
    """Return a number for a column: seconds for a time, NaN for nothing."""
    if value is None:
        return float("nan")
    return value.timestamp() if isinstance(value, datetime) else float(value)
