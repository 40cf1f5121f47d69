"""Identifiers of predictions, bids and runs: random in service, drawn from a seed in a scenario."""

import random
import uuid
from collections.abc import Callable
from typing import TypeAlias

DrawId: TypeAlias = Callable[[], str]
"""Returns 32 hexadecimal digits that were not returned before."""


def random_id() -> str:
    """An identifier nobody can foresee."""
    return uuid.uuid4().hex


def seeded_ids(seed: int) -> DrawId:
    """Identifiers that are the same for the same seed."""
    draw = random.Random(seed).getrandbits

    def next_id() -> str:
        return f"{draw(128):032x}"

    return next_id


def share(identifier: str, digits: slice) -> float:
    """A number in [0, 1) that depends only on some digits of an identifier.

    Decisions by chance are made from it, so that every component, now or later, decides alike.
    """
    part = identifier[digits]
    return float(int(part, 16) / 16 ** len(part))
