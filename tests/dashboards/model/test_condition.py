"""A condition means the same to Kibana and to Elasticsearch."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.dashboards.model.condition import (
    EVERYTHING,
    AtLeast,
    Both,
    Condition,
    Either,
    Exists,
    Not,
    both,
    fields,
    is_,
    kql,
    less_than,
    query,
)


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (is_("a", "x"), 'a: "x"'),
        (is_("a", "x", "y"), 'a: ("x" or "y")'),
        (is_("a", True), "a: true"),
        (is_("a", 500), "a: 500"),
        (AtLeast("a", 0.5), "a >= 0.5"),
        (Exists("a"), "a: *"),
        (Not(Exists("a")), "not (a: *)"),
        (EVERYTHING, ""),
        (
            both(Either((Exists("a"), Exists("b"))), is_("c", "x")),
            '(a: * or b: *) and c: "x"',
        ),
    ],
)
def test_kql(condition: Condition, text: str) -> None:
    """Conditions are written as the KQL documentation writes them."""
    assert kql(condition) == text


def test_elasticsearch() -> None:
    """The same conditions as Elasticsearch's own queries."""
    assert query(is_("a", "x", "y")) == {"terms": {"a": ["x", "y"]}}
    assert query(AtLeast("a", 2)) == {"range": {"a": {"gte": 2}}}
    assert query(Not(Exists("a"))) == {"bool": {"must_not": [{"exists": {"field": "a"}}]}}
    assert query(Either((Exists("a"), Exists("b"))))["bool"]["minimum_should_match"] == 1


def test_below_a_bound_means_there_at_all() -> None:
    """A number that is not there is not below a bound."""
    assert kql(less_than("a", 400)) == "a: * and not (a >= 400)"


@given(st.text())
def test_text_cannot_end_its_own_quotes(text: str) -> None:
    """Whatever a value holds, KQL reads it back as this one value: as JSON does."""
    quoted = kql(is_("a", text)).removeprefix("a: ")
    # Between KQL's quotes, only these two are escaped, with the same sign as in JSON.
    assert json.loads(quoted, strict=False) == text


def test_both_names_nothing_twice() -> None:
    """Nested conditions become one list without repetition."""
    condition = both(is_("a", 1), both(is_("a", 1), is_("b", 2)))
    assert condition == Both((is_("a", 1), is_("b", 2)))
    assert fields(condition) == {"a", "b"}
