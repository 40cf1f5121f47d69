"""The alert policy that an analyzer declares; the alerting package acts on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, get_args

from mlmon.analyzers.base.window import DAY

CauseLayer = Literal[
    "ingest",
    "job",
    "training",
    "deployment",
    "service",
    "statistics",
    "fallback",
    "feature",
    "score",
    "labels",
    "concept",
    "performance",
    "business",
]
"""A place in the chain of causes, causes first; `alerting/incidents/causality.py` has the edges."""

INGEST: CauseLayer = "ingest"
"""The layer of findings about the logs themselves. It explains no other alarm: one that lost
lines could explain is withheld (`incomplete_logs.py`)."""

UNSEEN = 14 * DAY
"""For so long an alert stays open that nothing is seen of any more, and nothing took its place."""

LAYERS: tuple[CauseLayer, ...] = get_args(CauseLayer)
"""The layers, causes before what they cause."""


@dataclass(frozen=True, slots=True)
class AlertPolicy:
    """When findings become an alert.

    Args:
        on: Severity from which on a finding counts.
        after: How many of the last `of` windows must count: persistence.
        of: How many windows are looked at.
        layer: Place in the chain of causes.
        step: From the end of one window to the end of the next, where windows overlap; None:
            each begins where the one before ended.
        clear: How many windows in a row must be `ok` for an alert to end; `unknown` ones between
            them count neither way.
        silence: How long an alert stays open without any finding of its series where another
            version of its model is judged in its place. Without one it is `UNSEEN` at least.
    """

    on: Literal["warning", "critical"]
    after: int
    of: int
    layer: CauseLayer
    step: timedelta | None = None
    clear: int = 3
    silence: timedelta = DAY

    def __post_init__(self) -> None:
        if not 1 <= self.after <= self.of:
            raise ValueError(f"after {self.after} of {self.of} windows can never or always hold")
        if self.clear < 1:
            raise ValueError(f"an alert that ends after {self.clear} windows could never be open")
        if self.step is not None and self.step <= timedelta(0):
            raise ValueError(f"the step between windows cannot be {self.step}")
