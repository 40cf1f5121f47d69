"""Subscribers to changed findings: later stages register here.

Imports point backwards only, so the stage that judges does not know who acts on its findings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

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


FailureSubscriber = Callable[[str, "str | None", "datetime"], SubscriberResult]
"""Given the namespace, why nothing can be judged (None: it can again), and the time of day."""

_failure_subscribers: list[FailureSubscriber] = []


def subscribe_failures(subscriber: FailureSubscriber) -> None:
    """Let a stage act when nothing can be judged; subscribing twice is subscribing once."""
    if subscriber not in _failure_subscribers:
        _failure_subscribers.append(subscriber)


def publish_failure(namespace: str, why: str | None, now: datetime) -> list[SubscriberResult]:
    """Publish that nothing can be judged, or can again."""
    return [subscriber(namespace, why, now) for subscriber in _failure_subscribers]


def publish(
    cluster: Cluster, namespace: str, since: datetime, now: datetime
) -> list[SubscriberResult]:
    """Notify every subscriber that findings of windows that end after `since` may have changed."""
    return [subscriber(cluster, namespace, since, now) for subscriber in _subscribers]
