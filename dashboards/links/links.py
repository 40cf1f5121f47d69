"""Links from a finding into Kibana: to its dashboard, and to the documents that are its evidence.

Time range and filters are filled in: the window with some time before and after it, and of all
findings those of this series. Other sources are not filtered on the dashboard, so that
the other charts show what else happened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mlmon.analyzers.base.window import HOUR, Window, iso
from mlmon.analyzers.checks import discover
from mlmon.analyzers.profiles.kind import kinds
from mlmon.dashboards.definitions import home, searches
from mlmon.dashboards.links.rison import rison
from mlmon.dashboards.links.target import DEFAULT
from mlmon.dashboards.model.condition import Condition, Either, Exists, Not, both, is_, kql

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlmon.analyzers.base.analyzer import Analyzer
    from mlmon.analyzers.base.finding import Finding
    from mlmon.dashboards.links.target import LinkTarget
    from mlmon.dashboards.model.saved_search import SavedSearch

BEFORE = 6 * HOUR
"""Least time before a window that is shown."""
# Which search shows what an analyzer read, and which of its fields holds the finding's subject.
_EVIDENCE: dict[str, tuple[SavedSearch, str | None]] = {
    "ml.access": (searches.REQUEST_LINES, "url.path"),
    "ml.fallback": (searches.FALLBACK_LINES, "ml.feature_source.name"),
    "ml.job": (searches.JOB_RUNS, "ml.job.name"),
    "ml.model": (searches.MODEL_EVENTS, None),
    "ml.prediction": (searches.PREDICTION_LINES, None),
    "ml.store": (searches.STORE_LINES, None),
}
_BY_LAYER: dict[str, tuple[SavedSearch, str | None]] = {
    "ingest": (searches.REJECTED, None),
    "fallback": (searches.FALLBACK_LINES, "ml.feature_source.name"),
}


@dataclass(frozen=True, slots=True)
class Links:
    """Paths below Kibana's URL.

    Args:
        dashboard: The dashboard that shows the finding's analyzer.
        search: The documents it was made from.
    """

    dashboard: str
    search: str


TimeRange = tuple[str, str]
"""Begin and end as Kibana takes them."""

Linked = Callable[["Finding", TimeRange], Links | None]
"""Targets of a finding's links in a time range; None where there is none."""


def nowhere(finding: Finding, time: TimeRange) -> None:
    """Return no links: there is no Kibana."""
    del finding, time


def linked(url: str, target: LinkTarget) -> Linked:
    """Return what gives findings whole links into the Kibana at a URL."""

    def give(finding: Finding, time: TimeRange) -> Links | None:
        found = links(finding, target, time)
        return found and Links(url + found.dashboard, url + found.search)

    return give


def links(finding: Finding, target: LinkTarget, time: TimeRange | None = None) -> Links | None:
    """Return the links of a finding; None where its analyzer is no longer there.

    Args:
        finding: What they show.
        target: In which Kibana.
        time: Begin and end of the time range as Kibana takes them; None for the finding's
            surroundings.
    """
    analyzer = next(
        (analyzer for analyzer in discover() if analyzer.name == finding.analyzer), None
    )
    if analyzer is None:
        return None
    around = surroundings(finding)
    shown = time or (iso(around.start), iso(around.end))
    return Links(
        _dashboard(finding, analyzer, target, shown), _search(finding, analyzer, target, shown)
    )


def _dashboard(
    finding: Finding, analyzer: Analyzer[Any], target: LinkTarget, time: TimeRange
) -> str:
    of_series = (is_(field, value) for field, value in finding.identity.fields().items())
    only_these = Either((Not(Exists("finding.analyzer")), both(*of_series)))
    view = f"/app/dashboards#/view/{quote(target.id(home(analyzer).name))}"
    return _prefix(target) + view + _state(time, [only_these])


def evidence(finding: Finding, analyzer: Analyzer[Any]) -> tuple[SavedSearch, Condition]:
    """Return the search that shows what a finding was made from, and what narrows it to that."""
    search, field = _searched(analyzer)
    conditions: list[Condition] = []
    if field is not None and finding.subject is not None:
        # After the colon stands a part of the subject, such as the reason of a fallback.
        conditions.append(is_(field, finding.subject.partition(": ")[0]))
    known = {field_.name for field_ in search.source.fields}
    if finding.service is not None and "service.name" in known:
        conditions.append(is_("service.name", finding.service))
    if finding.model_version is not None and search is searches.PREDICTION_LINES:
        conditions.append(is_("ml.model.version", finding.model_version))
    return search, both(*conditions)


def subject_field(analyzer: Analyzer[Any]) -> str | None:
    """Return the field of events whose values are an analyzer's subjects; None where none is."""
    return _searched(analyzer)[1]


def _searched(analyzer: Analyzer[Any]) -> tuple[SavedSearch, str | None]:
    dataset = kinds()[analyzer.needs[0].kind].dataset
    default = _EVIDENCE.get(dataset, (searches.STORY, None))
    return _BY_LAYER.get(analyzer.alert_policy.layer, default)


def surroundings(finding: Finding) -> Window:
    """Return the time that links open: the window, as much after it, a quarter of a day before."""
    length = finding.window.length
    return Window(finding.start - max(length, BEFORE), finding.end + length)


def _search(finding: Finding, analyzer: Analyzer[Any], target: LinkTarget, time: TimeRange) -> str:
    search, narrowed = evidence(finding, analyzer)
    view = f"/app/discover#/view/{quote(target.id(search.name))}"
    return _prefix(target) + view + _state(time, [search.condition, narrowed])


def _prefix(target: LinkTarget) -> str:
    return "" if target.space == DEFAULT else f"/s/{target.space}"


def _state(time: tuple[str, str], conditions: Iterable[Condition]) -> str:
    """Return the part of a URL that holds the time range and the query."""
    everywhere = {"time": {"from": time[0], "to": time[1]}}
    here = {"query": {"language": "kuery", "query": kql(both(*conditions))}}
    return f"?_g={_quoted(everywhere)}&_a={_quoted(here)}"


def _quoted(state: dict[str, Any]) -> str:
    return quote(rison(state), safe="!'(),:*")
