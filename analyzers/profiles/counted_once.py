"""Each prediction once, where an hour is profiled over several baselines' edges; pure."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from mlmon.analyzers.base.profile_key import ProfileKey
    from mlmon.analyzers.baselines.baseline import Baseline


class Placed(Protocol):
    """A profile, or what is stored of one."""

    @property
    def profile_key(self) -> ProfileKey:
        """Its window; its series are a model's name and version, and a baseline."""
        ...


S = TypeVar("S", bound=Placed)


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

    def rank(each: S) -> tuple[bool, bool, bool, datetime | None]:
        *model, over = each.profile_key.series
        known = baselines.get(over)
        own = known is not None and known.model == tuple(model)
        return over == preferred, own, known is not None, known.created if known else None

    for _, of_window in groupby(profiles, key=lambda profile: profile.profile_key.window):
        chosen: dict[tuple[str, ...], S] = {}
        for each in of_window:
            version = each.profile_key.series[:2]
            if version not in chosen or rank(each) > rank(chosen[version]):
                chosen[version] = each
        yield from chosen.values()
