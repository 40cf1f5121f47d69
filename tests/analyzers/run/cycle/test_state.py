"""One cycle at a time, whoever starts how many."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from socket import gethostname
from subprocess import PIPE, Popen
from sys import executable

import pytest

from mlmon.analyzers.base.window import DAY, HOUR
from mlmon.analyzers.run.cycle.holder import this_process
from mlmon.analyzers.run.cycle.state import LEASE, Bookmark, BookmarkStore, Lease
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.errors import UserError
from mlmon.elastic.node.process import ProcessIdentity


def test_one_of_many_gets_the_lease(cluster: Cluster, namespace: str, start: datetime) -> None:
    """Eight ask at the same moment, and exactly one may run."""
    leases = [Lease(cluster, namespace, f"host:{number}") for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda lease: lease.take(start), leases))
    assert answers.count(None) == 1
    winner = f"host:{answers.index(None)}"
    assert {answer.holder for answer in answers if answer} == {winner}


def test_a_lease_lapses(cluster: Cluster, namespace: str, start: datetime) -> None:
    """A holder that died is waited for no longer than its lease; one that renews is not."""
    first, second = (Lease(cluster, namespace, name) for name in ("first", "second"))
    assert first.take(start) is None
    assert second.take(start + LEASE / 2) is not None
    first.renew(start + LEASE / 2)
    assert second.take(start + LEASE) is not None
    assert second.take(start + 2 * LEASE) is None
    with pytest.raises(UserError, match="second"):
        first.renew(start + 2 * LEASE)


def test_a_lease_given_back_is_free_at_once(
    cluster: Cluster, namespace: str, start: datetime
) -> None:
    """After a cycle the next process need not wait; giving back what another holds does nothing."""
    first, second = (Lease(cluster, namespace, name) for name in ("first", "second"))
    assert first.take(start) is None
    first.release(start)
    assert second.take(start) is None
    first.release(start)
    assert first.take(start) is not None


def test_a_process_of_this_host_that_was_killed_is_not_waited_for(
    cluster: Cluster, namespace: str, start: datetime
) -> None:
    """The next one takes its lease at once; one that lives is waited for."""
    with Popen([executable, "-c", "input()"], stdin=PIPE) as child:
        identity = ProcessIdentity.of(child.pid)
        name = f"{gethostname()}:{identity.pid}:{identity.started}"
        first, second = Lease(cluster, namespace, name), Lease(cluster, namespace, this_process())
        assert first.take(start) is None
        assert second.take(start) is not None
        child.kill()
    assert second.take(start) is None
    assert Lease(cluster, namespace, "elsewhere:1:2.0").take(start) is not None


def test_the_bookmark_is_kept(cluster: Cluster, namespace: str, start: datetime) -> None:
    """There is none before the first cycle, and then the last one's."""
    store = BookmarkStore(cluster, namespace)
    assert store.read() is None
    for moment in (start, start + DAY):
        kept = Bookmark(moment, moment + HOUR, moment + 2 * HOUR, "digest")
        store.write(kept, moment)
        assert store.read() == kept
