"""Log a model's `evaluation_metrics.json` as an event, for charts and alerts.

The file: `{"model": {"name", "version"}, "metrics": {"roc_auc": 0.81}}`; other keys are ignored.
"""

from pathlib import Path

import orjson

from mlmon.logging_config.configuration import current_log
from mlmon.logging_config.emit.event_log import EventLog
from mlmon.logging_config.emit.service import Model
from mlmon.logging_config.interruptions import is_interruption


def publish_evaluation(path: Path | str, *, log: EventLog | None = None) -> str:
    """Log the metrics of a model's evaluation; a file that cannot be read is a failed evaluation.

    Args:
        path: the file, or the model's folder that holds it.
        log: the log; the process-wide one when None.

    Returns:
        The event's id.
    """
    log = log or current_log()
    try:
        path = Path(path)
        file = path / "evaluation_metrics.json" if path.is_dir() else path
        content = orjson.loads(file.read_bytes())
        model = Model(content["model"]["name"], content["model"]["version"])
        metrics = dict(content["metrics"])
    except BaseException as error:
        if is_interruption(error):
            raise
        return log.model_event(action="evaluate", succeeded=False, error=error)
    return log.model_event(action="evaluate", succeeded=True, model=model, evaluation=metrics)
