"""New field names are bounded per dataset, and nothing of a line is dropped for it."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.ingest.encode.field_names import MOST_NAMES, UNINDEXED, FieldNames
from mlmon.ingest.encode.line import LineEncoder, LineError
from mlmon.logging_config.schema.fields import UNINDEXED_NAMES

ADDED = {UNINDEXED, UNINDEXED_NAMES.name}
DECLARED = ("@timestamp", "event.id", "ml.features.numeric.*")


def names_of(events: list[dict[str, object]]) -> set[str]:
    """Return the undeclared names that the mapping would get."""
    return {name for event in events for name in event} - {*DECLARED}


@given(st.lists(st.sets(st.integers(0, 2_000), min_size=1, max_size=400), max_size=12))
def test_the_mapping_never_gets_more_names_than_the_bound(groups: list[set[int]]) -> None:
    """However names come, at most so many reach the mapping, and every value is kept."""
    names = FieldNames(DECLARED)
    kept = []
    for group in groups:
        event = {"event.id": "a", **{f"ml.features.numeric.f{n}": n for n in sorted(group)}}
        bounded = names.bounded(event) or event
        kept.append(bounded)
        rest = json.loads(bounded[UNINDEXED]) if UNINDEXED in bounded else {}
        listed = bounded.get(UNINDEXED_NAMES.name, [])
        assert {**{key: bounded[key] for key in bounded if key not in ADDED}, **rest} == event
        assert listed == list(rest)[:20]
    assert len(names_of(kept) - ADDED) <= MOST_NAMES


def test_names_that_the_cluster_has_count_toward_the_bound() -> None:
    """A restarted shipper does not begin with room for as many names again."""
    known = {f"ml.features.numeric.f{n}" for n in range(MOST_NAMES)}
    names = FieldNames(DECLARED, known | {"@timestamp"})
    assert names.bounded({"ml.features.numeric.f3": 1}) is None
    assert names.bounded({"ml.features.numeric.new": 1}) == {
        UNINDEXED: '{"ml.features.numeric.new":1}',
        UNINDEXED_NAMES.name: ["ml.features.numeric.new"],
    }
    assert (names.moved, names.examples) == (1, ["ml.features.numeric.new"])


def test_a_new_name_makes_every_following_line_be_checked() -> None:
    """After a long calm one line in sixteen is checked; after a new name each is."""
    names = FieldNames(DECLARED)
    for _ in range(10_000):
        if names.is_due():
            names.bounded({"event.id": "a"})
    calm = sum(names.is_due() for _ in range(1_600))
    assert 60 <= calm <= 160
    names.bounded({"ml.features.numeric.new": 1})
    assert all(names.is_due() for _ in range(1_000))


def test_a_line_that_is_checked_for_names_is_rejected_when_it_cannot_be_read() -> None:
    """Half of a surrogate pair, which no JSON parser for UTF-8 reads, is the line's own error."""
    now = datetime(2026, 3, 1, tzinfo=UTC)
    encoder = LineEncoder("test", ["ml.app"], 1, "ship-1", now, {"ml.app": FieldNames(DECLARED)})
    line = (
        b'{"@timestamp":"2026-03-01T00:00:00Z","event.id":"a","event.dataset":"ml.app",'
        b'"ml.schema_version":1,"message":"\\ud800"}'
    )
    with pytest.raises(LineError, match="not JSON"):
        encoder.encode(line)
