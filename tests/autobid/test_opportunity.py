"""Requests are read strictly, and refused with a reason."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.autobid.opportunity import BadInputError, BidOpportunity, parse_opportunity

GOOD: dict[str, Any] = {
    "opportunity_id": "job-1",
    "profile_id": "profile-0001",
    "bid_price": 480.0,
    "client_budget": 500,
    "competing_bids": 4,
    "client_rating": None,
    "hours_since_posted": 2.5,
    "skill_match": 0.7,
    "job_category": "design",
    "contract_type": "hourly",
    "client_country": "DE",
    "experience_level": "expert",
}

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def test_a_good_request_is_read() -> None:
    """Values arrive as sent; what may be missing is None, whether null or left out."""
    opportunity = parse_opportunity(json.dumps(GOOD).encode())
    assert opportunity.bid_price == 480.0
    assert opportunity.client_rating is None
    assert opportunity.client_hire_rate is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"bid_price": "480.0"}, "bid_price"),
        ({"client_budget": -1.0}, "client_budget"),
        ({"skill_match": float("nan")}, "skill_match"),
        ({"job_category": ""}, "job_category"),
        ({"profile_id": None}, "profile_id"),
        ({"discount": 1}, "discount"),
        ({"description_embedding": ["a"]}, "description_embedding"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], field: str) -> None:
    """A wrong type, sign or name is refused, and the message says where."""
    with pytest.raises(BadInputError, match=field):
        parse_opportunity(GOOD | change)


def test_a_missing_field_is_named() -> None:
    """A field that must be there is named when it is not."""
    with pytest.raises(BadInputError, match="skill_match: Field required"):
        parse_opportunity({name: value for name, value in GOOD.items() if name != "skill_match"})


def test_values_are_not_repeated() -> None:
    """The complaint does not carry what was sent, which may be anybody's secret."""
    with pytest.raises(BadInputError) as refused:
        parse_opportunity(GOOD | {"bid_price": "tops3cret"})
    assert "tops3cret" not in str(refused.value)


@given(ANY_JSON)
def test_any_json_is_read_or_refused(body: Any) -> None:
    """Whatever JSON arrives, it is an opportunity or a BadInputError, never another error."""
    try:
        read = parse_opportunity(json.dumps(body).encode())
    except BadInputError:
        return
    assert isinstance(read, BidOpportunity)


@given(st.binary())
def test_any_bytes_are_refused(body: bytes) -> None:
    """Bytes that are no opportunity are a BadInputError."""
    with pytest.raises(BadInputError):
        parse_opportunity(body)
