"""Changes are found where the detectors' papers say."""

import math
import random
from collections.abc import Iterator, Sequence

import pytest

from mlmon.analyzers.checks.concept_drift.error_stream import (
    DETECTORS,
    WARM_START,
    adwin_changes,
    ddm_changes,
)

CHANGE = 1_000


def stream(seed: int, *parts: tuple[int, float]) -> list[int]:
    """Draw errors, of each part so many at such a rate."""
    draw = random.Random(seed)
    return [int(draw.random() < rate) for size, rate in parts for _ in range(size)]


def ddm_of_the_paper(errors: Sequence[int]) -> Iterator[int]:
    """Yield the places where the rule of Gama et al. (2004) finds a change, from its text alone."""
    n = wrong = 0
    least = (math.inf, math.inf)
    for place, error in enumerate(errors):
        n, wrong = n + 1, wrong + error
        p = wrong / n
        s = math.sqrt(p * (1 - p) / n)
        if n <= WARM_START:
            continue
        if p + s <= sum(least):
            least = (p, s)
        if p + s > least[0] + 3 * least[1]:
            yield place
            n = wrong = 0
            least = (math.inf, math.inf)


@pytest.mark.parametrize("seed", range(8))
def test_ddm_is_that_of_the_paper(seed: int) -> None:
    """Changes are found where the paper's rule finds them, after each one from the start."""
    errors = stream(seed, (CHANGE, 0.2), (CHANGE, 0.4), (CHANGE, 0.7))
    found = [change.seen - 1 for change in ddm_changes(errors)]
    assert found == list(ddm_of_the_paper(errors))
    assert len(found) >= 2


def cut_of_the_paper(sums: Sequence[int], first: int, last: int, delta: float) -> bool:
    """Whether any cut of a window shows a change by the bound of Bifet & Gavalda (2007)."""
    n = last - first
    mean = (sums[last] - sums[first]) / n
    confidence = math.log(2 * math.log(n) / delta)
    for cut in range(first + 5, last - 4):
        left, right = cut - first, last - cut
        gap = abs((sums[cut] - sums[first]) / left - (sums[last] - sums[cut]) / right)
        m = 1 / (1 / left + 1 / right)
        if gap > math.sqrt(2 / m * mean * (1 - mean) * confidence) + 2 / (3 * m) * confidence:
            return True
    return False


@pytest.mark.parametrize("seed", range(5))
def test_adwin_is_that_of_the_paper(seed: int) -> None:
    """It finds a change no sooner than the bound allows over every cut, and then within 100."""
    errors = stream(seed, (CHANGE, 0.2), (400, 0.6))
    first = next(adwin_changes(errors))
    sums = [0]
    for error in errors:
        sums.append(sums[-1] + error)
    checked = range(CHANGE, len(errors) + 1, 8)
    sooner = next(n for n in checked if cut_of_the_paper(sums, 0, n, 0.002))
    # It keeps buckets, not every cut, and looks every 32 places.
    assert sooner - 8 <= first.seen <= sooner + 100


def test_adwin_is_silent_without_a_change() -> None:
    """The paper's guarantee: at delta 0.002 hardly one of 100 even streams shows a change."""
    alarms = sum(bool(list(adwin_changes(stream(seed, (2_000, 0.3))))) for seed in range(100))
    assert alarms <= 2


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("seed", range(5))
def test_a_change_is_dated(name: str, seed: int) -> None:
    """A rise from 20 to 60 % is dated to within 60 decisions of where it was, by either."""
    last = list(DETECTORS[name](stream(seed, (CHANGE, 0.2), (400, 0.6))))[-1]
    assert abs(last.since - CHANGE) <= 60
    assert last.since <= last.seen


@pytest.mark.parametrize("name", DETECTORS)
def test_what_is_found_does_not_depend_on_what_follows(name: str) -> None:
    """Read to any place, a stream shows the changes seen so far and no others."""
    errors = stream(3, (CHANGE, 0.25), (CHANGE, 0.5), (CHANGE, 0.25))
    whole = list(DETECTORS[name](errors))
    assert whole
    for end in (500, 1_100, 1_700, 2_600):
        assert list(DETECTORS[name](errors[:end])) == [
            change for change in whole if change.seen <= end
        ]


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("errors", [[], [1], [0] * 200, [1] * 200])
def test_nothing_and_constants(name: str, errors: list[int]) -> None:
    """No error at all, or nothing but errors, is no change."""
    assert list(DETECTORS[name](errors)) == []
