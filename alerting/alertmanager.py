"""Alerts as Alertmanager takes them (`POST /api/v2/alerts`).

Labels say what an alert is, so that the same alert is the same again and rules of inhibition can
tell what explains what; annotations say what a person should read. Alertmanager knows an alert by
its labels: one that grows from warning to critical ends as the one and begins as the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmon.alerting.episode import Episode, Status
from mlmon.alerting.wording import headline
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import DAY, iso
from mlmon.formatting import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime, timedelta

KEPT: timedelta = DAY
"""So long an open alert stays open there if nothing more is sent, and so long it is said again that
one has ended, in case it was not heard."""

LABELS = {
    "analyzer": "analyzer",
    "metric": "metric",
    "subject": "subject",
    "segment": "segment",
    "service": "service",
    "model_name": "model",
    "model_version": "version",
    "layer": "layer",
}
"""The label of each attribute of an episode."""

Alert = dict[str, Any]


def alerts(
    episodes: Iterable[Episode],
    namespace: str,
    now: datetime,
    causes: Mapping[str, Episode],
    *,
    runbooks: str = "",
    dashboard: str = "",
) -> list[Alert]:
    """Return the alerts that episodes amount to.

    Args:
        episodes: Open ones, and those that ended or were withdrawn of late.
        namespace: Environment.
        now: When this is.
        causes: Episodes by their ids, among which causes are looked up.
        runbooks: URL that the runbooks' paths follow; empty leaves them as they are.
        dashboard: URL to look at; empty gives none.
    """
    return [
        {
            "labels": _labels(episode, namespace, severity),
            "annotations": _annotations(episode, causes, runbooks),
            "startsAt": iso(begin),
            "endsAt": iso(end),
            **({"generatorURL": dashboard} if dashboard else {}),
        }
        for episode in episodes
        for severity, begin, end in _spans(episode, now)
    ]


def _labels(episode: Episode, namespace: str, severity: Severity) -> dict[str, str]:
    named = {label: getattr(episode, name) for name, label in LABELS.items()}
    return {
        "alertname": f"{episode.analyzer} {episode.metric}",
        "namespace": namespace,
        "severity": severity.value,
        # To Alertmanager a label without a value is none.
        **{label: value for label, value in named.items() if value},
    }


def _annotations(episode: Episode, causes: Mapping[str, Episode], runbooks: str) -> dict[str, str]:
    cause = causes.get(episode.explained_by or "")
    found = {
        "summary": episode.title,
        "description": episode.reason,
        "since": moment(episode.since),
        "alert_id": episode.id,
    }
    if cause is not None:
        found["perhaps_because_of"] = headline(cause)
    if episode.runbook:
        found["runbook_url"] = f"{runbooks}{episode.runbook}"
    return found


def _spans(episode: Episode, now: datetime) -> Iterator[tuple[Severity, datetime, datetime]]:
    """Yield each severity that an episode has had, from when until when."""
    end = episode.ended or now + KEPT
    if episode.status is Status.WITHDRAWN:
        end = now
    if episode.severity_since > episode.opened:
        yield Severity.WARNING, episode.opened, min(episode.severity_since, end)
    yield episode.severity, episode.severity_since, max(episode.severity_since, end)
