"""The look of each severity: never by colour alone. Ranks are those of `Severity`."""

from typing import Final, NamedTuple

from mlmon.analyzers.base.finding import Severity

OK: Final = Severity.OK.rank
UNKNOWN: Final = Severity.UNKNOWN.rank
WARNING: Final = Severity.WARNING.rank
CRITICAL: Final = Severity.CRITICAL.rank


class Face(NamedTuple):
    """The look of a severity: its name, a word, and a shape drawn in a box of 12 by 12."""

    name: str
    label: str
    shape: str


# The shapes differ in outline and weight: they hold in grey print and for every colour vision.
_SHAPES: Final = {
    Severity.OK: "M6 3.2a2.8 2.8 0 1 0 0 5.6a2.8 2.8 0 1 0 0-5.6z",
    Severity.UNKNOWN: (
        "M6 1.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9zM6 3a3 3 0 1 1 0 6a3 3 0 1 1 0-6z"
    ),
    Severity.WARNING: "M6 1L11.5 11H.5z",
    Severity.CRITICAL: "M6 0L12 6L6 12L0 6z",
}
FACES: Final = tuple(
    Face(one.value, "OK" if one is Severity.OK else one.value.capitalize(), _SHAPES[one])
    for one in Severity
)
"""By rank: ok, unknown, warning, critical."""
