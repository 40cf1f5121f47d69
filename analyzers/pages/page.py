"""An analyzer's page in docs/analyzers: all of it from the analyzer's own file."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.pages.sources import sources
from mlmon.formatting import compact_duration

if TYPE_CHECKING:
    from mlmon.analyzers.base.alert import Alert
    from mlmon.analyzers.base.analyzer import Analyzer
    from mlmon.analyzers.base.limits import Limits


def page(analyzer: Analyzer[Any]) -> str:
    """Return the page as Markdown."""
    sections = [
        f"# {analyzer.name}",
        inspect.getdoc(sys.modules[type(analyzer).__module__]) or "",
        "## Metrics",
        _metrics(analyzer),
        "## When it alarms",
        _alert(analyzer.alert),
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
    weeks = f", and of the same time in the {analyzer.weeks} weeks before it"
    kinds = f"Profiles of kind {_kinds(analyzer)} before the window it judges"
    return f"{kinds}{weeks if analyzer.weeks else ''}.{_core(analyzer)}"


def _kinds(analyzer: Analyzer[Any]) -> str:
    """Name the kinds by how far back they are needed, the one it judges first."""
    by_reach: dict[str, list[str]] = {}
    for kind in (analyzer.reads, *analyzer.also):
        by_reach.setdefault(compact_duration(analyzer.reach(kind)), []).append(f"`{kind}`")
    return "; ".join(f"{' and '.join(of)}, up to {reach}" for reach, of in by_reach.items())


def _core(analyzer: Analyzer[Any]) -> str:
    """Say of which profiles no more than their core is read."""
    return "".join(
        f" Of those of kind `{kind}`"
        + (f" that are older than {compact_duration(age)}" if age else "")
        + " it reads scores and counts only."
        for kind, age in analyzer.whole.items()
    )


def _alert(alert: Alert) -> str:
    windows = "one window is" if alert.of == 1 else f"{alert.after} of {alert.of} windows are"
    worse = " or worse" if alert.on == "warning" else ""
    calm = "one window is" if alert.clear == 1 else f"{alert.clear} windows in a row are"
    return (
        f"An alert is raised when {windows} `{alert.on}`{worse}, and ends when {calm} `ok`. Its "
        f"layer in the chain of causes is `{alert.layer}`. See [alerting](../alerting.md)."
    )


def _metrics(analyzer: Analyzer[Any]) -> str:
    lines = ["| metric | asks | unit | warning | critical | limits |", 6 * "|---" + "|"]
    for panel in analyzer.panels:
        limits = analyzer.limits[panel.metric]
        lines.append(
            f"| `{panel.metric}` | {panel.sentence} | {panel.unit or '-'} "
            f"| {_limit(limits, limits.warning)} | {_limit(limits, limits.critical)} "
            f"| {limits.meaning or '-'} |"
        )
    return "\n".join(lines)


def _limit(limits: Limits, value: float) -> str:
    return f"{limits.sign} {value:g}" if limits.judged else "-"
