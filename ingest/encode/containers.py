r"""Lines as container runtimes write them: Docker's json-file and the CRI format of Kubernetes.

Docker: `{"log":"<text>\n","stream":"stdout","time":"…"}`; a text without its newline goes on in the
next entry of its stream (it splits at 16 KiB).
CRI: `<time> <stream> P|F <text>`; P means that the line goes on in the next entry of its stream.
Sources: docker/daemon/logger/jsonfilelog and loggerutils, kubernetes/design-proposals
"kubelet-cri-logging", containerd internal/cri/io/logger.go.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson

from mlmon.ingest.encode.line import LineError

_TIME = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[^ ]*"
_CRI = re.compile(_TIME + rb" (stdout|stderr) ([PF])(?::[^ ]*)? ?(.*)", re.DOTALL)
_CRI_BEGINNING = re.compile(rb"^\0*" + _TIME + rb" (stdout|stderr) [PF][ :]", re.MULTILINE)
_DOCKER_BEGINNING = re.compile(rb'^\0*\{"log":"', re.MULTILINE)
_EVENT_BEGINNING = b'{"@timestamp"'

_POD = re.compile(r"/pods/([^/_]+)_([^/_]+)_([^/_]+)/([^/]+)/[^/]+$")
_CONTAINER_LINK = re.compile(r"/containers/([^/_]+)_([^/_]+)_(.+)-([0-9a-f]{64})\.log[^/]*$")
_DOCKER_FOLDER = re.compile(r"/containers/([0-9a-f]{64})/[^/]+$")


@dataclass(frozen=True, slots=True)
class Fragment:
    """One entry of a container's log.

    Attributes:
        stream: `stdout` or `stderr`.
        text: What the container wrote, without its newline.
        continued: Whether the line goes on in the next entry of this stream.
    """

    stream: str
    text: bytes
    continued: bool


Unwrap = Callable[[bytes], Fragment]


def docker_fragment(line: bytes) -> Fragment:
    """Return an entry of Docker's json-file.

    Raises:
        LineError: It is something else.
    """
    try:
        entry = orjson.loads(line.lstrip(b"\0"))
        text, stream = entry["log"], entry.get("stream", "")
        return Fragment(str(stream), text.removesuffix("\n").encode(), not text.endswith("\n"))
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise LineError("not an entry of a Docker log") from None


def cri_fragment(line: bytes) -> Fragment:
    """Return an entry of a CRI log.

    Raises:
        LineError: It is something else.
    """
    match = _CRI.fullmatch(line.lstrip(b"\0"))
    if match is None:
        raise LineError("not an entry of a CRI log")
    return Fragment(match[1].decode(), match[3], match[2] == b"P")


def unwrapper(beginning: bytes) -> Unwrap | None:
    """Return what unwraps a file's lines, by its first lines; None where they are not wrapped.

    The first one may be empty, cut, or hidden behind NULs: people empty such files by hand, and
    machines lose power.
    """
    if _DOCKER_BEGINNING.search(beginning):
        return docker_fragment
    if _CRI_BEGINNING.search(beginning):
        return cri_fragment
    return None


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """The lines in some entries.

    Attributes:
        lines: What the container wrote, each line joined.
        starts: Offset of each line's first entry, from the first byte given.
        consumed: Bytes of the entries up to the last point where no line was unfinished.
    """

    lines: list[bytes]
    starts: list[int]
    consumed: int


def unwrap_lines(entries: Sequence[bytes], unwrap: Unwrap) -> Unwrapped:
    """Unwrap entries and join the lines that a runtime split; other entries stay as they are."""
    complete: list[tuple[int, bytes]] = []
    unfinished: dict[str, tuple[int, list[bytes]]] = {}
    taken = consumed = offset = 0
    for entry in entries:
        start, offset = offset, offset + len(entry) + 1
        try:
            fragment = unwrap(entry)
        except LineError:
            complete.append((start, entry))
        else:
            started, parts = unfinished.pop(fragment.stream, (start, []))
            if parts and fragment.text.startswith(_EVENT_BEGINNING):
                # The runtime was restarted: the line before was never finished.
                complete.append((started, b"".join(parts)))
                started, parts = start, []
            parts.append(fragment.text)
            if fragment.continued:
                unfinished[fragment.stream] = (started, parts)
            else:
                complete.append((started, b"".join(parts)))
        if not unfinished:
            taken, consumed = len(complete), offset
    lines = complete[:taken]
    return Unwrapped([line for _, line in lines], [start for start, _ in lines], consumed)


def container_fields(path: str) -> dict[str, str]:
    """Return the fields that the path of a container's log holds: pod, namespace, container."""
    if match := _POD.search(path):
        namespace, pod, uid, container = match.groups()
        return {
            "kubernetes.namespace": namespace,
            "kubernetes.pod.name": pod,
            "kubernetes.pod.uid": uid,
            "kubernetes.container.name": container,
        }
    if match := _CONTAINER_LINK.search(path):
        pod, namespace, container, id_ = match.groups()
        return {
            "kubernetes.namespace": namespace,
            "kubernetes.pod.name": pod,
            "kubernetes.container.name": container,
            "container.id": id_,
        }
    if match := _DOCKER_FOLDER.search(path):
        return {"container.id": match[1]}
    return {}
