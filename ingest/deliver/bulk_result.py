"""What each item of a bulk answer means for its line: a pure function of the answer.

Statuses as Elasticsearch's bulk API gives them, per item and for the whole request. A request
that gave no answer has the status None: it may have been carried out.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any

_OK = range(200, 300)
_DUPLICATE = 409
_TOO_LARGE = 413
_BAD_REQUEST = 400
_TOO_BUSY = 429
_TIMEOUT = 408
_ACCESS = frozenset({401, 403})
_BLOCKED = "cluster_block_exception"
_MAX_REASON = 2_000


class Verdict(Enum):
    """What is to be done about one line."""

    STORED = "stored"
    """It is in the data stream since this request."""
    DUPLICATE = "duplicate"
    """A document of this id was there before."""
    RETRY = "retry"
    """Not now; the same line may be stored later."""
    REFUSED = "refused"
    """The line itself is the cause: it will never be stored as it is."""
    FORBIDDEN = "forbidden"
    """The shipper lacks a privilege: no line of this stream can be stored until a person acts."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one line.

    Attributes:
        verdict: What is to be done.
        reason: The answer's words; empty where the line is stored.
        ambiguous: Whether a line to be sent again may have been stored after all.
    """

    verdict: Verdict
    reason: str = ""
    ambiguous: bool = False


class Fate(Enum):
    """What is to be done about a whole request that was answered with an error."""

    RETRY = "retry"
    """Send it again later."""
    SPLIT = "split"
    """Send its lines in smaller requests; a single line is refused."""
    STOP = "stop"
    """A person has to act first."""


_STORED = Judgement(Verdict.STORED)


def judge(item: dict[str, Any]) -> Judgement:
    """Judge one item of `items`, such as `{"create": {"status": 201}}`."""
    (result,) = item.values()
    status = result["status"]
    if status in _OK:
        return _STORED
    reason = _reason(result.get("error"))
    if status == _DUPLICATE:
        return Judgement(Verdict.DUPLICATE, reason)
    if status in _ACCESS:
        blocked = reason.startswith(_BLOCKED)
        return Judgement(Verdict.RETRY if blocked else Verdict.FORBIDDEN, reason)
    if status == _TOO_BUSY:
        return Judgement(Verdict.RETRY, reason)
    if status == _TIMEOUT or status not in range(400, 500):
        return Judgement(Verdict.RETRY, reason, ambiguous=True)
    return Judgement(Verdict.REFUSED, reason or f"status {status}")


def fate(status: int | None) -> Fate:
    """Judge a request that failed as a whole.

    A 400 comes when one line spoils the request for all others, so the lines are tried in ever
    smaller requests.
    """
    if status in {_TOO_LARGE, _BAD_REQUEST}:
        return Fate.SPLIT
    if status is None or status in {_TIMEOUT, _TOO_BUSY} or status >= 500:  # noqa: PLR2004 - HTTP's server errors
        return Fate.RETRY
    return Fate.STOP


def may_have_stored(status: int | None) -> bool:
    """Return whether a request that failed may have been carried out: all but 400, 413 and 429."""
    return status not in {_TOO_LARGE, _TOO_BUSY, _BAD_REQUEST}


def _reason(error: dict[str, Any] | None) -> str:
    """Return an error and its cause in one line."""
    if not error:
        return ""
    parts = (
        f"{part.get('type')}: {part.get('reason')}"
        for part in (error, error.get("caused_by"))
        if part
    )
    return "; ".join(parts)[:_MAX_REASON]
