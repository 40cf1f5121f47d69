"""Keeps what was sent to routes about whether mlmon can judge: in a file on this machine.

Elasticsearch may be what is away. Where the file cannot be written, the subscriber remembers.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from mlmon.alerting.notify.judging import Judging
from mlmon.elastic.errors import UserError
from mlmon.elastic.system.atomic_write import atomic_write
from mlmon.elastic.system.folders import home_folder, make_folder
from mlmon.elastic.system.lock import hold

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlmon.elastic.settings import Settings


class JudgingFile:
    """The state of one namespace.

    Args:
        settings: Where mlmon's own files are.
        namespace: Environment.
        unwritten: States that could not be written, by their file; changed here.
    """

    def __init__(self, settings: Settings, namespace: str, unwritten: dict[Path, Judging]) -> None:
        self._unwritten = unwritten
        self.path = home_folder(settings) / "judging" / f"{namespace}.json"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let no other process of this machine change it while the block runs."""
        with ExitStack() as stack:
            with suppress(OSError, UserError):
                folder = make_folder(self.path.parent)
                stack.enter_context(hold(folder / f"{self.path.stem}.lock"))
            yield

    @property
    def is_kept(self) -> bool:
        """Whether there is a state other than that of a start."""
        return self.path in self._unwritten or self.path.exists()

    def read(self) -> Judging:
        """Return the state; where it cannot be read, that of a start."""
        if self.path in self._unwritten:
            return self._unwritten[self.path]
        try:
            return Judging.from_json(json.loads(self.path.read_text(encoding="utf-8")))
        except (OSError, KeyError, TypeError, ValueError, AttributeError):
            return Judging()

    def write(self, state: Judging) -> None:
        """Keep a state; of that of a start nothing is left."""
        if state == self.read():
            return
        try:
            if state == Judging():
                self.path.unlink(missing_ok=True)
                self._unwritten.pop(self.path, None)
                return
            with atomic_write(self.path, durable=True) as part:
                part.write_text(json.dumps(state.to_json()), encoding="utf-8")
            self._unwritten.pop(self.path, None)
        except OSError:
            self._unwritten[self.path] = state
