"""Sentences about what moved name numbers that a person reads."""

import numpy as np

from mlmon.analyzers.drift.moved import numbers_moved
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.doubles import next_above


def test_a_feature_of_zeros_lies_below_0_and_not_below_the_least_double() -> None:
    """Training holds zeros alone, so an edge lies just above 0; half of the values are 3 now."""
    edges = (0.0, next_above(0.0), 1.0)
    training = Buckets.from_values(np.zeros(100), edges)
    now = Buckets.from_values(np.repeat([0.0, 3.0], 50), edges)
    for current, reference in ((now, training), (training, now)):
        sentence = numbers_moved(current, reference)
        assert "lie above 0," in sentence or "lie below 0," in sentence
        assert "e-324" not in sentence
