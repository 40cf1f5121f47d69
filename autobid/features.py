"""The features a prediction is made from: the request's own and the profile's statistics."""

from mlmon.autobid.opportunity import (
    DESCRIPTION_EMBEDDING,
    OPPORTUNITY_CATEGORICAL,
    OPPORTUNITY_NUMERIC,
    BidOpportunity,
    FeatureValue,
)
from mlmon.autobid.profile_stats import STATS_NUMERIC

MODEL_NUMERIC = OPPORTUNITY_NUMERIC + STATS_NUMERIC
"""All numeric features, in the order of the model's columns."""

FEATURES = MODEL_NUMERIC + OPPORTUNITY_CATEGORICAL
"""All features of the model."""

LOGGED = (*FEATURES, DESCRIPTION_EMBEDDING)
"""Features that are logged and kept in the training set, with the embedding where there is one."""


def assemble_features(
    opportunity: BidOpportunity, stats: dict[str, float]
) -> dict[str, FeatureValue]:
    """One row for the model and for the log; None is a value the client did not know."""
    given = opportunity.__dict__
    row: dict[str, FeatureValue] = {name: given[name] for name in OPPORTUNITY_NUMERIC}
    row.update(stats)
    for name in OPPORTUNITY_CATEGORICAL:
        row[name] = given[name]
    embedding = given[DESCRIPTION_EMBEDDING]
    if embedding is not None:
        row[DESCRIPTION_EMBEDDING] = embedding
    return row
