"""From a training set's columns to the parts of a baseline: counts, sums and samples."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlmon.analyzers.baselines.baseline import CategoryBaseline, SegmentFeatures
from mlmon.analyzers.baselines.columns import floats, is_number, named_as_logged, read_columns
from mlmon.analyzers.baselines.score_sums import ScoreSums, sums_of_categories, sums_of_numbers
from mlmon.analyzers.baselines.segments import segment_name, segments
from mlmon.analyzers.baselines.stored_vectors import StoredVectors, store_vectors
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.edges import even_edges, quantile_edges, rounding_edges
from mlmon.analyzers.statistics.labeled_scores import LabeledScores
from mlmon.logging_config.emit.feature_types import feature_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from mlmon.analyzers.baselines.columns import BaselineColumns, Coded

Precision: TypeAlias = "type[np.floating[Any]] | None"

SCORE = "ml.prediction.score"
LABEL = "ml.outcome.label"
BUCKETS, FINER_BUCKETS = 100, 1_000
MOST_CATEGORIES = 1_000
SEGMENT_BUCKETS, SEGMENT_CATEGORIES = 10, 20
"""Of a segment, numbers are counted in about so many buckets, and so many categories by name."""

MOST_DETAILED, LEAST_SHARE, FEWEST_FEATURE_ROWS = 8, 0.02, 200
"""Of a dividing feature, the features of so many segments are counted at most: the largest, with at
least this share of the training rows and so many of them."""

MOST_VECTORS = 2_000
MOST_NUMBERS = 2**20
"""Of embeddings so many vectors are kept, and of long ones so many numbers: 4 MB."""


def summarise(
    table: pa.Table, segmented: Iterable[str] = (), logged: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return what a baseline holds of its training set, by attribute.

    The same rows in another order give the same summary. Features are named and typed as the log
    does it.

    Args:
        table: The training set.
        segmented: Categorical features that divide the traffic into segments.
        logged: `numeric` or `categorical` by feature, as the log has it so far.

    Raises:
        UserError: The table cannot be divided by them, or two columns get the same name.
    """
    table = named_as_logged(table, kept=(SCORE, LABEL))
    segmented = [feature_name(name) for name in segmented]
    columns = read_columns(table, without=(LABEL,), logged=logged)
    precisions = columns.precisions
    scores = columns.numbers.pop(SCORE, None)
    if columns.categories.pop(SCORE, None) or columns.embeddings.pop(SCORE, None):
        columns.passed_over.append(SCORE)
    score = None if scores is None else _counted(scores, precisions.get(SCORE))
    labeled, passed_over = None, columns.passed_over
    if LABEL in table.column_names:
        labeled = _labeled(table.column(LABEL).combine_chunks(), scores, score)
        passed_over = passed_over if labeled else [*passed_over, LABEL]
    numeric = {
        name: _counted(values, precisions.get(name)) for name, values in columns.numbers.items()
    }
    categorical = {name: _category(column) for name, column in columns.categories.items()}
    every = columns.numbers if scores is None else columns.numbers | {SCORE: scores}
    return {
        "rows": table.num_rows,
        "score": score,
        "labeled": labeled,
        "numeric": numeric,
        "categorical": categorical,
        "passed_over": tuple(sorted(passed_over)),
        "score_sums": _score_sums(columns, scores, numeric, categorical),
        "finer": {name: _finer(values, precisions.get(name)) for name, values in every.items()},
        "embeddings": {name: _sample(column) for name, column in columns.embeddings.items()},
        "segments": segments(
            segmented,
            columns.categories,
            scores,
            _labels(table) if labeled else None,
            score.edges if score else (),
        ),
        "segment_features": _segment_features(segmented, columns, numeric, categorical),
    }


def _segment_features(
    segmented: Iterable[str],
    columns: BaselineColumns,
    numeric: Mapping[str, Buckets],
    categorical: Mapping[str, CategoryBaseline],
) -> dict[str, SegmentFeatures]:
    """Count the features of the largest segments over few of the whole training set's edges."""
    edges = {
        name: tuple(sorted({of.edges[0], *even_edges(of, SEGMENT_BUCKETS), of.edges[-1]}))
        for name, of in numeric.items()
        if of.n
    }
    found = {}
    for feature in dict.fromkeys(segmented):
        column = columns.categories[feature]
        for code in _largest(column):
            mine = column.codes == code
            found[segment_name(feature, column.names[code])] = SegmentFeatures(
                int(mine.sum()),
                {
                    name: replace(
                        Buckets.from_values(columns.numbers[name][mine], cut),
                        minimum=numeric[name].minimum,
                        maximum=numeric[name].maximum,
                    )
                    for name, cut in edges.items()
                },
                {
                    name: _category_of(columns.categories[name], mine, known)
                    for name, known in categorical.items()
                    if name != feature
                },
            )
    return found


def _largest(column: Coded) -> list[int]:
    """Return the categories whose features are counted, the most frequent first."""
    rows = np.bincount(column.codes[column.codes >= 0], minlength=len(column.names))
    least = max(FEWEST_FEATURE_ROWS, LEAST_SHARE * len(column.codes))
    ordered = sorted(range(len(column.names)), key=lambda code: (-rows[code], column.names[code]))
    return [code for code in ordered[:MOST_DETAILED] if rows[code] >= least]


def _category_of(
    column: Coded, mine: NDArray[np.bool_], known: CategoryBaseline
) -> CategoryBaseline:
    """Count a feature in a segment; categories that are rare in all traffic are pooled."""
    codes = column.codes[mine]
    counts = np.bincount(codes[codes >= 0], minlength=len(column.names))
    places = {name: code for code, name in enumerate(column.names)}
    named = [name for name, _ in known.counts.most_common(SEGMENT_CATEGORIES)]
    kept = Counter({name: int(counts[places[name]]) for name in named})
    pooled = known.rest or len(known.counts) > SEGMENT_CATEGORIES
    # A category that only other segments have in training is no unseen one.
    return CategoryBaseline(
        kept,
        rest=max(1, int(counts.sum()) - kept.total()) if pooled else 0,
        singletons=known.singletons,
        missing=int((codes < 0).sum()),
    )


def _counted(values: NDArray[np.float64], precision: Precision) -> Buckets:
    return Buckets.from_values(values, _edges(quantile_edges(values, BUCKETS), precision))


def _finer(values: NDArray[np.float64], precision: Precision) -> Buckets:
    """Count over the edges and over ten times as many between them."""
    found = {*quantile_edges(values, BUCKETS), *quantile_edges(values, FINER_BUCKETS)}
    edges = _edges(tuple(sorted(found)), precision)
    return Buckets(edges, Buckets.from_values(values, edges).counts)


def _edges(edges: tuple[float, ...], precision: Precision) -> tuple[float, ...]:
    return edges if precision is None else rounding_edges(edges, precision)


def _category(column: Coded) -> CategoryBaseline:
    counts = np.bincount(column.codes[column.codes >= 0], minlength=len(column.names)).tolist()
    # Ties are broken by name, so that the same rows in any order give the same baseline.
    ordered = sorted(
        ((name, rows) for name, rows in zip(column.names, counts, strict=True) if rows),
        key=lambda item: (-item[1], item[0]),
    )
    kept = Counter(dict(ordered[:MOST_CATEGORIES]))
    return CategoryBaseline(
        counts=kept,
        rest=sum(counts) - kept.total(),
        singletons=sum(rows == 1 for rows in counts),
        missing=int((column.codes < 0).sum()),
    )


def _labeled(
    column: pa.Array, scores: NDArray[np.float64] | None, score: Buckets | None
) -> LabeledScores | None:
    """Return the scores of the rows with a label, None unless labels are booleans or 0 and 1."""
    if scores is None or score is None:
        return None
    if not (pa.types.is_boolean(column.type) or is_number(column.type)):
        return None
    labels = _zeros_and_ones(column)
    known = ~np.isnan(labels)
    if not known.any() or not np.isin(labels[known], (0.0, 1.0)).all():
        return None
    # In order of the scores, so that sums are rounded alike for any order of the rows.
    order = np.argsort(scores[known], kind="stable")
    return LabeledScores.from_rows(scores[known][order], labels[known][order] == 1.0, score.edges)


def _labels(table: pa.Table) -> NDArray[np.float64]:
    return _zeros_and_ones(table.column(LABEL).combine_chunks())


def _zeros_and_ones(column: pa.Array) -> NDArray[np.float64]:
    return floats(pc.cast(column, pa.uint8()) if pa.types.is_boolean(column.type) else column)


def _score_sums(
    columns: BaselineColumns,
    scores: NDArray[np.float64] | None,
    numeric: Mapping[str, Buckets],
    categorical: Mapping[str, CategoryBaseline],
) -> dict[str, ScoreSums]:
    if scores is None:
        return {}
    numbers = {
        name: sums_of_numbers(values, numeric[name].edges, scores)
        for name, values in columns.numbers.items()
    }
    return numbers | {
        name: sums_of_categories(column, list(categorical[name].counts), scores)
        for name, column in columns.categories.items()
    }


def _sample(column: pa.Array) -> StoredVectors:
    """Keep vectors chosen by chance from a fixed seed, regardless of the order of the rows."""
    rows = column.drop_null().to_pylist()
    # Equal vectors have equal digests: which of them is taken makes no difference.
    ordered = sorted(rows, key=lambda row: hashlib.sha256(repr(row).encode()).digest())
    chosen = np.random.default_rng(0).permutation(len(ordered))
    longest = max((len(row) for row in rows), default=0)
    most = min(MOST_VECTORS, MOST_NUMBERS // max(longest, 1))
    return store_vectors([ordered[place] for place in chosen], most)
