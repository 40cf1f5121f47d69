"""Rollover and retention for a cluster without index lifecycle management.

Three steps: look at the indices of one namespace, decide (pure), carry out. What is looked at are
the exact data streams and the monthly indices that mlmon's templates make; of these only an index
that carries mlmon's mark is touched, never one that a stream still writes to, and none that a
lifecycle policy of the cluster already manages.

An index is older than its retention when both its last rollover and its newest event are: the same
moment at which ILM deletes it, and never before an event in it has reached that age.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.client.index_facts import IndexFacts
from mlmon.elastic.indices.lifecycle import Lifecycle

_MONTH = re.compile(r"\d{4}\.\d{2}")


@dataclass(frozen=True, slots=True)
class Kept:
    """An index of mlmon's as it stands.

    Args:
        facts: What the cluster knows of it.
        stream: The data stream it belongs to; None where it belongs to none.
        writing: Whether the stream writes into it.
        closed: When writing into it ended: its successor's creation, else its own.
        newest: Time of its newest event that is not in the future; None where it holds none.
    """

    facts: IndexFacts
    stream: str | None
    writing: bool
    closed: datetime
    newest: datetime | None


class Act(StrEnum):
    """What is done to an index."""

    ROLL_OVER = "roll over"
    DELETE = "delete"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do.

    Args:
        act: What.
        target: The data stream to roll over, or the index to delete.
        documents: How many documents the index holds.
        size: Its size in bytes.
        reason: Why, in words.
    """

    act: Act
    target: str
    documents: int
    size: int
    reason: str


def plan(
    cluster: Cluster, namespace: str, lifecycles: Iterable[Lifecycle], now: datetime
) -> list[Step]:
    """Return what is to be done in a namespace, in the order in which to do it."""
    return [
        step
        for lifecycle in lifecycles
        for kept in observe(cluster, namespace, lifecycle, now)
        if (step := decide(kept, lifecycle, now)) is not None
    ]


def carry_out(cluster: Cluster, steps: Iterable[Step]) -> Iterator[Step]:
    """Do each step and yield it when it is done; what another run deleted before is left out.

    Raises:
        ClusterError: The cluster refused; the steps yielded so far are done.
    """
    for step in steps:
        if step.act is Act.ROLL_OVER:
            cluster.rollover(step.target)
        elif step.act is Act.DELETE and not cluster.delete_index(step.target):
            continue
        yield step


def decide(kept: Kept, lifecycle: Lifecycle, now: datetime) -> Step | None:
    """Return what is to be done with an index, None where nothing is."""
    facts = kept.facts
    if facts.policy is not None:
        return None
    if not facts.ours:
        reason = "no template of mlmon's made it"
        act, target = Act.LEAVE, facts.name
    elif kept.writing:
        reason = _full(facts, lifecycle, now)
        act, target = Act.ROLL_OVER, kept.stream or facts.name
    else:
        reason = _expired(kept, lifecycle, now)
        act, target = Act.DELETE, facts.name
    return Step(act, target, facts.documents, facts.size, reason) if reason else None


def observe(
    cluster: Cluster, namespace: str, lifecycle: Lifecycle, now: datetime
) -> Iterator[Kept]:
    """Yield the indices of a lifecycle in a namespace, the oldest of each stream first."""
    if lifecycle.stream:
        stream = f"{lifecycle.template}-{namespace}"
        names = cluster.data_streams(stream).get(stream, [])
    else:
        stream = None
        prefix = f"{lifecycle.template}-{namespace}-"
        found = cluster.indices(f"{prefix}*")
        names = [name for name in found if _MONTH.fullmatch(name.removeprefix(prefix))]
    if not names:
        return
    pattern = stream or f"{prefix}*"
    facts = {fact.name: fact for fact in cluster.index_facts(pattern)}
    newest = _newest(cluster, pattern, now)
    for position, name in enumerate(names):
        writing = stream is not None and position == len(names) - 1
        successor = names[position + 1] if stream is not None and not writing else name
        # An index that another run deletes meanwhile has no facts any more.
        if name in facts and successor in facts:
            yield Kept(facts[name], stream, writing, facts[successor].created, newest.get(name))


def _full(facts: IndexFacts, lifecycle: Lifecycle, now: datetime) -> str:
    """Return why the next index should begin; empty where it should not. An empty one never is."""
    age = now - facts.created
    if not facts.documents:
        return ""
    if facts.size >= lifecycle.rollover_bytes:
        return f"{facts.size / 2**30:.1f} GiB"
    if age >= timedelta(days=lifecycle.rollover_days):
        return f"written to for {age.days} days"
    return ""


def _expired(kept: Kept, lifecycle: Lifecycle, now: datetime) -> str:
    """Return why an index is to be deleted; empty where it is not."""
    if lifecycle.days is None:
        return ""
    last = max(kept.closed, kept.newest or kept.closed)
    if now - last < timedelta(days=lifecycle.days):
        return ""
    newest = f"newest event {kept.newest:%Y-%m-%d}" if kept.newest else "no event"
    return f"{newest}, closed {kept.closed:%Y-%m-%d}, kept for {lifecycle.days} days"


def _newest(cluster: Cluster, pattern: str, now: datetime) -> dict[str, datetime]:
    # A producer whose clock runs ahead must not keep an index for ever.
    body = {
        "size": 0,
        "query": {"range": {"@timestamp": {"lte": now.isoformat()}}},
        "aggs": {
            "index": {
                "terms": {"field": "_index", "size": 10_000},
                "aggs": {"newest": {"max": {"field": "@timestamp"}}},
            }
        },
    }
    answer = cluster.search(pattern, body)
    return {
        bucket["key"]: datetime.fromtimestamp(bucket["newest"]["value"] / 1000, UTC)
        for bucket in answer.get("aggregations", {}).get("index", {}).get("buckets", [])
    }
