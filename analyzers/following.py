"""What follows when findings have changed: later stages join in here.

Imports point backwards only, so the stage that judges does not know who acts on its findings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from elastic.cluster import Cluster

Follower = Callable[["Cluster", str, "datetime", "datetime"], str]
"""Told the cluster, the namespace, since when windows that end have other findings, and the time of
day; returns one line on what it did."""

_followers: list[Follower] = []


def join(follower: Follower) -> None:
    """Let a stage act on changed findings; joining twice is joining once."""
    if follower not in _followers:
        _followers.append(follower)


def announce(cluster: Cluster, namespace: str, since: datetime, now: datetime) -> list[str]:
    """Tell every follower that findings of windows that end after `since` may have changed."""
    return [follower(cluster, namespace, since, now) for follower in _followers]
