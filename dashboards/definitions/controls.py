"""The choices that narrow dashboards."""

from typing import Final

from mlmon.dashboards.model.dashboard import Control
from mlmon.dashboards.model.sources import FINDINGS, LOGS

SERVICE: Final = Control("service.name", "Service", LOGS)
ENVIRONMENT: Final = Control("service.environment", "Environment", LOGS)
MODEL: Final = Control("ml.model.name", "Model", FINDINGS)
VERSION: Final = Control("ml.model.version", "Model version", FINDINGS)
SEGMENT: Final = Control("finding.segment", "Segment", FINDINGS)
