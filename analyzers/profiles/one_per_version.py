"""Each prediction once, where an hour is profiled over several baselines' edges; pure."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from mlmon.analyzers.base.profile_key import ProfileKey
    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.profiles.profile import VersionProfile


class HasProfileKey(Protocol):
    """A profile, or what is stored of one."""

    @property
    def profile_key(self) -> ProfileKey:
        """Its window; its series are a model's name and version, and a baseline."""
        ...


S = TypeVar("S", bound=HasProfileKey)
M = TypeVar("M", bound="VersionProfile")


def counted_once(
    profiles: Iterable[S], preferred: str, baselines: Mapping[str, Baseline]
) -> Iterator[S]:
    """Yield one profile for each window and model version.

    Args:
        profiles: In order of their windows.
        preferred: The baseline over whose edges it is taken where there is one; else the newest of
            the version's own is taken, else the newest known.
        baselines: The known ones, by id.
    """

    def rank(profile: S) -> tuple[bool, bool, bool, datetime | None]:
        *model, over = profile.profile_key.series
        known = baselines.get(over)
        own = known is not None and known.model == tuple(model)
        return over == preferred, own, known is not None, known.created if known else None

    for _, of_window in groupby(profiles, key=lambda profile: profile.profile_key.window):
        chosen: dict[tuple[str, ...], S] = {}
        for profile in of_window:
            version = profile.profile_key.series[:2]
            if version not in chosen or rank(profile) > rank(chosen[version]):
                chosen[version] = profile
        yield from chosen.values()


def one_per_version(
    profiles: Iterable[M], baselines: Mapping[tuple[str, str], Baseline]
) -> list[M]:
    """Return one profile per window and model version, in order of time.

    A window has a profile for each baseline it is judged by; the one over the version's own
    current baseline is taken where there is one.
    """
    chosen: dict[tuple[Window, tuple[str, str]], M] = {}
    for profile in profiles:
        own = baselines.get(profile.model)
        place = (profile.window, profile.model)
        if place not in chosen or (own is not None and profile.baseline_id == own.id):
            chosen[place] = profile
    return [chosen[place] for place in sorted(chosen)]
