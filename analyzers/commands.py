"""`mlmon analyze`, `findings`, `analyzers`, and the commands of the folders below."""

import difflib
import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

import mlmon.analyzers.baselines.commands
import mlmon.analyzers.compare.commands
import mlmon.analyzers.run.cycle.commands
import mlmon.analyzers.sample.commands
from mlmon.elastic.command_options import (
    AsOf,
    JsonOption,
    Namespace,
    OptionalSince,
    OptionalUntil,
    Since,
    Until,
)
from mlmon.elastic.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.analyzers.base.analyzer import Analyzer
    from mlmon.analyzers.base.finding import Finding
    from mlmon.analyzers.run.engine import Analysis

app = typer.Typer()
app.add_typer(mlmon.analyzers.baselines.commands.app, name="baseline")
app.add_typer(mlmon.analyzers.compare.commands.app)
app.add_typer(mlmon.analyzers.run.cycle.commands.app)
app.add_typer(mlmon.analyzers.sample.commands.app)


class Wanted(StrEnum):
    """The severities that are listed."""

    ALL = "all"
    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    CRITICAL = "critical"


@app.command()
def analyze(
    context: typer.Context,
    since: Since = "1d",
    until: Until = "now",
    analyzer: Annotated[
        list[str] | None, typer.Option(help="Run this analyzer only; repeat for several.")
    ] = None,
    namespace: Namespace = None,
    as_json: JsonOption = False,
) -> None:
    """Analyze a past period once; the same logs give the same findings again."""
    from datetime import UTC, datetime

    from mlmon.analyzers.base.time_argument import check_order, time_argument
    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.run import engine
    from mlmon.analyzers.run.judged import store_judged
    from mlmon.analyzers.run.subscriber import subscriber_of
    from mlmon.elastic.connect import connect
    from mlmon.elastic.settings import load_settings
    from mlmon.elastic.system.progress import show_progress

    settings, now = load_settings(namespace=namespace), datetime.now(UTC)
    period = Window(time_argument(since, now), time_argument(until, now))
    check_order(period.start, period.end)
    chosen = _named(analyzer)
    with connect(settings) as cluster, show_progress() as report:
        analysis = engine.analyze(
            cluster, settings.namespace, period, now=now, analyzers=chosen, progress=report
        )
        report("acting on the findings")
        store_judged(cluster, settings.namespace, now)
        result = subscriber_of(context).findings_changed(
            cluster, settings.namespace, analysis.period.start, now
        )
    if as_json:
        print(json.dumps(analysis.to_json() | {"followed": [*filter(None, [result.line])]}))
    else:
        _print(analysis)
        if result.line:
            print(result.line)
    if analysis.failures or result.failed:
        raise typer.Exit(ExitCode.FAILED)


@app.command()
def findings(
    severity: Annotated[
        Wanted, typer.Option(help="Severity to list; `warning` includes critical.")
    ] = Wanted.WARNING,
    since: OptionalSince = None,
    until: OptionalUntil = None,
    analyzer: Annotated[str | None, typer.Option(help="List this analyzer only.")] = None,
    metric: Annotated[str | None, typer.Option(help="List this metric only.")] = None,
    as_of: AsOf = None,
    namespace: Namespace = None,
    as_json: JsonOption = False,
) -> None:
    """List findings (default: warning and critical)."""
    from datetime import UTC, datetime

    from mlmon.analyzers.base.finding import Severity
    from mlmon.analyzers.base.time_argument import check_order, time_argument
    from mlmon.analyzers.run.findings_store import FindingStore
    from mlmon.analyzers.run.judged import judged
    from mlmon.elastic.connect import connect
    from mlmon.elastic.settings import load_settings

    settings, now = load_settings(namespace=namespace), datetime.now(UTC)
    chosen = None if analyzer is None else _named([analyzer])
    if metric is not None:
        _check_metric(metric, chosen)
    first, last, known = (
        time_argument(moment, now) if moment else None for moment in (since, until, as_of)
    )
    check_order(first, last)
    with connect(settings) as cluster:
        store = FindingStore(cluster, settings.namespace)
        if known:
            store.check_known_at(known)
        found = store.search(
            since=first,
            until=last,
            severity=None if severity is Wanted.ALL else Severity(severity.value),
            analyzer=analyzer,
            metric=metric,
            as_of=known,
        )
        if as_json:
            for finding in found:
                print(json.dumps(finding.to_document(), ensure_ascii=False))
        else:
            _print_findings(found)
            if known is None:
                print(judged(cluster, settings.namespace).sentence(now))


@app.command("analyzers")
def list_analyzers(
    names: Annotated[
        list[str] | None, typer.Argument(help="Print the pages of these analyzers.", metavar="NAME")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the analyzers with their metrics, limits and sources, or print their pages.

    Limits are the default ones, followed by the rules of mlmon.toml that change them. Windows are
    those in force, and where they come from.
    """
    from fnmatch import fnmatchcase

    from mlmon.analyzers.base.limit_rules import check_rules, rule_sentence
    from mlmon.analyzers.checks import discover
    from mlmon.analyzers.pages.page import page
    from mlmon.analyzers.pages.sources import sources
    from mlmon.analyzers.settings import AnalyzersSettings
    from mlmon.formatting import compact_duration

    chosen, rules = _named(names) or discover(), AnalyzersSettings.load().rules
    check_rules(rules, chosen)
    if as_json:
        for analyzer in chosen:
            own = [rule.model_dump() for rule in rules if rule.analyzer == analyzer.name]
            print(json.dumps(_description(analyzer) | {"rules": own}))
        return
    if names:
        print("\n".join(page(analyzer) for analyzer in chosen), end="")
        return
    for analyzer in chosen:
        print(f"{analyzer.name}: {analyzer.question}")
        for metric, limits in analyzer.limits.items():
            meaning = f" ({limits.description})" if limits.description else ""
            verdict = (
                f"warning {limits.sign} {limits.warning:g}, critical {limits.sign} "
                f"{limits.critical:g}"
                if limits.judged
                else "context"
            )
            print(f"  {metric}: {verdict}{meaning}")
            for rule in rules:
                if rule.analyzer == analyzer.name and fnmatchcase(metric, rule.metric):
                    print(f"    {rule_sentence(rule, limits)}")
        if analyzer.windows:
            print(f"  windows: {_windows(analyzer)}")
        if analyzer.early:
            lengths = ", ".join(compact_duration(length) for length in analyzer.early)
            print(f"  early windows, for alarms that are certain: {lengths}")
        read = ", ".join(needs.kind for needs in analyzer.needs)
        cited = ", ".join(sources(analyzer)) or "counts and medians, no paper"
        print(f"  from profiles of {read}; {cited} ({analyzer.runbook})")


def _named(names: list[str] | None) -> "list[Analyzer[Any]] | None":
    from mlmon.analyzers.checks import discover
    from mlmon.elastic.errors import WrongValueError

    if not names:
        return None
    known = {analyzer.name: analyzer for analyzer in discover()}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise WrongValueError(
            f"There is no analyzer {', '.join(unknown)}", f"There are: {', '.join(known)}."
        )
    return [known[name] for name in dict.fromkeys(names)]


def _check_metric(metric: str, analyzers: "list[Analyzer[Any]] | None") -> None:
    """Refuse a metric that none of some analyzers has, by default of all."""
    from mlmon.analyzers.checks import discover
    from mlmon.analyzers.run.engine import FAILURE
    from mlmon.elastic.errors import WrongValueError

    known = {FAILURE} | {name for analyzer in analyzers or discover() for name in analyzer.limits}
    if metric not in known:
        near = difflib.get_close_matches(metric, sorted(known), 1)
        of = f"{analyzers[0].name} has" if analyzers else "There is"
        raise WrongValueError(
            f"{of} no metric {metric}",
            f"Did you mean {near[0]}?" if near else f"There are: {', '.join(sorted(known))}.",
        )


def _description(analyzer: "Analyzer[Any]") -> dict[str, object]:
    from dataclasses import asdict
    from datetime import timedelta

    from mlmon.analyzers.pages.sources import sources
    from mlmon.formatting import compact_duration

    return {
        "name": analyzer.name,
        "question": analyzer.question,
        "reads": [needs.kind for needs in analyzer.needs],
        "limits": {
            metric: asdict(limits) if limits.judged else None
            for metric, limits in analyzer.limits.items()
        },
        "alert": {
            name: compact_duration(value) if isinstance(value, timedelta) else value
            for name, value in asdict(analyzer.alert_policy).items()
        },
        "windows": {
            "lengths": [compact_duration(length) for length in analyzer.windows],
            "source": _windows_source(analyzer),
        }
        if analyzer.windows
        else None,
        "early_windows": [compact_duration(length) for length in analyzer.early],
        "runbook": analyzer.runbook,
        "sources": sources(analyzer),
    }


def _windows(analyzer: "Analyzer[Any]") -> str:
    """Return the lengths of windows in force, and where they come from."""
    from mlmon.formatting import compact_duration

    lengths = ", ".join(compact_duration(length) for length in analyzer.windows)
    return f"{lengths}, the shortest that carries a verdict ({_windows_source(analyzer)})"


def _windows_source(analyzer: "Analyzer[Any]") -> str:
    """Return where the windows come from: the settings' file, or `default`."""
    from mlmon.analyzers.settings import AnalyzersSettings
    from mlmon.elastic.settings_file import settings_path

    chosen = AnalyzersSettings.load().windows_of(analyzer.name)
    return "default" if chosen is None else str(settings_path())


def _print(analysis: "Analysis") -> None:
    summary = analysis.to_json()
    severities, written = summary["severities"], summary["findings"]
    print(f"judged {summary['from']} to {summary['to']}")
    print("profiles made: " + ", ".join(f"{n} {kind}" for kind, n in summary["profiles"].items()))
    print(
        "findings: "
        + ", ".join(f"{severities[name]} {name}" for name in ("critical", "warning", "unknown"))
        + f", {severities['ok']} ok"
    )
    print("documents: " + ", ".join(f"{n} {what}" for what, n in written.items()))
    for name, error in analysis.failures.items():
        print(f"{name} failed: {error}")
    for note in analysis.notes:
        print(note)


def _print_findings(found: "Iterator[Finding]") -> None:
    """Print findings, the newest first; windows in a row that say the same are one entry."""
    from rich.text import Text

    from mlmon.analyzers.base.severity_styles import SEVERITY_STYLES
    from mlmon.analyzers.run.finding_runs import finding_runs
    from mlmon.elastic.system.terminal import print_line, terminal_console

    console = terminal_console()
    runs = finding_runs(found)
    for run in runs:
        finding = run.last
        severity = Text(f"{finding.severity:8}", SEVERITY_STYLES[finding.severity])
        head = severity.append(f"  {finding.identity.title}", "bold").append(
            f"  {run.when()}", "dim"
        )
        print_line(console, head, rest=10)
        print_line(console, Text(finding.reason), first=10, rest=10)
    if not runs:
        console.print("no such findings")
