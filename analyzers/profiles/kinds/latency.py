"""Latencies in buckets of bounded relative error, counted without scripts.

Each octave [2^k, 2^(k+1)) nanoseconds is cut into 32 buckets of equal width (the scheme of
HdrHistogram, https://github.com/HdrHistogram/HdrHistogram), so every latency from 1 µs to 18
minutes is known to within 1.6 %, whatever its size. In Elasticsearch this is one filter per octave
with a histogram of fixed interval inside; only buckets that hold something come back.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.statistics.buckets import Buckets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FIRST_OCTAVE = 10
LAST_OCTAVE = 39
PARTS = 32
_LEAST, _MOST = 1 << FIRST_OCTAVE, 1 << (LAST_OCTAVE + 1)
NANOSECONDS_PER_MILLISECOND = 1_000_000

Latencies = Counter[int]
"""Requests per bucket, by the bucket's lower end in nanoseconds; 0 for all below 1 µs."""


def aggregations(field: str, inside: dict[str, Any], per: dict[str, Any]) -> dict[str, Any]:
    """Return the aggregations that count a duration field.

    Args:
        field: Field of nanoseconds.
        inside: Bucket aggregation that stands between octave and bucket, such as terms of the path.
        per: Bucket aggregation within each bucket, such as a date histogram.
    """
    return {
        name: {
            "filter": {"range": {field: bounds}},
            "aggs": {
                "inside": inside
                | {
                    "aggs": {
                        "bucket": {
                            "histogram": {"field": field, "interval": width, "min_doc_count": 1},
                            "aggs": {"per": per},
                        }
                    }
                }
            },
        }
        for name, bounds, width in _tiers()
    }


def counts(answer: dict[str, Any]) -> Iterator[tuple[str, int, int, int]]:
    """Yield (key of `inside`, key of `per`, bucket, requests) from the aggregations' answer."""
    for name, bounds, _ in _tiers():
        for inside in answer[name]["inside"]["buckets"]:
            for bucket in inside["bucket"]["buckets"]:
                lower = max(int(bucket["key"]), bounds.get("gte", 0))
                for per in bucket["per"]["buckets"]:
                    if per["doc_count"]:
                        yield inside["key"], per["key"], lower, per["doc_count"]


def complete(answer: dict[str, Any]) -> bool:
    """Whether the answer leaves out no key of `inside`, if that is a terms aggregation."""
    return not any(answer[name]["inside"]["sum_other_doc_count"] for name, _, _ in _tiers())


def bucket_of(nanoseconds: int) -> int:
    """Return the lower end of the bucket that holds a duration."""
    if nanoseconds < _LEAST:
        return 0
    if nanoseconds >= _MOST:
        return _MOST
    width = _width(nanoseconds)
    return nanoseconds // width * width


def in_milliseconds(latencies: Mapping[int, int]) -> Buckets:
    """Return the latencies as buckets in milliseconds, ready for percentiles."""
    filled = {lower: count for lower, count in latencies.items() if count}
    bounded = [lower for lower in filled if 0 < lower < _MOST]
    ends = {*bounded, *(lower + _width(lower) for lower in bounded)}
    if 0 in filled:
        ends.add(_LEAST)
    if _MOST in filled:
        ends.add(_MOST)
    edges = sorted(ends) or [_LEAST]
    return Buckets(
        tuple(edge / NANOSECONDS_PER_MILLISECOND for edge in edges),
        (filled.get(0, 0), *(filled.get(edge, 0) for edge in edges)),
        minimum=0.0,
    )


def _width(nanoseconds: int) -> int:
    return (1 << (nanoseconds.bit_length() - 1)) // PARTS


def _tiers() -> Iterator[tuple[str, dict[str, int], float]]:
    yield "below", {"lt": _LEAST}, float(_LEAST)
    for octave in range(FIRST_OCTAVE, LAST_OCTAVE + 1):
        start = 1 << octave
        yield f"octave{octave}", {"gte": start, "lt": 2 * start}, start / PARTS
    yield "above", {"gte": _MOST}, float(2**62)
