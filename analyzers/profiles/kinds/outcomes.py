"""What became known in a window: how long labels took, and outcomes that found no prediction.

A window is that in which outcomes were logged. The labels are those whose first outcome was logged
then; other outcomes of a prediction count where the prediction is (`labels.py`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
from mlmon.analyzers.base.window import HOUR
from mlmon.analyzers.event_logs.aggregations import DATED, known_since, ranges, read_watermark
from mlmon.analyzers.labels.join import join_new
from mlmon.analyzers.labels.waiting import Status
from mlmon.analyzers.profiles.kind import ProfileKind
from mlmon.analyzers.profiles.kinds.labels import DATASET as LABELS
from mlmon.analyzers.profiles.kinds.labels import DELAY_EDGES, DELAYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.event_logs.logs import Logs

KIND = "outcome"
DATASET = "ml.outcome"
WAITING = "mlmon-waiting"
STEP = HOUR
_LEARNT = "label.learnt"
_SERVICE = {"service": {"terms": {"field": "service.name", "size": 1}}}
_OF_LABELS = {
    **_SERVICE,
    "models": {
        "terms": {"field": "ml.model.name", "size": 100},
        "aggs": {
            "delays": {"range": {"field": "label.delay_hours", "ranges": ranges(DELAY_EDGES)}}
        },
    },
}
_OF_WAITING = {**_SERVICE, "statuses": {"terms": {"field": "waiting.status"}}}


@dataclass(frozen=True, slots=True)
class OutcomeProfile:
    """The outcomes of one window.

    Args:
        profile_key: The window.
        watermark: Labels and outcomes that had to wait, and when the last of them changed.
        revision: 1, and one more each time that something became known.
        delays: Labels by model and by hours since the prediction, rounded up to one of `DELAYS`.
        waiting: Outcomes whose prediction is still looked for.
        orphans: Outcomes whose prediction was given up.
        service: The service that predicted, else the one that logged the outcomes.
    """

    profile_key: ProfileKey
    watermark: SourceWatermark
    revision: int = 1
    delays: Mapping[str, Counter[int]] = field(default_factory=dict)
    waiting: int = 0
    orphans: int = 0
    service: str | None = None

    @property
    def window(self) -> Window:
        """When the outcomes were logged."""
        return self.profile_key.window

    @property
    def labels(self) -> int:
        """Predictions that became labelled."""
        return sum(delay.total() for delay in self.delays.values())

    @property
    def unmatched(self) -> int:
        """Outcomes without a prediction."""
        return self.waiting + self.orphans

    def body(self) -> dict[str, Any]:
        """Return what is stored beside profile key and watermark."""
        return {
            "delays": {
                model: [[hours, n] for hours, n in sorted(counts.items())]
                for model, counts in self.delays.items()
            },
            "waiting": self.waiting,
            "orphans": self.orphans,
            "service": self.service,
        }


class OutcomeKind(ProfileKind[OutcomeProfile]):
    """Outcomes by the hour in which they were logged."""

    name = KIND
    dataset = DATASET
    step = STEP
    # An outcome that waited is news when its prediction comes, or when it is given up.
    news = ((LABELS, _LEARNT), (WAITING, DATED))
    preparations = (join_new,)

    def profile_keys(self, logs: Logs, period: Window) -> dict[ProfileKey, SourceWatermark]:
        """Return a profile key for each hour with outcomes."""
        profile_keys: dict[ProfileKey, SourceWatermark] = {}
        for found in (_labels(logs, period, {}), _waiting(logs, period, {})):
            for window, bucket in found:
                profile_key = ProfileKey(KIND, window)
                profile_keys[profile_key] = profile_keys.get(
                    profile_key, SourceWatermark()
                ) + read_watermark(bucket)
        return profile_keys

    def make(self, logs: Logs, series: tuple[str, ...], part: Window) -> Iterator[OutcomeProfile]:
        """Yield a profile for each hour with outcomes."""
        del series
        labels = dict(_labels(logs, part, _OF_LABELS))
        waiting = dict(_waiting(logs, part, _OF_WAITING))
        for window in sorted({*labels, *waiting}):
            yield _profile(window, labels.get(window), waiting.get(window))

    def read(
        self,
        profile_key: ProfileKey,
        watermark: SourceWatermark,
        revision: int,
        body: dict[str, Any],
        baselines: Mapping[str, Baseline],
    ) -> OutcomeProfile:
        """Return the profile of a stored body."""
        del baselines
        return OutcomeProfile(
            profile_key,
            watermark,
            revision,
            {model: Counter(dict(counts)) for model, counts in body["delays"].items()},
            body["waiting"],
            body["orphans"],
            body["service"],
        )


def delays(profiles: Iterable[OutcomeProfile], model: str) -> Counter[int]:
    """Return how long a model's labels of several windows took."""
    total: Counter[int] = Counter()
    for profile in profiles:
        total.update(profile.delays.get(model, {}))
    return total


def _labels(
    logs: Logs, period: Window, inside: Mapping[str, Any]
) -> Iterator[tuple[Window, dict[str, Any]]]:
    return logs.survey(LABELS, period, STEP, {**known_since(), **inside}, _LEARNT)


def _waiting(
    logs: Logs, period: Window, inside: Mapping[str, Any]
) -> Iterator[tuple[Window, dict[str, Any]]]:
    return logs.survey(WAITING, period, STEP, {**known_since(), **inside})


def _profile(
    window: Window, labels: Mapping[str, Any] | None, waiting: Mapping[str, Any] | None
) -> OutcomeProfile:
    found = [each for each in (labels, waiting) if each]
    statuses = {
        each["key"]: each["doc_count"]
        for each in (waiting["statuses"]["buckets"] if waiting else ())
    }
    services = (each["key"] for bucket in found for each in bucket["service"]["buckets"])
    return OutcomeProfile(
        ProfileKey(KIND, window),
        sum((read_watermark(each) for each in found), SourceWatermark()),
        delays={
            each["key"]: _counted(each) for each in (labels["models"]["buckets"] if labels else ())
        },
        waiting=statuses.get(Status.WAITING, 0),
        orphans=statuses.get(Status.ORPHAN, 0),
        service=next(services, None),
    )


def _counted(model: Mapping[str, Any]) -> Counter[int]:
    return Counter(
        {
            hours: each["doc_count"]
            for hours, each in zip(DELAYS, model["delays"]["buckets"], strict=True)
            if each["doc_count"]
        }
    )
