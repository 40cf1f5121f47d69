"""The controls and axes that dashboards share."""

from typing import Final

from mlmon.dashboards.model.chart import Values
from mlmon.dashboards.model.dashboard import Control
from mlmon.dashboards.model.sources import FINDING_DOCUMENTS, LOGS

SERVICE: Final = Control("service.name", "Service", LOGS)
ENVIRONMENT: Final = Control("service.environment", "Environment", LOGS)
MODEL: Final = Control("ml.model.name", "Model", FINDING_DOCUMENTS)
VERSION: Final = Control("ml.model.version", "Model version", FINDING_DOCUMENTS)
SEGMENT: Final = Control("finding.segment", "Segment", FINDING_DOCUMENTS)

BY_VERSION: Final = Values("ml.model.version", "Model version", 5, "name")
SCORE_TENTHS: Final = tuple(round(0.1 * tenth, 1) for tenth in range(11))
"""Edges of the bins of a score."""
