"""One line of `mlmon doctor`."""

from dataclasses import dataclass
from enum import StrEnum


class CheckVerdict(StrEnum):
    """Result of a check."""

    OK = "ok"
    NOTE = "note"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Args:
        name: The thing.
        verdict: `missing` where mlmon cannot work without it, `note` where it works differently, or
            where something may have stopped.
        found: What was found.
        advice: What to do, where something is to be done.
    """

    name: str
    verdict: CheckVerdict
    found: str
    advice: str = ""
