"""Traffic follows day and week, and is distorted only while an incident lasts."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from mlmon.autobid.clock import DAY_NS, to_nanoseconds
from mlmon.autobid.incidents import IncidentPlan, PlannedIncident
from mlmon.autobid.market import Population
from mlmon.autobid.opportunity import DESCRIPTION_EMBEDDING, BadInputError, parse_opportunity
from mlmon.autobid.traffic import (
    NEW_CATEGORY,
    SHARE_IN_INCIDENT,
    SLOT,
    SLOWER,
    Requests,
    draw_requests,
    malform,
    slot_weights,
)

MONDAY = datetime(2026, 11, 9, tzinfo=UTC)
START = to_nanoseconds(MONDAY)
HALF = MONDAY + timedelta(hours=12)
SIZE = 8_000


def draw(*incidents: str) -> Requests:
    """A Monday's requests, the incidents lasting through its second half."""
    plan = IncidentPlan(
        tuple(
            PlannedIncident(incident, "", HALF, MONDAY + timedelta(days=1), "", ())
            for incident in incidents
        )
    )
    expected = np.full(DAY_NS // SLOT, SIZE * SLOT / DAY_NS)
    return draw_requests(np.random.default_rng(7), START, expected, Population(7), plan)


def split(requests: Requests, values: list[float]) -> tuple[float, float]:
    """The means of a value before the incident and in it."""
    inside = np.array(requests.at) >= to_nanoseconds(HALF)
    return float(np.mean(np.array(values)[~inside])), float(np.mean(np.array(values)[inside]))


def test_weights_are_the_shares_of_all_traffic() -> None:
    """Over two weeks they sum to one; noon beats midnight, and Monday beats Sunday."""
    weights = slot_weights(START, START + 14 * DAY_NS)
    assert weights.sum() == pytest.approx(1.0)
    by_day = weights.reshape(14, -1)
    assert by_day[0].argmax() * SLOT == pytest.approx(14 / 24 * DAY_NS, abs=2 * SLOT)
    assert by_day[6].sum() == pytest.approx(0.65 * by_day[0].sum())


def test_as_many_requests_come_as_expected() -> None:
    """Requests are in order, in their day, and about as many as asked for."""
    requests = draw()
    assert requests.at == sorted(requests.at)
    assert START <= requests.at[0] <= requests.at[-1] < START + DAY_NS
    assert len(requests.at) == pytest.approx(SIZE, rel=0.05)


def test_every_payload_can_be_predicted() -> None:
    """What clients send on an ordinary day is accepted, and what they send by mistake is not."""
    requests = draw()
    for payload in requests.payloads[:200]:
        parse_opportunity(payload)
    for kind in range(3):
        with pytest.raises(BadInputError):
            parse_opportunity(malform(requests.payloads[0], kind))


@pytest.mark.parametrize("incident", ["server_errors", "bad_input"])
def test_failures_come_in_their_incident(incident: str) -> None:
    """Their share is as declared in the incident, and near nothing before."""
    requests = draw(incident)
    flags = requests.failing if incident == "server_errors" else requests.malformed
    before, inside = split(requests, [float(flag) for flag in flags])
    assert before < 0.01
    assert inside == pytest.approx(SHARE_IN_INCIDENT[incident], abs=0.03)


def test_answers_slow_down_in_the_regression() -> None:
    """The mean duration is multiplied as declared."""
    requests = draw("latency_regression")
    before, inside = split(requests, [float(duration) for duration in requests.duration])
    assert inside / before == pytest.approx(SLOWER, rel=0.2)


def test_features_are_distorted_in_their_incident() -> None:
    """Minutes for hours, a new category and missing ratings appear with the declared shares."""
    requests = draw("numeric_shift", "new_category", "missing_values")
    for incident, seen in {
        "numeric_shift": [payload["hours_since_posted"] > 168 for payload in requests.payloads],
        "new_category": [payload["job_category"] == NEW_CATEGORY for payload in requests.payloads],
        "missing_values": [payload["client_rating"] is None for payload in requests.payloads],
    }.items():
        before, inside = split(requests, [float(duration) for duration in seen])
        assert before < 0.1
        share = SHARE_IN_INCIDENT[incident]
        # Sixty times a very short time is still below 168.
        assert 0.6 * share < inside < share + 0.05


def test_another_encoder_moves_embeddings_and_nothing_else() -> None:
    """In its incident vectors are as far apart as before, around another centre."""
    plain, replaced = draw(), draw("encoder_replaced")
    inside = np.array(plain.at) >= to_nanoseconds(HALF)
    for body, other, is_inside in zip(plain.payloads, replaced.payloads, inside, strict=True):
        assert (body == other) == (not is_inside or DESCRIPTION_EMBEDDING not in body)
        assert body | {DESCRIPTION_EMBEDDING: None} == other | {DESCRIPTION_EMBEDDING: None}
    embedded = [DESCRIPTION_EMBEDDING in payload for payload in replaced.payloads]
    vectors = np.array(
        [payload.get(DESCRIPTION_EMBEDDING, [0.0] * 12) for payload in replaced.payloads]
    )
    before, after = (vectors[embedded & part] for part in (~inside, inside))
    spread = np.linalg.norm(before.std(axis=0))
    assert np.linalg.norm(after.std(axis=0)) == pytest.approx(spread, rel=0.1)
    assert np.linalg.norm(after.mean(axis=0) - before.mean(axis=0)) > 0.5 * spread


def test_an_incident_changes_nothing_else() -> None:
    """Before it, the very same requests come as without it."""
    plain, troubled = draw(), draw("numeric_shift")
    before = sum(moment < to_nanoseconds(HALF) for moment in plain.at)
    assert plain.payloads[:before] == troubled.payloads[:before]
    assert plain.succeeds == troubled.succeeds
