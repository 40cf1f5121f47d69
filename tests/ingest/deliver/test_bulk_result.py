"""The result of each item and each request: exhaustive over HTTP's statuses."""

import pytest

from mlmon.ingest.deliver.bulk_result import (
    ItemStatus,
    RequestAction,
    item_result,
    may_have_stored,
    request_action,
)


def item(status: int, kind: str | None = None) -> dict[str, dict[str, object]]:
    """Return an item of a bulk answer as Elasticsearch writes it."""
    error = {"error": {"type": kind, "reason": "because"}} if kind else {}
    return {"create": {"status": status, **error}}


@pytest.mark.parametrize("status", range(200, 600))
def test_every_status_has_a_result_and_only_2xx_and_409_mean_stored(status: int) -> None:
    """A line is called stored or duplicate for exactly the statuses that say so."""
    found = item_result(item(status, None if status < 300 else "some_exception")).status
    assert (found is ItemStatus.STORED) == (200 <= status < 300)
    assert (found is ItemStatus.DUPLICATE) == (status == 409)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 507])
def test_a_passing_trouble_is_sent_again(status: int) -> None:
    """Time-outs, rejections and server errors are no reason to give a line up."""
    assert item_result(item(status, "es_rejected_execution_exception")).status is ItemStatus.RETRY


@pytest.mark.parametrize("status", [400, 404, 405, 410, 413, 422])
def test_what_the_line_itself_causes_is_rejected_with_the_reason(status: int) -> None:
    """A mapping conflict stays one however often it is sent; the reason is kept."""
    result = item_result(item(status, "document_parsing_exception"))
    assert result.status is ItemStatus.REJECTED
    assert result.reason == "document_parsing_exception: because"


def test_a_refusal_without_words_still_has_a_reason() -> None:
    """An answer filtered down to the status yields a reason that names the status."""
    assert item_result(item(400)).reason == "status 400"


def test_the_cause_behind_an_error_is_part_of_the_reason() -> None:
    """Elasticsearch puts what a reader needs into `caused_by`."""
    answer = item(400, "document_parsing_exception")
    answer["create"]["error"]["caused_by"] = {"type": "number_format_exception", "reason": "x"}  # type: ignore[index]
    assert (
        item_result(answer).reason
        == "document_parsing_exception: because; number_format_exception: x"
    )


def test_missing_privileges_are_not_the_lines_fault() -> None:
    """A line that may not be written is neither stored nor given up: a person has to act."""
    assert item_result(item(403, "security_exception")).status is ItemStatus.FORBIDDEN
    assert item_result(item(401, "security_exception")).status is ItemStatus.FORBIDDEN


def test_a_blocked_index_is_waited_for() -> None:
    """An index made read-only (a full disk, maintenance) answers 403 until it is opened again."""
    assert item_result(item(403, "cluster_block_exception")).status is ItemStatus.RETRY


def test_only_answers_after_the_work_may_have_begun_are_ambiguous() -> None:
    """A rejected item was not stored; after a server error or a time-out it may have been."""
    assert not item_result(item(429, "es_rejected_execution_exception")).may_be_stored
    assert item_result(item(503, "unavailable_shards_exception")).may_be_stored
    assert item_result(item(408, "timeout")).may_be_stored


def test_no_answer_means_send_again_and_look_first() -> None:
    """A cut connection says nothing about what was stored."""
    assert request_action(None) is RequestAction.RETRY
    assert may_have_stored(None)


@pytest.mark.parametrize(
    ("status", "expected", "maybe"),
    [
        (413, RequestAction.SPLIT, False),
        (400, RequestAction.SPLIT, False),
        (429, RequestAction.RETRY, False),
        (408, RequestAction.RETRY, True),
        (500, RequestAction.RETRY, True),
        (503, RequestAction.RETRY, True),
        (401, RequestAction.STOP, True),
        (403, RequestAction.STOP, True),
        (404, RequestAction.STOP, True),
    ],
)
def test_a_failed_request_is_split_repeated_or_reported(
    *, status: int, expected: RequestAction, maybe: bool
) -> None:
    """Size and form are cured by splitting, load by waiting, refusal by a person."""
    assert request_action(status) is expected
    assert may_have_stored(status) is maybe
