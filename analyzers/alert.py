"""What an analyzer declares about alerting; the alerting package acts on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Layer = Literal[
    "service", "job", "statistics", "fallback", "feature", "score", "performance", "business"
]
"""A place in the chain of causes: a failing job makes statistics stale, stale statistics make
predictions fall back, fallbacks move features, features move scores, scores cost performance, and
performance costs business. The service stands before all of it."""

LAYERS: tuple[Layer, ...] = get_args(Layer)
"""The layers, causes before what they cause."""


@dataclass(frozen=True, slots=True)
class Alert:
    """When findings become an alert.

    Args:
        on: Severity from which on a finding counts.
        after: How many of the last `of` windows must count: persistence.
        of: How many windows are looked at.
        layer: Place in the chain of causes, from which inhibition is derived.
    """

    on: Literal["warning", "critical"]
    after: int
    of: int
    layer: Layer

    def __post_init__(self) -> None:
        if not 1 <= self.after <= self.of:
            raise ValueError(f"after {self.after} of {self.of} windows can never or always hold")
