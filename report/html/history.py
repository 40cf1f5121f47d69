"""A check's buckets as the history that its chart draws."""

from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from statistics import median
from typing import Any, Final

from mlmon.analyzers.base.metric import Metric
from mlmon.dashboards.model.history import History
from mlmon.formatting import rounded
from mlmon.report.html.buckets import Bucket
from mlmon.report.html.severity import FACES, OK, UNKNOWN, WARNING

# A critical limit this many times above all else would press the values flat: it is left out.
FAR: Final = 4.0
# A pause this many times the usual one is a gap.
LONG: Final = 2.0

Json = dict[str, Any]


def history(buckets: Sequence[Bucket], metric: Metric) -> History:
    """Return the history of one check.

    Args:
        buckets: In time order.
        metric: What is drawn, how, and in which unit.
    """
    drawn = rows(buckets)
    return History(
        unit=metric.unit,
        draw=metric.draw,
        domain=domain(buckets),
        rows=drawn,
        dots=alone(drawn) if metric.draw != "bar" else [],
        alarms=[alarm(bucket) for bucket in buckets if bucket.severity >= WARNING],
        unknown=unknown_times(buckets),
        limits=limits(buckets),
    )


def milliseconds(seconds: float) -> int:
    """Return milliseconds, Vega's unit of time."""
    return round(seconds * 1000)


def rows(buckets: Sequence[Bucket]) -> list[Json]:
    """Return the values to draw; a row without a value breaks the line where windows lack.

    What lacks is told by the usual pause: none in a check of every hour, a day in a job's of a day.
    """
    pauses = [later.start - earlier.end for earlier, later in pairwise(buckets)]
    usual = max(median(pauses), 0.0) if pauses else 0.0
    found = [_row(bucket) for bucket in buckets[:1]]
    for pause, bucket in zip(pauses, buckets[1:], strict=True):
        if pause > LONG * usual:
            found.append({"t": milliseconds(bucket.start), "v": None})
        found.append(_row(bucket))
    return found


def alone(rows: Sequence[Json]) -> list[Json]:
    """Return the rows that have a value, but no neighbour with one."""
    values = [None, *(row["v"] for row in rows), None]
    return [
        {"t": row["t"], "v": row["v"]}
        for before, row, after in zip(values, rows, values[2:], strict=False)
        if row["v"] is not None and before is None and after is None
    ]


def _row(bucket: Bucket) -> Json:
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
    if bucket.severity != OK:
        row["s"] = FACES[bucket.severity].name
    if bucket.severity == UNKNOWN and bucket.worst is not None:
        row["r"] = bucket.worst.reason
    return row


def alarm(bucket: Bucket) -> Json:
    """Return the worst window of a bucket that is in alarm."""
    mark: Json = {
        "t": milliseconds(bucket.at),
        # An alarm without a value, such as one for want of data, is marked on the ground.
        "w": rounded(bucket.value) or 0.0,
        "s": FACES[bucket.severity].name,
    }
    return mark | {"r": bucket.worst.reason} if bucket.worst else mark


def unknown_times(buckets: Iterable[Bucket]) -> list[Json]:
    """Return the times in which no verdict was possible, neighbours joined."""
    runs = (
        list(run)
        for severity, run in groupby(buckets, lambda one: one.severity)
        if severity == UNKNOWN
    )
    return [{"t": milliseconds(run[0].start), "e": milliseconds(run[-1].end)} for run in runs]


def limits(buckets: Sequence[Bucket]) -> list[Json]:
    """Return the limits at each time they change, and at the end."""
    runs = groupby(buckets, lambda one: (rounded(one.warning, 3), rounded(one.critical, 3)))
    changes: list[Json] = [
        {"t": milliseconds(next(run).start), "warning": warning, "critical": critical}
        for (warning, critical), run in runs
    ]
    if not any(value is not None for row in changes for value in (row["warning"], row["critical"])):
        return []
    return [*changes, changes[-1] | {"t": milliseconds(buckets[-1].end)}]


def domain(buckets: Sequence[Bucket]) -> tuple[float, float]:
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
