"""The plan of a timeline: faults at disjoint times, in the order of their tracks."""

from itertools import pairwise

import pytest

from mlmon.elastic.errors import WrongValueError
from mlmon.scoreboard.faults.catalogue import FAULTS, KINDS, chosen
from mlmon.scoreboard.faults.fault import Fault, Size
from mlmon.scoreboard.faults.traps import TRAPS
from mlmon.scoreboard.run import CHOOSING_SEEDS, FIRST_REPORTED
from mlmon.scoreboard.timelines.plan import BEGIN, WARM_UP, plan


def test_catalogue_has_enough_kinds() -> None:
    """There are 24 kinds of fault and 14 traps or more, each with a name of its own."""
    assert len(FAULTS) >= 24
    assert len(TRAPS) >= 14
    assert len({fault.id for fault in KINDS}) == len(KINDS)


@pytest.mark.parametrize("fault", KINDS, ids=lambda fault: fault.id)
def test_declaration_is_complete(fault: Fault) -> None:
    """A fault changes something, has signs and layers of a right cause; a trap has no layers."""
    changes = (fault.inputs, fault.answers, fault.traffic, fault.job, fault.arrival, fault.starts)
    if fault.is_trap:
        assert not fault.layers
    else:
        assert any(changes) or fault.clock_ahead
        assert fault.signs
        assert fault.layers
    assert set(fault.spans) == set(Size)


@pytest.mark.parametrize("size", Size)
def test_faults_of_a_track_do_not_overlap(size: Size) -> None:
    """Faults of one track follow each other with a gap, all after the warm-up."""
    for timeline in plan(size, 1, KINDS):
        tracks: dict[str, list[tuple[object, object]]] = {}
        for one in timeline.planned:
            if not one.fault.alongside:
                tracks.setdefault(one.fault.track, []).append((one.start, one.end))
            if one.fault.at_hour >= 0:
                assert one.start >= BEGIN + WARM_UP
            assert one.end <= timeline.end
        for times in tracks.values():
            assert all(before[1] < after[0] for before, after in pairwise(times))


def test_steps_cover_a_timeline() -> None:
    """Cycles follow each other without a gap, from the first line to the last."""
    for timeline in plan(Size.MEDIUM, 1, KINDS):
        steps = timeline.steps()
        assert steps[0][0] == timeline.begin
        assert steps[-1][1] == timeline.end
        assert all(before[1] == after[0] for before, after in pairwise(steps))


def test_unknown_kind_is_refused() -> None:
    """A kind that does not exist is named, with those that do."""
    with pytest.raises(WrongValueError, match="no kind nonsense"):
        chosen(["silence", "nonsense"])


def test_seeds_are_disjoint() -> None:
    """No seed that limits may be chosen on is reported."""
    assert max(CHOOSING_SEEDS) < FIRST_REPORTED
