"""Rows become columns: missing is flagged, unknown is nothing, extremes are clipped."""

import numpy as np

from mlmon.autobid.encoding import fit_encoder
from mlmon.autobid.examples import Dataset
from mlmon.autobid.features import MODEL_NUMERIC
from mlmon.autobid.opportunity import OPPORTUNITY_CATEGORICAL


def test_one_row_is_encoded_as_in_a_batch(history: Dataset) -> None:
    """A row's columns do not depend on the rows next to it."""
    encoder = fit_encoder(history.rows)
    batch = encoder.transform(history.rows[:50])
    alone = [encoder.transform([row])[0] for row in history.rows[:50]]
    np.testing.assert_array_equal(batch, alone)


def test_a_missing_number_is_the_median_and_a_flag(history: Dataset) -> None:
    """None is encoded as the median would be, except for its flag."""
    encoder = fit_encoder(history.rows)
    place = MODEL_NUMERIC.index("client_rating")
    row = dict(history.rows[0])
    median = encoder.transform([row | {"client_rating": float(encoder.median[place])}])[0]
    missing = encoder.transform([row | {"client_rating": None}])[0]
    [changed] = np.flatnonzero(median != missing)
    assert missing[changed] == 1.0
    assert median[changed] == 0.0


def test_each_known_category_has_its_own_column(history: Dataset) -> None:
    """Each categorical feature sets exactly one of its columns."""
    encoder = fit_encoder(history.rows)
    one_hot = encoder.transform(history.rows)[:, -encoder.category_width :]
    assert (one_hot.sum(axis=1) == len(OPPORTUNITY_CATEGORICAL)).all()
    assert encoder.category_width == sum(
        len({row[name] for row in history.rows}) for name in OPPORTUNITY_CATEGORICAL
    )


def test_an_unknown_category_sets_no_column(history: Dataset) -> None:
    """A category training never saw adds nothing."""
    encoder = fit_encoder(history.rows)
    row = dict(history.rows[0]) | {"job_category": "never_seen"}
    one_hot = encoder.transform([row])[0, -encoder.category_width :]
    assert one_hot.sum() == len(OPPORTUNITY_CATEGORICAL) - 1


def test_a_number_beyond_training_is_clipped(history: Dataset) -> None:
    """Twice the greatest value of training is encoded like the greatest."""
    encoder = fit_encoder(history.rows)
    high = float(encoder.high[MODEL_NUMERIC.index("bid_price")])
    row = dict(history.rows[0])
    greatest = encoder.transform([row | {"bid_price": high}])
    beyond = encoder.transform([row | {"bid_price": 2 * high}])
    np.testing.assert_array_equal(greatest, beyond)
