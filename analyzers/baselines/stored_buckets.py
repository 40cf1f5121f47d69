"""Buckets as documents hold them: without their edges, which the baseline has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmon.analyzers.statistics.buckets import Buckets, Sums, merge_sums
from mlmon.analyzers.statistics.labeled_scores import LabeledScores

if TYPE_CHECKING:
    from collections.abc import Iterable

Body = dict[str, Any]


def encode(sample: Buckets) -> Body:
    """Return a JSON value of all but the edges and `missing`."""
    return {
        "counts": sample.counts,
        "minimum": sample.minimum,
        "maximum": sample.maximum,
        "total": sample.total,
        "sum_of_squares": sample.sum_of_squares,
    }


def decode(edges: tuple[float, ...], body: Body) -> Buckets:
    """Read what `encode` wrote."""
    return Buckets(edges, **(body | {"counts": tuple(body["counts"])}))


def decode_sum(edges: tuple[float, ...], bodies: Iterable[Body]) -> Buckets:
    """Read the sum of one or more samples that `encode` wrote, without making each of them."""
    return merge_sums(edges, [Sums(**body) for body in bodies])


def encode_labeled(rows: LabeledScores) -> Body:
    """Return a JSON value of both labels' buckets and sums."""
    return {
        "positives": encode(rows.positives),
        "negatives": encode(rows.negatives),
        "positive_sums": rows.positive_sums,
        "negative_sums": rows.negative_sums,
    }


def decode_labeled(edges: tuple[float, ...], body: Body) -> LabeledScores:
    """Read what `encode_labeled` wrote."""
    return LabeledScores(
        decode(edges, body["positives"]),
        decode(edges, body["negatives"]),
        _sums(body["positive_sums"]),
        _sums(body["negative_sums"]),
    )


def _sums(body: list[float] | None) -> tuple[float, ...] | None:
    return None if body is None else tuple(body)
