"""Wakes the shipper when a file changes: the kernel tells, or files are looked at often."""

from collections.abc import Sequence
from threading import Event, Thread

from watchfiles import Change, watch

from mlmon.ingest.files.listing import folders

POLL_S = 0.25
"""How often files are looked at where the kernel does not tell of their changes."""

_DEBOUNCE_MS = 50


class Watch:
    """Waits for changes below the folders of some patterns.

    Args:
        patterns: Absolute paths and glob patterns.
        stopping: Set when the run is to end: then nothing is waited for.

    Attributes:
        trouble: Why the kernel does not tell; empty where it does.
    """

    def __init__(self, patterns: Sequence[str], stopping: Event) -> None:
        self.trouble = ""
        self._stopping = stopping
        self._changed = Event()
        self._listing_changed = False
        self._patterns = patterns
        self._thread: Thread | None = None

    def wait(self, seconds: float) -> bool:
        """Wait for a change, at most so many seconds; return whether files came or went."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="watch", daemon=True)
            self._thread.start()
        self._changed.wait(min(seconds, POLL_S) if self.trouble else seconds)
        self._changed.clear()
        changed, self._listing_changed = self._listing_changed, False
        return changed

    def _run(self) -> None:
        try:
            changes = watch(
                *folders(self._patterns),
                watch_filter=None,
                debounce=_DEBOUNCE_MS,
                step=_DEBOUNCE_MS,
                stop_event=self._stopping,
                raise_interrupt=False,
            )
            for found in changes:
                self._listing_changed |= any(kind is not Change.modified for kind, _ in found)
                self._changed.set()
        except (OSError, RuntimeError) as error:
            # No inotify here, or too many watches: then files are looked at often.
            self.trouble = str(error)
        self._changed.set()
