"""Reads the traffic of a time, summed per baseline, and compares it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.window import Window, iso
from mlmon.analyzers.baselines.store import BaselineStore
from mlmon.analyzers.compare.comparison import ComparisonRow, compare, of_traffic, of_training
from mlmon.analyzers.compare.recount import Recount
from mlmon.analyzers.compare.refine import refined
from mlmon.analyzers.profiles.kind import kinds
from mlmon.analyzers.profiles.kinds.prediction import KIND, PredictionProfile
from mlmon.analyzers.profiles.one_per_version import counted_once
from mlmon.analyzers.profiles.quantities import merge
from mlmon.analyzers.profiles.store import ProfileStore, merge_stored
from mlmon.elastic.errors import UserError, WrongValueError
from mlmon.formatting import count, span, with_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.drift.chosen_tests import ChosenTests
    from mlmon.analyzers.profiles.kind import StoredProfile
    from mlmon.analyzers.profiles.last_windows import CountedVersion, Last
    from mlmon.elastic.client.cluster import Cluster


@dataclass(frozen=True, slots=True)
class CountedTraffic:
    """A model's predictions in a window, each counted once.

    Args:
        window: When.
        parts: Their sum for each baseline over whose edges they were counted.
        uncounted: Predictions that were counted over no baseline's edges, and are not compared.
    """

    window: Window
    parts: Sequence[PredictionProfile]
    uncounted: int

    @property
    def predictions(self) -> int:
        """Number of predictions compared."""
        return sum(part.predictions for part in self.parts)


@dataclass(frozen=True, slots=True)
class TrafficComparison:
    """A comparison.

    Args:
        traffic: What is compared.
        before: What it is compared with, None for the training set.
        baseline: The baseline over whose edges everything is counted that can be.
        baselines: All baselines by id.
        rows: The features and scores, what moved most first.
    """

    traffic: CountedTraffic
    before: CountedTraffic | None
    baseline: Baseline
    baselines: Mapping[str, Baseline]
    rows: Sequence[ComparisonRow]

    @property
    def title(self) -> str:
        """Title of the comparison, with the baseline whose edges are used."""
        reference = f"those {span(self.before.window)}" if self.before else "the training set"
        over = self._over()
        versions = with_names(
            "version", list(dict.fromkeys(baseline.model_version for baseline in over))
        )
        edges = f", counted over the edges of {versions}: distances are less certain"
        others = edges if len(over) > 1 else ""
        uncounted = sum(side.uncounted for side in self._sides())
        left = f"; {uncounted:,} more over no baseline's" if uncounted else ""
        return (
            f"{count(self.traffic.predictions, 'prediction')} {span(self.traffic.window)}, "
            f"compared with {reference} of {' '.join(self.baseline.model)}{others}{left}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON value."""
        name, version = self.baseline.model
        window, before = self.traffic.window, self.before.window if self.before else None
        return {
            "from": iso(window.start),
            "to": iso(window.end),
            "with": [iso(before.start), iso(before.end)] if before else "training",
            "ml.model.name": name,
            "ml.model.version": version,
            "baseline.id": self.baseline.id,
            "baseline.ids": [baseline.id for baseline in self._over()],
            "predictions": self.traffic.predictions,
            "uncounted": sum(side.uncounted for side in self._sides()),
            "rows": [row.to_json() for row in self.rows],
        }

    def _sides(self) -> list[CountedTraffic]:
        return [self.traffic, *([self.before] if self.before else [])]

    def _over(self) -> list[Baseline]:
        """Return the baselines over whose edges anything was counted, the oldest first."""
        found = {part.baseline_id for side in self._sides() for part in side.parts}
        known = [self.baselines[id_] for id_ in {*found, self.baseline.id}]
        return sorted(known, key=lambda baseline: (baseline.created, baseline.model_version))


def compared(
    cluster: Cluster,
    namespace: str,
    window: Window,
    before: Window | None,
    model: tuple[str | None, str | None],
    tests: ChosenTests | None = None,
    *,
    refine: bool = False,
) -> TrafficComparison:
    """Compare the predictions of a window with those before, or with the training set.

    Args:
        cluster: Where the profiles are.
        namespace: Environment.
        window: Whose predictions, of all versions of the model.
        before: Whose predictions they are compared with, None for the training set.
        model: Name and version whose baseline is used; where one is not named, what served last.
        tests: The drift tests, by default those of `feature_drift`.
        refine: Whether what buckets leave open is counted again in the logs.

    Raises:
        UserError: There is no such baseline, or no profile over any baseline's edges.
    """
    baselines = {
        baseline.id: baseline for baseline in BaselineStore(cluster, namespace).all(model[0])
    }
    store = ProfileStore(cluster, namespace)
    baseline = _baseline(namespace, baselines, store.last(KIND, window), model)
    traffic = _traffic(store, window, baseline, baselines)
    past = _traffic(store, before, baseline, baselines) if before else None
    sides = (
        of_traffic("this time", traffic.parts, baselines),
        of_traffic("the time before", past.parts, baselines) if past else of_training(baseline),
    )
    if refine:
        times = [window, *([before] if before else [])]
        recount = Recount(cluster, namespace, baseline.model_name, times)
        sides = refined(*sides, baseline, recount, with_training=before is None)
    return TrafficComparison(traffic, past, baseline, baselines, compare(*sides, tests))


def _baseline(
    namespace: str,
    baselines: Mapping[str, Baseline],
    last: Mapping[CountedVersion, Last],
    model: tuple[str | None, str | None],
) -> Baseline:
    """Return the baseline of the version that was last in service in a window."""
    found = {
        name: baseline
        for name, baseline in baselines.items()
        if model[1] in {None, baseline.model[1]}
    }
    if not found:
        asked = " ".join(part for part in model if part)
        raise (WrongValueError if asked else UserError)(
            f"Namespace {namespace} has no baseline{f' of {asked}' if asked else ''}",
            "Make one with `mlmon baseline create` from the model's training set.",
        )
    own = [
        (when, baseline)
        for (*of, baseline), when in last.items()
        if baseline in found and found[baseline].model == tuple(of)
    ]
    if own:
        return found[max(own)[1]]
    return max(found.values(), key=lambda baseline: (baseline.created, baseline.model_version))


def _traffic(
    store: ProfileStore, window: Window, baseline: Baseline, baselines: Mapping[str, Baseline]
) -> CountedTraffic:
    """Return a window's predictions, whichever version made them, over as few edges as can be."""
    uncounted = 0

    def counted() -> Iterator[StoredProfile]:
        nonlocal uncounted
        for stored in counted_once(store.stored(KIND, window), baseline.id, baselines):
            name, _, over = stored.profile_key.series
            if name == baseline.model_name and over in baselines:
                yield stored
            elif name == baseline.model_name:
                uncounted += stored.stamp.watermark.documents

    parts: dict[str, list[PredictionProfile]] = {}
    for profile in merge_stored(kinds()[KIND], counted(), baselines):
        parts.setdefault(profile.baseline_id, []).append(profile)
    if not parts:
        raise _nothing(window, baseline.model_name, store.last(KIND, window))
    return CountedTraffic(window, [merge(of) for of in parts.values()], uncounted)


def _nothing(window: Window, model: str, last: Mapping[CountedVersion, Last]) -> UserError:
    others = sorted({f"{name} {version}" for name, version, _ in last})
    return UserError(
        f"No predictions of {model} {span(window)} are profiled over a baseline",
        f"There are those of {', '.join(others)}, over no baseline's edges: make theirs with "
        "`mlmon baseline create` while their logs are there, or choose another time."
        if others
        else f"Run `mlmon analyze --since {iso(window.start)} --until {iso(window.end)}` while "
        "their logs are there, or choose another time.",
    )
