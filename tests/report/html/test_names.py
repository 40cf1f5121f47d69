"""Names for people: a metric is called what its analyzer calls it."""

import pytest

from mlmon.report.html.names import for_people, metric_title
from mlmon.report.html.page import templates


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("data_quality missing.rate of price", "Missing values of price"),
        (
            "critical data_quality missing.rate of price, open",
            "critical Missing values of price, open",
        ),
        ("gone metric.name of price", "gone metric.name of price"),
        ("data_quality missing.rate.of of price", "data_quality missing.rate.of of price"),
    ],
)
def test_a_metric_is_named_by_its_title(text: str, shown: str) -> None:
    """The first analyzer and metric of a text become the metric's title; others stay."""
    assert for_people(text) == shown


def test_what_no_analyzer_declares_keeps_its_name() -> None:
    """Findings of an analyzer that is no longer there are named as they are stored."""
    assert metric_title("service_health", "latency.p95") == "95th percentile latency"
    assert metric_title("gone", "some.metric") == "some.metric"


def test_code_in_a_sentence_is_marked_and_text_is_escaped() -> None:
    """Backticks are code on pages as in Kibana's Markdown, and text from logs stays text."""
    template = templates().from_string('{% import "macros.html" as draw %}{{ draw.code(text) }}')
    assert template.render(text="a `mlmon run` <b>") == "a <code>mlmon run</code> &lt;b&gt;"
