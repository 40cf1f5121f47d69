"""The shipper's own folder: name, checkpoint, dead letters, and a lock against a second shipper."""

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mlmon.elastic.errors import UserError
from mlmon.elastic.system.atomic_write import atomic_write
from mlmon.elastic.system.own_file import PRIVATE, opener, read_own


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The folder of one shipper.

    Attributes:
        folder: Where it keeps its files; nobody else can read them, since dead letters hold log
            lines.
    """

    folder: Path

    @property
    def dead_letters(self) -> Path:
        """The file of rejected lines."""
        return self.folder / "dead-letters.jsonl"

    @property
    def status(self) -> Path:
        """The file to which a shipper writes its health."""
        return self.folder / "status.json"

    def checkpoint(self, cluster: str, namespace: str) -> Path:
        """Return the file of offsets for one namespace of one cluster."""
        return self.folder / f"checkpoint-{cluster}-{namespace}.json"

    @contextmanager
    def lock(self, purpose: str = "ship") -> Iterator[None]:
        """Lock the folder for one purpose, creating it where it does not exist.

        Raises:
            UserError: Another process has it, or it cannot be written.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = open(self.folder / f"{purpose}.lock", "a+", opener=opener())  # noqa: SIM115 - an opener; closed below
        except OSError as error:
            raise UserError(
                f"The shipper's folder {self.folder} cannot be written: {error.strerror}",
                "Name another one with --state.",
            ) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise UserError(
                    f"Another shipper (pid {file.read().strip() or 'unknown'}) uses {self.folder}",
                    "Give that one all the paths, or this one a folder of its own with --state.",
                ) from None
            # Only for the message above: a full disk is no reason to stop here.
            with suppress(OSError):
                os.ftruncate(file.fileno(), 0)
                os.write(file.fileno(), str(os.getpid()).encode())
            yield

    def is_locked(self) -> bool:
        """Return whether a shipper runs on this folder."""
        try:
            with self.lock():
                return False
        except UserError:
            return True

    def shipper_id(self) -> str:
        """Return this shipper's id, the same at each run."""
        path = self.folder / "shipper-id"
        try:
            known = read_own(path).decode("ascii").strip()
        except (FileNotFoundError, UnicodeDecodeError):
            known = ""
        if known:
            return known
        made = uuid.uuid4().hex
        hint = "Make room or correct the rights, then run it again; nothing is lost."
        with atomic_write(path, durable=True, hint=hint, mode=PRIVATE) as part:
            part.write_text(made, encoding="ascii")
        return made
