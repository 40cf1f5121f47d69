"""Reads the traffic of a time, summed, and compares it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analyzers.baseline.store import BaselineStore
from analyzers.compare.comparison import Row, compare, of_traffic, of_training
from analyzers.profile.prediction_totals import prediction_totals
from analyzers.profile.predictions import KIND, PredictionProfile, total
from analyzers.profile.store import ProfileStore
from analyzers.window import Window, iso
from analyzers.wording import count, span
from elastic.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analyzers.baseline.baseline import Baseline
    from elastic.cluster import Cluster


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison.

    Args:
        window: Whose predictions.
        before: Whose predictions they are compared with, None for the training set.
        baseline: The baseline over whose edges both are counted.
        predictions: How many.
        rows: The features and scores, what moved most first.
    """

    window: Window
    before: Window | None
    baseline: Baseline
    predictions: int
    rows: Sequence[Row]

    @property
    def title(self) -> str:
        """What is compared with what."""
        reference = f"those {span(self.before)}" if self.before else "the training set"
        return (
            f"{count(self.predictions, 'prediction')} {span(self.window)}, compared with "
            f"{reference} of {' '.join(self.baseline.model)}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON value."""
        name, version = self.baseline.model
        return {
            "from": iso(self.window.start),
            "to": iso(self.window.end),
            "with": [iso(self.before.start), iso(self.before.end)] if self.before else "training",
            "ml.model.name": name,
            "ml.model.version": version,
            "baseline.id": self.baseline.id,
            "predictions": self.predictions,
            "rows": [each.to_json() for each in self.rows],
        }


def compared(
    cluster: Cluster,
    namespace: str,
    window: Window,
    before: Window | None,
    model: tuple[str | None, str | None],
) -> Compared:
    """Compare the predictions of a window with those before, or with the training set.

    Args:
        cluster: Where the profiles are.
        namespace: Environment.
        window: Whose predictions, of all versions of the model.
        before: Whose predictions they are compared with, None for the training set.
        model: Name and version whose baseline is used; where one is not named, what served last.

    Raises:
        UserError: There is no such baseline, or no profile over its edges.
    """
    baseline = _baseline(cluster, namespace, window, model)
    traffic = _traffic(cluster, namespace, window, baseline)
    reference = (
        of_training(baseline)
        if before is None
        else of_traffic("the time before", _traffic(cluster, namespace, before, baseline))
    )
    return Compared(window, before, baseline, traffic.predictions, compare(traffic, reference))


def _baseline(
    cluster: Cluster, namespace: str, window: Window, model: tuple[str | None, str | None]
) -> Baseline:
    """Return the baseline of the version that was last in service in a window."""
    found = {each.id: each for each in BaselineStore(cluster, namespace).all(*model)}
    if not found:
        asked = " ".join(each for each in model if each)
        raise UserError(
            f"Namespace {namespace} has no baseline{f' of {asked}' if asked else ''}",
            "Make one with `mlmon baseline create` from the model's training set.",
        )
    own = [
        (last, baseline)
        for (*of, baseline), last in ProfileStore(cluster, namespace).last(KIND, window).items()
        if baseline in found and found[baseline].model == tuple(of)
    ]
    if own:
        return found[max(own)[1]]
    return max(found.values(), key=lambda each: (each.created, each.model_version))


def _traffic(
    cluster: Cluster, namespace: str, window: Window, baseline: Baseline
) -> PredictionProfile:
    """Return the sum of a window's predictions, whichever version made them."""
    store = ProfileStore(cluster, namespace)
    sums = prediction_totals(store.stored(KIND, window), {baseline.id: baseline})
    own = [each for each in sums if each.slot.series[::2] == (baseline.model_name, baseline.id)]
    if not own:
        others = sorted({f"{name} {version}" for name, version, _ in store.last(KIND, window)})
        raise UserError(
            f"No predictions {span(window)} are profiled over the baseline of "
            f"{' '.join(baseline.model)}",
            f"There are those of {', '.join(others)}, over other edges: compare each with its own "
            "training set, or choose a time when one version served."
            if others
            else f"Run `mlmon analyze --from {iso(window.start)} --to {iso(window.end)}` while "
            "their logs are there, or choose another time.",
        )
    return total(own)
