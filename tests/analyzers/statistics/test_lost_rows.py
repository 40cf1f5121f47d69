"""For any lost rows the interval holds the statistic of all rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlmon.analyzers.drift.methods.kolmogorov_smirnov import ks_distance
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.analyzers.statistics.interval import Interval
from mlmon.analyzers.statistics.lost_rows import distance_with_lost, interval_with_lost


@given(seen=st.lists(st.booleans(), min_size=1), lost=st.lists(st.booleans()))
def test_the_rate_of_all_rows_is_inside(seen: list[bool], lost: list[bool]) -> None:
    """Any labels of the lost rows give a rate inside; the extremes give the ends."""
    rate = sum(seen) / len(seen)
    interval = interval_with_lost(Interval.exactly(rate), len(seen), len(lost))
    assert interval.contains(float(np.mean([*seen, *lost])), rounding=1e-12)
    assert interval.high == pytest.approx(np.mean([*seen, *[True] * len(lost)]))
    assert interval.low == pytest.approx(np.mean([*seen, *[False] * len(lost)]))
    wider = interval_with_lost(Interval(rate / 2, (1 + rate) / 2), len(seen), len(lost))
    assert wider.contains(float(np.mean([*seen, *lost])), rounding=1e-12)
    assert wider.low <= interval.low + 1e-12
    assert wider.high >= interval.high - 1e-12


# scipy warns of its p-value for tiny samples; only its statistic is compared here.
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@given(data=st.data())
def test_the_distance_of_all_rows_is_inside(pairs: Any, rows: Any, data: st.DataObject) -> None:
    """Any lost rows give a Kolmogorov-Smirnov distance inside."""
    current, reference, f, g = data.draw(pairs)
    lost = data.draw(rows)
    whole = stats.ks_2samp([*current, *lost], reference, method="asymp").statistic
    interval = distance_with_lost(ks_distance(f, g), current.size, lost.size)
    assert interval.contains(float(whole), rounding=1e-12)


def test_nothing_lost_changes_nothing() -> None:
    """Without losses the interval stays; without any row there is none."""
    sample, reference = (Buckets.from_values(v, (0.0, 1.0)) for v in ([0.5], [0.5, 2.0]))
    distance = ks_distance(sample, reference)
    assert distance_with_lost(distance, 1, 0) == distance
    with pytest.raises(EmptySampleError):
        interval_with_lost(Interval(0.0, 1.0), 0, 0)
