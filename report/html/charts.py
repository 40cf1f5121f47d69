"""The charts of the page, one per check: what each draws, and its text."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import isnan
from statistics import median
from typing import Final

from mlmon.analyzers.base.identity import FindingIdentity
from mlmon.analyzers.base.metric import Metric
from mlmon.dashboards.model.history import CheckHistory, Frame
from mlmon.dashboards.vega_lite.history import history_drawing
from mlmon.elastic.json_object import Json
from mlmon.formatting import RATIO, duration, heading, number, rounded, short_moment
from mlmon.report.html.buckets import TimeBucket, bucket_width, buckets, with_sentences
from mlmon.report.html.health import CheckHealth
from mlmon.report.html.series import CheckSeries, Floats
from mlmon.report.html.severity import FACES, OK, UNKNOWN, WARNING
from mlmon.report.panels.views import script_safe

# All charts together draw about this many buckets, and show this many sentences: the page's size
# hardly depends on the range, nor on how bad things are. The table has the worst sentence of each.
ALL_BUCKETS: Final = 16_000
ALL_SENTENCES: Final = 3_000
LEAST_SENTENCES: Final = 5
MOST_CHARTS: Final = 240
MOST_BUCKETS: Final = 288
LEAST_BUCKETS: Final = 40
# A panel with this few checks shows all that have values; in a larger one the quiet are folded.
FEW: Final = 4


# A critical limit this many times above all else would press the values flat: it is left out.
FAR: Final = 4.0
# A pause this many times the usual one is a gap.
LONG: Final = 2.0


@dataclass(frozen=True, slots=True)
class CheckChart:
    """One check's chart.

    Attributes:
        health: The check, its anchor and how it stands.
        latest, limits: Its last value and the limits at that time, as text.
        description: The chart as text, for screen readers.
        spec: The Vega-Lite specification as JSON, safe inside a `<script>` element.
        share: Values are shares, shown as percentages.
        unit: What follows a value.
        valued: There is any value to draw.
    """

    health: CheckHealth
    latest: str
    limits: str
    description: str
    spec: str
    share: bool
    unit: str
    valued: bool


@dataclass(frozen=True, slots=True)
class CheckPanel:
    """One panel: its charts in trouble or few, the quiet ones folded away, and how many lack."""

    title: str
    unit: str
    sentence: str
    charts: tuple[CheckChart, ...]
    folded: tuple[CheckChart, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Resolution:
    """How finely the checks are drawn.

    Attributes:
        charted: The checks that have a chart.
        width: Of a chart's buckets, in seconds.
        sentences: How many of its worst windows a chart explains with a sentence.
    """

    charted: frozenset[FindingIdentity]
    width: int
    sentences: int


def resolution(series: Sequence[CheckSeries], seconds: float) -> Resolution:
    """Return how finely some checks can be drawn over a range of time."""
    charts = charted(series)
    most = min(max(ALL_BUCKETS // len(charts), LEAST_BUCKETS), MOST_BUCKETS)
    sentences = max(ALL_SENTENCES // len(charts), LEAST_SENTENCES)
    return Resolution(charts, bucket_width(seconds, most), sentences)


def charted(series: Iterable[CheckSeries]) -> frozenset[FindingIdentity]:
    """Return the checks that have a chart: of more than `MOST_CHARTS` those most in alarm."""
    ranked = sorted(series, key=lambda one: (-one.worst, -one.alarm_share, one.key))
    return frozenset(one.key for one in ranked[:MOST_CHARTS])


def panel_views(
    series: Sequence[CheckSeries],
    metrics: Sequence[Metric],
    health: Mapping[FindingIdentity, CheckHealth],
    frame: Frame,
    fine: Resolution,
) -> tuple[CheckPanel, ...]:
    """Return one analyzer's panels as declared; metrics without one come last, by name."""
    declared = {metric.name: metric for metric in metrics}
    order = {metric: place for place, metric in enumerate(declared)}
    ordered = sorted(
        series,
        key=lambda one: (order.get(one.key.metric, len(order)), one.key.metric, one.key),
    )
    return tuple(
        _panel(declared.get(metric) or undeclared(metric), list(group), health, frame, fine)
        for metric, group in groupby(ordered, lambda one: one.key.metric)
    )


def undeclared(metric: str) -> Metric:
    """Return a panel for a metric that its analyzer declares none for."""
    return Metric(metric, title=heading(metric.replace(".", " ")), question="")


def _panel(
    metric: Metric,
    series: Sequence[CheckSeries],
    health: Mapping[FindingIdentity, CheckHealth],
    frame: Frame,
    fine: Resolution,
) -> CheckPanel:
    """Return one panel; in one of many checks the quiet ones are folded away."""
    charts = [
        _chart(one, metric, health[one.key], frame, fine)
        for one in series
        if one.key in fine.charted
    ]
    few = len(charts) <= FEW
    shown = [chart for chart in charts if chart.health.alarms or (few and chart.valued)]
    shown.sort(key=lambda chart: (-chart.health.alarms / chart.health.windows, chart.health.key))
    return CheckPanel(
        title=metric.title,
        unit="" if metric.unit == RATIO else metric.unit,
        sentence=metric.question,
        charts=tuple(shown),
        folded=tuple(chart for chart in charts if chart not in shown),
        left_out=len(series) - len(charts),
    )


def _chart(
    series: CheckSeries, metric: Metric, health: CheckHealth, frame: Frame, fine: Resolution
) -> CheckChart:
    """Return one check's chart."""
    small = with_sentences(list(buckets(series, fine.width)), fine.sentences)
    return CheckChart(
        health=health,
        latest=number(_last(series.value), metric.unit),
        limits=_limits(series, metric.unit),
        description=_description(small, metric.unit, health),
        spec=script_safe(history_drawing(history(small, metric), frame)),
        share=metric.unit == RATIO,
        unit="" if metric.unit == RATIO else metric.unit,
        valued=any(bucket.typical is not None for bucket in small),
    )


def _last(column: Floats) -> float | None:
    """Return the last number of a column; None where it is missing."""
    return None if isnan(column[-1]) else float(column[-1])


def _limits(series: CheckSeries, unit: str) -> str:
    """Return the latest limits as text."""
    both = (
        (name, _last(column))
        for name, column in (("warning", series.warning), ("critical", series.critical))
    )
    known = [
        f"{name} {number(limit, unit if unit == RATIO else '')}"
        for name, limit in both
        if limit is not None
    ]
    return f"Limits: {', '.join(known)}" if known else "No limits"


def _description(small: Sequence[TimeBucket], unit: str, health: CheckHealth) -> str:
    """Return what the chart shows, for those who do not see it."""
    name = f"{health.key.metric} of {health.key.label}"
    valued = [bucket for bucket in small if bucket.greatest is not None]
    if not valued:
        return f"{name}: no value in this range; {health.description}."
    highest = max(valued, key=lambda bucket: bucket.greatest or 0.0)
    least = min(bucket.least for bucket in valued if bucket.least is not None)
    return (
        f"{name} over {duration(small[-1].end - small[0].start)}: "
        f"between {number(least, unit)} and {number(highest.greatest, unit)}, "
        f"highest at {short_moment(highest.end)}; {health.description}.{_still_coming(valued)}"
    )


def _still_coming(valued: Sequence[TimeBucket]) -> str:
    """Return since when values are immature, up to the last one; empty where that is mature."""
    first = None
    for bucket in reversed(valued):
        if not bucket.immature:
            break
        first = bucket
    if first is None:
        return ""
    return f" Values from {short_moment(first.end)} on are immature: labels are still coming in."


def history(buckets: Sequence[TimeBucket], metric: Metric) -> CheckHistory:
    """Return the history of one check.

    Args:
        buckets: In time order.
        metric: What is drawn, how, and in which unit.
    """
    drawn = rows(buckets)
    return CheckHistory(
        unit=metric.unit,
        draw=metric.draw,
        domain=domain(buckets),
        rows=drawn,
        immature=immature(drawn),
        dots=alone(drawn) if metric.draw != "bar" else [],
        alarms=[alarm(bucket) for bucket in buckets if bucket.severity >= WARNING],
        unknown=unknown_times(buckets),
        limits=limits(buckets),
    )


def milliseconds(seconds: float) -> int:
    """Return milliseconds, Vega's unit of time."""
    return round(seconds * 1000)


def rows(buckets: Sequence[TimeBucket]) -> list[Json]:
    """Return the values to draw; a row without a value breaks the line where windows lack.

    A gap is longer than the usual pause: none in a check of every hour, a day in a job's of a day.
    """
    pauses = [later.start - earlier.end for earlier, later in pairwise(buckets)]
    usual = max(median(pauses), 0.0) if pauses else 0.0
    found = [_row(bucket) for bucket in buckets[:1]]
    for pause, bucket in zip(pauses, buckets[1:], strict=True):
        if pause > LONG * usual:
            found.append({"t": milliseconds(bucket.start), "v": None})
        found.append(_row(bucket))
    return found


def immature(rows: Sequence[Json]) -> list[Json]:
    """Return the values whose labels are still coming in, each run after the value before it."""
    found: list[Json] = []
    for before, row in pairwise([{}, *rows]):
        if not row.get("m") or row["v"] is None:
            continue
        if not before.get("m") and before.get("v") is not None:
            # A moment without a value before it breaks the line: rows are drawn in order of time.
            found += [{"t": before["t"] - 1, "v": None}] if found else []
            found.append({"t": before["t"], "v": before["v"]})
        found.append({"t": row["t"], "v": row["v"]})
    return found


def alone(rows: Sequence[Json]) -> list[Json]:
    """Return the rows that have a value, but no neighbour with one."""
    values = [None, *(row["v"] for row in rows), None]
    return [
        {"t": row["t"], "v": row["v"]}
        for before, row, after in zip(values, rows, values[2:], strict=False)
        if row["v"] is not None and before is None and after is None
    ]


def _row(bucket: TimeBucket) -> Json:
    """Return one bucket's row."""
    row: Json = {
        "t": milliseconds(bucket.end),
        "d": round(bucket.end - bucket.start),
        "v": rounded(bucket.typical),
    }
    least, greatest = rounded(bucket.least), rounded(bucket.greatest)
    if (least, greatest) != (row["v"], row["v"]):
        row |= {"l": least, "h": greatest}
    if bucket.low is not None and bucket.high is not None:
        row |= {"i": rounded(bucket.low), "j": rounded(bucket.high)}
    if bucket.count > 1:
        row["n"] = bucket.count
    if bucket.immature:
        row["m"] = 1
    if bucket.severity != OK:
        row["s"] = FACES[bucket.severity].name
    if bucket.severity == UNKNOWN and bucket.worst is not None:
        row["r"] = bucket.worst.reason
    return row


def alarm(bucket: TimeBucket) -> Json:
    """Return the worst window of a bucket that is in alarm."""
    mark: Json = {
        "t": milliseconds(bucket.at),
        # An alarm without a value, such as one for want of data, is marked on the ground.
        "w": rounded(bucket.value) or 0.0,
        "s": FACES[bucket.severity].name,
    }
    return mark | {"r": bucket.worst.reason} if bucket.worst else mark


def unknown_times(buckets: Iterable[TimeBucket]) -> list[Json]:
    """Return the times in which no verdict was possible, neighbours joined."""
    runs = (
        list(run)
        for severity, run in groupby(buckets, lambda one: one.severity)
        if severity == UNKNOWN
    )
    return [{"t": milliseconds(run[0].start), "e": milliseconds(run[-1].end)} for run in runs]


def limits(buckets: Sequence[TimeBucket]) -> list[Json]:
    """Return the limits at each time they change, and at the end."""
    runs = groupby(buckets, lambda one: (rounded(one.warning, 3), rounded(one.critical, 3)))
    changes: list[Json] = [
        {"t": milliseconds(next(run).start), "warning": warning, "critical": critical}
        for (warning, critical), run in runs
    ]
    if not any(value is not None for row in changes for value in (row["warning"], row["critical"])):
        return []
    return [*changes, changes[-1] | {"t": milliseconds(buckets[-1].end)}]


def domain(buckets: Sequence[TimeBucket]) -> tuple[float, float]:
    """Return the range of the y axis: all values and limits, but for a far critical limit."""
    values = [
        one
        for bucket in buckets
        for one in (bucket.least, bucket.greatest, bucket.value)
        if one is not None
    ]
    warnings = [bucket.warning for bucket in buckets if bucket.warning is not None]
    criticals = [bucket.critical for bucket in buckets if bucket.critical is not None]
    top = max([*values, *warnings], default=1.0)
    top = max([top, *(one for one in criticals if one <= FAR * top)])
    bottom = min([0.0, *values])
    return bottom, top + 0.08 * (top - bottom) or 1.0
