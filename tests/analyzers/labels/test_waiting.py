"""When an outcome without its prediction is looked up again, and when it is given up."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from mlmon.analyzers.labels.label import Outcome
from mlmon.analyzers.labels.waiting import MAX_WAIT, Waiting, WaitingStatus

SINCE = datetime(2026, 3, 2, tzinfo=UTC)


def test_intervals_grow_to_a_day_and_end_with_the_predictions_retention() -> None:
    """5, 5, 10, 20 minutes … then daily, until predictions of that time are deleted anyway."""
    waiting = Waiting(Outcome("o", "p", SINCE, label=True), SINCE)
    looks = [SINCE]
    while waiting.status(looks[-1]) is WaitingStatus.WAITING:
        looks.append(waiting.next(looks[-1]))
    gaps = [later - earlier for earlier, later in pairwise(looks)]
    minutes = [gap / timedelta(minutes=1) for gap in gaps[:6]]
    assert minutes == [5, 5, 10, 20, 40, 80]
    assert gaps == sorted(gaps)
    assert gaps[-1] == timedelta(days=1)
    assert timedelta(days=30) == MAX_WAIT
    assert MAX_WAIT <= looks[-1] - SINCE < MAX_WAIT + timedelta(days=1)
    assert len(looks) < 45
