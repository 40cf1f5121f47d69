"""The versions of a model that were trained, loaded and predicting at a moment. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.performance.model_versions import ModelVersion, versions
from mlmon.analyzers.profiles.kinds.model import RELOAD

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from mlmon.analyzers.profiles.kinds.model import ModelEvent

UNKNOWN_VERSION = "unknown"


@dataclass(frozen=True, slots=True)
class InService:
    """What was known of one model at the end of a window.

    Args:
        window: The window.
        made: Its versions in the order they were made, at least one.
        reloads: Its reloads before the window's end, in order of time.
        predicted: Returns the predictions of each version in a window.
    """

    window: Window
    made: tuple[ModelVersion, ...]
    reloads: Sequence[ModelEvent]
    predicted: Callable[[Window], Counter[str]]

    @property
    def newest(self) -> ModelVersion:
        """The version that was made last."""
        return self.made[-1]

    @property
    def today(self) -> Counter[str]:
        """The predictions of each version in the day before the window's end."""
        return self.predicted(Window(self.window.end - DAY, self.window.end))

    def loaded(self, version: ModelVersion) -> datetime | None:
        """Return when a reload of a version first succeeded since it was made."""
        return next(
            (
                reload.at
                for reload in self.reloads
                if reload.succeeded
                and reload.version == version.version
                and reload.at >= version.made
            ),
            None,
        )

    def waiting(self) -> ModelVersion | None:
        """Return the first of the versions made since the last one in service, None if none."""
        today, first = self.today, None
        for version in reversed(self.made):
            if version.version in today or self.loaded(version):
                break
            first = version
        return first

    def arrived(self) -> bool:
        """Whether the newest version came into service within the window."""
        loaded, version = self.loaded(self.newest), self.newest.version
        if loaded is not None:
            return loaded >= self.window.start
        before = Window(self.window.start - DAY, self.window.start)
        return version in self.predicted(self.window) and version not in self.predicted(before)

    def current(self, moment: datetime) -> tuple[ModelVersion, ...]:
        """Return the version that should serve at a moment and those made since, none if none.

        It is the newest in service, unless an earlier one was loaded after it: the last reload that
        succeeded decides, and a rollback is meant.
        """
        newest = self._newest(moment)
        last = next(
            (
                reload
                for reload in reversed(self.reloads)
                if reload.succeeded and reload.version and reload.at <= moment
            ),
            None,
        )
        if last is None or last.version in {version.version for version in newest}:
            return newest
        replaced = [self.loaded(version) or version.made for version in newest]
        if newest and last.at < max(replaced[0], newest[0].made):
            return newest
        rolled_back = ModelVersion(self.newest.model, str(last.version), last.at, {}, last.service)
        return (rolled_back, *(version for version in newest[1:] if version.made > last.at))

    def loaded_since(self, moment: datetime) -> set[str]:
        """Return the versions that a reload has brought into service since a moment."""
        return {
            reload.version
            for reload in self.reloads
            if reload.succeeded and reload.version and reload.at > moment
        }

    def _newest(self, moment: datetime) -> tuple[ModelVersion, ...]:
        """Return the newest version that was in service by a moment and those made since."""
        predicted = self.predicted(Window(moment - DAY, moment))
        for place in reversed(range(len(self.made))):
            version = self.made[place]
            loaded = self.loaded(version)
            if version.version in predicted or (loaded is not None and loaded <= moment):
                return self.made[place:]
        return ()

    def usual_wait(self) -> float | None:
        """Return the median of the hours that versions waited, None before any was loaded."""
        waits = [
            (at - version.made) / HOUR for version in self.made if (at := self.loaded(version))
        ]
        return float(np.median(waits)) if waits else None


def reloads_by_model(events: Sequence[ModelEvent]) -> dict[str, list[ModelEvent]]:
    """Return the reloads of each model, in order of time.

    A reload of "the newest" that failed before it knew the model is of the model that its service
    loaded before, or else of the only one that was ever made.
    """
    made = list(versions(events))
    loaded: dict[str | None, str] = {}
    found: dict[str, list[ModelEvent]] = {}
    for event in events:
        if event.action != RELOAD:
            continue
        if event.model:
            loaded[event.service] = event.model
        only = made[0] if len(made) == 1 else UNKNOWN_VERSION
        found.setdefault(event.model or loaded.get(event.service, only), []).append(event)
    return found
