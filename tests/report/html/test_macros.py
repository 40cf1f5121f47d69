"""Macros that all pages draw with."""

from mlmon.report.html.page import templates


def test_code_in_a_sentence_is_marked_and_text_is_escaped() -> None:
    """Backticks are code on pages as in Kibana's Markdown, and text from logs stays text."""
    template = templates().from_string('{% import "macros.html" as draw %}{{ draw.code(text) }}')
    assert template.render(text="a `mlmon run` <b>") == "a <code>mlmon run</code> &lt;b&gt;"
