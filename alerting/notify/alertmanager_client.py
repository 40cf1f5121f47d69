"""Alertmanager over HTTP: the only module that talks to it, by one verb of its API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from mlmon.elastic.errors import UserError, innermost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmon.alerting.notify.alertmanager import Payload
    from mlmon.alerting.settings import AlertingSettings

AT_ONCE = 500
_PATH = "/api/v2/alerts"


def send(alerts: Sequence[Payload], url: str, settings: AlertingSettings) -> None:
    """Tell an Alertmanager of alerts; telling it again changes nothing.

    Raises:
        UserError: It is unreachable, or refuses.
    """
    credentials = settings.credentials()
    headers = {"authorization": f"Bearer {credentials}"} if isinstance(credentials, str) else {}
    with httpx.Client(
        headers=headers,
        auth=credentials if isinstance(credentials, tuple) else None,
        verify=settings.trusted(url),
        timeout=settings.request_timeout,
        # The environment's proxies are for the network outside.
        trust_env=False,
    ) as client:
        for start in range(0, len(alerts), AT_ONCE):
            _post(client, url, alerts[start : start + AT_ONCE])


def _post(client: httpx.Client, url: str, alerts: Sequence[Payload]) -> None:
    try:
        answer = client.post(url + _PATH, json=alerts)
    except httpx.HTTPError as error:
        raise UserError(
            f"Alertmanager is not reachable at {url}: {innermost(error)}",
            "Start it, or correct MLMON_ALERTING_ALERTMANAGER_URL; the next run tells it the same.",
        ) from error
    if not answer.is_success:
        raise UserError(
            f"Alertmanager at {url} answered {answer.status_code}: {answer.text[:300].strip()}",
            "Correct MLMON_ALERTING_ALERTMANAGER_URL, or the access to it.",
        )
