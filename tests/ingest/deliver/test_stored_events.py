"""Before lines are looked up, writes that may still store them have ended."""

from typing import Any

from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.errors import ClusterError
from mlmon.ingest.deliver.stored_events import StoredEvents


class Writing:
    """A cluster that carries out one bulk request for a while, and remembers what it was asked."""

    def __init__(self, polls: int, error: ClusterError | None = None) -> None:
        self.asked: list[str] = []
        self._polls = polls
        self._error = error

    def running_writes(self) -> set[str]:
        """Return the request as long as it runs, and one that began later."""
        self.asked.append("writes")
        if self._error is not None:
            raise self._error
        self._polls -= 1
        return {"n:1"} if self._polls > 0 else {"n:2"}

    def refresh(self, index: str) -> None:
        """Remember it."""
        del index
        self.asked.append("refresh")

    def search(self, index: str, body: dict[str, Any]) -> dict[str, Any]:
        """Find nothing."""
        del index, body
        self.asked.append("search")
        return {"hits": {"hits": []}}


def test_a_look_up_waits_for_writes_that_run() -> None:
    """A request that was cut off may still be stored: only after its end nothing found means no."""
    target = Writing(polls=3)
    assert StoredEvents(target, "logs-*").find(["a"]) == {}
    assert target.asked == ["writes"] * 3 + ["refresh", "search"]


def test_without_the_privilege_it_looks_up_at_once() -> None:
    """A cluster that does not list its tasks stops nothing."""
    target = Writing(polls=9, error=ClusterError("refused", status=403))
    StoredEvents(target, "logs-*").find(["a"])
    assert target.asked == ["writes", "refresh", "search"]


def test_a_quiet_cluster_carries_out_no_write(cluster: Cluster) -> None:
    """The real node answers with ids of tasks, none where nobody writes for long."""
    assert all(":" in task for task in cluster.running_writes())
