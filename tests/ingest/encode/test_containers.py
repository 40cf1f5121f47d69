"""Container logs: Docker's json-file and CRI entries become the lines that were written."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.ingest.encode.containers import (
    container_fields,
    cri_fragment,
    docker_fragment,
    unwrap_lines,
    unwrapper,
)
from mlmon.ingest.encode.line import LineError
from tests.support.container_logs import cri_entries, docker_entries

texts = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0"), min_size=1, max_size=60),
    max_size=6,
)


@given(lines=texts, size=st.integers(1, 20))
def test_docker_entries_become_the_lines_that_were_written(lines: list[str], size: int) -> None:
    """At any size at which Docker splits, each line comes back joined."""
    entries = [entry for line in lines for entry in docker_entries(line, size)]
    found = unwrap_lines(entries, docker_fragment)
    assert [line.decode() for line in found.lines] == lines
    assert found.consumed == sum(len(entry) + 1 for entry in entries)


@given(lines=texts, size=st.integers(1, 20))
def test_cri_entries_become_the_lines_that_were_written(lines: list[str], size: int) -> None:
    """At any size at which the runtime splits, each line comes back joined."""
    entries = [entry for line in lines for entry in cri_entries(line, size)]
    found = unwrap_lines(entries, cri_fragment)
    assert [line.decode("utf-8", "surrogateescape") for line in found.lines] == [
        line.encode().decode("utf-8", "surrogateescape") for line in lines
    ]
    assert found.consumed == sum(len(entry) + 1 for entry in entries)


def test_streams_that_take_turns_are_joined_separately() -> None:
    """A line of stderr between two parts of a line of stdout breaks neither."""
    first, second = cri_entries("abcdef", 3)
    other = cri_entries("oops", 10, stream="stderr")
    found = unwrap_lines([first, *other, second], cri_fragment)
    assert sorted(found.lines) == [b"abcdef", b"oops"]


def test_an_unfinished_line_is_not_consumed() -> None:
    """What follows the last point without an unfinished line waits for its end."""
    done, (part, _) = cri_entries("done", 10), cri_entries("abcdef", 3)
    found = unwrap_lines([*done, part], cri_fragment)
    assert found.lines == [b"done"]
    assert found.consumed == len(done[0]) + 1


def test_an_entry_of_another_kind_stays_as_it_is() -> None:
    """A line that is no entry is kept, so that it is rejected with its bytes."""
    (entry,) = docker_entries("fine", 10)
    assert unwrap_lines([b"oops", entry], docker_fragment).lines == [b"oops", b"fine"]


@pytest.mark.parametrize(
    ("beginning", "expected"),
    [
        (docker_entries("x", 9)[0], docker_fragment),
        (cri_entries("x", 9)[0], cri_fragment),
        (b"2026-03-01T00:00:00.1Z stdout F:tag more", cri_fragment),
        (b'{"@timestamp":"2026-03-01T00:00:00Z"}', None),
        (b'{"log.level":"info"}', None),
        (b"2026-03-01T00:00:00Z INFO stdout is fine", None),
        (b"", None),
    ],
)
def test_the_wrapping_is_recognized_by_the_first_bytes(beginning: bytes, expected: object) -> None:
    """Lines of our own log are never mistaken for wrapped ones."""
    assert unwrapper(beginning) is expected


@pytest.mark.parametrize("line", [b"", b"[]", b'{"log":1}', b'{"log"', b'"text"', b"null"])
def test_what_is_no_docker_entry_is_an_error(line: bytes) -> None:
    """Nothing but an object with a text is taken."""
    with pytest.raises(LineError):
        docker_fragment(line)


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (
            "/var/log/pods/shop_autobid-7d9f-x2x_0b1c-uid/api/0.log",
            {
                "kubernetes.namespace": "shop",
                "kubernetes.pod.name": "autobid-7d9f-x2x",
                "kubernetes.pod.uid": "0b1c-uid",
                "kubernetes.container.name": "api",
            },
        ),
        (
            f"/var/log/containers/autobid-1_shop_api-{'a' * 64}.log",
            {
                "kubernetes.namespace": "shop",
                "kubernetes.pod.name": "autobid-1",
                "kubernetes.container.name": "api",
                "container.id": "a" * 64,
            },
        ),
        (
            f"/var/lib/docker/containers/{'b' * 64}/{'b' * 64}-json.log",
            {"container.id": "b" * 64},
        ),
        ("/var/log/app.jsonl", {}),
    ],
)
def test_the_path_names_the_container(path: str, fields: dict[str, str]) -> None:
    """Kubernetes and Docker name pod, namespace and container in the path."""
    assert container_fields(path) == fields


def test_docker_texts_keep_their_escapes() -> None:
    """A JSON line inside Docker's JSON comes back byte by byte."""
    line = json.dumps({"message": 'say "ä\\n"', "n": 1}, ensure_ascii=False)
    (entry,) = docker_entries(line, 1_000)
    assert docker_fragment(entry).text == line.encode()
