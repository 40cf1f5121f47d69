"""Which incidents Alertmanager silences: its matchers against the labels that mlmon sends.

As Alertmanager does it (`pkg/labels/matcher.go`): all matchers of a silence have to match, a label
that is missing counts as empty, and a regular expression has to match the complete value.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mlmon.alerting.notify.alertmanager import labels
from mlmon.analyzers.base.window import parse_time
from mlmon.formatting import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.alerting.settings import AlertingSettings

Silence = dict[str, Any]
"""A silence as `GET /api/v2/silences` returns it."""


def silenced(
    incidents: Iterable[IncidentRecord], namespace: str, settings: AlertingSettings
) -> dict[str, str]:
    """Return who silences which open incident in Alertmanager until when, by the incident's id.

    Without an Alertmanager, or where none answers, there is none.
    """
    from mlmon.alerting.notify.alertmanager_client import silences

    return silenced_by(silences(settings), incidents, namespace) if settings.alertmanagers else {}


def silenced_by(
    silences: Sequence[Silence], incidents: Iterable[IncidentRecord], namespace: str
) -> dict[str, str]:
    """Return who silences which open incident until when, by the incident's id.

    Args:
        silences: Active silences.
        incidents: The incidents; those that ended are passed over.
        namespace: Environment.
    """
    found = {}
    for incident in incidents:
        if not incident.is_open:
            continue
        sent = labels(incident, namespace)
        fitting = [silence for silence in silences if matches(silence["matchers"], sent)]
        if fitting:
            fitting.sort(key=lambda silence: (silence["endsAt"], silence["createdBy"]))
            found[incident.id] = "; ".join(map(_sentence, reversed(fitting)))
    return found


def matches(matchers: Iterable[Mapping[str, Any]], sent: Mapping[str, str]) -> bool:
    """Return whether all matchers match labels.

    A regular expression of Go's that Python does not read matches nothing.
    """
    return all(_matches(matcher, sent.get(matcher["name"], "")) for matcher in matchers)


def _matches(matcher: Mapping[str, Any], value: str) -> bool:
    wanted = matcher["value"]
    if matcher.get("isRegex"):
        pattern = _pattern(wanted)
        if pattern is None:
            return False
        same = pattern.fullmatch(value) is not None
    else:
        same = wanted == value
    # Alertmanagers before 0.22 know no negative matchers and leave it out.
    return same is matcher.get("isEqual", True)


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str] | None:
    with warnings.catch_warnings():
        # Classes such as [[:alpha:]] mean something else to Python.
        warnings.simplefilter("error")
        try:
            return re.compile(text, re.DOTALL)
        except (re.error, Warning):
            return None


def _sentence(silence: Silence) -> str:
    comment = f" ({silence['comment']})" if silence.get("comment") else ""
    return f"{silence['createdBy']} until {moment(parse_time(silence['endsAt']))}{comment}"
