"""Wakes the shipper when a file changes: by the kernel's notifications, else by polling."""

from collections.abc import Callable, Iterable, Sequence
from threading import Event, Thread

from watchfiles import Change, watch

from mlmon.ingest.files.paths import folders

POLL_S = 0.25
"""Seconds between two looks at the files where the kernel does not notify."""

_DEBOUNCE_MS = 50


class Watch:
    """Waits for changes below the folders of some patterns.

    Args:
        patterns: Absolute paths and glob patterns.
        shutdown: Ends every wait when set.
        report: Called with the paths that changed, in another thread.

    Attributes:
        problem: Why the kernel does not notify; empty where it does.
    """

    def __init__(
        self,
        patterns: Sequence[str],
        shutdown: Event,
        report: Callable[[Iterable[str]], object] = lambda _: None,
    ) -> None:
        self.problem = ""
        self._report = report
        self._shutdown = shutdown
        self._changed = Event()
        self._listing_changed = False
        self._patterns = patterns
        self._thread: Thread | None = None

    def notifies(self) -> bool:
        """Return whether the kernel reports changes."""
        return self._thread is not None and not self.problem

    def wait(self, seconds: float) -> bool:
        """Wait for a change; return whether files appeared or disappeared.

        Args:
            seconds: The longest wait.
        """
        if self._thread is None:
            self._thread = Thread(target=self._run, name="watch", daemon=True)
            self._thread.start()
        self._changed.wait(min(seconds, POLL_S) if self.problem else seconds)
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
                stop_event=self._shutdown,
                raise_interrupt=False,
            )
            for found in changes:
                self._listing_changed |= any(kind is not Change.modified for kind, _ in found)
                self._report([path for _, path in found])
                self._changed.set()
        except (OSError, RuntimeError) as error:
            # No inotify here, or too many watches: then files are polled.
            self.problem = str(error)
        self._changed.set()
