"""Replay the demo's history through real receivers, and count what a person would have received.

    make demo && make alerting-replay

The findings of the demo are stored again hour by hour in a namespace of their own, as `mlmon run`
would have found them, and published each time: through the outbox to a webhook and an SMTP server,
and to a real Alertmanager with the shipped configuration, its intervals shortened, that posts to a
second webhook. In between mlmon is killed, Alertmanager is restarted, and each receiver is away for
a while. Prints a table, and exits 1 unless each way sent one message at an incident's start, one at
its end and at most one when it grew worse. A second table shows what other ways of grouping make of
the same alerts.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import uuid
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from mlmon.alerting.alerts.store import AlertStore
from mlmon.alerting.incidents.store import IncidentStore
from mlmon.alerting.publish import Alerting
from mlmon.analyzers.base.window import DAY, HOUR, floor
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.analyzers.run.ground_truth import read_truth
from mlmon.demo import NAMESPACE, settle
from mlmon.elastic.connect import connect
from mlmon.elastic.settings import load_settings
from tests.support.correlators import (
    Grouping,
    alertmanager_messages,
    alertmanager_version,
    by_alertsift,
    by_key,
    by_rule,
    judge,
)
from tests.support.receivers import (
    WebhookReceiver,
    alertmanager,
    mail_server,
    webhook_receiver,
)
from tests.support.true_incidents import shows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmon.alerting.alerts.alert import Alert
    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.analyzers.base.finding import Finding
    from mlmon.elastic.client.cluster import Cluster

CONFIG = Path(__file__).parents[2] / "deploy" / "alertmanager.yml"
AWAY = (0.30, 0.35)
"""Shares of the history between which the receivers answer 503."""
KILLS = 12
console = Console(width=None if sys.stdout.isatty() else 120)


class Killed(BaseException):
    """Ends a cycle as a kill would: nothing catches it."""


def history(cluster: Cluster, namespace: str) -> dict[datetime, list[Finding]]:
    """Return the findings of a namespace by the hour in which their windows end."""
    found: dict[datetime, list[Finding]] = defaultdict(list)
    for finding in FindingStore(cluster, namespace).search():
        hour = floor(finding.end, HOUR)
        found[hour if hour == finding.end else hour + HOUR].append(finding)
    return dict(sorted(found.items()))


def configuration(url: str) -> str:
    """Return the shipped configuration with a receiver, in a thousandth of its time."""
    text = CONFIG.read_text()
    for given, scaled in (
        ("group_wait: 10s", "group_wait: 10ms"),
        ("group_interval: 1m", "group_interval: 100ms"),
    ):
        text = text.replace(given, scaled)
    hook = f'    webhook_configs: [{{url: "{url}", send_resolved: true}}]\n'
    return text.replace("  - name: people\n", f"  - name: people\n{hook}", 1)


def cycle(cluster: Cluster, namespace: str, before: datetime, now: datetime, *, kill: bool) -> None:
    """Publish one hour; a killed cycle is done again, as the next one would."""
    if kill:
        whole = IncidentStore.add

        def killed(*_: object, **__: object) -> None:
            raise Killed

        IncidentStore.add = killed  # type: ignore[assignment, method-assign]
        try:
            Alerting().findings_changed(cluster, namespace, before, now)
        except Killed:
            pass
        finally:
            IncidentStore.add = whole  # type: ignore[method-assign]
    Alerting().findings_changed(cluster, namespace, before, now)


def main() -> int:
    """Run the replay against the node of the settings; return the exit code."""
    settle(Path(os.environ.get("MLMON_DEMO", ".demo")))
    source = NAMESPACE
    target = f"replay_{uuid.uuid4().hex[:8]}"
    started = time.monotonic()
    with (
        connect(load_settings()) as cluster,
        webhook_receiver() as hook,
        webhook_receiver() as grouped,
        mail_server() as mails,
        tempfile.TemporaryDirectory() as folder,
    ):
        hours = history(cluster, source)
        if not hours:
            console.print(f"No findings in namespace {source!r}: run `make demo` first.")
            return 1
        config = Path(folder) / "mlmon.toml"
        config.write_text(
            f'[alerting.notify.hook]\ntype = "webhook"\nurl = "{hook.url}"\n'
            '[alerting.notify.mail]\ntype = "email"\nto = ["oncall@example.com"]\n'
            f'host = "127.0.0.1"\nport = {mails.port}\nsecurity = "none"\n'
        )
        os.environ["MLMON_CONFIG"] = str(config)
        replay(cluster, target, hours, Path(folder), hook, grouped, mails)
        incidents = list(IncidentStore(cluster, target).overlapping(min(hours) - DAY))
        alerts = list(AlertStore(cluster, target).overlapping(min(hours) - DAY))
        ways = {
            "webhook": Counter((body["incident"], body["kind"]) for body in hook.bodies_taken()),
            "e-mail": Counter(
                (mail["References"].split("-")[1].split("@")[0], kind_of(mail["Subject"]))
                for mail in mails.mails
            ),
            "Alertmanager": from_alertmanager(grouped),
        }
        for index in cluster.indices(f"mlmon-*-{target}*"):
            cluster.delete_index(index)
        groupings = compare(incidents, alerts, len(hook.bodies_taken()), Path(folder))
    code = report(incidents, ways, time.monotonic() - started)
    report_groupings(groupings)
    return code


def replay(
    cluster: Cluster,
    namespace: str,
    hours: dict[datetime, list[Finding]],
    folder: Path,
    hook: WebhookReceiver,
    grouped: WebhookReceiver,
    mails: Any,
) -> None:
    """Go through the hours; half-way Alertmanager is restarted with its data."""
    moments = list(hours)
    half = len(moments) // 2
    kills = set(range(7, len(moments), max(1, len(moments) // KILLS)))
    before = moments[0] - HOUR
    for part in (moments[:half], moments[half:]):
        with alertmanager(folder, configuration(grouped.url)) as running:
            os.environ["MLMON_ALERTING_ALERTMANAGER_URL"] = running.url
            for moment in part:
                number = moments.index(moment)
                share = number / len(moments)
                away = AWAY[0] <= share < AWAY[1]
                hook.status = 503 if away else 200
                mails.refuse = "451 try later" if away else None
                FindingStore(cluster, namespace).write(hours[moment], moment)
                cycle(cluster, namespace, before, moment, kill=number in kills)
                before = moment
            time.sleep(1)  # its last groups are flushed by its own clock
    for _ in range(3):
        # What was held back by a receiver that was away.
        before += timedelta(hours=1)
        Alerting().findings_changed(cluster, namespace, before, before)


def compare(
    incidents: Sequence[IncidentRecord], alerts: Sequence[Alert], messages: int, folder: Path
) -> dict[str, Grouping]:
    """Return how mlmon and other ways group the same alerts, against the scenario's truth."""
    path = Path(os.environ.get("MLMON_DEMO", ".demo")) / "scenario" / "truth.json"
    truth = read_truth(json.loads(path.read_text()))
    truths = {true.id: {one.id for one in alerts if shows(one, true)} for true in truth}
    ours = [frozenset(incident.alert_ids) for incident in incidents]
    found = {"mlmon": judge(ours, truths, messages)}
    version = alertmanager_version()
    for keys in (["alertname", "model"], ["service", "model"], ["service"]):
        sent = alertmanager_messages(folder, alerts, keys)
        name = f"Alertmanager {version}, group_by {', '.join(keys)}"
        found[name] = judge(by_key(alerts, keys), truths, sent)
    found["alertsift 0.1.0"] = judge(by_alertsift(alerts), truths)
    for frame in (timedelta(hours=1), timedelta(days=1)):
        name = f"Keep's rule, service and model, {frame.total_seconds() / 3600:.0f} h"
        found[name] = judge(by_rule(alerts, ["service", "model"], frame), truths)
    return found


def report_groupings(found: dict[str, Grouping]) -> None:
    """Print the comparison."""
    table = Table("way", "groups", "true incidents split", "groups that mix two", "messages")
    for way, grouping in found.items():
        messages = "-" if grouping.messages is None else str(grouping.messages)
        cells = (grouping.groups, grouping.split, grouping.mixed)
        table.add_row(way, *map(str, cells), messages)
    console.print(table)


def kind_of(subject: str) -> str:
    """Return what an e-mail's subject says that happened."""
    for head, kind in (("Resolved: ", "resolved"), ("Worse: ", "grew"), ("Again: ", "reopened")):
        if head in subject:
            return kind
    return "opened"


def from_alertmanager(grouped: WebhookReceiver) -> Counter[tuple[str, str]]:
    """Return what Alertmanager posted, by incident."""
    found: Counter[tuple[str, str]] = Counter()
    for body in grouped.bodies:
        for alert in body["alerts"]:
            name = alert["labels"].get("incident_id")
            if name:
                found[name, "opened" if alert["status"] == "firing" else "resolved"] += 1
    return found


def report(incidents: list[Any], ways: dict[str, Counter[tuple[str, str]]], seconds: float) -> int:
    """Print the table; return 0 if each incident was reported as it should be."""
    table = Table("incident", "start", "end", *(f"{way}: start / worse / end" for way in ways))
    wrong = 0
    for incident in sorted(incidents, key=lambda incident: str(incident.start)):
        name = incident.id
        cells = []
        for way, counts in ways.items():
            output = tuple(counts[name, kind] for kind in ("opened", "grew", "resolved"))
            over = incident.status == "resolved"
            good = output[0] == 1 and output[1] <= 1 and output[2] == int(over)
            # What began and ended while the receivers were away is one message that says both.
            good |= way != "Alertmanager" and over and output == (0, 0, 1)
            # Alertmanager repeats a firing alert of its own accord after it lost its memory.
            good |= way == "Alertmanager" and output[0] >= 1 and output[2] == int(over)
            wrong += not good
            cells.append(" / ".join(map(str, output)) + ("" if good else "  !"))
        table.add_row(
            incident.title,
            f"{incident.start:%Y-%m-%dT%H:%M}",
            f"{incident.ended:%Y-%m-%dT%H:%M}" if incident.ended else "",
            *cells,
        )
    console.print(table)
    total = {way: sum(counts.values()) for way, counts in ways.items()}
    console.print(f"{len(incidents)} incidents; messages: {total}; {seconds:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
