"""Each colour that charts and pages name is declared by the style sheet."""

from __future__ import annotations

import re
from dataclasses import astuple
from pathlib import Path

from mlmon.dashboards.palette import PAGE_COLOURS

HTML = Path(__file__).parents[3] / "report" / "html"


def test_each_variable_that_is_used_is_declared() -> None:
    """Charts, templates, scripts and the sheet itself use no variable that has no value."""
    sheet = (HTML / "report.css").read_text(encoding="utf-8")
    declared = set(re.findall(r"(--[\w-]+)\s*:", sheet))
    files = [path for path in HTML.rglob("*") if path.suffix in {".css", ".html", ".js"}]
    texts = [str(astuple(PAGE_COLOURS)), *(path.read_text(encoding="utf-8") for path in files)]
    used = {name for text in texts for name in re.findall(r"var\((--[\w-]+)", text)}
    assert len(used) > 20
    assert used <= declared
