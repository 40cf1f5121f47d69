"""One request with a JSON body, and what its answer means for the message."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from mlmon.alerting.notify.notifier import TIMEOUT_S, SendResult, Sent

if TYPE_CHECKING:
    from collections.abc import Mapping

_REFUSED = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
"""What the message itself causes. A wrong token or path is tried until a person corrects it."""


def post_json(
    url: str,
    body: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
    method: str = "POST",
    *,
    proxies: bool = True,
) -> SendResult:
    """Send a request; never raises, and shows neither URL nor body in its reason.

    Args:
        url: Where to.
        body: What is sent as JSON.
        headers: Further headers.
        method: The HTTP method.
        proxies: Whether the proxies of the environment are used: for what lies outside.
    """
    import httpx

    try:
        answer = httpx.request(
            method, url, json=dict(body), headers=headers, timeout=TIMEOUT_S, trust_env=proxies
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return SendResult(Sent.RETRY, type(error).__name__)
    if answer.is_success:
        return SendResult(Sent.DONE)
    refused = answer.status_code in _REFUSED
    return SendResult(Sent.REFUSED if refused else Sent.RETRY, f"HTTP {answer.status_code}")
