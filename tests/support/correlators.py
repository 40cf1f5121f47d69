"""What other ways of grouping make of the same alerts: Alertmanager, alertsift, Keep's rules.

Each way is given every alert of a history with its service, model, begin and end, and returns its
groups. Alertmanager 0.25 and alertsift 0.1 are run as they are; Keep does not install here, so its
rule is followed as its documentation describes it: alerts with equal attributes join the incident
while the last of them is younger than the rule's time frame.
"""

from __future__ import annotations

import subprocess
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
from alertsift.correlate import correlate
from alertsift.dedupe import dedupe
from alertsift.parsers.alertmanager import parse

from tests.support.receivers import alertmanager, webhook_receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from mlmon.alerting.alerts.alert import Alert

Groups = list[frozenset[str]]
"""Each group by the ids of its alerts."""
NEVER = datetime.max.replace(tzinfo=UTC)
_FLUSH_S = 0.25


@dataclass(frozen=True, slots=True)
class Grouping:
    """How one way groups alerts.

    Attributes:
        groups: How many groups there are.
        split: True incidents whose alerts lie in two or more groups.
        mixed: Groups that hold alerts of two or more true incidents.
        messages: What a person receives; None where the way sends nothing by itself.
    """

    groups: int
    split: int
    mixed: int
    messages: int | None = None


def judge(groups: Groups, truths: dict[str, set[str]], messages: int | None = None) -> Grouping:
    """Compare groups with the truth.

    Args:
        groups: The groups.
        truths: Ids of the alerts that show each true incident.
        messages: What a person received.
    """
    split = sum(sum(bool(alerts & group) for group in groups) > 1 for alerts in truths.values())
    # An alert that shows two true incidents at once mixes nothing by itself.
    mixed = sum(
        not any(group & shown <= alerts for alerts in truths.values())
        for group in groups
        if (shown := set[str]().union(*truths.values())) & group
    )
    return Grouping(len(groups), split, mixed, messages)


def labels(alert: Alert) -> dict[str, str]:
    """Return the labels that an alert per series has."""
    identity = alert.identity
    named = {
        "alertname": alert.rule,
        "service": identity.service,
        "model": identity.model_name,
        "metric": identity.metric,
        "subject": identity.subject,
        "segment": identity.segment,
        "series": alert.id,
        "severity": alert.severity.value,
    }
    return {name: str(value) for name, value in named.items() if value}


def by_key(alerts: Iterable[Alert], keys: Sequence[str]) -> Groups:
    """Return the groups of Alertmanager's `group_by`: one while any alert of it is firing."""
    return _grouped(alerts, keys, lambda alert: alert.ended or NEVER)


def by_rule(alerts: Iterable[Alert], keys: Sequence[str], frame: timedelta) -> Groups:
    """Return the incidents of a Keep rule that groups by attributes within a time frame."""
    return _grouped(alerts, keys, lambda alert: alert.opened + frame)


def by_alertsift(alerts: Sequence[Alert]) -> Groups:
    """Return the groups that alertsift makes of what is firing, followed from change to change."""
    moments = sorted({moment for one in alerts for moment in (one.opened, one.ended) if moment})
    open_groups: dict[str, set[str]] = {}
    groups: Groups = []
    for moment in moments:
        firing = [one for one in alerts if one.opened <= moment < (one.ended or NEVER)]
        found = correlate(dedupe(parse([_posted(one, moment) for one in firing])))
        # It merges alerts of one name and service; the alerts of a group are those of its key.
        now = {group.key: {one.id for one in firing if _key(one) == group.key} for group in found}
        for key in open_groups.keys() - now.keys():
            groups.append(frozenset(open_groups.pop(key)))
        for key, members in now.items():
            open_groups.setdefault(key, set()).update(members)
    return [*groups, *map(frozenset, open_groups.values())]


def alertmanager_messages(folder: Path, alerts: Sequence[Alert], keys: Sequence[str]) -> int:
    """Return how many messages a real Alertmanager posts for alerts per series.

    Its times are shortened; each change is posted once what came before is flushed.
    """
    moments = sorted({moment for one in alerts for moment in (one.opened, one.ended) if moment})
    with webhook_receiver() as hook:
        configuration = (
            f"route: {{receiver: people, group_by: [{', '.join(keys)}], group_wait: 10ms, "
            "group_interval: 100ms, repeat_interval: 24h}\n"
            "receivers:\n  - name: people\n    webhook_configs:\n"
            f'      - {{url: "{hook.url}", send_resolved: true}}\n'
        )
        with alertmanager(folder, configuration) as running:
            for moment in moments:
                changed = [one for one in alerts if moment in {one.opened, one.ended}]
                httpx.post(
                    f"{running.url}/api/v2/alerts", json=[_posted(one, moment) for one in changed]
                ).raise_for_status()
                time.sleep(_FLUSH_S)
        return len(hook.bodies)


def _posted(alert: Alert, moment: datetime) -> dict[str, Any]:
    over = alert.ended is not None and alert.ended <= moment
    end = datetime.now(UTC) if over else datetime.now(UTC) + timedelta(days=365)
    return {
        "labels": labels(alert),
        "annotations": {"summary": alert.reason},
        "startsAt": alert.since.isoformat(),
        "endsAt": end.isoformat(),
    }


def _key(alert: Alert) -> str:
    found = parse([_posted(alert, alert.opened)])
    return str(found[0].group_key())


def _grouped(
    alerts: Iterable[Alert], keys: Sequence[str], until: Callable[[Alert], datetime]
) -> Groups:
    """Return groups of alerts with equal labels that open while the group still takes some.

    Args:
        alerts: The alerts.
        keys: The labels.
        until: Until when a group takes another alert because of this one.
    """
    parts: dict[tuple[str, ...], list[Alert]] = defaultdict(list)
    for alert in alerts:
        found = labels(alert)
        parts[tuple(found.get(key, "") for key in keys)].append(alert)
    groups: Groups = []
    for part in parts.values():
        group: set[str] = set()
        end = NEVER
        for alert in sorted(part, key=lambda one: one.opened):
            if alert.opened > end:
                groups.append(frozenset(group))
                group = set()
            end = max(end, until(alert)) if group else until(alert)
            group.add(alert.id)
        groups.append(frozenset(group))
    return groups


def alertmanager_version() -> str:
    """Return the version of the Alertmanager that is installed."""
    done = subprocess.run(
        ["prometheus-alertmanager", "--version"], capture_output=True, text=True, check=True
    )
    return done.stdout.split()[2]
