"""What alerting does when findings have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from elastic.cluster import Cluster


def follow(cluster: Cluster, namespace: str, since: datetime, now: datetime) -> str:  # noqa: ARG001 - a follower is told the time
    """Bring the alerts up to the findings; return what that did in one line."""
    from alerting.evaluation import evaluate

    return evaluate(cluster, namespace, since).summary()
