"""What follows when findings have changed: later stages join in here.

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
class Followed:
    """What a follower did.

    Args:
        line: In one line.
        failed: Whether something could not be done that is to be done next time.
    """

    line: str
    failed: bool = False


Follower = Callable[["Cluster", str, "datetime", "datetime"], Followed]
"""Told the cluster, the namespace, since when windows that end have other findings, and the time of
day."""

_followers: list[Follower] = []


def join(follower: Follower) -> None:
    """Let a stage act on changed findings; joining twice is joining once."""
    if follower not in _followers:
        _followers.append(follower)


Judge = Callable[[str, "str | None", "datetime"], Followed]
"""Given the namespace, why nothing can be judged (None: it can again), and the time of day."""

_judges: list[Judge] = []


def join_failures(judge: Judge) -> None:
    """Let a stage act when nothing can be judged; joining twice is joining once."""
    if judge not in _judges:
        _judges.append(judge)


def announce_failure(namespace: str, why: str | None, now: datetime) -> list[Followed]:
    """Say that nothing can be judged, or can again."""
    return [judge(namespace, why, now) for judge in _judges]


def announce(cluster: Cluster, namespace: str, since: datetime, now: datetime) -> list[Followed]:
    """Tell every follower that findings of windows that end after `since` may have changed."""
    return [follower(cluster, namespace, since, now) for follower in _followers]
