"""Checks without a verdict are counted by cause, and it is said when about they can be judged."""

from datetime import UTC, datetime, timedelta

import pytest

from mlmon.analyzers.base.unjudged import Cause, Unjudged, UnjudgedChecks, cause_of
from mlmon.analyzers.base.window import DAY, HOUR

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("207 scores; 238 are needed to detect a distance of 0.2.", Cause.TRAFFIC),
        ("4 segments had too few predictions on 2026-03-01 to be compared.", Cause.TRAFFIC),
        ("1 success of train known in 150 days, 4 are needed to know its schedule.", Cause.HISTORY),
        ("84 requests; not enough history for a baseline (fewer than 3 past days).", Cause.HISTORY),
        ("Predictions are known since 9:00 only; drift is judged over a full day.", Cause.HISTORY),
        ("2,667 labels are known; no week before is known to compare with.", Cause.HISTORY),
        ("ROC AUC of autobid 3 is known for 2 days; 5 are needed.", Cause.HISTORY),
        ("ROC AUC has no value: 0 labels of the rarer kind; 20 are needed.", Cause.LABELS),
        ("The training set of autobid 3 has no labels.", Cause.NO_BASELINE),
        ("autobid 3 has no labels on 2026-03-01.", Cause.NO_LABELS),
        ("There is no baseline for autobid 3.", Cause.NO_BASELINE),
        ("No verdict, the logs are incomplete: the 3 lost lines could change it.", Cause.LOGS),
        (
            "drift failed from 1 to 2 (KeyError: x); its findings of that time are incomplete.",
            Cause.FAILED,
        ),
        ("2 of 27 labels failed; limit 2 %; beyond the limit, not proven: it may be …", Cause.NEAR),
        ("price may have moved by KS 0.12, cannot be told from the limit of 0.1", Cause.NEAR),
        ("The moon is full.", Cause.OTHER),
    ],
)
def test_the_cause_of_a_sentence(reason: str, cause: Cause) -> None:
    """Sentences as the analyzers write them, each with the cause a person would name."""
    assert cause_of(reason) is cause


def scores(rows: int, needed: int = 230) -> Unjudged:
    """Return a check that had so many scores in a day."""
    return Unjudged("score_shift", f"{rows} scores; {needed} are needed.", DAY, rows)


def test_the_sentence_of_the_issue() -> None:
    """At 60 a day 230 are there on the fourth day: a window that grows is long enough then."""
    checks = UnjudgedChecks(begin=NOW - HOUR)
    for _ in range(14):
        checks.add(scores(60))
    for _ in range(9):
        checks.add(Unjudged("live_performance", "autobid 3 has no labels.", DAY))
    assert checks.sentence(227, NOW) == (
        "23 of 227 checks cannot be judged: 14 too little traffic until about Friday, 9 no labels"
    )


def test_no_date_is_promised_that_cannot_be_kept() -> None:
    """With 10 a day no window grows long enough; and what should have come is not promised."""
    assert scores(10).due(NOW) is None
    late = UnjudgedChecks(begin=NOW - 30 * DAY)
    late.add(scores(60))
    assert late.due(NOW) is None
    assert late.sentence(1, NOW) == "1 of 1 check cannot be judged: 1 too little traffic"


def test_a_full_day_and_past_days_are_due_when_they_are_over() -> None:
    """Counted from the first event."""
    day = Unjudged("feature_drift", "Known since 09:00; drift is judged over a full day.", DAY)
    past = Unjudged("service_health", "no baseline yet (fewer than 3 past days)", HOUR)
    assert day.due(NOW) == NOW + DAY
    assert past.due(NOW) == NOW + 3 * DAY
    assert scores(115).due(NOW) == NOW + timedelta(days=2)
