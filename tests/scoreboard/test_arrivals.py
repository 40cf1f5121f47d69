"""What happens to lines between a log and the shipper."""

import numpy as np
import pytest

from mlmon.analyzers.base.window import HOUR, MINUTE
from mlmon.scoreboard.faults.fault import Arrival, Fault, spans
from mlmon.scoreboard.simulation.traffic import nanoseconds
from mlmon.scoreboard.timelines.arrivals import ArrivalQueue
from mlmon.scoreboard.timelines.plan import BEGIN, Planned

START, END = nanoseconds(BEGIN + HOUR), nanoseconds(BEGIN + 2 * HOUR)
LINES = 2_000


def _arrivals(arrival: Arrival | None) -> ArrivalQueue:
    fault = Fault("one", "one", "data", (), (), spans(HOUR, HOUR), arrival=arrival)
    planned = Planned(fault, BEGIN + HOUR, BEGIN + 2 * HOUR, HOUR)
    return ArrivalQueue([planned], np.random.default_rng(1))


def _sent(arrival: Arrival | None) -> tuple[list[int], list[int], ArrivalQueue]:
    """Return when lines were written, when they arrived, and the queue."""
    arrivals = _arrivals(arrival)
    written = np.linspace(START, END - 1, LINES, dtype=np.int64).tolist()
    for at in written:
        arrivals.put(str(at).encode(), at)
    times, lines = arrivals.arrived(nanoseconds(BEGIN + 9 * HOUR))
    assert times == sorted(times)
    return [int(line) for line in lines], times, arrivals


def test_lines_arrive_when_they_are_written() -> None:
    """Without a fault of the way, a line arrives at once, and once."""
    written, times, _ = _sent(None)
    assert written == times
    assert len(times) == LINES


def test_lost_lines_never_arrive() -> None:
    """About the declared share is lost: within five standard deviations of a binomial count."""
    _, times, _ = _sent(Arrival(lost=0.2))
    assert abs(len(times) - 0.8 * LINES) < 5 * (LINES * 0.2 * 0.8) ** 0.5


def test_late_lines_arrive_later() -> None:
    """The late ones come exactly as late as declared; none is lost."""
    written, times, _ = _sent(Arrival(late=0.3, late_by=40 * MINUTE))
    delays = {arrived - at for at, arrived in zip(written, times, strict=True)}
    assert delays == {0, 40 * 60 * 10**9}
    assert len(times) == LINES


def test_held_lines_arrive_at_the_end() -> None:
    """While the shipper is away nothing arrives; then all of it does, in order."""
    arrivals = _arrivals(Arrival(held=True))
    arrivals.put(b"first", START)
    arrivals.put(b"second", START + 1)
    assert arrivals.arrived(END) == ([], [])
    assert arrivals.arrived(END + 1) == ([END, END], [b"first", b"second"])


@pytest.mark.parametrize(("at", "twice"), [(START, True), (END, False)])
def test_second_shipper_lasts_as_long_as_its_fault(at: int, *, twice: bool) -> None:
    """The second shipper works in the fault's time only."""
    assert _arrivals(Arrival(twice=True)).is_twice(at) is twice


def test_lines_of_mlmon_do_not_depend_on_the_shipper() -> None:
    """What mlmon stores itself is neither lost nor held."""
    arrivals = _arrivals(Arrival(lost=1.0, held=True))
    arrivals.put(b"shipped", START)
    arrivals.put(b"stored", START, is_shipped=False)
    assert arrivals.arrived(START + 1) == ([START], [b"stored"])
