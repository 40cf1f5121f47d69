"""The features that moved most, each with its distribution now and in the training set."""

from __future__ import annotations

from typing import Final

from mlmon.dashboards.model.chart import Chart, Measure, Values
from mlmon.dashboards.model.condition import is_
from mlmon.dashboards.model.picture import Distributions
from mlmon.dashboards.model.sources import FINDINGS

MOVED_MOST: Final = Distributions(
    Chart(
        "Distributions of the features that moved most",
        "Which values are more frequent than in training? Wide bars: training, by tenths of its "
        "rows or by category; narrow bars: the last day judged.",
        FINDINGS,
        (Measure("Distance", "max", "finding.value"),),
        "bar",
        (Values("finding.subject", "Feature", 8),),
        is_("finding.analyzer", "feature_drift"),
    ),
    parts="finding.parts",
    now="Now",
    reference="Training",
)
