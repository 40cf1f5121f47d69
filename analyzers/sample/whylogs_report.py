"""whylogs' view of a sample against its training set (https://github.com/whylabs/whylogs).

A second opinion on bounded data: the drift score of each feature from the two profiles, by the test
that whylogs chooses for its type. whylogs' own HTML loads its scripts from the network, so the
scores are written as a table that needs none.
"""

from __future__ import annotations

import os
import warnings
from html import escape
from typing import TYPE_CHECKING, Any, Final

from mlmon.analyzers.sample.library import library
from mlmon.elastic.system.atomic_write import atomic_write
from mlmon.formatting import DASH, number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlmon.analyzers.sample.comparison import SampleComparison

INSTALL = "Install it in an environment of its own: pip install 'mlmon[whylogs]'"
_NO_STATISTICS: Final = "WHYLOGS_NO_ANALYTICS"
"""Set, whylogs reports nothing about its use to its makers."""
_STYLE: Final = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:2rem}"
    "td,th{text-align:left;padding:.3rem 1rem .3rem 0}td.n{text-align:right}"
)


def write_report(comparison: SampleComparison, out: Path) -> list[Path]:
    """Write whylogs' drift scores as one HTML page; return its file.

    Raises:
        UserError: whylogs is not installed, or does not work with what is, or with the sample.
    """
    os.environ.setdefault(_NO_STATISTICS, "True")
    # whylogs warns of its dependencies' deprecations; they are not this user's.
    with warnings.catch_warnings(), library("whylogs", INSTALL):
        warnings.simplefilter("ignore")
        import whylogs
        from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores

        names = [*comparison.numeric, *comparison.categorical]
        current, reference = (
            whylogs.log(frame[names]).view() for frame in (comparison.current, comparison.reference)
        )
        scores = calculate_drift_scores(current, reference, with_thresholds=True)
    sizes = len(comparison.current), len(comparison.reference)
    with atomic_write(out, hint="Choose another file with --out.") as part:
        part.write_text("\n".join(_page(scores, *sizes)), encoding="utf-8")
    return [out]


def _page(scores: Mapping[str, Any], rows: int, reference_rows: int) -> Iterator[str]:
    yield "<!doctype html><meta charset=utf-8><title>whylogs</title>"
    yield f"<style>{_STYLE}</style><h1>Drift scores by whylogs</h1>"
    yield f"<p>{rows:,} predictions against {reference_rows:,} rows of training.</p>"
    yield "<table><tr><th>feature<th>verdict<th>test<th>statistic<th>p-value"
    for name, score in sorted(scores.items()):
        known = score or {}
        verdict = str(known.get("drift_category") or "not compared").replace("_", " ").lower()
        yield (
            f"<tr><td>{escape(name)}<td>{escape(verdict)}"
            f"<td>{escape(str(known.get('algorithm') or DASH))}"
            f"<td class=n>{_number(known.get('statistic'))}"
            f"<td class=n>{_number(known.get('pvalue'))}"
        )
    yield "</table>"


def _number(value: Any) -> str:
    return number(float(value)) if isinstance(value, (int, float)) else DASH
