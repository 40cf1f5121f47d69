"""A channel: sends a message and returns whether to retry. Policy lies outside of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mlmon.alerting.notify.message import Message

TIMEOUT_S = 10.0


class Sent(StrEnum):
    """Result of sending a message."""

    DONE = "sent"
    RETRY = "retry"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class SendResult:
    """Result of sending a message, with the reason."""

    sent: Sent
    reason: str = ""


class Notifier(Protocol):
    """One channel to people."""

    @property
    def digests(self) -> bool:
        """Whether one message may stand for many incidents; not where each is opened and ended."""
        ...

    def send(self, message: Message) -> SendResult:
        """Send a message; never raises, never waits longer than `TIMEOUT_S` per network step."""
