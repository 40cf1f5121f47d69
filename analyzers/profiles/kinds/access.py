"""What an HTTP service answered in a window: requests, statuses and latencies per path."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.profiles.kinds.latency import Latencies

KIND = "access"
DATASET = "ml.access"
OTHER = "(other paths)"
"""Requests to paths that a window does not keep apart."""


@dataclass(frozen=True, slots=True)
class PathAccess:
    """The requests of one path.

    Args:
        requests: How many.
        statuses: Requests per HTTP status.
        timed: Requests whose duration is known.
        duration: Sum of the durations in nanoseconds.
        duration_squares: Sum of their squares.
        latencies: Requests per latency bucket.
        service: The service that answered (the most frequent one).
    """

    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    timed: int = 0
    duration: float = 0.0
    duration_squares: float = 0.0
    latencies: Latencies = field(default_factory=Counter)
    service: str | None = None


@dataclass(frozen=True, slots=True)
class AccessProfile:
    """The requests of one window, by path."""

    profile_key: ProfileKey
    watermark: SourceWatermark
    revision: int = 1
    paths: Mapping[str, PathAccess] = field(default_factory=dict)

    @property
    def window(self) -> Window:
        """The time summarised."""
        return self.profile_key.window

    def body(self) -> dict[str, Any]:
        """Return what is stored beside profile key and watermark."""
        return {"paths": [{"path": path, **_encode(each)} for path, each in self.paths.items()]}


def from_body(
    profile_key: ProfileKey, watermark: SourceWatermark, revision: int, body: dict[str, Any]
) -> AccessProfile:
    """Read what `AccessProfile.body` wrote."""
    paths = {path.pop("path"): _decode(path) for path in body["paths"]}
    return AccessProfile(profile_key, watermark, revision, paths)


def total(parts: Iterable[PathAccess]) -> PathAccess:
    """Return the sum of requests; no part is a sum of no requests."""
    found = list(parts)
    statuses: Counter[int] = Counter()
    latencies: Latencies = Counter()
    for access in found:
        statuses.update(access.statuses)
        latencies.update(access.latencies)
    return PathAccess(
        sum(access.requests for access in found),
        statuses,
        sum(access.timed for access in found),
        sum(access.duration for access in found),
        sum(access.duration_squares for access in found),
        latencies,
        next((access.service for access in found if access.service), None),
    )


def rest(whole: PathAccess, parts: Iterable[PathAccess]) -> PathAccess:
    """Return what is left of a whole without its parts."""
    known = total(parts)
    return PathAccess(
        whole.requests - known.requests,
        whole.statuses - known.statuses,
        whole.timed - known.timed,
        # What rounding leaves of equal sums is no duration.
        max(0.0, whole.duration - known.duration),
        max(0.0, whole.duration_squares - known.duration_squares),
        whole.latencies - known.latencies,
        whole.service,
    )


def _encode(path: PathAccess) -> dict[str, Any]:
    return {
        "requests": path.requests,
        "statuses": [*path.statuses.items()],
        "timed": path.timed,
        "duration": path.duration,
        "duration_squares": path.duration_squares,
        "latencies": sorted(path.latencies.items()),
        "service": path.service,
    }


def _decode(body: dict[str, Any]) -> PathAccess:
    counters = {name: Counter(dict(body[name])) for name in ("statuses", "latencies")}
    return PathAccess(**(body | counters))
