"""Names for people: a metric is called what its analyzer calls it."""

import pytest

from mlmon.analyzers.base.identity import FindingIdentity
from mlmon.analyzers.pages.names import for_people, metric_title, title_of


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


@pytest.mark.parametrize(
    ("identity", "title"),
    [
        (
            FindingIdentity(
                analyzer="data_quality",
                metric="unseen_category.rate",
                subject="country",
                segment="plan=free",
                model_name="autobid",
                model_version="3",
            ),
            "Unseen categories of country where plan=free, autobid 3",
        ),
        (
            FindingIdentity(analyzer="service_health", metric="latency.p95"),
            "95th percentile latency",
        ),
        (FindingIdentity(analyzer="gone", metric="m", subject="x"), "gone m of x"),
    ],
)
def test_a_series_is_named_in_words(identity: FindingIdentity, title: str) -> None:
    """Metric, subject, segment and model stand in the title; a metric that is gone has its name."""
    assert title_of(identity) == title
