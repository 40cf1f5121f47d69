"""The verdict on each item and each request: exhaustive over HTTP's statuses."""

import pytest

from mlmon.ingest.deliver.bulk_result import Fate, Verdict, fate, judge, may_have_stored


def item(status: int, kind: str | None = None) -> dict[str, dict[str, object]]:
    """Return an item of a bulk answer as Elasticsearch writes it."""
    error = {"error": {"type": kind, "reason": "because"}} if kind else {}
    return {"create": {"status": status, **error}}


@pytest.mark.parametrize("status", range(200, 600))
def test_every_status_has_a_verdict_and_only_2xx_and_409_mean_stored(status: int) -> None:
    """A line is called stored or duplicate for exactly the statuses that say so."""
    verdict = judge(item(status, None if status < 300 else "some_exception")).verdict
    assert (verdict is Verdict.STORED) == (200 <= status < 300)
    assert (verdict is Verdict.DUPLICATE) == (status == 409)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 507])
def test_a_passing_trouble_is_sent_again(status: int) -> None:
    """Time-outs, rejections and server errors are no reason to give a line up."""
    assert judge(item(status, "es_rejected_execution_exception")).verdict is Verdict.RETRY


@pytest.mark.parametrize("status", [400, 404, 405, 410, 413, 422])
def test_what_the_line_itself_causes_is_refused_with_the_reason(status: int) -> None:
    """A mapping conflict stays one however often it is sent; the reason is kept in words."""
    judgement = judge(item(status, "document_parsing_exception"))
    assert judgement.verdict is Verdict.REFUSED
    assert judgement.reason == "document_parsing_exception: because"


def test_a_refusal_without_words_still_has_a_reason() -> None:
    """An answer filtered down to the status yields a reason that names the status."""
    assert judge(item(400)).reason == "status 400"


def test_the_cause_behind_an_error_is_part_of_the_reason() -> None:
    """Elasticsearch puts what a reader needs into `caused_by`."""
    answer = item(400, "document_parsing_exception")
    answer["create"]["error"]["caused_by"] = {"type": "number_format_exception", "reason": "x"}  # type: ignore[index]
    assert judge(answer).reason == "document_parsing_exception: because; number_format_exception: x"


def test_missing_privileges_are_not_the_lines_fault() -> None:
    """A line that may not be written is neither stored nor given up: a person has to act."""
    assert judge(item(403, "security_exception")).verdict is Verdict.FORBIDDEN
    assert judge(item(401, "security_exception")).verdict is Verdict.FORBIDDEN


def test_a_blocked_index_is_waited_for() -> None:
    """An index made read-only (a full disk, maintenance) answers 403 until it is opened again."""
    assert judge(item(403, "cluster_block_exception")).verdict is Verdict.RETRY


def test_only_answers_after_the_work_may_have_begun_are_ambiguous() -> None:
    """A rejected item was not stored; after a server error or a time-out it may have been."""
    assert not judge(item(429, "es_rejected_execution_exception")).ambiguous
    assert judge(item(503, "unavailable_shards_exception")).ambiguous
    assert judge(item(408, "timeout")).ambiguous


def test_no_answer_means_send_again_and_look_first() -> None:
    """A cut connection says nothing about what was stored."""
    assert fate(None) is Fate.RETRY
    assert may_have_stored(None)


@pytest.mark.parametrize(
    ("status", "expected", "maybe"),
    [
        (413, Fate.SPLIT, False),
        (400, Fate.SPLIT, False),
        (429, Fate.RETRY, False),
        (408, Fate.RETRY, True),
        (500, Fate.RETRY, True),
        (503, Fate.RETRY, True),
        (401, Fate.STOP, True),
        (403, Fate.STOP, True),
        (404, Fate.STOP, True),
    ],
)
def test_a_failed_request_is_split_repeated_or_reported(
    *, status: int, expected: Fate, maybe: bool
) -> None:
    """Size and form are cured by splitting, load by waiting, refusal by a person."""
    assert fate(status) is expected
    assert may_have_stored(status) is maybe
