"""Alertmanager over HTTP (v2 API): alerts go out, silences come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmon.alerting.notify.notifier import TIMEOUT_S
from mlmon.elastic.errors import UserError, root_cause

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

    from mlmon.alerting.notify.alertmanager import Payload
    from mlmon.alerting.settings import AlertingSettings

_ALERTS = "/api/v2/alerts"


def send(payloads: Sequence[Payload], settings: AlertingSettings) -> None:
    """Send alerts to every Alertmanager; sending one again changes nothing there.

    Where a batch is refused, each alert is sent by itself: one that is refused keeps no other back.

    Raises:
        UserError: No Alertmanager took all of them; those that could be taken were.
    """
    errors = [send_to(url, payloads, settings) for url in settings.alertmanagers]
    if errors and all(errors):
        raise UserError(
            "; ".join(error for error in errors if error),
            "Start it, or correct MLMON_ALERTING_ALERTMANAGER_URL; the next cycle sends the same.",
        )


def send_to(url: str, payloads: Sequence[Payload], settings: AlertingSettings) -> str | None:
    """Return why one Alertmanager did not take all alerts, None where it did."""
    import httpx

    if not payloads:
        return None
    with _client(url, settings) as client:
        try:
            answer = client.post(_ALERTS, json=payloads)
            if answer.is_success:
                return None
            refused = [
                one
                for payload in payloads
                if not (one := client.post(_ALERTS, json=[payload])).is_success
            ]
        except httpx.HTTPError as error:
            return f"Alertmanager is not reachable at {url}: {root_cause(error)}"
    if not refused:
        return None
    text = refused[0].text[:300].strip()
    return f"Alertmanager at {url} answered {refused[0].status_code}: {text}"


def silences(settings: AlertingSettings) -> list[dict[str, Any]]:
    """Return the active silences of the first Alertmanager that answers; none where none does."""
    import httpx

    for url in settings.alertmanagers:
        try:
            with _client(url, settings) as client:
                answer = client.get("/api/v2/silences")
                answer.raise_for_status()
        except httpx.HTTPError:
            continue
        found: list[dict[str, Any]] = answer.json()
        return [silence for silence in found if silence["status"]["state"] == "active"]
    return []


def _client(url: str, settings: AlertingSettings) -> httpx.Client:
    import httpx

    credentials = settings.credentials()
    headers = {"authorization": f"Bearer {credentials}"} if isinstance(credentials, str) else {}
    return httpx.Client(
        base_url=url,
        headers=headers,
        auth=credentials if isinstance(credentials, tuple) else None,
        verify=settings.trusted(url),
        timeout=min(settings.request_timeout, TIMEOUT_S),
        # The environment's proxies are for the network outside.
        trust_env=False,
    )
