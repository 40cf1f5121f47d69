"""Early windows: what is certain, and the neighbours that are not."""

import numpy as np

from mlmon.analyzers.base.window import EPOCH, MINUTE, Window
from mlmon.analyzers.references.early_window import EarlyWindow, early_window

LENGTHS = (10 * MINUTE, 15 * MINUTE, 30 * MINUTE)
END = EPOCH + 30 * MINUTE
USUAL = 0.0025


def parts(counts: list[tuple[int, int]]) -> list[tuple[Window, int, int]]:
    """Return five minutes each, the last of which ends at `END`."""
    first = END - len(counts) * 5 * MINUTE
    return [
        (Window(first + n * 5 * MINUTE, first + (n + 1) * 5 * MINUTE), *of)
        for n, of in enumerate(counts)
    ]


def found(counts: list[tuple[int, int]], usual: float | None = USUAL) -> EarlyWindow | None:
    """Return the early window of five minutes each with events and requests."""
    return early_window(parts(counts), END, LENGTHS, lambda _window: usual, 1e-8)


def test_six_of_28_in_three_times_five_minutes_leave_no_doubt() -> None:
    """At a usual rate of 0.25 %: chance gives them once in ten billion windows."""
    early = found([(0, 9), (2, 9), (2, 9), (2, 10)])
    assert early is not None
    assert early.window == Window(END - 15 * MINUTE, END)
    assert early.chance < 1e-10


def test_three_of_28_leave_doubt() -> None:
    """They come once in 20,000 windows."""
    assert found([(1, 9), (1, 9), (1, 10)]) is None


def test_one_burst_is_not_enough() -> None:
    """All seven in the same five minutes, regardless of how unlikely: a client's bad minute."""
    assert found([(0, 9), (0, 9), (7, 10)]) is None
    assert found([(0, 9), (7, 9), (0, 10)]) is None
    assert found([(0, 9), (3, 9), (4, 10)]) is not None


def test_what_is_over_does_not_alarm() -> None:
    """The last five minutes are sound again."""
    assert found([(4, 9), (4, 9), (0, 10)]) is None


def test_without_a_usual_rate_nothing_is_certain() -> None:
    """A new path has none."""
    assert found([(9, 9), (9, 9), (9, 9)], None) is None


def test_a_year_of_looks_raises_nothing() -> None:
    """100,000 windows at half of the bound's rate: chance never suffices."""
    rng = np.random.default_rng(5)
    counts = rng.binomial(10, USUAL / 2, 100_000).tolist()
    assert not any(
        found([(n, 10) for n in counts[place : place + 6]]) for place in range(len(counts) - 5)
    )
