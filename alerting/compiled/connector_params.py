"""What Kibana's connectors of higher licences are given, by their type.

They are made in Kibana, by whoever owns their secrets; a rule names them by id and fills their
parameters in (`stack_connectors`, the types' `ParamsSchema`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mlmon.analyzers.base.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Callable

Named = Literal[".email", ".pagerduty", ".slack", ".slack_api", ".teams", ".webhook"]
Params = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ConnectorReference:
    """A connector that is there already.

    Args:
        id: Its id.
        type: Its type.
        level: The mildest level that is sent.
        to: The recipients, where it has them: addresses of `.email`, channels of `.slack_api`.
    """

    id: str
    type: Named
    level: Severity = Severity.WARNING
    to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConnectorMessage:
    """The message; its texts are mustache that Kibana fills in, escaped as each type needs it.

    Args:
        title: In a few words.
        text: In full.
        level: How bad it is.
        over: Whether it is sent when an alert is over.
    """

    title: str
    text: str
    level: Severity
    over: bool


def params_of(reference: ConnectorReference, message: ConnectorMessage) -> Params:
    """Return an action's parameters."""
    return _PARAMS[reference.type](reference, message)


def _email(reference: ConnectorReference, message: ConnectorMessage) -> Params:
    return {"to": [*reference.to], "subject": message.title, "message": message.text}


def _pagerduty(_reference: ConnectorReference, message: ConnectorMessage) -> Params:
    key = {"dedupKey": "{{rule.id}}:{{alert.id}}"}
    if message.over:
        return {"eventAction": "resolve", **key}
    severity = "critical" if message.level is Severity.CRITICAL else "warning"
    return {"eventAction": "trigger", **key, "summary": message.text, "severity": severity}


def _slack_api(reference: ConnectorReference, message: ConnectorMessage) -> Params:
    parameters = {"channelIds": [*reference.to], "text": message.text}
    return {"subAction": "postMessage", "subActionParams": parameters}


def _text(_reference: ConnectorReference, message: ConnectorMessage) -> Params:
    return {"message": message.text}


def _webhook(_reference: ConnectorReference, message: ConnectorMessage) -> Params:
    body = {
        "title": message.title,
        "text": message.text,
        "severity": message.level.value,
        "status": "resolved" if message.over else "open",
        "incident": "{{alert.id}}",
    }
    return {"body": json.dumps(body)}


_PARAMS: dict[Named, Callable[[ConnectorReference, ConnectorMessage], Params]] = {
    ".email": _email,
    ".pagerduty": _pagerduty,
    ".slack": _text,
    ".slack_api": _slack_api,
    ".teams": _text,
    ".webhook": _webhook,
}
