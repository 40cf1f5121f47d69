"""Ids the log makes: of traces, spans, runs and process starts."""

import os
import random
import re
from typing import Final, TypeGuard

from mlmon.logging_config.errors import ConfigurationError

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")


# No token, address or credential looks like this: they have longer runs, or other characters.
_HARMLESS: Final = re.compile(r"[0-9a-f]{32}|(?:[0-9A-Za-z]{1,15}[-_.:]){0,8}[0-9A-Za-z]{1,15}")


class Id(str):
    """An id that is known to hold no secret, so that no event needs to search it again."""

    __slots__ = ()


class Ids:
    """A source of random ids, its own for each process; from a seed, always the same ones.

    It does not share Python's global generator: a service that calls `random.seed(0)` at start
    would otherwise draw the same ids after each start.
    """

    def __init__(self, seed: str | None = None) -> None:
        self._bits = random.Random(os.urandom(32) if seed is None else seed).getrandbits

    def trace(self) -> Id:
        """Make a trace id: 32 hexadecimal digits, not all zero (W3C)."""
        return Id(f"{self._bits(128) or 1:032x}")

    def span(self) -> str:
        """Make a span id: 16 hexadecimal digits, not all zero (W3C)."""
        return f"{self._bits(64) or 1:016x}"


def is_id(value: object) -> TypeGuard[str]:
    """Whether a value may serve as an id: 1 to 128 letters, digits and `_.:-`."""
    return type(value) is str and _ID.fullmatch(value) is not None


def is_harmless(text: str) -> bool:
    """Whether an id's form alone shows that it holds no secret."""
    return _HARMLESS.fullmatch(text) is not None


def trusted(text: str) -> str:
    """Return the id as `Id` if it is harmless, else as it is, to be searched with each event."""
    return Id(text) if is_harmless(text) else text


def make_entity_id() -> str:
    """Draw the id of a process start: 16 hexadecimal digits."""
    return os.urandom(8).hex()


def check_entity_id(entity_id: str) -> str:
    """Return the id if it can be part of a document's id.

    Raises:
        ConfigurationError: it holds other characters than letters, digits and `_.:-`, or too many.
    """
    if not is_id(entity_id):
        raise ConfigurationError(
            f"The entity id is {entity_id!r}.",
            "Give 1 to 128 letters, digits, '_', '.', ':' or '-', the first a letter or digit.",
        )
    return entity_id
