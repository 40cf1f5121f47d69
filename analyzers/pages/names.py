"""Names for people: what is measured, in the words that its analyzer declares for its charts."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from mlmon.analyzers.checks import discover

if TYPE_CHECKING:
    from mlmon.analyzers.base.identity import FindingIdentity


def metric_title(analyzer: str, metric: str) -> str:
    """Return a metric's title; its name where no analyzer declares it any longer."""
    return _titles().get(f"{analyzer} {metric}", metric)


def title_of(identity: FindingIdentity) -> str:
    """Return what a series is about, as messages, pages and commands name it.

    `data_quality missing.rate of price, autobid 3` is `Missing values of price, autobid 3`; the
    series of a metric that no analyzer declares any longer keeps its name.
    """
    name = f"{identity.analyzer} {identity.metric}"
    known = _titles().get(name)
    return known + identity.title.removeprefix(name) if known else identity.title


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
