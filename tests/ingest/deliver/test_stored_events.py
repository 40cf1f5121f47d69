"""Whether a look-up is needed: as soon as a stream has had a rollover, or that cannot be known."""

from mlmon.elastic.errors import ClusterUnreachableError
from mlmon.ingest.deliver.stored_events import Rollovers


class Streams:
    """Answers what a test wants, and counts how often it is asked."""

    def __init__(self) -> None:
        self.answer: dict[str, list[str]] | None = {"a": ["1"], "b": ["1"]}
        self.asked = 0

    def data_streams(self, _pattern: str) -> dict[str, list[str]]:
        """Return the answer, or fail where there is none."""
        self.asked += 1
        if self.answer is None:
            raise ClusterUnreachableError("away")
        return self.answer


def test_one_backing_index_each_needs_no_look_up() -> None:
    """Within one backing index `create` is enough; the cluster is not asked at every file."""
    streams, now = Streams(), [0.0]
    rollovers = Rollovers(streams, "logs-*", lambda: now[0])
    assert not rollovers()
    assert not rollovers()
    assert streams.asked == 1


def test_a_rollover_is_noticed_and_remembered() -> None:
    """Once a stream has two backing indices, every line found in a file is looked up."""
    streams, now = Streams(), [0.0]
    rollovers = Rollovers(streams, "logs-*", lambda: now[0])
    assert not rollovers()
    streams.answer = {"a": ["1"], "b": ["1", "2"]}
    now[0] = 60.0
    assert rollovers()
    assert rollovers()
    assert streams.asked == 2


def test_what_cannot_be_known_is_doubted() -> None:
    """A cluster that does not answer may have had a rollover."""
    streams = Streams()
    streams.answer = None
    assert Rollovers(streams, "logs-*")()
