"""An analyzer's page in docs/analyzers: all of it from the analyzer's own file."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.pages.sources import sources
from mlmon.formatting import compact_duration

if TYPE_CHECKING:
    from mlmon.analyzers.base.alert_policy import AlertPolicy
    from mlmon.analyzers.base.analyzer import Analyzer
    from mlmon.analyzers.base.limits import Limits
    from mlmon.analyzers.base.needs import Needs


def page(analyzer: Analyzer[Any]) -> str:
    """Return the page as Markdown."""
    sections = [
        f"# {analyzer.name}",
        inspect.getdoc(sys.modules[type(analyzer).__module__]) or "",
        "## Metrics",
        _metrics(analyzer),
        "## When it alarms",
        _alert(analyzer.alert_policy),
        "## What to do",
        analyzer.advice,
        "## What it reads",
        _profiles(analyzer),
        *_sources(analyzer),
    ]
    return "\n\n".join(sections) + "\n"


def _sources(analyzer: Analyzer[Any]) -> list[str]:
    lines = [f"- `{statistic}`: {papers}" for statistic, papers in sources(analyzer).items()]
    return ["## Where its statistics come from", "\n".join(lines)] if lines else []


def _profiles(analyzer: Analyzer[Any]) -> str:
    """Name the kinds by how far back they are needed, the one it judges first."""
    by_lookback: dict[str, list[str]] = {}
    for needs in analyzer.needs:
        by_lookback.setdefault(_past(needs), []).append(f"`{needs.kind}`")
    kinds = "; ".join(f"{' and '.join(of)}, {past}" for past, of in by_lookback.items())
    return f"Profiles of kind {kinds}."


def _past(needs: Needs) -> str:
    weeks = f", and the same time in the {needs.weeks} weeks before"
    return f"{compact_duration(needs.lookback)} of the past{weeks if needs.weeks else ''}"


def _alert(alert: AlertPolicy) -> str:
    windows = "one window is" if alert.of == 1 else f"{alert.after} of {alert.of} windows are"
    worse = " or worse" if alert.on == "warning" else ""
    calm = "one window is" if alert.clear == 1 else f"{alert.clear} windows in a row are"
    return (
        f"An alert is raised when {windows} `{alert.on}`{worse}, and ends when {calm} `ok`. Its "
        f"layer in the chain of causes is `{alert.layer}`. See [alerting](../alerting.md)."
    )


def _metrics(analyzer: Analyzer[Any]) -> str:
    lines = ["| metric | asks | unit | warning | critical | limits |", 6 * "|---" + "|"]
    for metric in analyzer.metrics:
        limits = metric.limits
        lines.append(
            f"| `{metric.name}` | {metric.question} | {metric.unit or '-'} "
            f"| {_limit(limits, limits.warning)} | {_limit(limits, limits.critical)} "
            f"| {limits.meaning or '-'} |"
        )
    return "\n".join(lines)


def _limit(limits: Limits, value: float) -> str:
    return f"{limits.sign} {value:g}" if limits.judged else "-"
