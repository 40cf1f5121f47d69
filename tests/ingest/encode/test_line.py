"""A line becomes a bulk item without being written again, or is rejected with a reason."""

import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.ingest.encode.line import LineEncoder, LineError, event_id, is_blank

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
ADDED = {"event.ingested": "2026-03-01T12:00:00.123Z", "agent.id": "ship-1"}
EVENT = {
    "@timestamp": "2026-03-01T11:59:59.000001Z",
    "event.id": "p-1",
    "event.dataset": "ml.app",
    "ml.schema_version": 1,
}


def encoder() -> LineEncoder:
    """Return an encoder for two datasets."""
    return LineEncoder("test", ("ml.app", "ml.job"), 1, "ship-1", NOW)


def item(line: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Encode a line; return action, document, and the document's bytes."""
    action, document, rest = encoder().encode(line).split(b"\n")
    assert rest == b""
    return json.loads(action), json.loads(document), document


def line(**changes: Any) -> bytes:
    """Return the line of an event with some fields set; None leaves a field out."""
    event = EVENT | {key.replace("__", "."): value for key, value in changes.items()}
    return json.dumps({key: value for key, value in event.items() if value is not None}).encode()


keys = st.text(min_size=1).filter(lambda key: key not in EVENT and key not in ADDED)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
utf8 = st.characters(codec="utf-8")


@given(
    extra=st.dictionaries(keys, values, max_size=6),
    ident=st.text(utf8, min_size=1, max_size=128),
    dataset=st.sampled_from(["ml.app", "ml.job"]),
    first=st.booleans(),
    ascii_only=st.booleans(),
    spaces=st.sampled_from([(",", ":"), (", ", ": ")]),
)
def test_the_document_is_the_event_and_what_the_shipper_adds(
    *,
    extra: dict[str, Any],
    ident: str,
    dataset: str,
    first: bool,
    ascii_only: bool,
    spaces: tuple[str, str],
) -> None:
    """Any event, however ordered and spaced, keeps its fields and bytes and gets its id."""
    own = EVENT | {"event.id": ident, "event.dataset": dataset}
    event = extra | own if first else own | extra
    text = json.dumps(event, ensure_ascii=ascii_only, separators=spaces)
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raw = json.dumps(event, separators=spaces).encode()
    if re.search(rb"\\\\u[dD][89a-fA-F]", raw):
        # A lone surrogate is no text that can be sent.
        with suppress(LineError):
            item(raw)
        return
    action, document, encoded = item(raw)
    assert action == {"create": {"_index": f"logs-{dataset}-test", "_id": ident}}
    assert document == event | ADDED
    assert encoded.endswith(raw[1:])


@given(extra=st.dictionaries(keys, values, max_size=6), cut=st.integers(0, 60), byte=st.binary())
def test_the_quick_way_decides_as_the_careful_one(
    extra: dict[str, Any], cut: int, byte: bytes
) -> None:
    """For any fields and any damage of a line, both ways make the same of it."""
    complete = json.dumps(EVENT | extra).encode()
    raw = (complete[: len(complete) - cut] + byte + complete[len(complete) - cut :]).replace(
        b"\n", b""
    )
    made = encoder()
    quick = careful = None
    with suppress(LineError):
        quick = made.encode(raw)
    with suppress(LineError):
        careful = made._encode_carefully(raw)
    assert quick == careful


@pytest.mark.parametrize("escape", ["\\ud800", "\\uDFFF", "\\ud83dx", "\\ude00\\ud83d"])
@pytest.mark.parametrize("place", ["message", "nested", "name"])
def test_half_a_surrogate_pair_is_rejected_wherever_it_stands(escape: str, place: str) -> None:
    """Python's `json` writes it so; stored, it would make readers of strict parsers fail."""
    values = {"message": {"message": "X"}, "nested": {"labels": {"a": ["X"]}}, "name": {"X": 1}}
    raw = json.dumps(EVENT | values[place]).replace("X", escape).encode()
    with pytest.raises(LineError, match="not JSON"):
        item(raw)


def test_an_escaped_pair_and_an_escaped_backslash_are_text() -> None:
    """A complete pair is a character; behind an escaped backslash stand letters only."""
    raw = json.dumps(EVENT | {"message": "🚀", "path": "C:\\ud800"}).encode()
    _, document, encoded = item(raw)
    assert (document["message"], document["path"]) == ("🚀", "C:\\ud800")
    assert encoded.endswith(raw[1:])


@pytest.mark.parametrize("number", ["1e400", "9" * 400, "-1E999"])
def test_a_number_that_no_double_holds(number: str) -> None:
    """It is JSON: the line is passed through by both ways, and is found by its id."""
    raw = json.dumps(EVENT)[:-1].encode() + f',"n":{number}}}'.encode()
    made = encoder()
    assert made.encode(raw) == made._encode_carefully(raw)
    assert made.encode(raw).endswith(raw[1:] + b"\n")
    assert event_id(raw) == "p-1"


@given(st.binary())
def test_any_bytes_are_rejected_with_a_reason(raw: bytes) -> None:
    """Bytes that are no event never fail otherwise than by a refusal with a reason."""
    rejected = ""
    try:
        encoder().encode(raw.replace(b"\n", b""))
    except LineError as error:
        rejected = str(error)
    assert rejected


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"oops", "not JSON"),
        (b'{"a":1', "not JSON"),
        (b"[1]", "not a JSON object but list"),
        (b'"text"', "not a JSON object but str"),
        (b'{"event.id":"\xff"}', "not JSON"),
        (line()[:-1] + b',"x":"\xff"}', "not JSON"),
        (b"{}", "ml.schema_version is missing"),
        (line(ml__schema_version=2), "ml.schema_version is 2, this shipper takes 1"),
        (line(ml__schema_version="1"), "ml.schema_version is '1'"),
        (line(ml__schema_version=True), "ml.schema_version is True"),
        (line(event__dataset="ml.other"), "'ml.other' is unknown (known: ml.app, ml.job)"),
        (line(event__dataset=None), "event.dataset None is unknown"),
        (line(event__dataset=["ml.app"]), "event.dataset ['ml.app'] is unknown"),
        (line(event__id=None), "event.id is not a text"),
        (line(event__id=""), "event.id is not a text"),
        (line(event__id=7), "event.id is not a text"),
        (line(event__id="x" * 513), "1 to 512 bytes"),
        (line(event__id="ä" * 257), "1 to 512 bytes"),
        (line(**{"@timestamp": None}), "@timestamp is not an ISO 8601 date: 'None'"),
        (line(**{"@timestamp": 2**63 - 1}), "ISO 8601 date: '9223372036854775807'"),
        (line(**{"@timestamp": str(-(2**63))}), "ISO 8601 date: '-9223372036854775808'"),
        (
            line(**{"@timestamp": "+292278994-08-17T07:12:55Z"}),
            "@timestamp is not an ISO 8601 date",
        ),
    ],
)
def test_a_bad_line_is_rejected_with_the_reason(raw: bytes, words: str) -> None:
    """What is wrong is reported by naming the field and its value."""
    with pytest.raises(LineError) as raised:
        encoder().encode(raw)
    assert words in str(raised.value)


def test_the_longest_id_is_taken() -> None:
    """An id of exactly 512 bytes passes."""
    assert item(line(event__id="ä" * 256))[0]["create"]["_id"] == "ä" * 256


@pytest.mark.parametrize("padding", [b"\xef\xbb\xbf", b"\x00\x00", b"  ", b"\t"])
def test_padding_before_a_line_is_passed_over(padding: bytes) -> None:
    """A byte-order mark, zero bytes left by a truncation, and spaces do not spoil a line."""
    assert item(padding + line())[1] == EVENT | ADDED


def test_a_carriage_return_at_the_end_is_harmless() -> None:
    """Lines that end in CRLF are the same events."""
    assert item(line() + b"\r")[1] == EVENT | ADDED


def test_an_event_that_was_shipped_before_is_stamped_again() -> None:
    """A line exported from a data stream carries each added field once, with the new value."""
    pairs = json.loads(
        encoder()
        .encode(line(event__ingested="2020-01-01T00:00:00Z", agent__id="x"))
        .split(b"\n")[1],
        object_pairs_hook=list,
    )
    assert len(pairs) == len(dict(pairs))
    assert dict(pairs) == EVENT | ADDED


@pytest.mark.parametrize("raw", [b"", b"\r", b"  \t", b"\x00\x00"])
def test_blank_lines_are_known(raw: bytes) -> None:
    """A line of nothing is no event and no error."""
    assert is_blank(raw)
    assert not is_blank(b"x")


def test_the_id_of_a_line_is_found_again() -> None:
    """The id by which a line is looked up is the one it was sent with."""
    assert event_id(b"\xef\xbb\xbf" + line(event__id='q"\\')) == 'q"\\'


@pytest.mark.parametrize("depth", [300, 900, 990, 1_000, 1_020, 1_030, 5_000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
@pytest.mark.parametrize("more", ["", '"event.ingested":"2026-03-01",'])
def test_a_line_nested_at_will_is_an_item_or_rejected(
    depth: int, opening: str, closing: str, more: str
) -> None:
    """No depth of nesting ends the shipper, also where fields are replaced in the line."""
    inner = opening * depth + ("1" if opening != "[" else "") + closing * depth
    hostile = line()[:-1] + f',{more}"x":{inner}}}'.encode()
    with suppress(LineError):
        assert encoder().encode(hostile).count(b"\n") == 2
