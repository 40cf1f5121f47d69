"""From a line of the log to an item of a bulk request, its bytes passed through unchanged.

Each line is parsed once, to get its id, data stream and schema version and to check that it is
complete. It is not written again: what the shipper adds (`event.ingested`, `agent.id`) is put
behind the line's opening brace. msgspec reads the three fields and checks the rest without making
an object of it.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from msgspec import UNSET, DecodeError, Meta, Raw, Struct, UnsetType, field
from msgspec.json import Decoder

from mlmon.elastic import lenient_json
from mlmon.elastic.indices.names import data_stream
from mlmon.ingest.encode.field_names import FieldNames

MAX_ID_BYTES = 512
"""Elasticsearch's limit for `_id`: a longer one makes it reject the complete request."""

# Spaces, a byte-order mark, and the zero bytes that copytruncate leaves when the writer does not
# append.
_PADDING = b" \t\r\x00\xef\xbb\xbf"
_BRACE = ord("{")
ADDED_FIELDS = ("event.ingested", "agent.id")
"""Fields that the shipper adds to each line."""


class _Envelope(Struct, gc=False):
    """The fields that are read; all others are only checked to be JSON."""

    id_: Annotated[str, Meta(min_length=1, max_length=MAX_ID_BYTES)] = field(name="event.id")
    dataset: str = field(name="event.dataset")
    version: int = field(name="ml.schema_version")
    moment: str = field(name="@timestamp")
    ingested: Raw | UnsetType = field(name=ADDED_FIELDS[0], default=UNSET)
    shipper: Raw | UnsetType = field(name=ADDED_FIELDS[1], default=UNSET)


class _Anything(Struct, gc=False):
    """An object whose fields are only checked to be JSON."""


_read = Decoder(_Envelope).decode
_skim = Decoder(_Anything).decode


class LineError(Exception):
    """The line cannot be stored; the text gives the reason."""


class LineEncoder:
    """Turns lines into bulk items for the data streams `logs-<event.dataset>-<namespace>`.

    Args:
        namespace: Third part of the data streams' names.
        datasets: The datasets that may be shipped.
        schema_version: The only `ml.schema_version` that is taken.
        shipper_id: Written as `agent.id`.
        now: What lines carry as `event.ingested` until `stamp` moves it.
        field_names: For each dataset whose mapping grows, the names it may have.
    """

    def __init__(
        self,
        namespace: str,
        datasets: Collection[str],
        schema_version: int,
        shipper_id: str,
        now: datetime,
        field_names: Mapping[str, FieldNames] | None = None,
    ) -> None:
        self._actions = {
            name: b'{"create":{"_index":%b,"_id":' % orjson.dumps(data_stream(name, namespace))
            for name in datasets
        }
        self._schema_version = schema_version
        self._shipper_id = shipper_id
        self.field_names = dict(field_names or {})
        self._added: dict[str, str] = {}
        self._spliced = b""
        self.stamp(now)

    def stamp(self, now: datetime) -> None:
        """Set the time that the lines encoded from now on carry as `event.ingested`."""
        ingested = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        values = (ingested, self._shipper_id)
        self._added = dict(zip(ADDED_FIELDS, values, strict=True))
        self._spliced = b"}}\n" + orjson.dumps(self._added)[:-1] + b","

    def encode(self, line: bytes, fields: bytes = b"") -> bytes:
        """Return action and document of a line, each ended by a newline.

        Args:
            line: The line, without its newline.
            fields: JSON members to add, each ended by a comma, such as `"container.id":"ab",`.

        Raises:
            LineError: It is no JSON object, lacks its id or date, or is of an unknown dataset or
                schema version.
        """
        try:
            event = _read(line)
            action = self._actions[event.dataset]
            id_ = event.id_
            if (
                event.version == self._schema_version
                and id_.isascii()
                and event.moment[4:5] == "-"
                and line[0] == _BRACE
                and event.ingested is UNSET
                and event.shipper is UNSET
                # The decoder does not check skipped values to be UTF-8.
                and (line.isascii() or line.decode())
                and not fields
                and not (
                    (names := self.field_names.get(event.dataset))
                    and names.is_due()
                    and names.has_new(orjson.loads(line))
                )
            ):
                parts = (action, orjson.dumps(id_), self._spliced, line[1:], b"\n")
                return b"".join(parts)
        except (
            DecodeError,
            KeyError,
            UnicodeDecodeError,
            RecursionError,
            orjson.JSONDecodeError,
        ):
            pass
        try:
            return self._encode_carefully(line, fields)
        except orjson.JSONEncodeError:
            # It can be read, but not written again.
            raise LineError("nested too deeply to add fields to") from None

    def _encode_carefully(self, line: bytes, fields: bytes = b"") -> bytes:
        """Encode a line that is not as the log writes it, or raise what is wrong with it."""
        event = parse(line)
        action = self._action(event)
        names = self.field_names.get(event["event.dataset"])
        bounded = names.bounded(event) if names else None
        if bounded is not None or self._added.keys() & event.keys():
            event = bounded or event
            line = orjson.dumps({key: event[key] for key in event if key not in ADDED_FIELDS})
        elif line[0] != _BRACE:
            line = line.strip(_PADDING)
        # A member that is there twice would make Elasticsearch reject the line.
        if fields and not any(name in event for name in orjson.loads(b"{" + fields[:-1] + b"}")):
            line = b"{" + fields + line[1:]
        id_ = orjson.dumps(event["event.id"])
        return b"".join((action, id_, self._spliced, line[1:], b"\n"))

    def _action(self, event: dict[str, Any]) -> bytes:
        """Return the action line up to the id, or raise what is wrong with the event."""
        version = event.get("ml.schema_version")
        if type(version) is not int or version != self._schema_version:
            raise LineError(
                f"ml.schema_version is {version!r}, this shipper takes {self._schema_version}"
                if version is not None
                else "ml.schema_version is missing: not a line of this log"
            )
        id_ = event.get("event.id")
        if type(id_) is not str or not 0 < _size(id_) <= MAX_ID_BYTES:
            raise LineError(
                f"event.id is not a text of 1 to {MAX_ID_BYTES} bytes: {str(id_)[:80]!r}"
            )
        dataset = event.get("event.dataset")
        action = self._actions.get(dataset) if type(dataset) is str else None
        if action is None:
            known = ", ".join(sorted(self._actions))
            raise LineError(f"event.dataset {dataset!r} is unknown (known: {known})")
        moment = event.get("@timestamp")
        # Elasticsearch would take a number, and one near 2^63 makes it fail every date histogram
        # over its index. A year of four digits is never so far.
        if type(moment) is not str or moment[4:5] != "-":
            raise LineError(f"@timestamp is not an ISO 8601 date: {str(moment)[:80]!r}")
        return action


def parse(line: bytes) -> dict[str, Any]:
    """Return the line's object.

    Raises:
        LineError: The line is no JSON object in UTF-8.
    """
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        event = _parse_padded(line, error)
    if not isinstance(event, dict):
        raise LineError(f"not a JSON object but {type(event).__name__}")
    return event


def event_id(line: bytes) -> str:
    """Return the id of a line that was encoded before."""
    return str(parse(line)["event.id"])


def is_blank(line: bytes) -> bool:
    """Return whether a line is empty but for padding; such a line is skipped."""
    return not line.strip(_PADDING)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _parse_padded(line: bytes, error: orjson.JSONDecodeError) -> Any:
    bare = line.strip(_PADDING)
    if bare != line:
        try:
            return orjson.loads(bare)
        except orjson.JSONDecodeError as inner:
            error = inner
    try:
        # It refuses what is no JSON; the quick way takes numbers of any size, as this one must.
        _skim(bare)
        return lenient_json.loads(bare)
    except (DecodeError, ValueError, RecursionError):
        raise LineError(f"not JSON: {error}") from None
