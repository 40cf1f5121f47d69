"""The page: findings, panels and truth go in, one HTML document comes out.

Pure: the same input makes the same text.
"""

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from mlmon.analyzers.base.alert_policy import LAYERS
from mlmon.analyzers.pages.names import for_people, metric_title
from mlmon.analyzers.run.ground_truth import TrueIncident
from mlmon.analyzers.run.judged import JudgedSeries
from mlmon.dashboards.links.links import Linked, nowhere
from mlmon.formatting import count
from mlmon.report.html.incident_list import StoredIncident
from mlmon.report.html.series import FindingRecord
from mlmon.report.html.severity import FACES
from mlmon.report.html.strips import STRETCHES, STRIP_HEIGHT
from mlmon.report.html.view import AnalyzerOfReport, page_view
from mlmon.report.panels.dashboard_view import DashboardView


def report_html(
    found: FindingRecord,
    analyzers: Sequence[AnalyzerOfReport],
    truth: Sequence[TrueIncident],
    *,
    incidents: Sequence[StoredIncident] | None = (),
    boards: Sequence[DashboardView] = (),
    made: datetime,
    namespace: str,
    javascript: str,
    runbooks: str = "",
    links: Linked = nowhere,
    judged: JudgedSeries | None = None,
) -> str:
    """Return the whole report as one HTML document.

    Args:
        found: The findings, sorted.
        analyzers: Whose sections the page has, causes first; one known from findings only is last.
        truth: The incidents of a scenario, to shade and to compare with; empty in real life.
        incidents: The incidents of the period; None where they are not known.
        boards: The dashboards with their answers.
        made: When the report is made.
        namespace: Where the findings come from.
        javascript: Vega, Vega-Lite and Vega-Embed in one script that sets `window.vegaEmbed`.
        runbooks: URL that the paths of runbooks follow.
        links: Where a finding's links into Kibana lead.
        judged: What was judged lately; None in a report that ends before now.
    """
    ordered = sorted(analyzers, key=lambda one: (LAYERS.index(one.alert_policy.layer), one.name))
    page = page_view(
        found, ordered, truth, incidents, made, namespace, runbooks, links, judged=judged
    )
    scripts = (javascript, _asset("report.js"), _asset("dashboards.js"))
    return (
        templates()
        .get_template("report.html")
        .render(
            page=page,
            boards=boards,
            faces=FACES,
            style=_asset("report.css"),
            scripts=scripts,
            hashes=[_hash(script) for script in scripts],
            strip_width=STRETCHES,
            strip_height=STRIP_HEIGHT,
        )
    )


@cache
def templates() -> Environment:
    """Return the pages' templates. Every value is escaped: findings carry text from logs."""
    environment = Environment(
        loader=PackageLoader("mlmon.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["count"] = count
    environment.globals["metric_title"] = metric_title
    environment.filters["people"] = for_people
    return environment


@cache
def _asset(name: str) -> str:
    """Return a file of the page, from this package."""
    return files("mlmon.report.html").joinpath(name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """Return a script's hash as a Content-Security-Policy names it: no other script may run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
