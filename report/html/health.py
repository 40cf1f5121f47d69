"""Health at a glance: how each check and each analyzer stands now, and stood over the range."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.identity import FindingIdentity
from mlmon.analyzers.base.unjudged import Unjudged, UnjudgedChecks
from mlmon.analyzers.run.judged import LATELY, JudgedSeries
from mlmon.formatting import count
from mlmon.report.html.series import CheckSeries
from mlmon.report.html.severity import CRITICAL, FACES, OK, UNKNOWN, WARNING
from mlmon.report.html.strips import Bars, bars, stretches, worst_of


@dataclass(frozen=True, slots=True)
class CheckHealth:
    """One row of the overview.

    Attributes:
        key: The check.
        anchor: The id of its chart in the page.
        now: Its last verdict; unknown where there was none lately.
        worst: The worst severity in the range.
        alarms, windows: Windows in alarm, of how many.
        bars: Its strip.
        unjudged: Why it has no verdict now; None where it has one.
    """

    key: FindingIdentity
    anchor: str
    now: str
    worst: str
    alarms: int
    windows: int
    bars: tuple[Bars, ...]
    unjudged: Unjudged | None = None

    @property
    def description(self) -> str:
        """The strip as text, for screen readers."""
        windows = count(self.windows, "window")
        return (
            f"worst {self.worst}, {self.alarms:,} of {windows} warning or critical, now {self.now}"
        )


@dataclass(frozen=True, slots=True)
class AnalyzerHealth:
    """One tile, and its rows of the overview: those with an alarm, and the quiet ones."""

    name: str
    now: str
    worst: str
    summary: str
    bars: tuple[Bars, ...]
    troubled: tuple[CheckHealth, ...]
    quiet: tuple[CheckHealth, ...]


def last_verdict(series: CheckSeries, until: float) -> int:
    """Return the severity of the last window; unknown where it is older than `LATELY`."""
    if series.end[-1] + LATELY.total_seconds() < until:
        return UNKNOWN
    return int(series.severity[-1])


def analyzer_health(
    name: str,
    series: Sequence[CheckSeries],
    anchors: Mapping[FindingIdentity, str],
    since: float,
    until: float,
) -> AnalyzerHealth:
    """Return how one analyzer's checks stand; one that found nothing at all is unknown."""
    strips = [stretches(one, since, until) for one in series]
    now = [last_verdict(one, until) for one in series]
    rows = [
        _row(one, anchors[one.key], severity, strip)
        for one, severity, strip in zip(series, now, strips, strict=True)
    ]
    ordered = sorted(
        rows, key=lambda row: (-_rank(row.now), -_rank(row.worst), -row.alarms, row.key)
    )
    return AnalyzerHealth(
        name=name,
        now=FACES[_together(now)].name,
        worst=FACES[max((one.worst for one in series), default=UNKNOWN)].name,
        summary=_summary(now),
        bars=bars(worst_of(strips)) if strips else (),
        troubled=tuple(row for row in ordered if row.alarms),
        quiet=tuple(row for row in ordered if not row.alarms),
    )


def _together(now: Sequence[int]) -> int:
    """Return how several checks stand: the worst alarm, else ok, unless most have no verdict."""
    if not now:
        return UNKNOWN
    if max(now) >= WARNING:
        return max(now)
    return UNKNOWN if now.count(UNKNOWN) > now.count(OK) else OK


def _row(series: CheckSeries, anchor: str, now: int, strip: Sequence[int | None]) -> CheckHealth:
    """Return one check's row."""
    return CheckHealth(
        key=series.key,
        anchor=anchor,
        now=FACES[now].name,
        worst=FACES[series.worst].name,
        alarms=int((series.severity >= WARNING).sum()),
        windows=len(series),
        bars=bars(strip),
        unjudged=_unjudged(series) if now == UNKNOWN else None,
    )


def _unjudged(series: CheckSeries) -> Unjudged:
    """Return why the last window has no verdict, or that it is old."""
    last = series.kept[-1]
    if last is None or last.severity is not Severity.UNKNOWN:
        return Unjudged(series.key.analyzer, "No finding of late.", LATELY)
    return Unjudged(last.analyzer, last.reason, last.end - last.start, last.sample_count)


def _summary(now: Sequence[int]) -> str:
    """Return the number of checks of each severity, as text."""
    if not now:
        return "No findings in this range"
    parts = [
        f"{now.count(rank)} {word}"
        for rank, word in ((CRITICAL, "critical"), (WARNING, "warning"), (OK, "OK"))
        if rank in now
    ]
    unknown = now.count(UNKNOWN)
    return ", ".join([*parts, f"{unknown} without a verdict"] if unknown else parts)


def _rank(name: str) -> int:
    """Return a severity's place in their order."""
    return next(rank for rank, face in enumerate(FACES) if face.name == name)


def coverage_text(
    tiles: Iterable[AnalyzerHealth], now: datetime, judged: JudgedSeries | None
) -> tuple[str, str]:
    """Return how much was judged: ok or unknown, and the numbers and causes as text.

    The sentence of a report until now is that of `mlmon incidents`; one that ends earlier counts
    the checks of its own range, and says so.
    """
    if judged is not None and judged.series:
        most = 2 * judged.unjudged.total > judged.series
        return FACES[UNKNOWN if most else OK].name, judged.sentence(now)
    rows = [row for tile in tiles for row in (*tile.troubled, *tile.quiet)]
    unjudged = UnjudgedChecks()
    for row in rows:
        if row.unjudged is not None:
            unjudged.add(row.unjudged)
    state = UNKNOWN if 2 * unjudged.total > len(rows) else OK
    if unjudged.total:
        return FACES[state].name, f"in this range {unjudged.sentence(len(rows), now)}"
    return FACES[state].name, f"{count(len(rows), 'check')} judged in this range"
