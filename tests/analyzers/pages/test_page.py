"""The pages in docs/analyzers, from the analyzers' own files."""

from mlmon.analyzers.checks import discover
from mlmon.analyzers.pages.page import INDEX, pages


def test_the_index_leads_to_every_page() -> None:
    """Each analyzer has a page, and the index links it with all its metrics."""
    found = pages(discover())
    rows = found.pop(INDEX).splitlines()
    assert sorted(found) == [analyzer.runbook for analyzer in discover()]
    for analyzer in discover():
        (row,) = [row for row in rows if f"]({analyzer.name}.md)" in row]
        assert all(f"`{metric}`" in row for metric in analyzer.limits)


def test_a_page_names_metrics_limits_and_profiles() -> None:
    """What an analyzer declares stands on its page."""
    (page,) = [text for path, text in pages(discover()).items() if path.endswith("job_health.md")]
    assert "| `missed.runs` |" in page
    assert "≥ 1 | ≥ 3" in page
    assert "Profiles of kind `job`, 150d of the past." in page
