"""Writes the lines, and rotates, copies, truncates, deletes and compresses their files."""

import gzip
import os
import random
import shutil
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from io import FileIO
from pathlib import Path

from tests.support.container_logs import cri_entries, docker_entries
from tests.support.torture.numbered import VariedLog
from tests.support.torture.plan import FILE, Plan

_FIRST_ROTATION = 5
"""After how many bursts a container's log is rotated first."""
_CONTAINER = "0123456789abcdef" * 4


class Writer(threading.Thread):
    """Logs lines and rotates its file, until the plan's lines are written.

    Args:
        folder: Where its file lies.
        plan: How many lines, and how often it rotates.
        is_stored: Returns whether all lines up to a number are stored: only those may be deleted.

    Attributes:
        logs: The lines of each kind of file, by the name of the kind.
        deeds: What was done, how often.
        waits: Whether it waits until all lines are stored, so that it may delete them.
    """

    def __init__(self, folder: Path, plan: Plan, is_stored: Callable[[VariedLog], bool]) -> None:
        super().__init__(daemon=True)
        kinds = ["in a file that rotates", "in small files"]
        kinds += ["as Kubernetes writes them (CRI)", "as Docker writes them"] * plan.extras
        self.logs = {kind: VariedLog(uuid.uuid4().hex[:16]) for kind in kinds}
        self.log, self.small, *self._containers = self.logs.values()
        self.deeds: Counter[str] = Counter()
        self.waits = False
        self._live = folder / FILE
        self._pod = folder / "pods" / "shop_autobid-1_uid" / "api" / "0.log"
        self._docker = folder / "docker" / _CONTAINER / f"{_CONTAINER}-json.log"
        self._plan = plan
        self._is_stored = is_stored
        self._random = random.Random(plan.seed)
        self._rotated: list[Path] = []
        self._entries = 0
        self._write_at_once(folder)

    def ids(self) -> set[str]:
        """Return the ids of all lines written so far."""
        return set[str]().union(*(log.ids() for log in self.logs.values()))

    def _write_at_once(self, folder: Path) -> None:
        """Write the small files and the strays."""
        (folder / "many").mkdir()
        for number in range(self._plan.files):
            (folder / "many" / f"{FILE}.{number}").write_bytes(self.small.line())
        if self._plan.extras:
            self._pod.parent.mkdir(parents=True)
            self._docker.parent.mkdir(parents=True)
            (folder / f"{FILE}.sha256").write_text("0123abcd  app.jsonl\n")
            (folder / f"{FILE}.swp").write_bytes(b"b0VIM" + bytes(4_000))
            (folder / "loop").symlink_to(".")
            self.deeds["strays: a checksum, a swap file, a link that leads back"] += 1

    def run(self) -> None:
        """Write bursts of lines, each by a few writes, and rotate between them."""
        file = self._live.open("ab", buffering=0)
        due = time.monotonic()
        attempts = 0
        while self.log.count < self._plan.lines:
            burst = min(self._random.randint(1, 60), self._plan.lines - self.log.count)
            text = self.log.lines(burst)
            cut = self._random.randrange(len(text))
            file.write(text[:cut])
            # By the clock: what rotations cost does not lengthen the run.
            due += burst / self._plan.per_second
            time.sleep(max(0.0, due - time.monotonic()))
            file.write(text[cut:])
            if self._plan.extras and self._random.random() < 0.3:
                self._write_in_containers()
            if self._random.random() < burst / self._plan.per_second / self._plan.rotate_s:
                file = self._rotate(file)
            if self._plan.extras and self.log.count * 4 >= self._plan.lines * (attempts + 1):
                # Once each for certain, where a shipper that is behind would never allow it.
                attempts += 1
                deed = min(("truncated", "deleted"), key=lambda deed: self.deeds[deed])
                if self._wait_until_stored():
                    file = self._rotate(file, deed)
                due = time.monotonic()
        file.close()

    def _wait_until_stored(self) -> bool:
        """Wait until every line is stored, some time; return whether it is."""
        deadline = time.monotonic() + self._plan.wait_s
        self.waits = True
        try:
            while not self._is_stored(self.log):
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.5)
            return True
        finally:
            self.waits = False

    def _write_in_containers(self) -> None:
        """Write some lines as containerd and as Docker do, split in parts; rotate as they do."""
        for path, log, split in (
            (self._pod, self._containers[0], cri_entries),
            (self._docker, self._containers[1], docker_entries),
        ):
            lines = log.lines(self._random.randint(1, 5)).decode().splitlines()
            entries = [entry for line in lines for entry in split(line, 200)]
            with path.open("ab") as file:
                file.write(b"".join(entry + b"\n" for entry in entries))
            self._entries += 1
            # Once for certain, early.
            if self._entries == _FIRST_ROTATION or self._random.random() < 0.02:
                self.deeds["container logs rotated"] += 1
                path.rename(f"{path}.{self.deeds['container logs rotated']}")

    def _rotate(self, file: FileIO, deed: str = "") -> FileIO:
        number = sum(self.deeds.values()) + 1
        choices = (
            ["renamed", "copied and truncated", "truncated", "deleted"]
            if self._plan.extras
            else ["renamed"]
        )
        deed = deed or self._random.choice(choices)
        if deed in {"truncated", "deleted"} and not self._is_stored(self.log):
            # What nobody has read yet would be lost with any shipper.
            deed = "renamed"
        target = self._live.with_name(f"{FILE}.{number}")
        self.deeds[deed] += 1
        if deed == "truncated":
            os.ftruncate(file.fileno(), 0)
            return file
        if deed == "copied and truncated":
            shutil.copyfile(self._live, target)
            os.ftruncate(file.fileno(), 0)
        else:
            if deed == "deleted":
                self._live.unlink()
            else:
                self._live.rename(target)
            file.close()
            file = self._live.open("ab", buffering=0)
        if deed != "deleted":
            self._rotated.append(target)
        if self._plan.extras and self._rotated and self._random.random() < 0.5:
            self._compress(self._random.choice(self._rotated))
        return file

    def _compress(self, path: Path) -> None:
        """Compress a file into two gzip members, and delete it."""
        self._rotated.remove(path)
        data = path.read_bytes()
        middle = len(data) // 2
        compressed = gzip.compress(data[:middle], 1) + gzip.compress(data[middle:], 1)
        path.with_name(f"{path.name}.gz").write_bytes(compressed)
        path.unlink()
        self.deeds["compressed into two gzip members"] += 1
