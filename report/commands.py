"""`mlmon report`."""

import json
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import mlmon.report.serve.commands
import mlmon.report.terminal.commands
from mlmon.elastic.command_options import (
    AsOf,
    JsonOption,
    Namespace,
    OptionalSince,
    OptionalUntil,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from mlmon.analyzers.base.finding import Finding
    from mlmon.analyzers.run.ground_truth import TrueIncident
    from mlmon.dashboards.links.links import Linked
    from mlmon.elastic.client.cluster import Cluster
    from mlmon.report.html.incident_list import StoredIncident
    from mlmon.report.html.series import FindingRecord
    from mlmon.report.panels.dashboard_view import DashboardView

app = typer.Typer()
app.add_typer(mlmon.report.serve.commands.app)
app.add_typer(mlmon.report.terminal.commands.app)


@app.command()
def report(
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write.")] = Path("report.html"),
    since: OptionalSince = None,
    until: OptionalUntil = None,
    truth: Annotated[
        Path | None, typer.Option(exists=True, help="Compare with the truth.json of a scenario.")
    ] = None,
    namespace: Namespace = None,
    as_of: AsOf = None,
    as_json: JsonOption = False,
) -> None:
    """Write findings and dashboards to one HTML file that works offline.

    Without a period it holds all findings. With --as-of it leaves incidents and dashboards out,
    which show what is known now.
    """
    from datetime import UTC, datetime

    from mlmon.alerting.settings import load_alerting_settings
    from mlmon.analyzers.base.time_argument import check_order, time_argument
    from mlmon.analyzers.checks import discover
    from mlmon.analyzers.run.findings_store import FindingStore
    from mlmon.analyzers.run.judged import judged
    from mlmon.elastic.connect import connect
    from mlmon.elastic.settings import load_settings
    from mlmon.elastic.system.atomic_write import atomic_write, check_output_file
    from mlmon.elastic.system.progress import show_progress
    from mlmon.report.html.page import report_html
    from mlmon.report.html.series import record
    from mlmon.report.html.vega_bundle import vega_script

    check_output_file(out)
    settings, now = load_settings(namespace=namespace), datetime.now(UTC)
    runbooks = load_alerting_settings().runbook_url
    scenario = _incidents(truth) if truth else ()
    first = time_argument(since, now) if since else None
    last = time_argument(until, now) if until else None
    known = time_argument(as_of, now) if as_of else None
    check_order(first, last)
    with show_progress() as progress:
        progress("reading findings")
        with connect(settings) as cluster:
            store = FindingStore(cluster, settings.namespace)
            if known:
                store.check_known_at(known)
            findings = store.search(since=first, until=last, as_of=known)
            found = record(_some(findings, settings.namespace))
            incidents = None if known else _stored(cluster, settings.namespace, found, first, last)
            progress("asking the dashboards")
            coverage = None if known or last else judged(cluster, settings.namespace)
            boards = () if known else _boards(cluster, settings.namespace, found)
        progress("drawing")
        html = report_html(
            found,
            discover(),
            scenario,
            incidents=incidents,
            boards=boards,
            made=known or now,
            namespace=settings.namespace,
            javascript=vega_script(),
            runbooks=runbooks,
            links=_links(settings.namespace),
            judged=coverage,
        )
        with atomic_write(out, hint="Choose another file with --out.") as part:
            part.write_text(html, encoding="utf-8")
    _print_written(out, sum(found.counts.values()), len(html.encode()), as_json=as_json)


def _stored(
    cluster: "Cluster",
    namespace: str,
    found: "FindingRecord",
    since: "datetime | None",
    until: "datetime | None",
) -> "tuple[StoredIncident, ...]":
    """Return the incidents of the period, or of the time the findings are of."""
    from datetime import UTC, datetime

    from mlmon.report.stored_incidents import incidents_of_period

    begin = since or datetime.fromtimestamp(found.since, UTC)
    end = until or datetime.fromtimestamp(found.until, UTC)
    return incidents_of_period(cluster, namespace, begin, end)


def _boards(
    cluster: "Cluster", namespace: str, found: "FindingRecord"
) -> "tuple[DashboardView, ...]":
    """Return the dashboards of the time the findings are of, without the analyzers' own panels."""
    from datetime import UTC, datetime

    from mlmon.analyzers.base.window import Window
    from mlmon.dashboards.definitions import dashboards
    from mlmon.report.panels.dashboard_view import (
        DashboardScope,
        dashboard_view,
        without_incident_list,
    )

    window = Window(*(datetime.fromtimestamp(end, UTC) for end in (found.since, found.until)))
    scope = DashboardScope(cluster.search, namespace, window)
    return tuple(
        dashboard_view(without_incident_list(dashboard), (), scope) for dashboard in dashboards()
    )


def _some(findings: "Iterator[Finding]", namespace: str) -> "Iterator[Finding]":
    """Return findings, of which there has to be one."""
    from mlmon.elastic.errors import UserError

    first = next(findings, None)
    if first is None:
        raise UserError(
            f"There are no findings in namespace {namespace!r} and this period",
            "Analyze a period with `mlmon analyze --since 14d`, or widen --since and --until.",
        )
    return chain([first], findings)


def _links(namespace: str) -> "Linked":
    """Return what gives findings links into the Kibana that is set, if one is."""
    from mlmon.dashboards.links.links import linked, nowhere
    from mlmon.dashboards.links.settings import load_kibana_settings
    from mlmon.dashboards.links.target import LinkTarget

    settings = load_kibana_settings()
    if settings.url is None:
        return nowhere
    return linked(settings.url, LinkTarget(namespace, settings.space))


def _incidents(path: Path) -> "tuple[TrueIncident, ...]":
    """Return the incidents of a scenario's truth."""
    from mlmon.analyzers.run.ground_truth import read_truth
    from mlmon.elastic.errors import UserError

    try:
        return read_truth(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", "Correct --truth.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} is no scenario's truth: {error}",
            "Give the truth.json that the scenario wrote next to its logs.",
        ) from error


def _print_written(path: Path, findings: int, size: int, *, as_json: bool) -> None:
    """Print what was written."""
    if as_json:
        print(json.dumps({"path": str(path.absolute()), "findings": findings, "bytes": size}))
    else:
        print(f"{path.absolute()}: {findings:,} findings, {size / 1e6:.1f} MB")
