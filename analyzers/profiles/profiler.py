"""Makes profiles: asks which windows hold events no profile knows, and profiles those once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.window import HOUR
from mlmon.analyzers.profiles import pending
from mlmon.analyzers.profiles.store import ProfileStore
from mlmon.elastic.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import timedelta

    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.event_logs.logs import Logs
    from mlmon.analyzers.profiles.kind import ProfileKind

REQUESTS_AT_ONCE = 2
"""Requests at once, each for half a day: Elasticsearch works on one aggregation over ranges
with one thread, and more would crowd a small node."""
PROFILES_PER_WRITE = 200
"""Least profiles stored by one request: many small requests cost more than all."""
WHOLE = 8 * HOUR
"""A period up to this long takes one request."""


class Profiler:
    """Keeps the profiles of one namespace up to its logs.

    Args:
        logs: The events; profiles are marked as known since their `now`.
        progress: Called with what is being done.
    """

    def __init__(self, logs: Logs, progress: Callable[[str], None] = lambda _doing: None) -> None:
        self._logs = logs
        self._progress = progress
        self._store = ProfileStore(logs.cluster, logs.namespace)
        self._prepared: set[Callable[[Logs], object]] = set()
        self.changed: dict[str, list[Window]] = {}
        """The windows of the profiles made so far, by kind."""

    def prepare(self, kind: ProfileKind[Any]) -> None:
        """Do what a kind wants done before its events are surveyed, if it is not done yet."""
        for preparation in kind.preparations:
            if preparation not in self._prepared:
                preparation(self._logs)
                self._prepared.add(preparation)

    def update(self, kind: ProfileKind[Any], period: Window) -> int:
        """Profile what is new of one kind in a period; return how many profiles were made."""
        self.prepare(kind)
        present = kind.profile_keys(self._logs, period)
        # What events of the period open again may lie around it.
        reach = pending.spanned(present, period)
        wanted = pending.outdated(present, self._store.stamps(kind.name, reach))
        parts = list(pending.spans({key: present[key] for key in wanted}, kind.step))
        made, waiting = 0, list[Any]()
        with ThreadPoolExecutor(REQUESTS_AT_ONCE, thread_name_prefix="profile") as pool:
            for index, (series, period_of) in enumerate(parts):
                self._progress(f"profiling: {kind.name}, part {index + 1} of {len(parts)}")
                ask = partial(_made, kind, self._logs, series)
                waiting += [
                    replace(profile, revision=wanted[profile.profile_key])
                    for half in pool.map(ask, _parts(period_of, kind.step))
                    for profile in half
                    if profile.profile_key in wanted
                ]
                if len(waiting) >= PROFILES_PER_WRITE or index == len(parts) - 1:
                    made += self._write(kind, waiting)
                    waiting = []
        if made:
            self._store.refresh()
        return made

    def _write(self, kind: ProfileKind[Any], profiles: list[Any]) -> int:
        """Store profiles and note their windows; return how many."""
        written = self._store.write(profiles, self._logs.now).total
        changed = self.changed.setdefault(kind.name, [])
        changed += [profile.profile_key.window for profile in profiles]
        return written


def _parts(day: Window, step: timedelta) -> Sequence[Window]:
    """Return the parts of a day that one request covers; a cycle's news is one part."""
    halves = day.halves(step) if day.length > WHOLE else None
    return halves or (day,)


def _made(kind: ProfileKind[Any], logs: Logs, series: tuple[str, ...], part: Window) -> list[Any]:
    """Ask for a part; where its answer would hold too many buckets, for its halves."""
    return list(_asked(kind, logs, series, part))


def _asked(
    kind: ProfileKind[Any], logs: Logs, series: tuple[str, ...], part: Window
) -> Iterator[Any]:
    try:
        yield from kind.make(logs, series, part)
    except ClusterError as error:
        halves = part.halves(kind.step)
        if "too_many_buckets" not in error.message or halves is None:
            raise
        for half in halves:
            yield from _asked(kind, logs, series, half)
