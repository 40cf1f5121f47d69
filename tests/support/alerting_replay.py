"""Replay the demo's history through real receivers, and count what a person would have received.

    make demo && make alerting-replay
    python -m tests.support.alerting_replay --write

The findings of the demo are stored again hour by hour in a namespace of their own, as `mlmon run`
would have found them, and published each time: through the outbox to a webhook and an SMTP server,
and to a real Alertmanager with the shipped configuration, its intervals shortened, that posts to a
second webhook. In between mlmon and the demo's node are killed, each between the outbox and the
change, Alertmanager is restarted, and each receiver is away for a while. Prints a table, and exits
1 unless each way sent one message at an incident's start, one at its end and at most one when it
grew worse. It names the hard cases of the history; a test replays one that has all of them. A
second table shows what other
ways of grouping make of the same alerts. `--write` puts both into docs/alerting.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import uuid
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from rich.console import Console
from rich.table import Table

from mlmon.alerting.alerts.store import AlertStore
from mlmon.alerting.incidents.incident import ChangeKind
from mlmon.alerting.incidents.store import IncidentStore
from mlmon.alerting.publish import Alerting
from mlmon.analyzers.base.window import DAY, HOUR, floor
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.analyzers.run.ground_truth import read_truth
from mlmon.demo import NAMESPACE, settle
from mlmon.elastic.connect import connect
from mlmon.elastic.errors import ClusterError
from mlmon.elastic.node import node
from mlmon.elastic.settings import load_settings
from tests.benchmarks.bench_incidents import Score, score, write_between
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
    MailServer,
    WebhookReceiver,
    alertmanager,
    mail_server,
    webhook_receiver,
)
from tests.support.true_incidents import shows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mlmon.alerting.alerts.alert import Alert
    from mlmon.alerting.incidents.incident import IncidentChange
    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.analyzers.base.finding import Finding
    from mlmon.analyzers.run.ground_truth import TrueIncident
    from mlmon.elastic.client.cluster import Cluster
    from mlmon.elastic.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "alerting.md"
MARKS = ("<!-- alerting_replay -->", "<!-- end of alerting_replay -->")
GROUPING_MARKS = ("<!-- groupings -->", "<!-- end of groupings -->")
"""Around the tables in the page."""
CONFIG = Path(__file__).parents[2] / "deploy" / "alertmanager.yml"
OWN = "mlmon"
AWAY = (0.30, 0.35)
"""Shares of the history between which the receivers answer 503."""
NODE_KILLS = (5, 9)
"""Of the cycles with a message, those in which the node is killed; mlmon is in every other one."""
console = Console(width=None if sys.stdout.isatty() else 120)


class Killed(BaseException):
    """Ends a cycle as a kill would: nothing catches it."""


@dataclass
class Embedded:
    """The embedded node, which is killed without being asked and started again.

    Args:
        settings: Its home; with the URL of another cluster it is not killed.
        cluster: It, as it is asked now.
    """

    settings: Settings
    cluster: Cluster

    @classmethod
    @contextmanager
    def opened(cls, settings: Settings) -> Iterator[Embedded]:
        """Connect while the block runs."""
        found = cls(settings, connect(settings))
        try:
            yield found
        finally:
            found.cluster.close()

    @property
    def may_be_killed(self) -> bool:
        """Whether it is mlmon's own."""
        return self.settings.is_embedded and node.find(self.settings) is not None

    def kill(self) -> None:
        """End it and its children by SIGKILL."""
        running = node.find(self.settings)
        assert running is not None
        process = psutil.Process(running.pid)
        family = [process, *process.children(recursive=True)]
        for one in family:
            one.kill()
        psutil.wait_procs(family, timeout=30)

    def start(self) -> None:
        """Start it again with what it stored."""
        self.cluster.close()
        node.start(self.settings)
        self.cluster = connect(self.settings)


@dataclass
class Interruptions:
    """Kills mlmon, or the node, after the outbox was filled and before the changes are stored.

    Args:
        of: The node.
        node_kills: Of the cycles with a message, those in which the node is killed.
        cycles: Cycles with a message so far.
        mlmon: How often mlmon was killed.
        node: How often the node was.
    """

    of: Embedded
    node_kills: Sequence[int] = NODE_KILLS
    cycles: int = 0
    mlmon: int = 0
    node: int = 0
    _add: Any = field(init=False, default_factory=lambda: IncidentStore.add)
    _just: bool = field(init=False, default=False)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Interrupt while the block runs."""

        def add(
            store: IncidentStore,
            changes: Iterable[tuple[IncidentChange, IncidentRecord]],
            now: datetime,
        ) -> Any:
            new = list(changes)
            self._interrupt(sends=any(change.kind.published for change, _ in new))
            return self._add(store, new, now)

        IncidentStore.add = add  # type: ignore[method-assign]
        try:
            yield
        finally:
            IncidentStore.add = self._add  # type: ignore[method-assign]

    def _interrupt(self, *, sends: bool) -> None:
        if not sends or self._just:
            # What was interrupted is done again, as the next cycle would.
            self._just = False
            return
        self.cycles += 1
        if self.cycles in self.node_kills and self.of.may_be_killed:
            self._just = True
            self.node += 1
            self.of.kill()
        elif self.cycles % 2 == 0:
            self._just = True
            self.mlmon += 1
            raise Killed


def history(cluster: Cluster, namespace: str) -> dict[datetime, list[Finding]]:
    """Return the findings of a namespace by the hour in which their windows end."""
    return by_hour(FindingStore(cluster, namespace).search())


def by_hour(findings: Iterable[Finding]) -> dict[datetime, list[Finding]]:
    """Return findings by the hour in which their windows end, in order of time."""
    found: dict[datetime, list[Finding]] = defaultdict(list)
    for finding in findings:
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


def cycle(of: Embedded, namespace: str, before: datetime, now: datetime) -> None:
    """Publish one hour; what is killed meanwhile is started, and the hour is published again."""
    while True:
        try:
            Alerting().findings_changed(of.cluster, namespace, before, now)
        except Killed:
            continue
        except ClusterError:
            of.start()
            continue
        return


@dataclass
class Receivers:
    """Who receives.

    Args:
        hook: The webhook of a route.
        mails: The SMTP server of another.
        grouped: The webhook that Alertmanager posts to.
    """

    hook: WebhookReceiver
    mails: MailServer
    grouped: WebhookReceiver

    @classmethod
    @contextmanager
    def listening(cls, folder: Path) -> Iterator[Receivers]:
        """Run them, and configure mlmon to send to them, while the block runs."""
        with webhook_receiver() as hook, mail_server() as mails, webhook_receiver() as grouped:
            config = folder / "mlmon.toml"
            config.write_text(
                f'[alerting.notify.hook]\ntype = "webhook"\nurl = "{hook.url}"\n'
                '[alerting.notify.mail]\ntype = "email"\nto = ["oncall@example.com"]\n'
                f'host = "127.0.0.1"\nport = {mails.port}\nsecurity = "none"\n'
            )
            os.environ["MLMON_CONFIG"] = str(config)
            yield cls(hook, mails, grouped)

    def away(self, *, away: bool) -> None:
        """Let those of the routes answer that they are away, or take everything."""
        self.hook.status = 503 if away else 200
        self.mails.refuse = "451 try later" if away else None

    def received(self) -> Ways:
        """Return what each way sent, by incident and kind."""
        mails = [
            (mail["References"].split("-")[1].split("@")[0], kind_of(mail["Subject"]))
            for mail in self.mails.mails
        ]
        bodies = self.hook.bodies_taken()
        return {
            "webhook": Counter((body["incident"], body["kind"]) for body in bodies),
            "e-mail": Counter(mails),
            "Alertmanager": from_alertmanager(self.grouped),
        }


Ways = dict[str, Counter[tuple[str, str]]]
"""Messages of each way, by the incident's id and what happened."""


def main() -> int:
    """Run the replay against the node of the settings; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="put the tables into docs/alerting.md")
    write = parser.parse_args().write
    demo = Path(os.environ.get("MLMON_DEMO", ".demo"))
    settle(demo)
    target = f"replay_{uuid.uuid4().hex[:8]}"
    started = time.monotonic()
    truth = read_truth(json.loads((demo / "scenario" / "truth.json").read_text()))
    with (
        tempfile.TemporaryDirectory() as name,
        Embedded.opened(load_settings()) as of,
        Receivers.listening(Path(name)) as receivers,
    ):
        hours = history(of.cluster, NAMESPACE)
        if not hours:
            console.print(f"No findings in namespace {NAMESPACE!r}: run `make demo` first.")
            return 1
        interruptions = replay(of, target, hours, Path(name), receivers)
        known = Known.of(of.cluster, target, min(hours) - DAY)
        for index in of.cluster.indices(f"mlmon-*-{target}*"):
            of.cluster.delete_index(index)
        sent = len(receivers.hook.bodies_taken())
        groupings = compare(known, truth, sent, Path(name))
    ways = receivers.received()
    wrong = report(known, ways)
    report_cases(known)
    scored = score(0, truth, known.incidents, known.alerts)
    text = summary(known, ways, scored, interruptions)
    console.print(text, markup=False)
    for sentence in scored.wrong:
        console.print(sentence, markup=False)
    console.print(f"{time.monotonic() - started:.0f} s")
    console.print(groupings_table(groupings), markup=False)
    if write:
        write_between(PAGE, MARKS, text)
        write_between(PAGE, GROUPING_MARKS, groupings_table(groupings))
    return int(wrong > 0)


def replay(
    of: Embedded,
    namespace: str,
    hours: dict[datetime, list[Finding]],
    folder: Path,
    receivers: Receivers,
    node_kills: Sequence[int] = NODE_KILLS,
) -> Interruptions:
    """Go through the hours, interrupted; half-way Alertmanager is restarted with its data."""
    moments = list(hours)
    half = len(moments) // 2
    interruptions = Interruptions(of, node_kills)
    before = moments[0] - HOUR
    with interruptions.at_work():
        for part in (moments[:half], moments[half:]):
            with alertmanager(folder, configuration(receivers.grouped.url)) as running:
                os.environ["MLMON_ALERTING_ALERTMANAGER_URL"] = running.url
                for moment in part:
                    share = moments.index(moment) / len(moments)
                    receivers.away(away=AWAY[0] <= share < AWAY[1])
                    FindingStore(of.cluster, namespace).write(hours[moment], moment)
                    cycle(of, namespace, before, moment)
                    before = moment
                time.sleep(1)  # its last groups are flushed by its own clock
        for _ in range(3):
            # What was held back by a receiver that was away.
            before += timedelta(hours=1)
            cycle(of, namespace, before, before)
    return interruptions


@dataclass(frozen=True)
class Known:
    """What is stored after a replay.

    Args:
        incidents: The incidents, in order of their begin.
        alerts: The alerts.
        changes: The changes of each incident, by its id.
    """

    incidents: Sequence[IncidentRecord]
    alerts: Sequence[Alert]
    changes: Mapping[str, Sequence[IncidentChange]]

    @classmethod
    def of(cls, cluster: Cluster, namespace: str, since: datetime) -> Known:
        """Read it."""
        store = IncidentStore(cluster, namespace)
        incidents = sorted(store.overlapping(since), key=lambda incident: incident.start)
        alerts = list(AlertStore(cluster, namespace).overlapping(since))
        return cls(incidents, alerts, store.changes([incident.id for incident in incidents]))

    def cases(self) -> dict[str, list[str]]:
        """Return the incidents of each case that is hard, by their titles."""
        by_id = {alert.id: alert for alert in self.alerts}
        overlapping = [
            f"{one.title} and {other.title}"
            for number, one in enumerate(self.incidents)
            for other in self.incidents[number + 1 :]
            if one.model_name and one.model_name == other.model_name
            if one.ended is None or other.start < one.ended
        ]
        late = [
            incident.title
            for incident in self.incidents
            if any(change.kind is ChangeKind.CAUSE_CHANGED for change in self.changes[incident.id])
        ]
        outlived = []
        for incident in self.incidents:
            cause = by_id[incident.cause_id].ended
            if cause is not None and (incident.ended is None or incident.ended > cause):
                outlived.append(incident.title)
        return {
            "two incidents overlap on one model": overlapping,
            "a cause becomes known after its symptom": late,
            "symptoms outlive their cause": outlived,
        }


def compare(
    known: Known, truth: Sequence[TrueIncident], messages: int, folder: Path
) -> dict[str, Grouping]:
    """Return how mlmon and other ways group the same alerts, against the scenario's truth."""
    incidents, alerts = known.incidents, known.alerts
    truths = {true.id: {one.id for one in alerts if shows(one, true)} for true in truth}
    ours = [frozenset(incident.alert_ids) for incident in incidents]
    found = {OWN: judge(ours, truths, messages)}
    version = alertmanager_version()
    for keys in (["alertname", "model"], ["service", "model"], ["service"]):
        sent = alertmanager_messages(folder, alerts, keys)
        name = f"Alertmanager {version}, `group_by: [{', '.join(keys)}]`"
        found[name] = judge(by_key(alerts, keys), truths, sent)
    found["alertsift 0.1.0"] = judge(by_alertsift(alerts), truths)
    for frame in (timedelta(hours=1), timedelta(days=1)):
        name = f"Keep's rule, service and model, {frame.total_seconds() / 3600:.0f} h"
        found[name] = judge(by_rule(alerts, ["service", "model"], frame), truths)
    return found


def groupings_table(found: Mapping[str, Grouping]) -> str:
    """Return the comparison as a table of Markdown."""
    lines = [
        "| way | groups | true incidents split | groups that mix two | messages |",
        "|---|---:|---:|---:|---:|",
    ]
    for way, grouping in found.items():
        messages = "-" if grouping.messages is None else str(grouping.messages)
        cells = [way, str(grouping.groups), str(grouping.split), str(grouping.mixed), messages]
        cells = [f"**{cell}**" for cell in cells] if way == OWN else cells
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


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


def report(known: Known, ways: Ways) -> int:
    """Print the incidents; return how many were not reported as they should be."""
    table = Table("incident", "start", "end", *(f"{way}: start / worse / end" for way in ways))
    wrong = 0
    for incident in known.incidents:
        cells = []
        for way, counts in ways.items():
            output = tuple(counts[incident.id, kind] for kind in ("opened", "grew", "resolved"))
            good = is_right(way, output, over=incident.status == "resolved")
            wrong += not good
            cells.append(" / ".join(map(str, output)) + ("" if good else "  !"))
        table.add_row(
            incident.title,
            f"{incident.start:%Y-%m-%dT%H:%M}",
            f"{incident.ended:%Y-%m-%dT%H:%M}" if incident.ended else "",
            *cells,
        )
    console.print(table)
    names = {incident.id for incident in known.incidents}
    kinds = {"opened", "grew", "resolved"}
    for way, counts in ways.items():
        if other := {key for key in counts if key[0] not in names or key[1] not in kinds}:
            console.print(f"{way}: other messages: {sorted(other)}", markup=False)
            wrong += len(other)
    return wrong


def is_right(way: str, output: tuple[int, ...], *, over: bool) -> bool:
    """Return whether a way sent one message at an incident's start, one at its end, one if worse.

    Args:
        way: Which.
        output: How many at the start, when it grew worse and at the end.
        over: Whether the incident has ended.
    """
    if way == "Alertmanager":
        # It repeats a firing alert of its own accord after it lost its memory.
        return output[0] >= 1 and output[2] == int(over)
    if over and output == (0, 0, 1):
        # What began and ended while the receivers were away is one message that says both.
        return True
    return output[0] == 1 and output[1] <= 1 and output[2] == int(over)


def report_cases(known: Known) -> int:
    """Print which incidents are hard cases; return how many kinds of them there are none of."""
    cases = known.cases()
    for case, titles in cases.items():
        console.print(f"{case}: {'; '.join(titles) or 'none'}", markup=False)
    return sum(not titles for titles in cases.values())


def summary(known: Known, ways: Ways, scored: Score, interruptions: Interruptions) -> str:
    """Return what a person received in all as a table of Markdown."""
    number = len(known.incidents)
    lines = [
        "| way | starts | ends | grew worse | messages | messages per incident |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for way, counts in ways.items():
        by_kind = Counter[str]()
        for (_, kind), count in counts.items():
            by_kind[kind] += count
        total = sum(by_kind.values())
        grew = "-" if way == "Alertmanager" else str(by_kind["grew"])
        lines.append(
            f"| {way} | {by_kind['opened']} | {by_kind['resolved']} | {grew} | {total} | "
            f"{total / number:.1f} |"
        )
    named = {name for incident in known.incidents for name in incident.alert_ids}
    within = sum(alert.id in named for alert in known.alerts)
    open_now = sum(incident.is_open for incident in known.incidents)
    sentence = (
        f"{number} incidents, {open_now} of them open at the end, hold {within} of "
        f"{len(known.alerts)} alerts. Of {scored.true} true incidents {scored.found} were found, "
        f"{scored.right} of them with the right likely cause. mlmon was killed "
        f"{interruptions.mlmon} times and its node {interruptions.node} times."
    )
    return "\n".join([*lines, "", sentence])


if __name__ == "__main__":
    sys.exit(main())
