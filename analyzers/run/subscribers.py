"""Subscribers to changed findings: later stages register here.

Imports point backwards only, so the stage that judges does not know who acts on its findings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
        line: In one line.
        failed: Whether something could not be done that is to be done next time.
        measured: What it measured, for `/metrics` of `mlmon run`.
    """

    line: str
    failed: bool = False
    measured: tuple[Measurement, ...] = ()


Subscriber = Callable[["Cluster", str, "datetime", "datetime"], SubscriberResult]
"""Called with cluster, namespace, since when windows that end have other findings, and the time of
day."""

_subscribers: list[Subscriber] = []


def subscribe(subscriber: Subscriber) -> None:
    """Let a stage act on changed findings; subscribing twice is subscribing once."""
    if subscriber not in _subscribers:
        _subscribers.append(subscriber)


@dataclass(frozen=True, slots=True)
class CycleOutcome:
    """How a cycle ended.

    Args:
        namespace: Environment.
        at: When.
        failure: What could not be judged and why, empty where everything was.
        judged: Whether it was completed and something was judged.
    """

    namespace: str
    at: datetime
    failure: str
    judged: bool


OutcomeSubscriber = Callable[[CycleOutcome], SubscriberResult]
"""Called after each cycle, also where Elasticsearch is away."""
DueSubscriber = Callable[["Cluster | None", str, datetime], SubscriberResult]
"""Called between cycles with the cluster (None where it is away), namespace and time of day: does
what was put off."""

_outcome_subscribers: list[OutcomeSubscriber] = []
_due_subscribers: list[DueSubscriber] = []


def subscribe_outcomes(subscriber: OutcomeSubscriber) -> None:
    """Let a stage act on how cycles end; subscribing twice is subscribing once."""
    if subscriber not in _outcome_subscribers:
        _outcome_subscribers.append(subscriber)


def subscribe_due(subscriber: DueSubscriber) -> None:
    """Let a stage do between cycles what it put off; subscribing twice is subscribing once."""
    if subscriber not in _due_subscribers:
        _due_subscribers.append(subscriber)


def publish_outcome(outcome: CycleOutcome) -> list[SubscriberResult]:
    """Notify every subscriber of how a cycle ended; return those that have something to report."""
    results = [subscriber(outcome) for subscriber in _outcome_subscribers]
    return [result for result in results if result.line]


def publish_due(cluster: Cluster | None, namespace: str, now: datetime) -> list[SubscriberResult]:
    """Let every subscriber do what is due; return those that have something to report."""
    results = [subscriber(cluster, namespace, now) for subscriber in _due_subscribers]
    return [result for result in results if result.line]


def publish(
    cluster: Cluster, namespace: str, since: datetime, now: datetime
) -> list[SubscriberResult]:
    """Notify every subscriber that findings of windows that end after `since` may have changed."""
    return [subscriber(cluster, namespace, since, now) for subscriber in _subscribers]
