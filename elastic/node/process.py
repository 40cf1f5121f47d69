"""The identity of a process that a later program can find again: pid and start time.

The system reuses pids; a pid with its start time is unique.
"""

from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process, until the machine restarts.

    Args:
        pid: Its number.
        started: When it was started, in seconds since the epoch, as the system reports it.
    """

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> "ProcessIdentity":
        """Return the identity of a running process."""
        return cls(pid, psutil.Process(pid).create_time())

    def find(self) -> psutil.Process | None:
        """Return the process, None where it has ended or another process has its pid."""
        try:
            process = psutil.Process(self.pid)
            # Clock adjustments move the reported time by less than this.
            same = abs(process.create_time() - self.started) < 2.0  # noqa: PLR2004 - seconds
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None
