"""The runbook of each metric, and the commands that confirm an alarm.

What they say is written in the analyzers' files (`analyzers/base/runbook.py`).
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import iso
from mlmon.analyzers.checks import discover

if TYPE_CHECKING:
    from datetime import datetime

    from mlmon.analyzers.base.runbook import Runbook

SINCE = "7d"
"""The commands of a page look so far back: longer than any window and its alert take."""


def runbook(analyzer: str, metric: str) -> Runbook | None:
    """Return the runbook of a metric; of one that is not known by name, that of its analyzer.

    None is that of an analyzer or a metric that there is no longer.
    """
    runbooks = next((found.runbooks for found in discover() if found.name == analyzer), {})
    return runbooks.get(metric) or runbooks.get("")


def anchor(metric: str) -> str:
    """Return the anchor of a metric on its analyzer's page."""
    return metric


def commands(
    analyzer: str,
    metric: str,
    subject: str | None,
    since: datetime | str = SINCE,
    until: datetime | None = None,
) -> tuple[str, str]:
    """Return the commands that confirm an alarm: its findings, and the lines behind them.

    Args:
        analyzer: The analyzer.
        metric: The metric.
        subject: What was measured, None for all.
        since: From when on to look, or how long ago.
        until: Until when to look, None for now.
    """
    begin = f"--since {since if isinstance(since, str) else iso(since)}"
    period = f"{begin} --until {iso(until)}" if until else begin
    words: list[str] = []
    known = runbook(analyzer, metric)
    for word in known.lines.split() if known else ():
        if "{subject}" not in word:
            words.append(word)
        elif subject is None or subject.startswith("("):
            words.pop()  # its option
        else:
            words.append(shlex.quote(word.replace("{subject}", subject.partition(": ")[0])))
    return (
        f"mlmon findings --analyzer {analyzer} --metric {metric} {period}",
        " ".join(["mlmon logs", *words, period]),
    )
