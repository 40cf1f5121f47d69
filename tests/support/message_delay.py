"""How long until a message: from the first bad line of each fault to the first message about it.

    make demo && python -m tests.support.message_delay [--write]

Reads the incidents of the demo's history and their changes, whose times are those at which the
windows ended that decided them, and compares them with the scenario's truth. `mlmon run` sends a
message at its next cycle, five minutes later at most, or at its next fast check. Prints the table,
or writes it into docs/detection.md. Exits 1 where a fault made no message.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from mlmon.alerting.alerts.store import AlertStore
from mlmon.alerting.incidents.incident import ChangeKind
from mlmon.alerting.incidents.store import IncidentStore
from mlmon.analyzers.base.window import DAY
from mlmon.analyzers.run.ground_truth import TrueIncident, read_truth
from mlmon.demo import NAMESPACE, settle
from mlmon.elastic.connect import connect
from mlmon.elastic.settings import load_settings
from mlmon.formatting import duration
from tests.support.true_incidents import shows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mlmon.alerting.alerts.alert import Alert
    from mlmon.alerting.incidents.incident import IncidentChange
    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.elastic.client.cluster import Cluster

PAGE = Path(__file__).parents[2] / "docs" / "detection.md"
BEGIN, END = "<!-- messages: begin -->\n", "<!-- messages: end -->"
FAST = ("`outage`", "`job_health` failed.runs", "`model_reload` reload.failures")
"""What the fast check finds."""


@dataclass(frozen=True, slots=True)
class FirstMessage:
    """The first message about a fault.

    Args:
        fault: What went wrong, by the truth.
        at: When its window ended; None where there was none.
        by: The analyzer and the metric that it names.
        began: What the incident gives as its begin.
        joined: Whether it joined an incident that was open already, which makes no message.
    """

    fault: TrueIncident
    at: datetime | None = None
    by: str = ""
    began: datetime | None = None
    joined: bool = False


def shown_by(fault: TrueIncident, alert: Alert) -> bool:
    """Return whether an alert shows a fault: as the truth expects, or as an outage of a service."""
    service = any(expected.analyzer == "service_health" for expected in fault.expect)
    lasts = alert.ended is None or alert.ended > fault.time.start
    outage = alert.analyzer == "outage" and service and lasts and alert.opened <= fault.time.end
    return outage or shows(alert, fault)


def first_message(
    fault: TrueIncident,
    alerts: Mapping[str, Alert],
    incidents: Sequence[IncidentRecord],
    changes: Mapping[str, Sequence[IncidentChange]],
) -> FirstMessage:
    """Return the first message about a fault."""
    found = []
    for incident in incidents:
        members = [alerts[name] for name in incident.alert_ids if name in alerts]
        showing = {alert.id: alert for alert in members if shown_by(fault, alert)}
        for change in changes[incident.id]:
            alert = showing.get(change.about or "")
            if alert is not None and change.at > fault.time.start:
                began = incident.start
                joined = change.kind is ChangeKind.JOINED
                by = f"`{alert.analyzer}` {alert.metric}"
                found.append(FirstMessage(fault, change.at, by, began, joined))
    # A message before a mere joining, then the earlier one.
    return min(
        found,
        key=lambda message: (message.joined, message.at or fault.time.end),
        default=FirstMessage(fault),
    )


def messages(cluster: Cluster, namespace: str, truth: Sequence[TrueIncident]) -> list[FirstMessage]:
    """Return the first message about each fault, in order of time."""
    begin = min(fault.time.start for fault in truth) - DAY
    incidents = list(IncidentStore(cluster, namespace).overlapping(begin))
    alerts = {alert.id: alert for alert in AlertStore(cluster, namespace).overlapping(begin)}
    changes = IncidentStore(cluster, namespace).changes([incident.id for incident in incidents])
    ordered = sorted(truth, key=lambda fault: fault.time.start)
    return [first_message(fault, alerts, incidents, changes) for fault in ordered]


def table(found: Sequence[FirstMessage]) -> str:
    """Return the table as Markdown."""
    lines = ["| fault | message after | by | start given as | sent |", 5 * "|---" + "|"]
    for message in found:
        start = message.fault.time.start
        after = duration(message.at - start) if message.at else "none"
        began = "-" if message.began is None else _beside(message.began - start)
        sent = "with the fast check" if message.by.startswith(FAST) else "with the next cycle"
        sent = "joined an open incident" if message.joined else sent
        lines.append(
            f"| {message.fault.title} | {after} | {message.by or '-'} | {began} | {sent} |"
        )
    return "\n".join(lines) + "\n"


def _beside(off: timedelta) -> str:
    if abs(off) < timedelta(minutes=1):
        return "the same minute"
    return f"{duration(abs(off))} {'earlier' if off < timedelta(0) else 'later'}"


def main() -> int:
    """Print or write the table; return 1 where a fault made no message."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write it into docs/detection.md")
    parser.add_argument("--truth", type=Path, help="truth.json; the demo's by default")
    given = parser.parse_args()
    folder = Path(os.environ.get("MLMON_DEMO", ".demo"))
    if given.truth is None:
        settle(folder)
    path = given.truth or folder / "scenario" / "truth.json"
    truth = read_truth(json.loads(path.read_text()))
    with connect(load_settings()) as cluster:
        found = messages(cluster, NAMESPACE, truth)
    text = table(found)
    if given.write:
        page = PAGE.read_text(encoding="utf-8")
        head, rest = page.split(BEGIN, 1)
        PAGE.write_text(head + BEGIN + text + END + rest.split(END, 1)[1], encoding="utf-8")
    sys.stdout.write(text)
    return int(any(message.at is None for message in found))


if __name__ == "__main__":
    sys.exit(main())
