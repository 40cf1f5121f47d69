"""The rules of other tools for one feature on one day, each with its source.

They are written again here from their documentation, for the packages do not fit into one
environment with mlmon; a rule takes the rows of the training set and those of a day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmon.scoreboard.simulation.requests import Floats

Categories: TypeAlias = NDArray[np.object_]
Column: TypeAlias = "Floats | Categories"
P_LIMIT, PSI_LIMIT, EVIDENTLY_LIMIT, NANNYML_SPREADS = 0.05, 0.2, 0.1, 3.0
EVIDENTLY_SMALL = 1_000
LEAST_ROWS = 5


@dataclass(frozen=True, slots=True)
class Reference:
    """What a day is compared with.

    Args:
        rows: The training set's column.
        days: The same column in chunks as large as a day, without any fault.
    """

    rows: Column
    days: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class PeerRule:
    """A rule of another tool.

    Args:
        name: For tables.
        source: Where it is documented.
        drifts: Whether a day's column drifts from a reference.
    """

    name: str
    source: str
    drifts: Callable[[Reference, Column], bool]


def _is_number(column: Column) -> bool:
    return column.dtype != object


def _known(column: Column) -> Any:
    return column[~np.isnan(column.astype(np.float64))] if _is_number(column) else column


def _shares(reference: Column, current: Column) -> tuple[Floats, Floats]:
    """Return the counts of each category in both."""
    names = sorted({*reference.tolist(), *current.tolist()})
    counts = [
        np.array([(column == name).sum() for name in names], dtype=np.float64)
        for column in (reference, current)
    ]
    return counts[0], counts[1]


def _p_value(reference: Any, current: Any) -> float:
    from scipy import stats

    if _is_number(reference):
        return float(stats.ks_2samp(reference, current).pvalue)
    return float(stats.chi2_contingency(np.vstack(_shares(reference, current))).pvalue)


def _significant(reference: Reference, current: Column) -> bool:
    known = _known(current)
    return len(known) >= LEAST_ROWS and _p_value(_known(reference.rows), known) < P_LIMIT


def _elastic(reference: Reference, current: Column) -> bool:
    from scipy import stats

    rows, known = _known(reference.rows), _known(current)
    if len(known) < LEAST_ROWS:
        return False
    if not _is_number(rows):
        return _p_value(rows, known) < P_LIMIT
    # Counts between the reference's percentiles, in steps of 5.
    edges = np.unique(np.percentile(rows, np.arange(5, 100, 5)))
    below = np.searchsorted(np.sort(known), edges, side="right") / len(known)
    expected = np.searchsorted(np.sort(rows), edges, side="right") / len(rows)
    distance = float(np.max(np.abs(below - expected)))
    size = len(rows) * len(known) / (len(rows) + len(known))
    return float(stats.kstwobign.sf(distance * size**0.5)) < P_LIMIT


def _binned(reference: Column, current: Column, edges: Floats) -> tuple[Floats, Floats]:
    inner = edges[1:-1]
    found = [
        np.bincount(np.searchsorted(inner, column, side="right"), minlength=len(inner) + 1)
        for column in (reference, current)
    ]
    return found[0] / max(1, len(reference)), found[1] / max(1, len(current))


def _psi(reference: Reference, current: Column) -> bool:
    rows, known = _known(reference.rows), _known(current)
    if len(known) < LEAST_ROWS:
        return False
    if _is_number(rows):
        edges = np.unique(np.percentile(rows, np.arange(0, 101, 10)))
        expected, actual = _binned(rows, known, edges)
    else:
        expected, actual = (counts / counts.sum() for counts in _shares(rows, known))
    expected, actual = np.maximum(expected, 1e-4), np.maximum(actual, 1e-4)
    return float(np.sum((actual - expected) * np.log(actual / expected))) >= PSI_LIMIT


def _jensen_shannon(reference: Column, current: Column) -> float:
    from scipy.spatial.distance import jensenshannon

    if _is_number(reference):
        edges = np.histogram_bin_edges(reference, bins="doane")
        return float(jensenshannon(*_binned(reference, current, edges), base=2))
    return float(jensenshannon(*_shares(reference, current), base=2))


def _evidently(reference: Reference, current: Column) -> bool:
    from scipy import stats

    rows, known = _known(reference.rows), _known(current)
    if len(known) < LEAST_ROWS:
        return False
    if len(rows) <= EVIDENTLY_SMALL:
        return _p_value(rows, known) < P_LIMIT
    if _is_number(rows):
        norm = max(float(np.std(rows)), 1e-3)
        return float(stats.wasserstein_distance(rows, known)) / norm >= EVIDENTLY_LIMIT
    return _jensen_shannon(rows, known) >= EVIDENTLY_LIMIT


def _nannyml(reference: Reference, current: Column) -> bool:
    rows, known = _known(reference.rows), _known(current)
    if len(known) < LEAST_ROWS:
        return False
    usual = [_jensen_shannon(rows, _known(day)) for day in reference.days]
    limit = float(np.mean(usual) + NANNYML_SPREADS * np.std(usual))
    return _jensen_shannon(rows, known) > limit


RULES = (
    PeerRule("p < 0.05", "Kolmogorov-Smirnov and chi-squared tests", _significant),
    PeerRule(
        "Evidently's defaults",
        "docs.evidentlyai.com: Wasserstein and Jensen-Shannon distances from 0.1 on for more than "
        "1,000 reference rows, else p < 0.05",
        _evidently,
    ),
    PeerRule(
        "NannyML's three standard deviations",
        "nannyml.readthedocs.io: Jensen-Shannon distance above the reference chunks' mean and 3 "
        "standard deviations",
        _nannyml,
    ),
    PeerRule("PSI 0.2", "population stability index over the training set's tenths", _psi),
    PeerRule(
        "Elastic's data-drift view",
        "elastic.co/docs, Data drift: p < 0.05 of a Kolmogorov-Smirnov test over percentiles and "
        "of a chi-squared test",
        _elastic,
    ),
)
