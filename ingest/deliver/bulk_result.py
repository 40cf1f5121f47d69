"""What a bulk answer means for each line and for the request: pure functions of the answer.

Statuses are those of Elasticsearch's bulk API, per item and for the request. A request without an
answer has the status None: it may have been carried out.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any

_OK = range(200, 300)
_CLIENT_ERROR = range(400, 500)
_DUPLICATE = 409
_TOO_LARGE = 413
_BAD_REQUEST = 400
_TOO_BUSY = 429
_TIMEOUT = 408
_ACCESS = frozenset({401, 403})
_MAX_REASON = 2_000

_LINE_ERRORS = frozenset(
    {
        "document_parsing_exception",
        "mapper_parsing_exception",
        "strict_dynamic_mapping_exception",
        "illegal_argument_exception",
        "max_bytes_length_exceeded_exception",
        "parsing_exception",
        "parse_exception",
        "x_content_parse_exception",
        "x_content_e_o_f_exception",
        "json_parse_exception",
        "fail_processor_exception",
        "script_exception",
    }
)
"""Errors that the line itself causes."""

_CLUSTER_ERRORS = frozenset(
    {
        "cluster_block_exception",
        "validation_exception",
        "action_request_validation_exception",
        "index_closed_exception",
        "index_not_found_exception",
        "index_template_missing_exception",
        "invalid_index_template_exception",
        "resource_not_found_exception",
        "resource_already_exists_exception",
        "snapshot_in_progress_exception",
        "circuit_breaking_exception",
        "es_rejected_execution_exception",
        "unavailable_shards_exception",
        "no_shard_available_action_exception",
        "node_closed_exception",
        "process_cluster_event_timeout_exception",
    }
)
"""Errors that every line of the stream would get: a shard limit, a block, a missing index."""

_CLUSTER_REASONS = (
    "maximum normal shards open",
    "maximum shards open",
    "no matching index template found",
    "pipeline with id [",
    "only write ops with an op_type of create are allowed",
)
"""Parts of the reason of an `illegal_argument_exception` that no line causes."""


class ItemStatus(Enum):
    """Next step for one line."""

    STORED = "stored"
    """It is in the data stream since this request."""
    DUPLICATE = "duplicate"
    """A document with this id was there before."""
    RETRY = "retry"
    """The cluster cannot take it now; the same line may be stored later."""
    UNCERTAIN = "uncertain"
    """An unknown error: repeated a few times, then the line is rejected."""
    REJECTED = "rejected"
    """The line itself is the cause: it will never be stored as it is."""
    FORBIDDEN = "forbidden"
    """The shipper lacks a privilege: a person has to act."""


@dataclass(frozen=True, slots=True)
class BulkItemResult:
    """The result of one line.

    Attributes:
        status: What to do.
        reason: Elasticsearch's error type and reason; empty where the line is stored.
        may_be_stored: Whether a line to be sent again may have been stored after all.
    """

    status: ItemStatus
    reason: str = ""
    may_be_stored: bool = False


class RequestAction(Enum):
    """Next step for a request that failed completely."""

    RETRY = "retry"
    """Send it again later."""
    SPLIT = "split"
    """Send its lines in smaller requests."""
    STOP = "stop"
    """A person has to act first."""


_STORED = BulkItemResult(ItemStatus.STORED)


def item_result(item: dict[str, Any]) -> BulkItemResult:
    """Return the result of one entry of `items`, such as `{"create": {"status": 201}}`."""
    (result,) = item.values()
    status = result["status"]
    if status in _OK:
        return _STORED
    error = result.get("error") or {}
    reason = _reason(error) or f"status {status}"
    if status == _DUPLICATE:
        return BulkItemResult(ItemStatus.DUPLICATE, reason)
    if status in _ACCESS and error.get("type") not in _CLUSTER_ERRORS:
        return BulkItemResult(ItemStatus.FORBIDDEN, reason)
    if status == _TOO_BUSY:
        return BulkItemResult(ItemStatus.RETRY, reason)
    if status == _TIMEOUT or status not in _CLIENT_ERROR:
        return BulkItemResult(ItemStatus.RETRY, reason, may_be_stored=True)
    return BulkItemResult(_who_is_at_fault(error, status), reason)


def _who_is_at_fault(error: dict[str, Any], status: int) -> ItemStatus:
    """Return whether the line causes the error, the cluster does, or neither is known."""
    kind = error.get("type")
    text = str(error.get("reason"))
    if kind in _CLUSTER_ERRORS or any(part in text for part in _CLUSTER_REASONS):
        return ItemStatus.RETRY
    if kind in _LINE_ERRORS or status == _TOO_LARGE:
        return ItemStatus.REJECTED
    return ItemStatus.UNCERTAIN


def request_action(status: int | None) -> RequestAction:
    """Return what to do about a request that failed as a whole.

    A 400 may come from one line that spoils the request, so the lines are tried in smaller ones.
    """
    if status in {_TOO_LARGE, _BAD_REQUEST}:
        return RequestAction.SPLIT
    if status is None or status in {_TIMEOUT, _TOO_BUSY} or status >= 500:  # noqa: PLR2004 - HTTP's server errors
        return RequestAction.RETRY
    return RequestAction.STOP


def may_have_stored(status: int | None) -> bool:
    """Return whether a failed request may have been carried out: all but 400, 413 and 429."""
    return status not in {_TOO_LARGE, _TOO_BUSY, _BAD_REQUEST}


def _reason(error: dict[str, Any]) -> str:
    """Return an error and its cause in one line."""
    parts = (
        f"{part.get('type')}: {part.get('reason')}"
        for part in (error, error.get("caused_by"))
        if part
    )
    return "; ".join(parts)[:_MAX_REASON]
