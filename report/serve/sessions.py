"""Who is signed in: random ids in a cookie, names in memory. Ending the process signs all out."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Final

LIFETIME_S: Final = 12 * 3600.0
_MOST: Final = 1_000
_MOST_FAILURES, _FAILURES_S = 5, 60.0


@dataclass(slots=True)
class Sessions:
    """Sessions, and how often signing in failed.

    Times are seconds of a clock that never goes back.
    """

    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _people: dict[str, tuple[str, float]] = field(default_factory=dict)
    _failures: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @staticmethod
    def new_id() -> str:
        """Return a new random id, of a session or of a visitor who is not signed in."""
        return secrets.token_urlsafe(32)

    def open(self, name: str, now: float) -> str:
        """Sign somebody in; return the session's id."""
        session = self.new_id()
        with self._lock:
            for old in [one for one, (_, end) in self._people.items() if end <= now]:
                del self._people[old]
            while len(self._people) >= _MOST:
                del self._people[next(iter(self._people))]
            self._people[session] = name, now + LIFETIME_S
        return session

    def person(self, session: str, now: float) -> str | None:
        """Return who a session belongs to; None where it is unknown or over."""
        with self._lock:
            name, end = self._people.get(session, ("", 0.0))
        return name if now < end else None

    def close(self, session: str) -> None:
        """Sign somebody out."""
        with self._lock:
            self._people.pop(session, None)

    def form_token(self, session: str) -> str:
        """Return what a form must carry that is sent in a session: no other site knows it."""
        return hmac.new(self._key, session.encode(), hashlib.sha256).hexdigest()

    def fits(self, session: str, token: str) -> bool:
        """Return whether a form was made for a session."""
        return bool(session) and hmac.compare_digest(
            self.form_token(session).encode(), token.encode()
        )

    def failed(self, address: str, now: float) -> None:
        """Note that signing in failed from an address."""
        with self._lock:
            if len(self._failures) >= _MOST:
                self._failures.pop(next(iter(self._failures)))
            self._failures[address].append(now)

    def may_try(self, address: str, now: float) -> bool:
        """Return whether an address may try to sign in: five failures a minute are too many."""
        with self._lock:
            recent = self._failures.get(address)
            while recent and recent[0] <= now - _FAILURES_S:
                recent.popleft()
            return recent is None or len(recent) < _MOST_FAILURES
