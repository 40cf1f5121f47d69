"""Findings from letters: `w` warning, `c` critical, `o` ok, `u` unknown, `.` no finding at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from mlmon.alerting.alerts.state_machine import AlertStateMachine
from mlmon.alerting.policies.policy import Policy, policy_of
from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.identity import IDENTITY_FIELDS
from mlmon.analyzers.base.window import HOUR

if TYPE_CHECKING:
    from datetime import timedelta

    from mlmon.alerting.alerts.alert import Alert

START = datetime(2026, 3, 2, tzinfo=UTC)
SEVERITIES = {
    "o": Severity.OK,
    "u": Severity.UNKNOWN,
    "w": Severity.WARNING,
    "c": Severity.CRITICAL,
}


def spell(
    letters: str,
    subject: str = "price",
    *,
    length: timedelta = HOUR,
    step: timedelta | None = None,
    start: datetime = START,
    **known: Any,
) -> list[Finding]:
    """Return the findings of a series, one letter for each window that ends a step after the last.

    The first window ends a step after the start.
    """
    step = length if step is None else step
    about = {"analyzer": "drift", "metric": "ks", "service": "api"} | known
    return [
        Finding.of(
            subject=subject,
            start=start + number * step - length,
            end=start + number * step,
            severity=SEVERITIES[letter],
            reason=f"{subject} is {letter} in window {number}.",
            runbook="docs/analyzers/drift.md",
            **about,
        )
        for number, letter in enumerate(letters, 1)
        if letter != "."
    ]


def changed(alert: Alert, **values: Any) -> Alert:
    """Return an alert with other attributes, those of its identity among them."""
    about = {name: values.pop(name) for name in IDENTITY_FIELDS if name in values}
    return replace(alert, identity=replace(alert.identity, **about), **values)


def rule(after: int = 2, of: int = 3, clear: int = 3, on: str = "warning", **known: Any) -> Policy:
    """Return the rule of an analyzer called `drift`, unless another is named."""
    name = known.pop("name", "drift")
    layer = known.pop("layer", "feature")
    policy = AlertPolicy(on=on, after=after, of=of, layer=layer, clear=clear, **known)  # type: ignore[arg-type]
    return policy_of(name, policy, f"docs/analyzers/{name}.md")


HISTORIES = st.lists(st.text("wcou.", min_size=1, max_size=12), min_size=1, max_size=3)
"""One word of letters for each of some series."""


def joined(histories: list[str], **known: Any) -> list[Finding]:
    """Return the findings of several series, each a subject of its own."""
    return [
        finding
        for number, letters in enumerate(histories)
        for finding in spell(letters, f"subject {number}", **known)
    ]


def gone_through(of: Policy, findings: list[Finding], machine: AlertStateMachine) -> list[Alert]:
    """Return the alerts of one series, that which is open in the end included."""
    found = []
    for _, together in groupby(findings, key=lambda finding: finding.end):
        found += machine.take(of, list(together))
    return found + ([machine.alert] if machine.alert else [])


def all_alerts(of: Policy, findings: list[Finding]) -> list[Alert]:
    """Return the alerts of several series."""
    ordered = sorted(findings, key=lambda finding: (finding.series, finding.end))
    return [
        alert
        for _, of_series in groupby(ordered, key=lambda finding: finding.series)
        for alert in gone_through(of, list(of_series), AlertStateMachine())
    ]
