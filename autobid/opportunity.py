"""The request: one opportunity to bid, as a client sends it, checked by type and by sign.

Types are strict (a price sent as text is refused) because a silently converted value is a wrong
prediction nobody sees. Upper limits are left to monitoring: a value may be surprising and right.
"""

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

FeatureValue: TypeAlias = float | int | str | list[float] | None
"""A feature as it is logged: a number, a category, an embedding, or nothing."""

OPPORTUNITY_NUMERIC = (
    "bid_price",
    "client_budget",
    "competing_bids",
    "client_rating",
    "client_hire_rate",
    "hours_since_posted",
    "skill_match",
    "description_words",
)
"""Numbers a request carries: money in euro, rating 0 to 5, rates and match 0 to 1."""

OPPORTUNITY_CATEGORICAL = ("job_category", "contract_type", "client_country", "experience_level")
"""Categories a request carries."""

DESCRIPTION_EMBEDDING = "description_embedding"
"""The job's text as 12 numbers, sent for a sample of the requests; logged, not predicted from."""

Amount = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Category = Annotated[str, Field(min_length=1, max_length=64)]


class BadInputError(ValueError):
    """The request cannot be predicted; the message names the field and the reason."""


class BidOpportunity(BaseModel):
    """One job of the marketplace and the price one profile would ask for it."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    opportunity_id: Category
    profile_id: Category
    bid_price: Amount
    client_budget: Amount
    competing_bids: NonNegative
    client_rating: NonNegative | None = None
    client_hire_rate: NonNegative | None = None
    hours_since_posted: NonNegative
    skill_match: NonNegative
    description_words: NonNegative | None = None
    job_category: Category
    contract_type: Category
    client_country: Category
    experience_level: Category
    description_embedding: Annotated[list[float], Field(min_length=1, max_length=64)] | None = None


def parse_opportunity(body: bytes | Mapping[str, Any]) -> BidOpportunity:
    """Read a request, JSON text or the mapping it stands for.

    Raises:
        BadInputError: the body is not JSON, a field is absent, unknown, of a wrong type or sign.
    """
    try:
        if isinstance(body, bytes):
            return BidOpportunity.model_validate_json(body)
        return BidOpportunity.model_validate(body)
    except ValidationError as error:
        raise BadInputError(complaints(error)) from None


def complaints(error: ValidationError) -> str:
    """The wrong fields with reasons, in one line; values are not repeated."""
    wrong = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in wrong)
