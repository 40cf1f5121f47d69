"""Follows files: what is new, rotated, copied, compressed, cut or deleted, and where to read on.

A file that is open stays open when it is renamed or deleted, and is read to its end. A file that
is closed is known again by `recognition`, under the patterns and beside the place where it lay.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from mlmon.ingest.files.content import Content, PipeContent, open_content
from mlmon.ingest.files.file_identity import Candidate, Likeness, Match, same_content, same_file
from mlmon.ingest.files.file_locks import FileLocks
from mlmon.ingest.files.listing import (
    STANDARD_INPUT,
    Found,
    look_at,
    matching,
    names,
    siblings,
    stem_of,
)
from mlmon.ingest.files.record import Record
from mlmon.ingest.files.source import Block, Limits, ReplacedError, Source

Clock = Callable[[], float]

QUIET_S = 30.0
"""How long a renamed or deleted file must be quiet until it is taken as ended: its writer may
still hold it."""

SETTLING_S = 5.0
"""How long a copy must have its size until it is taken as whole."""

SEARCH_S = 60.0
"""How long what disappeared is searched for beside its old place."""

KEEP_S = 30 * 86_400.0
"""How long a file that is gone is remembered, so that its compressed copy is known again."""

_STANDARD_INPUT_KEY = (-1, -1)


class Claim(Enum):
    """What to do with a file where it is not read on from a record."""

    OPEN = "open"
    """It is unknown: somebody else may claim it."""
    LATER = "later"
    """Look at it again soon: it is still being made, or what it continues is not decided yet."""
    NEVER = "never"
    """It is none of ours, until it changes."""


@dataclass(slots=True)
class Opened:
    """An open source, and what is known of its place.

    Attributes:
        source: The file.
        away: Whether no pattern names it any more: it was renamed or deleted.
        size: Its size when it was looked at last.
        changed: When it had another size, seconds since the epoch.
    """

    source: Source
    away: bool = False
    size: int = 0
    changed: float = 0.0


@dataclass(frozen=True, slots=True)
class Unread:
    """Bytes that disappeared before they were read.

    Attributes:
        record: The file.
        offset: Where reading stopped.
        bytes: How many are missing.
        since: When that was seen, seconds since the epoch.
    """

    record: Record
    offset: int
    bytes: int
    since: float


class Tailer:
    """The files that are followed.

    Args:
        patterns: Paths and glob patterns; `-` is standard input.
        records: What the checkpoint knows.
        limits: How long a line may be.
        following: Whether more is waited for; otherwise what is there now is read to its end.
        doubtful: Says whether lines found in a file may have been sent by another shipper, so that
            they are to be looked up.
        locks: Keep other shippers from the files that are open; None where there are none.
        clock: Seconds since the epoch.

    Attributes:
        troubles: What could not be read: path and reason.
        waiting: Whether files were left for the next `discover`.
        changes: How many files were opened and closed.
    """

    def __init__(
        self,
        patterns: Sequence[str],
        records: Iterable[Record] = (),
        *,
        limits: Limits | None = None,
        following: bool = True,
        doubtful: Callable[[], bool] = lambda: False,
        locks: FileLocks | None = None,
        clock: Clock = time.time,
    ) -> None:
        self.troubles: dict[str, str] = {}
        self.waiting = False
        self.changes = 0
        self._patterns = [pattern for pattern in patterns if pattern != STANDARD_INPUT]
        self._limits = limits or Limits()
        self._following = following
        self._doubtful = doubtful
        self._locks = locks
        self._clock = clock
        self._known = list(records)
        self._first = True
        self._opened: dict[tuple[int, int], Opened] = {}
        self._undecided: list[Source] = []
        self._passed: dict[tuple[int, int], tuple[int, int]] = {}
        self._unread: list[Unread] = []
        self._turns: list[tuple[int, int]] = []
        if STANDARD_INPUT in patterns:
            record = Record(STANDARD_INPUT, STANDARD_INPUT, *_STANDARD_INPUT_KEY)
            source = Source(record, PipeContent(0), self._limits, persistent=False)
            self._opened[_STANDARD_INPUT_KEY] = Opened(source)

    @property
    def sources(self) -> list[Source]:
        """The open files."""
        return [opened.source for opened in self._opened.values()]

    @property
    def ended(self) -> bool:
        """Whether nothing can follow: standard input alone was read, to its end."""
        return not self._patterns and not self._opened

    @property
    def listening(self) -> bool:
        """Whether standard input is still open."""
        return _STANDARD_INPUT_KEY in self._opened

    def undecided(self) -> list[Source]:
        """Return the files with lines that were read and not decided, the closed ones too."""
        return [source for source in (*self.sources, *self._undecided) if not source.decided]

    def records(self) -> list[Record]:
        """Return what the checkpoint is to keep."""
        return [source.record for source in self.sources if source.persistent] + self._known

    def close(self) -> None:
        """Close every file, and leave them to other shippers."""
        for source in self.sources:
            source.close()
        self._opened.clear()
        if self._locks:
            self._locks.close()

    def lost(self, *, final: bool = False) -> list[Unread]:
        """Return what disappeared unread and was not found again within `SEARCH_S`, or ever."""
        before = self._clock() if final else self._clock() - SEARCH_S
        return [unread for unread in self._unread if unread.since <= before]

    def discover(self) -> None:
        """See which files have come, gone or changed their names."""
        now = self._clock()
        self.waiting = False
        self._undecided = [source for source in self._undecided if not source.decided]
        found = {file.identity: file for file in matching(self._patterns)}
        for identity, opened in self._opened.items():
            _look_after(opened, found.get(identity), now)
        self._admit([file for file in found.values() if self._is_news(file)], named=True)
        beside = {file.identity: file for file in self._neighbours(now)}
        strangers = [file for key, file in beside.items() if key not in found]
        self._admit([file for file in strangers if self._is_news(file)], named=False)
        self._first = False
        self._known = [record for record in self._known if now - record.seen < KEEP_S]

    def read(self) -> Block | None:
        """Return the next block, the files in turn; None where no file has a whole line now."""
        for _ in range(len(self._opened)):
            if not self._turns:
                self._turns = list(self._opened)
            key = self._turns.pop()
            if key in self._opened:
                block = self._read(key, self._opened[key])
                if block:
                    return block
        return None

    def _read(self, key: tuple[int, int], opened: Opened) -> Block | None:
        source = opened.source
        try:
            block = source.read()
            ended = block is None and self._has_ended(opened)
            if block is None and (ended or not self._following):
                block = source.rest(ended=ended)
        except ReplacedError:
            self._part(key, opened)
            return None
        if source.content.trouble:
            self.troubles[source.path] = source.content.trouble
        if block is None and ended:
            self._part(key, opened)
            self._pass_over(key, source.path)
        return block

    def _has_ended(self, opened: Opened) -> bool:
        content = opened.source.content
        if content.trouble or content.finished:
            return True
        if not content.mutable:
            # A compressed file that ends within a member is not whole yet.
            return False
        quiet = content.size() == opened.size and self._clock() - opened.changed >= QUIET_S
        return opened.away and quiet

    def _part(self, key: tuple[int, int], opened: Opened) -> None:
        """Close a file; it stays known, and its lines may still have to be decided."""
        source = opened.source
        del self._opened[key]
        self.changes += 1
        source.close()
        if self._locks:
            self._locks.give(key)
        if not source.persistent:
            return
        source.record.seen = self._clock()
        self._known.append(source.record)
        self._undecided.append(source)
        missing = opened.size - source.offset
        if source.content.mutable and missing > 0:
            unread = Unread(source.record, source.offset, missing, source.record.seen)
            self._unread.append(unread)
        self.waiting = True

    def _is_news(self, file: Found) -> bool:
        stat = (file.size, file.modified_ns)
        return file.identity not in self._opened and self._passed.get(file.identity) != stat

    def _pass_over(self, key: tuple[int, int], path: str) -> None:
        """Leave a file alone until it changes."""
        file = look_at(path)
        if file and file.identity == key:
            self._passed[key] = (file.size, file.modified_ns)

    def _neighbours(self, now: float) -> Iterator[Found]:
        """Yield the files beside the places of those that disappeared."""
        gone = [record for record in self._known if self._first or now - record.seen < SEARCH_S]
        # A copy that was taken up may be a shorter one than another beside it.
        gone += [opened.source.record for opened in self._opened.values() if opened.away]
        ours = [record.path for record in gone if names(self._patterns, record.named)]
        for path in {stem_of(path): path for path in ours}.values():
            yield from siblings(path)

    def _admit(self, files: Sequence[Found], *, named: bool) -> None:
        """Open what is to be read: first what is known by inode, so that no copy takes its place.

        Args:
            files: Files that are not open.
            named: Whether the patterns name them; otherwise only known content is taken.
        """
        inodes = {(record.device, record.inode) for record in self._known}
        settled = {
            file.identity
            for file in files
            if file.identity in inodes and self._try(file, self._same_file)
        }
        claim = self._named if named else self._neighbour
        for file in files:
            if file.identity not in settled:
                self._try(file, claim)

    def _try(self, file: Found, claim: Callable[[Candidate], Record | Claim]) -> bool:
        """Open a file and let `claim` say from where it is read; return whether that is settled."""
        try:
            content = open_content(file.path, file.identity)
        except OSError as error:
            self.troubles[file.path] = error.strerror or str(error)
            return True
        if content is None:
            return True
        claimed = claim(Candidate.of(file, content))
        if isinstance(claimed, Record):
            self._open(file, claimed, content)
            return True
        content.close()
        if claimed is Claim.LATER:
            self.waiting = True
        elif claimed is Claim.NEVER:
            self._passed[file.identity] = (file.size, file.modified_ns)
        return claimed is not Claim.OPEN

    def _open(self, file: Found, record: Record, content: Content) -> None:
        if self._locks and not self._locks.take(file.identity):
            self.troubles[file.path] = "another shipper reads it"
            content.close()
            return
        record.seen = self._clock()
        self.troubles.pop(file.path, None)
        source = Source(record, content, self._limits, doubtful=self._doubtful())
        self.changes += 1
        self._opened[file.identity] = Opened(source, changed=file.modified_ns / 1e9)

    def _same_file(self, candidate: Candidate) -> Record | Claim:
        """Take a file up where it was left, known by its inode."""
        match = same_file(candidate, self._known)
        if match is None:
            return Claim.OPEN
        if self._is_undecided(match.record):
            return Claim.LATER
        if match.likeness is Likeness.CUT:
            return candidate.again(match)
        return self._continue(candidate, match)

    def _same_content(self, candidate: Candidate) -> Record | Claim:
        """Take content up where it was left, under whatever inode it is now."""
        live = [source for source in self.sources if candidate.begins_like(source.head)]
        if any(not source.at_end or not source.decided for source in live):
            return Claim.LATER
        records = [source.record for source in self.sources] + self._known
        match = same_content(candidate, records)
        if match is None:
            return Claim.OPEN
        if self._is_undecided(match.record):
            return Claim.LATER
        if match.likeness is Likeness.CUT:
            settled = self._clock() - candidate.found.modified_ns / 1e9 >= SETTLING_S
            return candidate.again(match) if settled else Claim.LATER
        return self._continue(candidate, match)

    def _named(self, candidate: Candidate) -> Record | Claim:
        """Take a file that the patterns name."""
        if not candidate.head:
            # A copy begins empty too: what it is shows with its first bytes.
            return Claim.LATER
        claimed = self._same_content(candidate)
        return candidate.fresh() if claimed is Claim.OPEN else claimed

    def _neighbour(self, candidate: Candidate) -> Record | Claim:
        """Take a file beside the place of one that disappeared, if it holds that content."""
        claimed = self._same_content(candidate) if candidate.head else Claim.LATER
        return Claim.NEVER if claimed is Claim.OPEN else claimed

    def _is_undecided(self, record: Record) -> bool:
        """Return whether lines of this content are still to be decided."""
        return any(source.record is record for source in self.undecided())

    def _continue(self, candidate: Candidate, match: Match) -> Record:
        """Let a file go on where a record stands; one without an open file becomes its own."""
        record = match.record
        self._known = [known for known in self._known if known is not record]
        self._unread = [unread for unread in self._unread if unread.record is not record]
        return candidate.resumed(match)


def _look_after(opened: Opened, file: Found | None, now: float) -> None:
    """Note where an open file is now and whether it grew."""
    opened.away = file is None
    if file:
        opened.source.record.path = opened.source.record.named = file.path
        opened.source.record.seen = now
    size = opened.source.content.size()
    if size != opened.size:
        opened.size = size
        opened.changed = max(opened.changed, now)
