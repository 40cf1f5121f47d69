"""Alerting after findings have changed: alerts, incidents, messages, in this order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.analyzers.run.subscribers import Measurement, SubscriberResult
from mlmon.elastic.errors import UserError

if TYPE_CHECKING:
    from datetime import datetime

    from mlmon.alerting.incidents.evaluation import IncidentEvaluation
    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.alerting.notify.alertmanager import Payload
    from mlmon.alerting.notify.message import Message
    from mlmon.alerting.notify.outbox import Delivered
    from mlmon.alerting.settings import AlertingSettings
    from mlmon.elastic.client.cluster import Cluster


def publish(cluster: Cluster, namespace: str, since: datetime, now: datetime) -> SubscriberResult:
    """Bring alerts and incidents up to the findings, and notify people of what changed.

    A channel that does not answer stops nothing else: what is due is kept and sent later.
    """
    from mlmon.alerting.desk.quality import publish_quality
    from mlmon.alerting.settings import load_alerting_settings

    settings = load_alerting_settings()
    evaluation = update(cluster, namespace, since, now, settings)
    lines = [evaluation.summary()]
    delivered = deliver(cluster, namespace, now, settings)
    if summary := delivered.summary():
        lines.append(summary)
    failed = [*delivered.failed]
    publish_quality(cluster, namespace, now)
    if settings.alertmanagers:
        try:
            number = send_to_alertmanager(cluster, namespace, now, settings)
            lines.append(f"sent {number} to Alertmanager")
        except UserError as error:
            failed.append(error.message)
            lines.append(error.message)
    if settings.heartbeat_url is not None:
        from mlmon.alerting.notify.watchdog import beat

        if (problem := beat(settings.heartbeat_url)) is not None:
            failed.append(problem)
            lines.append(problem)
    return SubscriberResult(
        "; ".join(lines), failed=bool(failed), measured=measured(evaluation, delivered)
    )


def measured(evaluation: IncidentEvaluation, delivered: Delivered) -> tuple[Measurement, ...]:
    """Return what `mlmon run` exposes of incidents and messages."""
    return (
        Measurement("mlmon_open_incidents", "Incidents that are open.", evaluation.open),
        Measurement(
            "mlmon_open_critical_incidents",
            "Incidents that are open and critical.",
            evaluation.critical,
        ),
        Measurement(
            "mlmon_waiting_messages",
            "Messages that are due and not delivered yet.",
            delivered.waiting,
        ),
    )


def update(
    cluster: Cluster,
    namespace: str,
    since: datetime,
    now: datetime,
    settings: AlertingSettings,
) -> IncidentEvaluation:
    """Bring alerts and incidents up to the findings; put what is news into the outbox."""
    from mlmon.alerting.alerts.evaluation import evaluate
    from mlmon.alerting.incidents.evaluation import evaluate_incidents
    from mlmon.alerting.incidents.maintenance import held_until
    from mlmon.alerting.notify.outbox import Outbox

    evaluate(cluster, namespace, since)
    outbox = Outbox(cluster, namespace, settings.notify)
    windows = settings.maintenance

    def held(incident: IncidentRecord) -> datetime | None:
        return held_until(windows, incident, now)

    return evaluate_incidents(
        cluster, namespace, since, now, lambda new: outbox.put(new, now, held), windows
    )


def deliver(
    cluster: Cluster, namespace: str, now: datetime, settings: AlertingSettings
) -> Delivered:
    """Send the messages that are due."""
    from mlmon.alerting.incidents.store import IncidentStore
    from mlmon.alerting.notify.outbox import Outbox, composer
    from mlmon.alerting.notify.pages import page_links

    outbox = Outbox(cluster, namespace, settings.notify)
    store = IncidentStore(cluster, namespace)
    links = page_links(cluster, namespace, settings)
    return outbox.deliver(store, now, composer(namespace, settings.runbook_url, links))


def send_to_alertmanager(
    cluster: Cluster, namespace: str, now: datetime, settings: AlertingSettings
) -> int:
    """Send open incidents, and those that ended lately, to Alertmanager; return how many.

    Raises:
        UserError: No Alertmanager took them.
    """
    from mlmon.alerting.notify.alertmanager_client import send

    found = alertmanager_payloads(cluster, namespace, now, settings)
    send(found, settings)
    return len(found)


def alertmanager_payloads(
    cluster: Cluster, namespace: str, now: datetime, settings: AlertingSettings
) -> list[Payload]:
    """Return what is sent to Alertmanager: incidents, and the watchdog."""
    from mlmon.alerting.incidents.store import IncidentStore
    from mlmon.alerting.notify.alertmanager import KEPT, payloads
    from mlmon.alerting.notify.pages import page_links
    from mlmon.alerting.notify.watchdog import watchdog

    incidents = IncidentStore(cluster, namespace).recent(now - KEPT)
    links = page_links(cluster, namespace, settings)
    found = payloads(incidents, namespace, now, runbooks=settings.runbook_url, links=links)
    return [*found, watchdog(namespace, now, settings.watchdog)]


def report_failure(namespace: str, why: str | None, now: datetime) -> SubscriberResult:
    """Notify every route that mlmon cannot judge, or can again; Elasticsearch may be away.

    Open incidents stay as they are: nothing is resolved because mlmon stopped.
    """
    from mlmon.alerting.notify.message import own_message
    from mlmon.alerting.settings import load_alerting_settings

    title = f"mlmon cannot judge {namespace}" if why else f"mlmon judges {namespace} again"
    sentence = why or "Cycles succeed again; incidents are up to date."
    one = own_message(title, sentence, now, severity="critical" if why else "ok")
    outcomes = send_to_all(one, load_alerting_settings())
    sent = ", ".join(f"{name}: {outcome}" for name, outcome in outcomes.items())
    failed = any(outcome != "sent" for outcome in outcomes.values())
    return SubscriberResult(f"{title}: {sent}" if sent else title, failed=failed)


def send_to_all(one: Message, settings: AlertingSettings) -> dict[str, str]:
    """Send a message by every route, past the outbox; return what became of it by route."""
    found = {}
    for name, route in sorted(settings.notify.items()):
        try:
            outcome = route.notifier().send(one)
        except UserError as error:
            found[name] = error.message
            continue
        found[name] = outcome.sent.value + (f" ({outcome.reason})" if outcome.reason else "")
    return found
