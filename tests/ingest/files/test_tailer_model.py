"""Any sequence of writes, rotations, cuts and crashes: each line once, or looked up first."""

import gzip
import shutil
import tempfile
import time
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from mlmon.ingest.files import source
from mlmon.ingest.files.file_identity import HEAD_BYTES
from mlmon.ingest.files.tailer import Tailer

if TYPE_CHECKING:
    from mlmon.ingest.files.file_identity import FileRecord
    from mlmon.ingest.files.source import Block

LIVE = "app.jsonl"


class Following(RuleBasedStateMachine):
    """A log that is written, rotated and cut, and a shipper that reads, commits and crashes.

    `stored` stands for the data stream. A block that may have been sent before is looked up first,
    so that its known lines are passed over; any other line must be new.
    """

    def __init__(self) -> None:
        super().__init__()
        # Small blocks, so that a file takes several.
        self.block_bytes, source.BLOCK_BYTES = source.BLOCK_BYTES, 900
        self.folder = Path(tempfile.mkdtemp(prefix="tailer-"))
        self.live = self.folder / LIVE
        self.live.touch()
        self.written: list[str] = []
        self.half = ""
        self.stored: set[str] = set()
        self.under_way: list[Block] = []
        self.saved: list[FileRecord] = []
        self.skipped = 0.0
        self.rotations = 0
        self.rotated: list[Path] = []
        self.deleted: set[str] = set()

    def teardown(self) -> None:
        """Let everything settle, then hold what is stored against what was written."""
        if hasattr(self, "tailer"):
            for seconds in (*[1.0] * 20, 10.0, 10.0, 40.0, 40.0):
                self.skipped += seconds
                self.discover()
                while self.read():
                    pass
                self.commit_all()
            assert self.stored == set(self.written), sorted(set(self.written) ^ self.stored)[:5]
            for opened in self.tailer.sources:
                opened.close()
        source.BLOCK_BYTES = self.block_bytes
        shutil.rmtree(self.folder)

    @initialize(everything=st.booleans(), notified=st.booleans())
    def start(self, *, everything: bool, notified: bool) -> None:
        """Begin to follow the live file, or everything of its name."""
        self.everything = everything
        self.notified = notified
        self.patterns = [str(self.folder / ("*" if everything else LIVE))]
        self.restart()

    def clock(self) -> float:
        """Return the time: the real one, since files carry it, and what was skipped."""
        return time.time() + self.skipped

    def restart(self) -> None:
        """Start from what was saved last."""
        self.tailer = Tailer(self.patterns, deepcopy(self.saved), clock=self.clock)
        # Files that nobody writes are not read then; no change is ever reported.
        self.tailer.is_notified = lambda: self.notified
        self.discover()

    def save(self) -> None:
        """Write the checkpoint."""
        self.saved = deepcopy(self.tailer.records())

    @rule(lengths=st.lists(st.integers(80, 400), min_size=1, max_size=12))
    def write(self, lengths: list[int]) -> None:
        """The service logs some lines."""
        with self.live.open("a") as file:
            for length in lengths:
                line = self.half or self.make(length)
                file.write(line[-1] + "\n" if self.half else line + "\n")
                self.half = ""
                self.written.append(line)

    def make(self, length: int) -> str:
        """Return a line like no other."""
        name = f'{{"@timestamp":"{len(self.written):08d}{self.rotations:04d}","message":"'
        return name.ljust(length - 2, "x") + '"}'

    @precondition(lambda self: not self.half)
    @rule(length=st.integers(80, 400))
    def write_half(self, length: int) -> None:
        """A write reaches the disk without its end."""
        self.half = self.make(length)
        with self.live.open("a") as file:
            file.write(self.half[:-1])

    @rule()
    def discover(self) -> None:
        """The shipper looks for files, and saves what it found."""
        self.tailer.discover()
        self.save()

    @rule(blocks=st.integers(1, 3))
    def read_some(self, blocks: int) -> None:
        """The shipper reads and sends."""
        for _ in range(blocks):
            self.read()

    def read(self) -> bool:
        """Read one block and send it: what is stored may not be known to the shipper yet."""
        block = self.tailer.read()
        if block is None:
            return False
        for line in block.lines:
            text = line.decode()
            if block.rejected:
                # A copy made in the middle of a write ends so for ever.
                assert block.rejected == source.UNFINISHED
                assert text not in self.written
            elif text:
                assert block.maybe_sent or text not in self.stored, (
                    f"doubled: {text[:40]} {block.source}"
                )
                note(f"sent {text[:32]} from {block.source.path}")
                self.stored.add(text)
        self.under_way.append(block)
        return True

    @rule(count=st.integers(1, 3))
    def commit(self, count: int) -> None:
        """The answers to the oldest requests come."""
        for block in self.under_way[:count]:
            block.source.commit(block)
        del self.under_way[:count]

    def commit_all(self) -> None:
        """All answers come."""
        self.commit(len(self.under_way))

    @rule()
    def save_checkpoint(self) -> None:
        """The checkpoint is written."""
        self.save()

    @precondition(lambda self: self.deleted <= self.stored)
    @rule()
    def crash(self) -> None:
        """The shipper is killed and started again."""
        for opened in self.tailer.sources:
            opened.close()
        self.under_way = []
        self.restart()

    @rule(seconds=st.sampled_from([1.0, 10.0]))
    def wait(self, seconds: float) -> None:
        """Time goes by."""
        self.skipped += seconds

    def is_known(self) -> bool:
        """Return whether the shipper can know the live file again: else it must not rotate."""
        head = self.live.read_bytes()[:HEAD_BYTES]
        inode = self.live.stat().st_ino
        return any(
            record.inode == inode and record.head.length >= 64 and record.head.matches(head)
            for record in self.saved
        ) and any(
            opened.record.inode == inode and head.startswith(opened.head)
            for opened in self.tailer.sources
        )

    @precondition(lambda self: not self.half and (self.everything or self.is_known()))
    @rule()
    def rotate(self) -> None:
        """The live file is renamed, and a new one begins."""
        self.rotations += 1
        self.rotated.append(self.live.rename(self.folder / f"{LIVE}.{self.rotations}"))
        self.live.touch()

    @precondition(lambda self: not self.half and self.is_known())
    @rule()
    def copy_and_truncate(self) -> None:
        """The live file is copied, and cut to nothing."""
        self.rotations += 1
        copy = self.folder / f"{LIVE}.{self.rotations}"
        shutil.copyfile(self.live, copy)
        self.rotated.append(copy)
        self.live.open("w").close()

    @precondition(lambda self: self.is_known())
    @rule()
    def copy_aside(self) -> None:
        """Somebody copies the live file, to read in it."""
        self.rotations += 1
        shutil.copyfile(self.live, self.folder / f"{LIVE}.{self.rotations}")

    @precondition(lambda self: not self.half and self.is_known())
    @rule(lengths=st.lists(st.integers(80, 400), min_size=1, max_size=3))
    def rotate_under_the_writer(self, lengths: list[int]) -> None:
        """The live file is renamed, its writer goes on in it for a while, then a new one begins."""
        self.rotations += 1
        name = self.folder / f"{LIVE}.{self.rotations}"
        self.rotated.append(self.live.rename(name))
        with name.open("a") as file:
            for length in lengths:
                self.written.append(self.make(length))
                file.write(self.written[-1] + "\n")
        self.live.touch()

    @precondition(lambda self: not self.half and not self.deleted and self.is_known())
    @rule()
    def delete(self) -> None:
        """The live file is deleted while the shipper has it open, and a new one begins."""
        self.deleted = set(self.live.read_text().splitlines())
        self.live.unlink()
        self.live.touch()

    @precondition(lambda self: not self.half and self.is_known() and self.all_stored())
    @rule(keep=st.integers(0, 3))
    def cut(self, keep: int) -> None:
        """The live file is cut to its first lines, all of which are stored."""
        lines = self.live.read_text().splitlines(keepends=True)
        self.live.write_text("".join(lines[:keep]))

    @precondition(lambda self: not self.half and self.is_known())
    @rule(
        dropped=st.integers(0, 12),
        lengths=st.lists(st.integers(80, 400), max_size=6),
        truncated=st.booleans(),
    )
    def rewrite(self, dropped: int, lengths: list[int], *, truncated: bool) -> None:
        """Somebody takes a line out of the live file, in place, and the service logs more."""
        while self.read():
            pass
        if not self.all_stored():
            return
        lines = self.live.read_text().splitlines()
        added = []
        for length in lengths:
            added.append(self.make(length))
            self.written.append(added[-1])
        lines = [*lines[:dropped], *lines[dropped + 1 :], *added]
        with self.live.open("r+") as file:
            if truncated:
                file.truncate(0)
            file.write("".join(line + "\n" for line in lines))
            file.truncate()

    def all_stored(self) -> bool:
        """Return whether every line written so far is stored."""
        return self.stored == set(self.written)

    @precondition(lambda self: self.rotated)
    @rule(part=st.floats(0.0, 1.0))
    def compress_slowly(self, part: float) -> None:
        """The compressed copy is seen half written next to the original."""
        path = self.rotated[0]
        data = gzip.compress(path.read_bytes())
        Path(f"{path}.gz").unlink(missing_ok=True)
        Path(f"{path}.gz").write_bytes(data[: int(part * len(data))])

    @precondition(lambda self: self.rotated)
    @rule()
    def compress(self) -> None:
        """The oldest rotated file is compressed, and the original deleted."""
        path = self.rotated.pop(0)
        Path(f"{path}.gz").unlink(missing_ok=True)
        Path(f"{path}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()

    @invariant()
    def nothing_is_invented(self) -> None:
        """What is stored was written."""
        assert self.stored <= {*self.written}


Following.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestFollowing = Following.TestCase
