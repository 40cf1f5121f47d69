"""Encode an event as one JSON line: the log's own fields, the message, the caller's fields."""

import os
import time
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Final
from weakref import WeakSet

import orjson

from mlmon.logging_config.emit.field_mapper import FieldMapper
from mlmon.logging_config.emit.field_rules import FieldRules
from mlmon.logging_config.emit.ids import check_entity_id, make_entity_id
from mlmon.logging_config.emit.levels import LOG_LEVELS
from mlmon.logging_config.emit.redaction import Redaction
from mlmon.logging_config.emit.service import Service
from mlmon.logging_config.errors import FieldTypeError, warn_once
from mlmon.logging_config.interruptions import is_interruption
from mlmon.logging_config.schema.fields import (
    DATASETS,
    ECS_VERSION,
    MAX_CACHED,
    MAX_LINE,
    MAX_TEXT,
    SCHEMA_VERSION,
)

WallClock = Callable[[], int]
"""Returns the time in nanoseconds since the epoch."""

_LINE: Final = b'{"@timestamp":"%b.%06dZ%b%b%b%d","event.sequence":%d%b%b\n'
_SHORT: Final = 64
_NS_PER_S: Final = 1_000_000_000
_YEAR_1000: Final = -30_610_224_000
_YEAR_10000: Final = 253_402_300_800
_LATEST_NS: Final = _YEAR_10000 * _NS_PER_S - 1
_CUTS: Final = (256, 64, 16, 4, 1)
_NUMBERS_LENGTH: Final = 128  # bytes of time, sequence and drops in a line
_dumps: Final = orjson.dumps

_Body = tuple[bytes, bytes, list[str]]
"""An event's message and fields as JSON, and the values that do not fit their fields."""

FEATURE_PREFIXES: Final = tuple(
    f"ml.features.{kind}." for kind in ("numeric", "categorical", "embedding")
)
HIDDEN_BY: Final = {"hash": "ml.features.hashed", "omit": "ml.features.withheld"}
"""The field that names the features which a treatment changes."""


class EventEncoder:
    """Encodes the events of one process start, and numbers them.

    In a forked child it counts from 1 again under a new id, whoever uses it.

    Args:
        service: the service.
        clock: returns the time.
        entity_id: id of this process start; random when None.
        redaction: what to remove; the built-in keys and patterns when None.
    """

    def __init__(
        self,
        service: Service,
        *,
        clock: WallClock = time.time_ns,
        entity_id: str | None = None,
        redaction: Redaction | None = None,
    ) -> None:
        self.service = service
        self.clock = clock
        redaction = redaction or Redaction()
        self.hides_features = bool(redaction.hashed or "ml.prediction" in redaction.allowed)
        self._mappers = {name: FieldMapper(FieldRules(name, redaction)) for name in DATASETS}
        self._second = (-1, b"")
        self.restart(make_entity_id() if entity_id is None else check_entity_id(entity_id))
        _encoders.add(self)

    def hidden_features(self, fields: Mapping[Any, Any]) -> dict[str, list[str]]:
        """Return the fields that name which features of a prediction the redaction changes.

        Args:
            fields: the prediction's fields.
        """
        rules = self._mappers["ml.prediction"].rules
        hidden: dict[str, list[str]] = {}
        for key in fields:
            for prefix in FEATURE_PREFIXES:
                rule = rules[key] if str(key).startswith(prefix) else None
                if rule is not None and rule.treatment in HIDDEN_BY:
                    names = hidden.setdefault(HIDDEN_BY[rule.treatment], [])
                    names.append(rule.name.removeprefix(prefix))
        return hidden

    def restart(self, entity_id: str) -> None:
        """Count from 1 again under another process start's id, as after a fork."""
        self.entity_id = entity_id
        self._count = count(1)
        self._constants = {
            (dataset, level): self._constant_parts(dataset, level)
            for dataset in DATASETS
            for level in LOG_LEVELS
        }
        longest = max(len(first + last) for first, last in self._constants.values())
        self._room = MAX_LINE - longest - _NUMBERS_LENGTH

    def encode(
        self,
        dataset: str,
        level: str,
        message: Any,
        fields: dict[Any, Any],
        *,
        strict: bool = False,
        composed: bool = False,
        dropped: int = 0,
        time_ns: int | None = None,
        sequence: int | None = None,
    ) -> tuple[str, bytes]:
        """Return the event's id and its line, newline included.

        Args:
            dataset: the dataset.
            level: one of `LOG_LEVELS`.
            message: the message.
            fields: the caller's fields.
            strict: raise if a value is not of its field's type.
            composed: the message consists of values of the fields, numbers and fixed words, so that
                it holds no secret if the fields hold none.
            dropped: `ml.log.dropped`, which a caller cannot set.
            time_ns: the event's time in nanoseconds since the epoch; the clock's when None.
            sequence: number of an event that was encoded before; the next one when None.

        Raises:
            FieldTypeError: `strict`, and a value is not of its field's type; nothing is counted.
        """
        mapper = self._mappers[dataset]
        json = b""
        try:
            mapped = mapper.map_unchanged(fields)
            if mapped is not None:
                if composed:
                    text = _dumps(message) if type(message) is str else b""
                else:
                    text = mapper.messages.get(message) or _encode_message(message, mapper)
                if text:
                    json = _dumps(mapped)
        except BaseException as raised:
            if is_interruption(raised):
                raise
            json = b""
        if not json or len(json) + len(text) > self._room:
            text, json, problems = _encode_validated(message, fields, mapper, self._room)
            if strict and problems:
                raise FieldTypeError(" ".join(problems))
        if dropped:
            json = b'{"ml.log.dropped":%d%b%b' % (dropped, b"," if json != b"{}" else b"", json[1:])
        before_message, after_message = self._constants[dataset, level]
        second, nanoseconds = self._time(time_ns)
        sequence = sequence or next(self._count)
        line = _LINE % (
            second,
            nanoseconds // 1000,
            before_message,
            text,
            after_message,
            sequence,
            sequence,
            b"" if json == b"{}" else b",",
            json[1:],
        )
        return f"{self.entity_id}-{sequence}", line

    def _constant_parts(self, dataset: str, level: str) -> tuple[bytes, bytes]:
        """Return what is written between time and message, and between message and sequence."""
        constant = {
            "ecs.version": ECS_VERSION,
            "event.dataset": dataset,
            "service.name": self.service.name,
            "service.version": self.service.version,
            "service.environment": self.service.environment,
            "ml.schema_version": SCHEMA_VERSION,
            "process.entity_id": self.entity_id,
            "event.id": self.entity_id + "-",
        }
        before_message = b'","log.level":"%b","message":' % level.encode()
        return before_message, b"," + orjson.dumps(constant)[1:-2]

    def _time(self, time_ns: int | None) -> tuple[bytes, int]:
        """Return an event's time: the second as text, and the nanoseconds of it.

        Args:
            time_ns: nanoseconds since the epoch; the clock's when None.
        """
        try:
            second, nanoseconds = divmod(self.clock() if time_ns is None else time_ns, _NS_PER_S)
            cached_second, text = self._second
            return (text if second == cached_second else self._format_second(second)), nanoseconds
        except BaseException as raised:
            if is_interruption(raised):
                raise
            warn_once(f"the clock of the log failed, the system's is used: {raised!r}")
            second, nanoseconds = divmod(min(time.time_ns(), _LATEST_NS), _NS_PER_S)
            return self._format_second(second), nanoseconds

    def _format_second(self, second: int) -> bytes:
        """Format a second since the epoch, and cache it.

        Raises:
            ValueError: its year has not four digits, which no date of Elasticsearch's formats has.
        """
        if not _YEAR_1000 <= second < _YEAR_10000:
            raise ValueError(f"{second} s since the epoch is in no year of four digits")
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
        self._second = (second, text)
        return text


_encoders: Final[WeakSet[EventEncoder]] = WeakSet()


def _restart_all() -> None:
    for encoder in list(_encoders):
        encoder.restart(make_entity_id())


os.register_at_fork(after_in_child=_restart_all)


def _encode_message(message: Any, mapper: FieldMapper) -> bytes:
    """Encode a message that needs no change, and cache a short one; empty if it needs one."""
    if not mapper.redactor.is_clean(message, max_length=MAX_TEXT):
        return b""
    text = orjson.dumps(message)
    if len(text) <= _SHORT:
        if len(mapper.messages) >= MAX_CACHED:
            mapper.messages.clear()
        mapper.messages[message] = text
    return text


def _encode_validated(
    message: Any, fields: dict[Any, Any], mapper: FieldMapper, room: int
) -> _Body:
    """Encode after each value was validated: the slow path, which raises nothing either.

    `ml.log.changes` names what was changed.

    Args:
        message: the message.
        fields: the caller's fields.
        mapper: maps the fields.
        room: bytes message and fields may have.
    """
    try:
        validator = mapper.validate(fields)
        text = orjson.dumps(validator.message(message))
        mapped = validator.mapped()
        json = orjson.dumps(mapped)
        if len(json) + len(text) > room:
            json = _cut_to_fit(mapped, room - len(text))
    except BaseException as error:
        if is_interruption(error):
            raise
        problem = f"<unreadable event: {type(error).__name__}>"
        return orjson.dumps(problem), b'{"ml.log.changes":["unreadable:*"]}', [problem]
    return text, json, validator.problems


def _cut_to_fit(mapped: dict[str, Any], room: int) -> bytes:
    """Cut the values of an event that is too large until it fits, and record that."""
    json = b"{}"
    for most in _CUTS:
        # The ids come first; features may be many.
        entries = list(mapped.items())[: 16 * max(most, 4)]
        cut = {name: _cut(value, most) for name, value in entries}
        cut["ml.log.changes"] = mapped.get("ml.log.changes", [])
        cut["ml.log.changes"] = [*cut["ml.log.changes"], "too_long:*"]
        json = orjson.dumps(cut)
        if len(json) <= room:
            break
    return json


def _cut(value: Any, most: int) -> Any:
    """Cut a value to so many characters, or a quarter of so many entries, at each level."""
    if isinstance(value, str):
        return value[:most]
    if isinstance(value, list):
        return [_cut(item, most) for item in value[: max(most // 4, 1)]]
    if isinstance(value, dict):
        return {name: _cut(item, most) for name, item in list(value.items())[:most]}
    return value
