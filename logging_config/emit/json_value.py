"""Convert any Python value to a JSON value, and record each change.

No value raises, not even one whose `__repr__` or `__iter__` does. A number stays a number.
"""

import math
from abc import ABC
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PurePath
from typing import Any, Final, TypeVar
from uuid import UUID

import orjson

from mlmon.logging_config.emit.library_values import to_python
from mlmon.logging_config.emit.redaction import REDACTED_TEXT, Redactor
from mlmon.logging_config.interruptions import is_interruption
from mlmon.logging_config.schema.fields import MAX_DEPTH, MAX_ITEMS, MAX_KEY, MAX_TEXT

_INT64: Final = range(-(2**63), 2**63)
_MAX_BITS: Final = 1023
_MAX_DIGITS: Final = 64
_T = TypeVar("_T")


class _Dataclass(ABC):  # noqa: B024 -- matches an instance of any dataclass in `_CONVERSIONS`
    @classmethod
    def __subclasshook__(cls, kind: type) -> bool:
        return is_dataclass(kind)


class JsonConverter:
    """Converts the values of one event.

    Args:
        redactor: removes secrets from a long text before it is cut, because a part of a secret is
            not recognized.

    Attributes:
        changes: the changes made, each `<kind>:<field>`, in order.
    """

    __slots__ = ("_ancestors", "_redactor", "_remaining", "changes")

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self.changes: list[str] = []
        self._ancestors: set[int] = set()
        self._remaining = MAX_ITEMS

    def record(self, kind: str, path: str) -> None:
        """Record a change to a field."""
        self.changes.append(f"{kind}:{path[:MAX_KEY]}")

    def convert(self, value: Any, path: str) -> Any:
        """Return None, bool, int, float, str, list or dict."""
        try:
            return self._convert(value, path)
        except BaseException as raised:
            if is_interruption(raised):
                raise
            self.record("unreadable", path)
            return f"<unreadable {type(value).__name__}>"

    def text(self, value: str, path: str) -> str:
        """Return a text that UTF-8 can encode, of at most `MAX_TEXT` characters."""
        value = _shown(value)
        if len(value) > MAX_TEXT:
            self.record("too_long", path)
            half = MAX_TEXT // 2
            head = self._redactor.redact(value[:MAX_TEXT])
            tail = self._redactor.redact(value[MAX_TEXT:][-2 * MAX_TEXT :])
            value = f"{head[:half]} … {tail[-half + 3 :]}"
        if value.isascii():
            return value
        try:
            value.encode()
        except UnicodeEncodeError:
            self.record("surrogate", path)
            return value.encode("utf-8", "backslashreplace").decode()
        return value

    def key(self, value: Any, path: str) -> str:
        """Return a mapping's key as text."""
        try:
            is_text = isinstance(value, str)
        except BaseException as raised:
            if is_interruption(raised):
                raise
            is_text = False
        if not is_text:
            self.record("key", path)
        text = self.text(value if is_text else _repr(value), path)
        if len(text) > MAX_KEY:
            self.record("too_long", path)
        return text[:MAX_KEY]

    def _convert(self, value: Any, path: str) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, Enum):
            return self._convert(value.value, path)
        for kind, convert in self._CONVERSIONS:
            if isinstance(value, kind):
                return convert(self, value, path)
        converted = to_python(value)
        if converted is not value:
            return self._convert(converted, path)
        self.record("repr", path)
        return self.text(_repr(value), path)

    def _integer(self, value: int, path: str) -> Any:
        value = int.__index__(value)
        if value in _INT64:
            return value
        if value.bit_length() > _MAX_BITS:
            self.record("out_of_range", path)
            return None
        return orjson.Fragment(str(value))

    def _float(self, value: float, path: str) -> float | None:
        value = float.__float__(value)
        if math.isfinite(value):
            return value
        negative = "negative_infinity" if value < 0 else "infinity"
        self.record("nan" if value != value else negative, path)  # noqa: PLR0124 -- only NaN differs from itself
        return None

    def _decimal(self, value: Decimal, path: str) -> Any:
        if not value.is_finite():
            return self._float(math.nan if value.is_nan() else float(value), path)
        double = float(value)
        if math.isinf(double):
            self.record("out_of_range", path)
            return None
        text = str(value)
        # Parsers limit the digits of a number; zero here is a number too small for a double.
        if len(text) > _MAX_DIGITS or (double == 0 and value):
            self.record("rounded", path)
            return double
        return orjson.Fragment(text)

    def _fraction(self, value: Fraction, path: str) -> Any:
        try:
            approximate = value.numerator / value.denominator
        except OverflowError:
            self.record("out_of_range", path)
            return None
        self.record("rounded", path)
        return approximate

    def _bytes(self, value: bytes | bytearray | memoryview, path: str) -> str:
        self.record("bytes", path)
        return self.text(bytes(value[:MAX_TEXT]).decode("utf-8", "backslashreplace"), path)

    def _datetime(self, value: datetime, path: str) -> str | None:
        if value != value:  # noqa: PLR0124 -- pandas' NaT is a datetime unequal to itself
            return self._float(math.nan, path)  # type: ignore[return-value]
        if value.tzinfo is None:
            self.record("naive_time", path)
            value = value.replace(tzinfo=UTC)
        try:
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        except OverflowError:  # within a day of datetime.min or datetime.max
            return value.isoformat()

    def _sequence(self, value: Iterable[Any], path: str) -> Any:
        if type(value) is list and len(value) <= MAX_ITEMS and _is_finite(value):
            return value
        names = getattr(type(value), "_fields", ())
        if names and any(map(self._redactor.hides, names)):  # a named tuple
            self.record("redacted", path)
            pairs = zip(names, value, strict=True)
            value = [REDACTED_TEXT if self._redactor.hides(name) else item for name, item in pairs]
        with self._enter(value, path) as replacement:
            return replacement or [self.convert(item, path) for item in self._limited(value, path)]

    def _object(self, value: Any, path: str) -> Any:
        with self._enter(value, path) as replacement:
            return replacement or self._mapping(_pairs(value), path)

    @contextmanager
    def _enter(self, value: Any, path: str) -> Iterator[str]:
        """Enter a container; yield its replacement if it is a cycle or too deep, else empty."""
        if id(value) in self._ancestors or len(self._ancestors) >= MAX_DEPTH:
            kind = "cycle" if id(value) in self._ancestors else "too_deep"
            self.record(kind, path)
            yield f"<{kind} {type(value).__name__}>"
            return
        self._ancestors.add(id(value))
        try:
            yield ""
        finally:
            self._ancestors.discard(id(value))

    def _mapping(self, pairs: Iterable[tuple[Any, Any]], path: str) -> dict[str, Any]:
        converted: dict[str, Any] = {}
        copies: dict[str, int] = {}
        for key, item in self._limited(pairs, path):
            name = self.key(key, path)
            if name in converted:
                self.record("collision", f"{path}.{name}")
                name = free_name(name, converted, copies)
            converted[name] = self.convert(item, f"{path}.{name}")
        return converted

    def _limited(self, items: Iterable[_T], path: str) -> Iterator[_T]:
        """Yield items until the event holds `MAX_ITEMS` values."""
        for item in items:
            if self._remaining <= 0:
                self.record("too_many", path)
                return
            self._remaining -= 1
            yield item

    _CONVERSIONS: Final[tuple[tuple[Any, Callable[..., Any]], ...]] = (
        (str, text),
        (int, _integer),
        (float, _float),
        (Mapping, _object),
        ((list, tuple, AbstractSet, range, deque), _sequence),
        (datetime, _datetime),
        ((date, time), lambda _, value, __: value.isoformat()),
        (timedelta, lambda _, value, __: value.total_seconds()),
        (Decimal, _decimal),
        (Fraction, _fraction),
        ((bytes, bytearray, memoryview), _bytes),
        ((UUID, PurePath), lambda self, value, path: self.text(str(value), path)),
        (type, lambda self, value, path: self.text(value.__qualname__, path)),
        (_Dataclass, _object),
    )


def free_name(name: str, taken: Container[str], copies: dict[str, int]) -> str:
    """Return a name with the first number that makes it unique: `name_2`, then `name_3`.

    Args:
        name: the name that is taken.
        taken: all names.
        copies: the last number of each name, so that many copies cost linear time.
    """
    candidate = name
    while candidate in taken:
        copies[name] = copies.get(name, 1) + 1
        candidate = f"{name}_{copies[name]}"
    return candidate


def _shown(value: str) -> str:
    """Return a text as its class shows it: a class for secrets shows something else."""
    if type(value).__str__ is str.__str__:
        return str.__str__(value)
    try:
        return str.__str__(str(value))
    except BaseException as raised:
        if is_interruption(raised):
            raise
        return f"<unreadable {type(value).__name__}>"


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except BaseException as raised:
        if is_interruption(raised):
            raise
        return f"<unreadable {type(value).__name__}>"


def _pairs(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return value.items()
    return ((part.name, getattr(value, part.name)) for part in dataclass_fields(value))


def _is_finite(values: list[Any]) -> bool:
    """Whether a list, such as an embedding, holds finite floats only."""
    return set(map(type, values)) == {float} and math.isfinite(sum(values))
