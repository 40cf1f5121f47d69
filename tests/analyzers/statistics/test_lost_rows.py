"""Whatever the lost rows held, the interval holds the statistic of all rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analyzers.statistics.buckets import Buckets
from analyzers.statistics.empty_sample import EmptySampleError
from analyzers.statistics.interval import Interval
from analyzers.statistics.ks import ks_distance
from analyzers.statistics.lost_rows import distance_with_lost, interval_with_lost, rate_with_lost


@given(seen=st.lists(st.booleans()), lost=st.lists(st.booleans(), min_size=1))
def test_the_rate_of_all_rows_is_inside(seen: list[bool], lost: list[bool]) -> None:
    """Any labels of the lost rows give a rate inside; the extremes give the ends."""
    interval = rate_with_lost(sum(seen), len(seen), len(lost))
    assert interval.contains(float(np.mean([*seen, *lost])), rounding=1e-12)
    assert interval.high == pytest.approx(np.mean([*seen, *[True] * len(lost)]))
    assert interval.low == pytest.approx(np.mean([*seen, *[False] * len(lost)]))


@given(seen=st.lists(st.booleans(), min_size=1), lost=st.lists(st.booleans()))
def test_an_interval_of_the_rows_seen_widens_to_one_of_all_rows(
    seen: list[bool], lost: list[bool]
) -> None:
    """Of a rate that is known it is the interval of the counts; a wider one holds it too."""
    rate = sum(seen) / len(seen)
    widened = interval_with_lost(Interval.exactly(rate), len(seen), len(lost))
    counted = rate_with_lost(sum(seen), len(seen), len(lost))
    assert (widened.low, widened.high) == pytest.approx((counted.low, counted.high))
    wider = interval_with_lost(Interval(rate / 2, (1 + rate) / 2), len(seen), len(lost))
    assert wider.contains(float(np.mean([*seen, *lost])), rounding=1e-12)
    assert wider.low <= widened.low + 1e-12
    assert wider.high >= widened.high - 1e-12


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
        rate_with_lost(0, 0, 0)
