"""The scenario's truth, as a report reads it: `truth.json`."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from mlmon.autobid.incidents import IncidentPlan, PlannedIncident

TRUTH_SCHEMA = 1


def write_truth(
    path: Path, *, seed: int, start: datetime, end: datetime, plan: IncidentPlan
) -> None:
    """Write which incidents a scenario holds and what should be noticed of each."""
    truth = {
        "schema": TRUTH_SCHEMA,
        "seed": seed,
        "start": start.isoformat(),
        "end": end.isoformat(),
        "incidents": [_document(incident) for incident in plan.incidents],
    }
    path.write_text(json.dumps(truth, indent=2) + "\n")


def _document(incident: PlannedIncident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "title": incident.title,
        "start": incident.start.isoformat(),
        "end": incident.end.isoformat(),
        "cause": incident.cause,
        "expect": [expectation._asdict() for expectation in incident.expect],
    }
