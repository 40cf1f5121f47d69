"""NULs in a file: a hole that data follow, or room that is still to be filled."""

import re
from collections import deque

from mlmon.ingest.files.content import Content

MOST_PADDING_BYTES = 1 << 26
"""NULs looked through at once: a file of nothing else must not keep others from being read."""

_CHUNK_BYTES = 1 << 18
_NULS = bytes(_CHUNK_BYTES)
_RUN = re.compile(rb"\0+")
_MOST_GAPS = 64
_EDGE_BYTES = 4096


class NulRun:
    """The NULs from an offset of a file onwards, looked through in parts.

    Args:
        content: The file.

    Attributes:
        start: Where the last look began.
        end: The first byte behind them that is no NUL, as far as they were looked through.
        followed: Whether a byte that is no NUL follows.
        unfinished: Whether there was too much for one look.
    """

    def __init__(self, content: Content) -> None:
        self.start = self.end = 0
        self.followed = self.unfinished = False
        self._content = content
        self._version: tuple[int, int] | None = None

    def look(self, start: int) -> None:
        """Look through the NULs from an offset, or go on with it.

        What was NUL may have been filled since: a file that has changed is looked through again,
        but not before a look has come to its end, which a busy writer would put off for ever.
        """
        version = self._content.version()
        if start != self.start or not (self.unfinished or version == self._version):
            self.start = self.end = start
            self._version = version
        limit = self.end + MOST_PADDING_BYTES
        self.followed = ended = False
        while not (self.followed or ended) and self.end < limit:
            self.end = self._content.skip_hole(self.end)
            data = self._content.read_at(self.end, _CHUNK_BYTES)
            ended = not data
            if data == _NULS:
                self.end += _CHUNK_BYTES
                continue
            nuls = len(data) - len(data.lstrip(b"\0"))
            self.end += nuls
            self.followed = nuls < len(data)
        self.unfinished = not (self.followed or ended)

    def within(self, start: int, end: int) -> int:
        """Return how many of the NULs lie between two offsets."""
        return max(0, min(self.end, end) - max(self.start, start))


class Gaps:
    """The NULs of a file that were passed over, because data follow them.

    A program that writes in any order, such as one that downloads parts at once, may fill them.
    Of more than 64 the first are forgotten.

    Args:
        content: The file.
    """

    def __init__(self, content: Content) -> None:
        self._content = content
        self._gaps: deque[tuple[int, int]] = deque(maxlen=_MOST_GAPS)
        self._version: tuple[int, int] | None = None

    def add(self, start: int, end: int) -> None:
        """Add the NULs between two offsets."""
        self._gaps.append((start, end))

    def add_within(self, data: bytes, offset: int) -> None:
        """Add the NULs among some bytes that begin at an offset."""
        if b"\0" in data:
            for run in _RUN.finditer(data):
                self.add(offset + run.start(), offset + run.end())

    def are_filled(self) -> bool:
        """Return whether one of them begins or ends with other bytes by now."""
        if not self._gaps:
            return False
        version = self._content.version()
        if version == self._version:
            return False
        self._version = version
        return any(
            self._content.read_at(edge, min(end - edge, _EDGE_BYTES)).strip(b"\0")
            for start, end in self._gaps
            for edge in {start, max(start, end - _EDGE_BYTES)}
        )
