"""Names for people: what is measured, in the words that its analyzer declares for its charts."""

from __future__ import annotations

import re
from functools import cache

from mlmon.analyzers.checks import discover


def metric_title(analyzer: str, metric: str) -> str:
    """Return a metric's title; its name where no analyzer declares it any longer."""
    return _titles().get(f"{analyzer} {metric}", metric)


def for_people(text: str) -> str:
    """Return a text in which the first `analyzer metric` is the metric's title.

    `data_quality missing.rate of price` is `Missing values of price`.
    """
    return _named().sub(lambda found: _titles()[found[0]], text, count=1)


@cache
def _titles() -> dict[str, str]:
    return {
        f"{analyzer.name} {metric.name}": metric.title
        for analyzer in discover()
        for metric in analyzer.metrics
    }


@cache
def _named() -> re.Pattern[str]:
    longest_first = sorted(_titles(), key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})(?![\w.])")
