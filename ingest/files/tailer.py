"""Follows files: which are new, rotated, copied, compressed, truncated or deleted, and read where.

A file that is open stays open when it is renamed or deleted, and is read to its end. A file that
is closed is identified by `file_identity`, under the patterns and next to its last place.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from mlmon.ingest.files import ended_files
from mlmon.ingest.files.content import Content, PipeContent, open_content
from mlmon.ingest.files.file_identity import (
    START_BYTES,
    Candidate,
    Claim,
    ContentMatch,
    FileRecord,
    KnownFile,
    KnownFiles,
)
from mlmon.ingest.files.file_locks import FileLocks
from mlmon.ingest.files.missing_files import MissingFiles
from mlmon.ingest.files.open_file import LostBytes, OpenFile
from mlmon.ingest.files.paths import (
    STANDARD_INPUT,
    FoundFile,
    found_file,
    is_named,
    link_target,
    matching,
    printable,
    siblings,
    why_not_a_log,
)
from mlmon.ingest.files.source import Block, FileReplacedError, LogSource, ReadLimits

Clock = Callable[[], float]
Identity = tuple[int, int]

QUIET_S = ended_files.QUIET_S
"""How long a renamed or deleted file must be quiet until it counts as ended."""

SETTLING_S = 5.0
"""Seconds for which a copy must keep its size to count as complete."""

SEARCH_S = 60.0
"""Seconds for which a file that disappeared is searched for near its last place."""

KEEP_S = 30 * 86_400.0
MOST_KNOWN = 2_000
"""How long a file that is gone is remembered, so that its compressed copy is identified; and how
many such files are remembered even longer."""
MOST_GONE = 10_000
"""How many files that are gone are remembered at all: where pods come and go by the thousand, each
look for files and each checkpoint would cost more every day. Lines of a copy of a forgotten one are
looked up."""

_STANDARD_INPUT_KEY = (-1, -1)
_CLOSED_AT_ONCE = 256
_MOST_REPORTED = 10_000
"""Changes that are kept; what others changed is seen when files are looked for."""


class Tailer:
    """The files that are followed.

    Args:
        patterns: Paths and glob patterns; `-` is standard input.
        records: The records of the checkpoint.
        limits: How long a line may be.
        following: Whether to wait for more; otherwise what is there now is read to its end.
        most_open: How many files may be open at once; None for no limit.
        own: The shipper's own folders, in which nothing is a log.
        locks: Keep other shippers from the files that are open; None where there are none.
        clock: Seconds since the epoch.

    Attributes:
        problems: Files that cannot be shipped: path and reason.
        blocked: Files that another shipper reads: path and reason.
        waiting: Files that are looked at again soon: path and reason.
        changes: How many files were opened and closed.
        is_notified: Returns whether changes of files are reported by `report_changes`. Then a file
            that is unchanged for some seconds is not read until a change of it was reported, or was
            seen when files were looked for: thousands of them would be read between any two blocks.
    """

    def __init__(
        self,
        patterns: Sequence[str],
        records: Iterable[FileRecord] = (),
        *,
        limits: ReadLimits | None = None,
        following: bool = True,
        most_open: int | None = None,
        locks: FileLocks | None = None,
        own: Sequence[Path] = (),
        clock: Clock = time.time,
    ) -> None:
        self.problems: dict[str, str] = {}
        self.blocked: dict[str, str] = {}
        self.waiting: dict[str, str] = {}
        self.changes = 0
        self.is_notified: Callable[[], bool] = lambda: False
        self._reported: deque[str] = deque(maxlen=_MOST_REPORTED)
        self._by_path: dict[str, Identity] = {}
        self._awake: dict[Identity, None] = {}
        self._patterns = [pattern for pattern in patterns if pattern != STANDARD_INPUT]
        self._limits = limits or ReadLimits()
        self._following = following
        self._most_open = most_open
        self._locks = locks
        self._own = own
        self._clock = clock
        self._known = KnownFiles(records)
        self._first = True
        self._missing = MissingFiles(self._patterns)
        self._open: dict[Identity, OpenFile] = {}
        self._open_by_start: dict[bytes, list[LogSource]] = {}
        self._start_lengths: set[int] = set()
        self._undecided: list[LogSource] = []
        self._ignored: dict[Identity, tuple[int, int]] = {}
        # Of what no pattern names. A name that a rotation gives while files are looked for may be
        # seen next to the others first: such a file is new once a pattern names it.
        self._unnamed: dict[Identity, tuple[int, int]] = {}
        self._lost: list[LostBytes] = []
        self._turns: list[Identity] = []
        if STANDARD_INPUT in patterns:
            record = FileRecord(STANDARD_INPUT, STANDARD_INPUT, *_STANDARD_INPUT_KEY)
            source = LogSource(record, PipeContent(0), self._limits, persistent=False)
            self._open[_STANDARD_INPUT_KEY] = OpenFile(source)
            self._awake[_STANDARD_INPUT_KEY] = None

    @property
    def sources(self) -> list[LogSource]:
        """The open files."""
        return [file.source for file in self._open.values()]

    @property
    def ended(self) -> bool:
        """Whether nothing can follow: standard input alone was read, to its end."""
        return not self._patterns and not self._open

    @property
    def listening(self) -> bool:
        """Whether standard input is still open."""
        return _STANDARD_INPUT_KEY in self._open

    def records(self) -> list[FileRecord]:
        """Return what the checkpoint is to keep."""
        return [source.record for source in self.sources if source.persistent] + list(self._known)

    def close(self) -> None:
        """Close every file, and leave them to other shippers."""
        for source in self.sources:
            source.close()
        self._open.clear()
        self._awake.clear()
        if self._locks:
            self._locks.close()

    def report_changes(self, paths: Iterable[str]) -> None:
        """Report that files have changed; may be called by another thread."""
        self._reported.extend(paths)

    def lost(self, *, final: bool = False) -> list[LostBytes]:
        """Return what disappeared unread and was not found again within `SEARCH_S`, or ever."""
        before = self._clock() if final else self._clock() - SEARCH_S
        return [lost for lost in self._lost if lost.since <= before]

    def discover(self) -> None:
        """Find the files that appeared, disappeared or changed their names."""
        now = self._clock()
        self.waiting = {}
        found = {file.identity: file for file in matching(self._patterns, self._own)}
        ended = ended_files.ended(found.values(), now)
        for identity, file in self._open.items():
            if file.update(found.get(identity), now):
                self._awake[identity] = None
            file.source.record.ended = identity in ended and file.source.is_read
        self._note_ended()
        self._undecided = [source for source in self._undecided if not source.decided]
        self._index_open_files()
        new = [file for file in found.values() if self._is_new(file, self._ignored)]
        self._open_new(new, named=True)
        nearby = {file.identity: file for file in self._neighbours(now)}
        others = [file for key, file in nearby.items() if key not in found]
        new = [file for file in others if self._is_new(file, self._ignored, self._unnamed)]
        self._open_new(new, named=False)
        self._first = False
        if self.is_notified():
            self._by_path = {
                place: key
                for key, file in self._open.items()
                for place in file.source.record.places
            }
        # An empty file holds nothing of what it held.
        full = {file.identity for file in [*found.values(), *nearby.values()] if file.size}
        self._missing.note(self._known, full - self._open.keys(), now)
        self._forget_oldest(found.keys() | nearby.keys(), now)

    def _note_ended(self) -> None:
        """Note which files nothing follows in, once all lines of them are decided."""
        for source in [*self._undecided, *self.sources]:
            source.record.ended |= source.ended and source.decided

    def name_missing(self, *, final: bool = False) -> None:
        """Name, as problems, the files that were searched for long enough, or ever; each once."""
        if final and self.waiting:
            # Their content may be in a file that is still being written.
            return
        self._note_ended()
        missing = self._missing.take(self._clock() - (0.0 if final else SEARCH_S))
        self.problems.update(missing)
        self.changes += len(missing)

    def _forget_oldest(self, there: AbstractSet[Identity], now: float) -> None:
        """Forget files that are gone for long, where there are many.

        Age alone is no reason: a clock that is set forward would make all files unknown.

        Args:
            there: Device and inode of the files that are there.
            now: Seconds since the epoch.
        """
        if len(self._known) <= MOST_KNOWN:
            return
        known = sorted(self._known, key=lambda record: record.seen)
        # An inode may have been that of many files: the last one is there.
        last = {record.identity: record for record in known if record.identity in there}
        gone = [record for record in known if last.get(record.identity) is not record]
        old = sum(now - record.seen >= KEEP_S for record in gone)
        excess = max(len(gone) - MOST_GONE, min(old, len(gone) - MOST_KNOWN))
        for record in gone[: max(excess, 0)]:
            if record.ended and not self._is_undecided(record):
                self._known.remove(record)

    def read(self) -> Block | None:
        """Return the next block, the files in turn; None where no file has a complete line now."""
        while self._reported:
            key = self._by_path.get(self._reported.popleft())
            if key in self._open:
                self._awake[key] = None
        # What is left of the last turns may be closed or at rest.
        for _ in range(len(self._turns) + len(self._awake)):
            if not self._turns:
                self._turns = list(self._awake)
            if not self._turns:
                break
            key = self._turns.pop()
            if key in self._awake:
                block = self._read(key, self._open[key])
                if block:
                    return block
        return None

    def _read(self, key: Identity, file: OpenFile) -> Block | None:
        source = file.source
        try:
            block = source.read()
            while block is None and source.scanning and not self._following:
                block = source.read()
            ended = block is None and self._has_ended(file)
            if block is None and (ended or not self._following):
                block = source.rest(ended=ended)
        except FileReplacedError:
            if source.content.is_deleted():
                # Nobody can open it again.
                self._read_again(key, file)
                return None
            # What of it was not read is counted.
            source.ended = True
            self._close_file(key, file)
            return None
        if source.content.problem:
            self.problems[source.path] = f"cannot be read further: {source.content.problem}"
        elif block is None and not self._following and source.persistent:
            self._note_unfinished(source, ended=ended)
        if block is None and ended:
            source.ended = True
            self._close_file(key, file)
            self._ignore_until_changed(key, source.record.path)
        elif block is None and self.is_notified() and file.may_rest(self._clock()):
            del self._awake[key]
        return block

    def _read_again(self, key: Identity, file: OpenFile) -> None:
        """Read an open file from its beginning again, once what was read of it is decided."""
        source = file.source
        if not source.decided:
            return
        found = FoundFile(source.record.path, key, *source.content.version())
        known = KnownFile(ContentMatch.TRUNCATED, source.record)
        record = Candidate.of(found, source.content).restarted_record(known)
        file.source = LogSource(record, source.content, self._limits)
        self._index(file.source)

    def _note_unfinished(self, source: LogSource, *, ended: bool) -> None:
        """Name a compressed file that ends within a member, where no later run would read on."""
        if not source.content.mutable and not ended:
            self.problems[source.path] = "ends within its gzip data: the rest is missing"
        elif ended:
            self.problems.pop(source.path, None)

    def _has_ended(self, file: OpenFile) -> bool:
        content = file.source.content
        if content.problem or content.finished:
            return True
        if not content.mutable:
            # A compressed file that ends within a member is not complete yet.
            return False
        quiet = content.size() == file.size and self._clock() - file.changed >= QUIET_S
        return file.away and quiet

    def _close_file(self, key: Identity, file: OpenFile) -> None:
        """Close a file; it stays known, and its lines may still have to be decided."""
        source = file.source
        del self._open[key]
        self._awake.pop(key, None)
        self.changes += 1
        source.close()
        if self._locks:
            self._locks.give(key)
        if not source.persistent:
            return
        source.record.seen = self._clock()
        self._known.add(source.record)
        source.record.ended |= source.ended and source.decided
        if not source.decided:
            self._undecided.append(source)
        missing = source.unread_bytes(source.offset, file.size)
        if source.content.mutable and missing > 0:
            self._lost.append(LostBytes(source.record, source.offset, missing, source.record.seen))
        self.waiting[source.path] = "it was replaced or has ended"

    def _close_idle_files(self) -> None:
        """Close files that are read to their end, until they change: too many are open."""
        idle = [
            (key, file)
            for key, file in self._open.items()
            if file.source.is_read and file.source.persistent
        ]
        for key, file in idle[:_CLOSED_AT_ONCE]:
            self._close_file(key, file)
            self._ignore_until_changed(key, file.source.record.path)

    def _is_new(self, file: FoundFile, *ignored: dict[Identity, tuple[int, int]]) -> bool:
        stat = (file.size, file.modified_ns)
        return file.identity not in self._open and all(
            of.get(file.identity) != stat for of in ignored
        )

    def _ignore_until_changed(self, key: Identity, path: str) -> None:
        file = found_file(path)
        if file and file.identity == key:
            self._ignored[key] = (file.size, file.modified_ns)

    def _neighbours(self, now: float) -> Iterator[FoundFile]:
        """Yield the files next to the places of those that disappeared."""
        gone = [record for record in self._known if self._first or now - record.seen < SEARCH_S]
        # A copy that was taken up may be shorter than another one next to it.
        gone += [file.source.record for file in self._open.values() if file.away]
        # Rotation renames the file to which a link leads, next to that file.
        yield from siblings(
            place
            for record in gone
            if is_named(self._patterns, record.named)
            for place in record.places
        )

    def _index_open_files(self) -> None:
        """Index the open files by their first bytes, which grow with the file."""
        self._open_by_start = {}
        self._start_lengths = set()
        for source in self.sources:
            self._index(source)

    def _index(self, source: LogSource) -> None:
        start = source.head[:START_BYTES]
        self._start_lengths.add(len(start))
        self._open_by_start.setdefault(start, []).append(source)

    def _open_alike(self, candidate: Candidate) -> list[LogSource]:
        """Return the open files that are equal to a candidate as far as both heads go."""
        start = candidate.head[:START_BYTES]
        if len(start) == START_BYTES:
            # By the lengths there are, not by the files: thousands may be open.
            keys = [start[:length] for length in self._start_lengths]
        else:
            keys = list(self._open_by_start)
        sources = [source for key in keys for source in self._open_by_start.get(key, [])]
        return [source for source in sources if candidate.shares_beginning_with(source.head)]

    def _open_new(self, files: Sequence[FoundFile], *, named: bool) -> None:
        """Open files: first those known by inode, so that no copy takes their place.

        Args:
            files: Files that are not open.
            named: Whether the patterns name them; otherwise only known content is taken.
        """
        claim, ignored = (
            (self._claim_named, self._ignored) if named else (self._claim_neighbour, self._unnamed)
        )
        settled = {
            file.identity
            for file in files
            if self._known.has_inode(file.identity)
            and self._try(file, self._claim_by_inode, ignored)
        }
        for file in files:
            if file.identity not in settled:
                self._try(file, claim, ignored)

    def _try(
        self,
        file: FoundFile,
        claim: Callable[[Candidate], FileRecord | Claim],
        ignored: dict[Identity, tuple[int, int]],
    ) -> bool:
        """Open a file and let `claim` decide from where it is read; return whether it did.

        Args:
            file: The file.
            claim: Decides.
            ignored: Where a file is noted that is not shipped until it changes.
        """
        path = printable(file.path)
        if self._most_open is not None and len(self._open) >= self._most_open:
            self._close_idle_files()
            if len(self._open) >= self._most_open:
                self.waiting[path] = "too many files are open"
                return True
        try:
            content = open_content(file.path, file.identity)
        except OSError as error:
            self.problems[path] = f"cannot be read: {error.strerror or error}"
            return True
        if content is None:
            return True
        claimed = claim(Candidate.of(file, content))
        if isinstance(claimed, FileRecord):
            self._open_source(file, claimed, content)
            return True
        content.close()
        if claimed is Claim.LATER:
            self.waiting[path] = "it is still being written, or copies a file that is not read yet"
        elif claimed is Claim.NEVER:
            ignored[file.identity] = (file.size, file.modified_ns)
        return claimed is not Claim.UNKNOWN

    def _open_source(self, file: FoundFile, record: FileRecord, content: Content) -> None:
        path = printable(file.path)
        if self._locks and not self._locks.take(file.identity):
            self.blocked[path] = "another shipper reads it"
            content.close()
            return
        record.seen = self._clock()
        record.target = link_target(file.path)
        self.problems.pop(path, None)
        self.blocked.pop(path, None)
        source = LogSource(record, content, self._limits)
        self.changes += 1
        self._open[file.identity] = OpenFile(source, changed=file.modified_ns / 1e9)
        self._awake[file.identity] = None
        self._index(source)

    def _claim_by_inode(self, candidate: Candidate) -> FileRecord | Claim:
        """Take a file up where it was left, known by its inode."""
        known = self._known.find_by_inode(candidate)
        if known is None:
            return Claim.UNKNOWN
        if self._is_undecided(known.record):
            return Claim.LATER
        if known.match is ContentMatch.TRUNCATED:
            known.record.ended = True
            return candidate.restarted_record(known)
        return self._resume(candidate, known)

    def _claim_by_content(self, candidate: Candidate) -> FileRecord | Claim:
        """Take content up where it was left, under another inode."""
        alike = self._open_alike(candidate)
        if any(not source.at_end or not source.decided for source in alike):
            return Claim.LATER
        known = self._known.find_by_content(candidate, [source.record for source in alike])
        if known is None:
            return Claim.UNKNOWN
        if self._is_undecided(known.record):
            return Claim.LATER
        if known.match is ContentMatch.TRUNCATED:
            age = self._clock() - candidate.found.modified_ns / 1e9
            # A time in the future (the clock was set back) is no reason to wait for ever.
            return Claim.LATER if 0 <= age < SETTLING_S else candidate.restarted_record(known)
        return self._resume(candidate, known)

    def _claim_named(self, candidate: Candidate) -> FileRecord | Claim:
        """Take a file that the patterns name."""
        if not candidate.head:
            # A copy begins empty too; its first bytes identify it.
            return Claim.EMPTY
        claimed = self._claim_by_content(candidate)
        if claimed is not Claim.UNKNOWN:
            return claimed
        reason = why_not_a_log(candidate.content)
        if reason:
            self.problems[printable(candidate.found.path)] = reason
            return Claim.NEVER
        return candidate.new_record()

    def _claim_neighbour(self, candidate: Candidate) -> FileRecord | Claim:
        """Take a file next to the place of one that disappeared, if it has that content."""
        claimed = self._claim_by_content(candidate) if candidate.head else Claim.EMPTY
        return Claim.NEVER if claimed is Claim.UNKNOWN else claimed

    def _is_undecided(self, record: FileRecord) -> bool:
        """Return whether lines of a closed file are still to be decided."""
        return any(source.record is record and not source.decided for source in self._undecided)

    def _resume(self, candidate: Candidate, known: KnownFile) -> FileRecord:
        """Let a file go on where a record stands; one without an open file becomes its own."""
        record = known.record
        self._known.remove(record)
        self._lost = [lost for lost in self._lost if lost.record is not record]
        return candidate.resumed_record(known)
