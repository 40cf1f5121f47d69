"""Who acts on what was judged: a later stage, handed to the commands that judge.

Imports point backwards only, so the stage that judges does not know which stage acts on its
findings; `mlmon/commands.py`, which knows all of them, gives it to the commands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    import typer

    from mlmon.elastic.client.cluster import Cluster


@dataclass(frozen=True, slots=True)
class Measurement:
    """A number that a stage measured and `mlmon run` exposes as a gauge until the next cycle.

    Args:
        name: The metric's name.
        meaning: What it says, one sentence.
        value: The number.
    """

    name: str
    meaning: str
    value: float


@dataclass(frozen=True, slots=True)
class SubscriberResult:
    """What a subscriber did.

    Args:
        line: In one line, empty where there is nothing to report.
        failed: Whether something could not be done that is to be done next time.
        problem: What could not be done; empty where `line` says it.
        measured: What it measured, for `/metrics` of `mlmon run`.
    """

    line: str = ""
    failed: bool = False
    problem: str = ""
    measured: tuple[Measurement, ...] = ()


@dataclass(frozen=True, slots=True)
class CycleOutcome:
    """How a cycle ended.

    Args:
        namespace: Environment.
        at: When.
        failure: What could not be judged and why, empty where everything was.
        judged: Whether it was completed and something was judged.
        every: Time between cycles; None where this one is run by itself.
    """

    namespace: str
    at: datetime
    failure: str
    judged: bool
    every: timedelta | None = None


class Subscriber(Protocol):
    """A stage that acts on what was judged."""

    def findings_changed(
        self, cluster: Cluster, namespace: str, since: datetime, now: datetime
    ) -> SubscriberResult:
        """Act on the findings of windows that end after `since`, which may have changed."""

    def cycle_ended(self, outcome: CycleOutcome) -> SubscriberResult:
        """Act on how a cycle ended; Elasticsearch may be away."""

    def send_due(self, cluster: Cluster | None, namespace: str, now: datetime) -> SubscriberResult:
        """Do, between cycles, what was put off; there is no cluster where it is away."""


class Nobody:
    """No stage acts on what was judged."""

    def findings_changed(self, *_: object) -> SubscriberResult:
        """Do nothing."""
        return SubscriberResult()

    def cycle_ended(self, _outcome: CycleOutcome) -> SubscriberResult:
        """Do nothing."""
        return SubscriberResult()

    def send_due(self, *_: object) -> SubscriberResult:
        """Do nothing."""
        return SubscriberResult()


NOBODY = Nobody()


def subscriber_of(context: typer.Context) -> Subscriber:
    """Return who acts on what a command judges: what the program gave to its commands."""
    subscriber: Subscriber | None = context.obj
    return subscriber or NOBODY
