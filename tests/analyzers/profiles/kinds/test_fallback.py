"""Fallbacks are counted by the hour, service, source and reason, inside Elasticsearch."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from mlmon.analyzers.base.window import DAY, EPOCH, HOUR, Window, iso
from mlmon.analyzers.profiles.by_service import OfService
from mlmon.analyzers.profiles.kinds.fallback import FallbackKind, reasons_of

STATS = OfService("api", "stats")


def fallback(at: datetime, source: str, reason: str | None, service: str = "api") -> dict[str, Any]:
    """Return the event of one fallback."""
    event = {
        "@timestamp": iso(at),
        "event.ingested": iso(at),
        "event.dataset": "ml.fallback",
        "service.name": service,
        "ml.feature_source.name": source,
    }
    return event | ({"event.reason": reason} if reason else {})


def test_fallbacks_are_counted(
    start: datetime,
    ship: Callable[[list[dict[str, Any]]], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """Each hour has its fallbacks by service, source and reason, those that do not say included."""
    at = [start + timedelta(minutes=minutes) for minutes in (1, 2, 3, 4, 70)]
    ship(
        [
            fallback(at[0], "stats", "stale"),
            fallback(at[1], "stats", "stale"),
            fallback(at[2], "stats", None),
            fallback(at[3], "prices", "timeout"),
            fallback(at[3], "stats", "stale", "batch"),
            fallback(at[4], "stats", "missing"),
        ]
    )
    day = Window(start, start + DAY)
    assert update("fallback", day) == 2
    assert update("fallback", day) == 0
    first, second = read("fallback", day)
    assert first.reasons == {
        STATS: Counter({"stale": 2, "(not said)": 1}),
        OfService("api", "prices"): Counter({"timeout": 1}),
        OfService("batch", "stats"): Counter({"stale": 1}),
    }
    assert second.window == Window(start + HOUR, start + 2 * HOUR)
    assert reasons_of(STATS, [first, second]) == Counter(
        {"stale": 2, "(not said)": 1, "missing": 1}
    )


def test_reasons_beyond_the_most_frequent(
    start: datetime,
    ship: Callable[[list[dict[str, Any]]], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """Where each fallback has a reason of its own, the rest is counted together, not lost."""
    ship([fallback(start, "stats", f"profile {number}") for number in range(30)])
    update("fallback", Window(start, start + DAY))
    (profile,) = read("fallback", Window(start, start + DAY))
    assert profile.reasons[STATS]["(other reasons)"] == 10
    assert profile.reasons[STATS].total() == 30


def test_profiles_stored_before_services_were_counted_are_read() -> None:
    """The body of an earlier mlmon is read with no service, and merges with today's."""
    from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark, Stamp
    from mlmon.analyzers.profiles.kind import StoredProfile

    key = ProfileKey("fallback", Window(EPOCH, EPOCH + HOUR))
    old = {"reasons": [["stats", {"stale": 2}]]}
    new = {"reasons": {"by_service": [["api", [["stats", {"stale": 3}]]]]}}
    stored = [StoredProfile(key, Stamp(SourceWatermark(1), 1), body) for body in (old, new)]
    merged = FallbackKind().read_merge(stored, {})
    assert merged is not None
    assert merged.reasons == {
        OfService("", "stats"): Counter(stale=2),
        STATS: Counter(stale=3),
    }
    assert reasons_of(STATS, [merged]) == Counter(stale=5)
