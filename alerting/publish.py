"""Alerting after findings have changed: alerts, incidents, messages, in this order."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from mlmon.alerting.notify.notifier import SendResult, Sent
from mlmon.alerting.notify.pages import no_pages
from mlmon.analyzers.run.subscriber import Measurement, SubscriberResult
from mlmon.elastic.errors import UserError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from mlmon.alerting.incidents.evaluation import IncidentEvaluation
    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.alerting.notify.alertmanager import Payload
    from mlmon.alerting.notify.judging import Judging
    from mlmon.alerting.notify.message import Message
    from mlmon.alerting.notify.outbox import Delivered
    from mlmon.alerting.notify.pages import PageOffer
    from mlmon.alerting.notify.route import Route
    from mlmon.alerting.settings import AlertingSettings
    from mlmon.analyzers.run.subscriber import CycleOutcome
    from mlmon.elastic.client.cluster import Cluster


NOT_TRIED = "not tested: a call would say that mlmon judges"
AGAIN = timedelta(minutes=1)
"""An Alertmanager that was away is sent to again so soon, between cycles, too."""


@dataclass(frozen=True, slots=True)
class Alerting:
    """Alerting as the subscriber to what is judged.

    Args:
        pages: Gives the pages of later stages that show an incident, for messages.
        unwritten: What routes know of whether mlmon can judge, where the disk does not take it.
        missed: When no Alertmanager took a namespace's incidents last, until one does.
    """

    pages: PageOffer = no_pages
    unwritten: dict[Path, Judging] = field(default_factory=dict)
    missed: dict[str, datetime] = field(default_factory=dict)

    def findings_changed(
        self, cluster: Cluster, namespace: str, since: datetime, now: datetime
    ) -> SubscriberResult:
        """Bring alerts and incidents up to the findings, and notify people of what changed.

        A channel that does not answer stops nothing else: what is due is kept and sent later.
        """
        from mlmon.alerting.actions.quality import publish_quality
        from mlmon.alerting.settings import load_alerting_settings

        settings = load_alerting_settings()
        evaluation = update(cluster, namespace, since, now, settings)
        lines = [evaluation.summary()]
        delivered = deliver(cluster, namespace, now, settings, self.pages)
        if summary := delivered.summary():
            lines.append(summary)
        failed = [*delivered.failed]
        if settings.alertmanagers:
            line, problem = self._to_alertmanager(cluster, namespace, now, settings)
            lines.append(line)
            failed += problem
        # After all that people wait for.
        publish_quality(cluster, namespace, now)
        return SubscriberResult(
            "; ".join(lines),
            failed=bool(failed),
            problem="; ".join(failed),
            measured=measured(evaluation, delivered),
        )

    def cycle_ended(self, outcome: CycleOutcome) -> SubscriberResult:
        """Show that mlmon judges, after a cycle that did; notify every route where it cannot.

        Elasticsearch may be away. Open incidents stay as they are: nothing is resolved because
        mlmon stopped. The heartbeat and the watchdog are silent where the cycle was not completed,
        nothing was judged in it, or an analyzer failed in `PATIENCE` cycles in a row.
        """
        from mlmon.alerting.notify.judging import Judging
        from mlmon.alerting.notify.judging_file import JudgingFile
        from mlmon.alerting.settings import load_alerting_settings
        from mlmon.elastic.settings import load_settings

        settings = load_alerting_settings()
        kept = JudgingFile(load_settings(), outcome.namespace, self.unwritten)
        result, state = SubscriberResult(), Judging()
        if outcome.failure or kept.is_kept:
            with kept.held():
                state = kept.read().after_cycle(outcome.failure, outcome.at)
                result, state = _sent_notices(state, outcome.namespace, outcome.at, settings)
                kept.write(state)
        problems = []
        if outcome.judged and not state.cannot_judge:
            problems = _show_that_it_judges(outcome, settings)
        lines = [*filter(None, [result.line]), *problems]
        return SubscriberResult("; ".join(lines), failed=result.failed or bool(problems))

    def send_due(self, cluster: Cluster | None, namespace: str, now: datetime) -> SubscriberResult:
        """Send what was not taken and is due again; without a cluster, mlmon's own notices."""
        from mlmon.alerting.notify.judging_file import JudgingFile
        from mlmon.alerting.settings import load_alerting_settings
        from mlmon.elastic.settings import load_settings

        settings = load_alerting_settings()
        kept, result = JudgingFile(load_settings(), namespace, self.unwritten), SubscriberResult()
        if kept.is_kept:
            with kept.held():
                result, state = _sent_notices(kept.read(), namespace, now, settings)
                kept.write(state)
        if cluster is None:
            return result
        delivered = deliver(cluster, namespace, now, settings, self.pages)
        lines = [*filter(None, [result.line])]
        if delivered.sent or delivered.failed:
            lines.append(delivered.summary())
        failed = [*delivered.failed]
        missed = self.missed.get(namespace)
        if settings.alertmanagers and missed is not None and now - missed >= AGAIN:
            line, problem = self._to_alertmanager(cluster, namespace, now, settings)
            lines.append(line)
            failed += problem
        return SubscriberResult("; ".join(lines), failed=result.failed or bool(failed))

    def _to_alertmanager(
        self, cluster: Cluster, namespace: str, now: datetime, settings: AlertingSettings
    ) -> tuple[str, list[str]]:
        """Send incidents to Alertmanager; return what became of it in a line, and what failed."""
        try:
            number = send_to_alertmanager(cluster, namespace, now, settings, self.pages)
        except UserError as error:
            self.missed[namespace] = now
            return error.message, [error.message]
        self.missed.pop(namespace, None)
        return f"sent {number} to Alertmanager", []


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
    from mlmon.alerting.incidents.store import IncidentStore
    from mlmon.alerting.notify.outbox import Outbox

    evaluate(cluster, namespace, since)
    outbox = Outbox(cluster, namespace, settings.notify)
    windows = settings.maintenance

    def held(incident: IncidentRecord) -> datetime | None:
        return held_until(windows, incident, now)

    found = evaluate_incidents(
        cluster, namespace, since, now, lambda new: outbox.put(new, now, held), windows
    )
    outbox.put_open(IncidentStore(cluster, namespace), now, held)
    return found


def deliver(
    cluster: Cluster,
    namespace: str,
    now: datetime,
    settings: AlertingSettings,
    pages: PageOffer = no_pages,
) -> Delivered:
    """Send the messages that are due."""
    from mlmon.alerting.incidents.store import IncidentStore
    from mlmon.alerting.notify.outbox import Outbox, composer
    from mlmon.alerting.notify.pages import page_links

    outbox = Outbox(cluster, namespace, settings.notify)
    store = IncidentStore(cluster, namespace)
    links = page_links(settings, pages(cluster, namespace))
    outbox.put_closings(store, now)
    return outbox.deliver(store, now, composer(namespace, settings.runbook_url, links))


def send_to_alertmanager(
    cluster: Cluster, namespace: str, now: datetime, settings: AlertingSettings, pages: PageOffer
) -> int:
    """Send open incidents, and those that ended lately, to Alertmanager; return how many.

    Raises:
        UserError: No Alertmanager took them.
    """
    from mlmon.alerting.notify.alertmanager_client import send

    found = alertmanager_payloads(cluster, namespace, now, settings, pages)
    send(found, settings)
    return len(found)


def alertmanager_payloads(
    cluster: Cluster, namespace: str, now: datetime, settings: AlertingSettings, pages: PageOffer
) -> list[Payload]:
    """Return what is sent to Alertmanager: an alert for each incident."""
    from mlmon.alerting.incidents.store import IncidentStore
    from mlmon.alerting.notify.alertmanager import KEPT, payloads
    from mlmon.alerting.notify.pages import page_links

    incidents = IncidentStore(cluster, namespace).recent(now - KEPT)
    links = page_links(settings, pages(cluster, namespace))
    return payloads(incidents, namespace, now, runbooks=settings.runbook_url, links=links)


def _sent_notices(
    state: Judging, namespace: str, now: datetime, settings: AlertingSettings
) -> tuple[SubscriberResult, Judging]:
    """Send what routes are to know about whether mlmon can judge; return the state after it."""
    title, outcomes = "", {}
    for name, one in [*state.due(namespace, sorted(settings.notify), now)]:
        title = one.title
        outcome = _send(one, settings.notify[name])
        outcomes[name] = _described(outcome)
        state = state.after_attempt(name, outcome.sent, now)
    state = state.settled(settings.notify)
    sent = ", ".join(f"{name}: {outcome}" for name, outcome in outcomes.items())
    failed = any(outcome != Sent.DONE for outcome in outcomes.values())
    return SubscriberResult(f"{title}: {sent}" if sent else title, failed=failed), state


def _show_that_it_judges(outcome: CycleOutcome, settings: AlertingSettings) -> list[str]:
    """Ask the heartbeat's URL and renew the watchdog's alert; return what went wrong."""
    from mlmon.alerting.notify.alertmanager_client import send
    from mlmon.alerting.notify.watchdog import CYCLES, EVERY, beat, watchdog

    problems = []
    life = settings.watchdog or CYCLES * (outcome.every or EVERY)
    if settings.alertmanagers:
        try:
            send([watchdog(outcome.namespace, outcome.at, life)], settings)
        except UserError as error:
            problems.append(f"watchdog: {error.message}")
    if settings.heartbeat_url is not None and (problem := beat(settings.heartbeat_url)):
        problems.append(problem)
    return problems


def _send(one: Message, route: Route) -> SendResult:
    try:
        return route.notifier().send(one)
    except UserError as error:
        return SendResult(Sent.RETRY, error.message)


def _described(outcome: SendResult) -> str:
    return outcome.sent.value + (f" ({outcome.reason})" if outcome.reason else "")


def tried_routes(settings: AlertingSettings, now: datetime) -> dict[str, str]:
    """Send a test by every route and to every Alertmanager; return what became of it by each."""
    from mlmon.alerting.notify.alertmanager import TEST, trial
    from mlmon.alerting.notify.alertmanager_client import send_to
    from mlmon.alerting.notify.message import own_message

    one = own_message("mlmon test", TEST, now, severity="ok", kind="test")
    found = send_to_all(one, settings)
    for url in settings.alertmanagers:
        found[f"Alertmanager {url}"] = send_to(url, [trial(now)], settings) or Sent.DONE
    if settings.heartbeat_url is not None:
        found["heartbeat"] = NOT_TRIED
    return found


def send_to_all(one: Message, settings: AlertingSettings) -> dict[str, str]:
    """Send a message by every route, past the outbox; return what became of it by route."""
    return {name: _described(_send(one, route)) for name, route in sorted(settings.notify.items())}
