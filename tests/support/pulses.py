"""Pulse profiles of requests, as Elasticsearch would count them."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
from mlmon.analyzers.base.window import Window, from_milliseconds, milliseconds
from mlmon.analyzers.profiles.kinds.pulse import (
    ALL_PATHS,
    BIN_MS,
    PULSE_STEP,
    Bin,
    PulseProfile,
    ServicePulse,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

Request = tuple[datetime, str, int]


def pulse_profiles(requests: Iterable[Request], delay: float | None = None) -> list[PulseProfile]:
    """Return the profiles of requests (when, path, status), as the kind would count them."""
    windows: dict[int, list[tuple[int, str, int]]] = {}
    step = PULSE_STEP // timedelta(milliseconds=1)
    for at, path, status in requests:
        windows.setdefault(milliseconds(at) // step * step, []).append(
            (milliseconds(at), path, status)
        )
    found = []
    for start, within in sorted(windows.items()):
        begin = from_milliseconds(start)
        of_path = {
            path: tuple(_bins(one for one in within if path in {ALL_PATHS, one[1]}))
            for path in [ALL_PATHS, *sorted({path for _, path, _ in within})]
        }
        bins = of_path[ALL_PATHS]
        moments = [at for at, _, _ in within]
        pulse = ServicePulse(
            len(within),
            min(moments),
            max(moments),
            max(
                (later.start - one.end for one, later in itertools.pairwise(bins)),
                default=0,
            ),
            delay,
            {
                path: (sum(one.requests for one in of), sum(one.failed for one in of))
                for path, of in of_path.items()
            },
        )
        found.append(
            PulseProfile(
                ProfileKey("pulse", Window(begin, begin + PULSE_STEP)),
                SourceWatermark(len(within), begin),
                1,
                {"api": pulse},
                {"api": of_path},
            )
        )
    return found


def _bins(requests: Iterable[tuple[int, str, int]]) -> Iterable[Bin]:
    by_bin: dict[int, list[tuple[int, int]]] = {}
    for at, _, status in requests:
        by_bin.setdefault(at // BIN_MS * BIN_MS, []).append((at, status))
    for start, of in sorted(by_bin.items()):
        failed = [at for at, status in of if status >= 500]
        yield Bin(
            start,
            len(of),
            len(failed),
            sum(status == 503 for _, status in of),
            min(failed, default=None),
            max(at for at, _ in of),
        )
