"""The papers behind an analyzer's verdicts are found by its imports."""

from typing import Any

import pytest

from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.checks import discover
from mlmon.analyzers.pages.page import page
from mlmon.analyzers.pages.sources import sources

BY_NAME = {analyzer.name: analyzer for analyzer in discover()}


@pytest.mark.parametrize(
    ("analyzer", "statistic", "paper"),
    [
        ("feature_drift", "kolmogorov_smirnov", "Smirnov, N. (1948)"),
        ("feature_drift", "benjamini_hochberg", "Benjamini, Y. & Hochberg, Y. (1995)"),
        ("embedding_drift", "domain_classifier", "DeLong & Clarke-Pearson (1988)"),
        ("concept_drift", "error_stream", "Gama, Medas, Castillo & Rodrigues (2004)"),
        ("offline_metrics", "mann_kendall", "Mann, H. B. (1945)"),
        ("completeness", "lost_rows", "Manski, C. F. (2003)"),
    ],
)
def test_the_papers_are_those_of_what_it_computes(
    analyzer: str, statistic: str, paper: str
) -> None:
    """Imported directly, through another module, or as a module: the paper is named."""
    assert paper in sources(BY_NAME[analyzer])[statistic]


def test_what_it_does_not_use_is_not_named() -> None:
    """`fallback_rate` counts; it borrows no paper of the trends and distances of the others."""
    assert not {"mann_kendall", "kolmogorov_smirnov"} & sources(BY_NAME["fallback_rate"]).keys()


@pytest.mark.parametrize("analyzer", BY_NAME.values(), ids=BY_NAME)
def test_its_page_names_them_on_one_line_each(analyzer: Analyzer[Any]) -> None:
    """Every paper stands whole on the page, with a year, and nothing of the code after it."""
    for statistic, papers in sources(analyzer).items():
        assert f"\n- `{statistic}`: {papers}\n" in page(analyzer)
        assert any(word.strip("().,").isdigit() for word in papers.split())
        assert ">>>" not in papers
