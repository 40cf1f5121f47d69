"""What alerting does when findings have changed: evaluate, and tell who is to be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.analyzers.run.following import Followed
from mlmon.elastic.errors import UserError

if TYPE_CHECKING:
    from datetime import datetime

    from mlmon.alerting.notify.alertmanager import Payload
    from mlmon.alerting.settings import AlertingSettings
    from mlmon.elastic.client.cluster import Cluster


def follow(cluster: Cluster, namespace: str, since: datetime, now: datetime) -> Followed:
    """Bring the alerts up to the findings, and Alertmanager up to the alerts.

    An Alertmanager that does not answer stops nothing else: the next time it is told everything.
    """
    from mlmon.alerting.alerts.evaluation import evaluate
    from mlmon.alerting.settings import load_alerting_settings

    settings = load_alerting_settings()
    line = evaluate(cluster, namespace, since).summary()
    if settings.alertmanager_url is None:
        return Followed(line)
    try:
        count = tell(cluster, namespace, now, settings.alertmanager_url, settings)
    except UserError as error:
        return Followed(f"{line}; {error.message}", failed=True)
    return Followed(f"{line}; {count} told to Alertmanager")


def tell(
    cluster: Cluster, namespace: str, now: datetime, url: str, settings: AlertingSettings
) -> int:
    """Tell an Alertmanager what is open and what has ended of late; return how many alerts.

    Raises:
        UserError: It is unreachable, or refuses.
    """
    from mlmon.alerting.notify.alertmanager_client import send

    told = recent_alerts(cluster, namespace, now, settings)
    send(told, url, settings)
    return len(told)


def recent_alerts(
    cluster: Cluster, namespace: str, now: datetime, settings: AlertingSettings
) -> list[Payload]:
    """Return what is open and what has ended of late as Alertmanager takes it."""
    from mlmon.alerting.alerts.store import AlertStore
    from mlmon.alerting.notify.alertmanager import KEPT, alerts

    store = AlertStore(cluster, namespace)
    recent = list(store.recent(now - KEPT))
    first = min((alert.opened for alert in recent), default=now)
    causes = {alert.id: alert for alert in store.overlapping(first)}
    return alerts(
        recent,
        namespace,
        now,
        causes,
        runbooks=settings.runbook_url,
        dashboard=settings.dashboard_url,
    )
