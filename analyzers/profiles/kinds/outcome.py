"""What became known in a window: how long labels took, and outcomes that found no prediction.

A window is that in which outcomes were logged. The labels are those whose first outcome was logged
then; other outcomes of a prediction count where the prediction is (`label.py`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
from mlmon.analyzers.base.window import HOUR
from mlmon.analyzers.event_logs.aggregations import DATED, known_since, read_watermark
from mlmon.analyzers.labels.join import join_new
from mlmon.analyzers.labels.waiting import WaitingStatus
from mlmon.analyzers.profiles.kind import ProfileKind
from mlmon.analyzers.profiles.kinds.label import DATASET as LABELS
from mlmon.analyzers.profiles.kinds.label import Delays
from mlmon.analyzers.profiles.profile import WindowProfile
from mlmon.analyzers.profiles.quantities import (
    ByTerm,
    Count,
    DeclarationScope,
    MostFrequent,
    ask,
    merge,
    quantity,
    read,
)
from mlmon.elastic.indices.names import WAITING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.event_logs.logs import Logs

_LEARNT = "label.learnt"
_DELAYS = Delays()

MOST_MODELS = 2_000
"""So many models an answer can hold; where there are more in an hour, the least frequent are left
out."""


@dataclass(frozen=True, slots=True)
class OutcomeProfile(WindowProfile):
    """The outcomes of one window.

    Its watermark counts labels and outcomes that had to wait, and when the last of them changed.

    Args:
        delays: Labels by model and by hours since the prediction, rounded up.
        waiting: Outcomes whose prediction is still looked for.
        orphans: Outcomes whose prediction was given up.
        service: The service that predicted, else the one that logged the outcomes.
    """

    delays: Mapping[str, Counter[int]] = quantity(ByTerm("ml.model.name", _DELAYS, size=100))
    waiting: int = quantity(Count({"term": {"waiting.status": WaitingStatus.WAITING}}))
    orphans: int = quantity(Count({"term": {"waiting.status": WaitingStatus.ORPHAN}}))
    service: str | None = quantity(MostFrequent("service.name"))

    @property
    def labels(self) -> int:
        """Predictions that became labeled."""
        return sum(delay.total() for delay in self.delays.values())

    @property
    def unmatched(self) -> int:
        """Outcomes without a prediction."""
        return self.waiting + self.orphans


class OutcomeKind(ProfileKind[OutcomeProfile]):
    """Outcomes by the hour in which they were logged."""

    name = "outcome"
    dataset = "ml.outcome"
    step = HOUR
    profile = OutcomeProfile
    # An outcome that waited is news when its prediction comes, or when it is given up.
    news = ((LABELS, _LEARNT), (WAITING, DATED))
    preparations = (join_new,)

    def profile_keys(self, logs: Logs, period: Window) -> dict[ProfileKey, SourceWatermark]:
        """Return a profile key for each hour with outcomes."""
        keys: dict[ProfileKey, SourceWatermark] = {}
        for found in (_labels(logs, period, known_since()), _waiting(logs, period, known_since())):
            for window, bucket in found:
                key = ProfileKey(self.name, window)
                keys[key] = keys.get(key, SourceWatermark()) + read_watermark(bucket)
        return keys

    def make(self, logs: Logs, series: tuple[str, ...], part: Window) -> Iterator[OutcomeProfile]:
        """Yield a profile for each hour with outcomes: labels, and waiting ones."""
        del series
        hours: dict[Window, list[OutcomeProfile]] = {}
        for search, counted in (
            (_labels, ("watermark", "delays", "service")),
            (_waiting, ("watermark", "waiting", "orphans", "service")),
        ):
            inside = ask(OutcomeProfile, DeclarationScope(), only=counted)
            for window, first in search(logs, part, inside):
                bucket = _of_all_models(logs, search, window, first, inside)
                values = read(OutcomeProfile, bucket, DeclarationScope(), only=counted)
                profile = OutcomeProfile(ProfileKey(self.name, window), **values)
                hours.setdefault(window, []).append(profile)
        for _, profiles in sorted(hours.items()):
            yield merge(profiles)


def _of_all_models(
    logs: Logs,
    search: Callable[[Logs, Window, dict[str, Any]], Iterator[tuple[Window, dict[str, Any]]]],
    window: Window,
    bucket: dict[str, Any],
    inside: dict[str, Any],
) -> dict[str, Any]:
    """Return an hour's bucket; where it leaves models out, that of a search that names them all."""
    if not bucket.get("delays", {}).get("sum_other_doc_count"):
        return bucket
    delays = inside["delays"]
    everything = {**delays, "terms": {**delays["terms"], "size": MOST_MODELS}}
    return dict(search(logs, window, {**inside, "delays": everything}))[window]


def delays_of(model: str, profiles: Iterable[OutcomeProfile]) -> Counter[int]:
    """Return how long a model's labels of several windows took."""
    return _DELAYS.merge([profile.delays.get(model, Counter()) for profile in profiles])


def _labels(
    logs: Logs, period: Window, inside: Mapping[str, Any]
) -> Iterator[tuple[Window, dict[str, Any]]]:
    return logs.survey(LABELS, period, HOUR, inside, _LEARNT)


def _waiting(
    logs: Logs, period: Window, inside: Mapping[str, Any]
) -> Iterator[tuple[Window, dict[str, Any]]]:
    return logs.survey(WAITING, period, HOUR, inside)
