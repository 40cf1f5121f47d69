"""Rollover and retention for a cluster without index lifecycle management.

Three steps: list the indices of one namespace, decide (pure), carry out. Only data streams and
monthly indices that mlmon's templates make are listed. Of these, an index is changed only where it
carries mlmon's mark, no stream writes to it, and no lifecycle policy of the cluster manages it.

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
    """The present state of one of mlmon's indices.

    Args:
        facts: Its age, size and owner.
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
    """An action on an index."""

    ROLL_OVER = "roll over"
    DELETE = "delete"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class PruneStep:
    """One action to carry out.

    Args:
        act: What.
        target: The data stream to roll over, or the index to delete.
        documents: How many documents the index holds.
        size: Its size in bytes.
        reason: The reason, for people.
    """

    act: Act
    target: str
    documents: int
    size: int
    reason: str


def plan(
    cluster: Cluster, namespace: str, lifecycles: Iterable[Lifecycle], now: datetime
) -> list[PruneStep]:
    """Return the steps for a namespace, in the order to carry them out."""
    return [
        step
        for lifecycle in lifecycles
        for kept in observe(cluster, namespace, lifecycle, now)
        if (step := decide(kept, lifecycle, now)) is not None
    ]


def carry_out(cluster: Cluster, steps: Iterable[PruneStep]) -> Iterator[PruneStep]:
    """Carry out each step and yield it; an index that another run has deleted is left out.

    Raises:
        ClusterError: The cluster refused; the steps yielded so far are done.
    """
    for step in steps:
        if step.act is Act.ROLL_OVER:
            cluster.rollover(step.target)
        elif step.act is Act.DELETE and not cluster.delete_index(step.target):
            continue
        yield step


def decide(kept: Kept, lifecycle: Lifecycle, now: datetime) -> PruneStep | None:
    """Return the step for an index, None where nothing is due."""
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
    return PruneStep(act, target, facts.documents, facts.size, reason) if reason else None


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
    """Return the reason to roll over, empty where there is none, as for an index that is empty."""
    age = now - facts.created
    if not facts.documents:
        return ""
    if facts.size >= lifecycle.rollover_bytes:
        return f"{facts.size / 2**30:.1f} GiB"
    if age >= timedelta(days=lifecycle.rollover_days):
        return f"written to for {age.days} days"
    return ""


def _expired(kept: Kept, lifecycle: Lifecycle, now: datetime) -> str:
    """Return the reason to delete an index, empty where there is none."""
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
