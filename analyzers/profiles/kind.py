"""What every kind of profile is: its dataset, its windows, and how it is made and read.

A subclass in a module of this package is found by `kinds`; the profiler, the store and the engine
know kinds only through this interface.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from abc import ABC
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from mlmon.analyzers.base.profile_key import Profile, ProfileKey, SourceWatermark, Stamp
from mlmon.analyzers.profiles.profile import WindowProfile
from mlmon.analyzers.profiles.quantities import (
    DeclarationScope,
    ask,
    declared,
    decode,
    merge_bodies,
    read,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import timedelta

    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.event_logs.logs import Logs

P = TypeVar("P", bound=Profile)
ProfileBody = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StoredProfile:
    """A profile as it is stored: its place, what it was made from, and its body."""

    profile_key: ProfileKey
    stamp: Stamp
    body: ProfileBody


class ProfileKind(ABC, Generic[P]):
    """One kind of profile.

    Attributes:
        name: `profile.kind`, and what analyzers name in `needs`.
        dataset: The dataset it sums up.
        step: Length of its windows.
        profile: The dataclass of its profiles, which declares their quantities.
        news: Where new events of its windows are found, and the field that dates them; by default
            where the dataset is.
        complete_for: How long before the period to judge a window may begin for its profile to be
            read completely, where the kind has details.
        preparations: What has to be done before its events are surveyed; of kinds that name the
            same, once a run.
        derived_from: The kind whose profiles it is made from, None where it is made from events
            alone: its windows are new where profiles of that kind are.
        growing: Whether cycles profile a window that is not over yet. By default they wait for its
            end, since no verdict needs it before: a window is then counted once, not every cycle.
    """

    name: ClassVar[str]
    dataset: ClassVar[str]
    step: ClassVar[timedelta]
    profile: ClassVar[type[Any]] = WindowProfile
    news: ClassVar[tuple[tuple[str, str], ...]] = ()
    complete_for: ClassVar[timedelta]
    preparations: ClassVar[tuple[Callable[[Logs], object], ...]] = ()
    derived_from: ClassVar[str | None] = None
    growing: ClassVar[bool] = False

    @property
    def core(self) -> tuple[str, ...]:
        """The parts that are read where details are not needed; none where there are no details."""
        quantities = [quantity for quantity in declared(self.profile) if quantity.stored]
        core = tuple(quantity.name for quantity in quantities if not quantity.detail)
        return core if len(core) < len(quantities) else ()

    def profile_keys(self, logs: Logs, period: Window) -> dict[ProfileKey, SourceWatermark]:
        """Return what can be profiled, and its events: one profile key per window."""
        return {
            ProfileKey(self.name, window): watermark
            for window, watermark in logs.windows(self.dataset, period, self.step)
        }

    def make(self, logs: Logs, series: tuple[str, ...], part: Window) -> Iterator[P]:
        """Yield the profiles of one series in a part of time, by aggregations."""
        scope = self.scope(series, logs.by_id) or DeclarationScope()
        inside = ask(self.profile, scope)
        for window, bucket in logs.count(self.dataset, part, self.step, inside, self.terms(series)):
            yield self.profile_of(window, series, bucket, scope)

    def profile_of(
        self,
        window: Window,
        series: tuple[str, ...],
        bucket: dict[str, Any],
        scope: DeclarationScope,
    ) -> P:
        """Return the profile of a window's bucket, with the answers to all its quantities."""
        key = ProfileKey(self.name, window, series)
        profile: P = self.profile(key, **read(self.profile, bucket, scope))
        return profile

    def read(
        self,
        profile_key: ProfileKey,
        watermark: SourceWatermark,
        revision: int,
        body: ProfileBody,
        baselines: Mapping[str, Baseline],
    ) -> P | None:
        """Return the profile of a stored body, None if its baseline is gone.

        Args:
            profile_key: Its place.
            watermark: What it was made from.
            revision: Which of the profile_key's revisions it is.
            body: What its `body()` returned when it was stored, or the core of it.
            baselines: All baselines by id.

        Raises:
            KeyError: The body lacks something.
        """
        scope = self.scope(profile_key.series, baselines)
        if scope is None:
            return None
        values = decode(self.profile, body, scope)
        profile: P = self.profile(profile_key, watermark, revision, **values)
        return profile

    def read_merge(
        self, stored: Sequence[StoredProfile], baselines: Mapping[str, Baseline]
    ) -> P | None:
        """Return the merge of stored profiles of one series, None if its baseline is gone.

        Key and revision are those of the first.
        """
        first = stored[0]
        scope = self.scope(first.profile_key.series, baselines)
        if scope is None:
            return None
        values = merge_bodies(self.profile, [profile.body for profile in stored], scope)
        watermark = sum((profile.stamp.watermark for profile in stored), SourceWatermark())
        profile: P = self.profile(first.profile_key, watermark, first.stamp.revision, **values)
        return profile

    def scope(
        self, series: tuple[str, ...], baselines: Mapping[str, Baseline]
    ) -> DeclarationScope | None:
        """Return what the quantities of a series depend on; None if its baseline is gone."""
        del series, baselines
        return DeclarationScope()

    def terms(self, series: tuple[str, ...]) -> dict[str, str]:
        """Return the values that the events of a series have, by field."""
        del series
        return {}

    def described(self, profile_key: ProfileKey) -> dict[str, str]:
        """Return fields of the document by which profiles of a series are found; none."""
        del profile_key
        return {}

    def chosen(
        self, profiles: Iterable[P], current: Mapping[tuple[str, str], Baseline]
    ) -> Sequence[P]:
        """Return the profiles that analyzers see, in order of time; by default all."""
        del current
        return list(profiles)


_PLACES = ("mlmon.analyzers.profiles.kinds", "mlmon.analyzers.drift")
"""Where kinds lie. Refinements lie with drift: its verdicts decide what is counted again."""


@cache
def kinds() -> Mapping[str, ProfileKind[Any]]:
    """Return every kind by name: found by import, listed nowhere."""
    found = [
        member()
        for package in map(importlib.import_module, _PLACES)
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
        for member in vars(importlib.import_module(module.name)).values()
        if inspect.isclass(member)
        and issubclass(member, ProfileKind)
        and not inspect.isabstract(member)
        and hasattr(member, "name")
        and member.__module__ == module.name
    ]
    return {kind.name: kind for kind in sorted(found, key=lambda kind: kind.name)}
