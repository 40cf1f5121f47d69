"""`mlmon kibana`: artefacts as files, and in a live Kibana."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlmon.elastic.command_options import JsonOption, Namespace
from mlmon.elastic.errors import UserError
from mlmon.elastic.exit_codes import ExitCode

if TYPE_CHECKING:
    from mlmon.dashboards.links.target import LinkTarget
    from mlmon.kibana.emit.artefact import Artefact, ArtefactKind
    from mlmon.kibana.sync.plan import SyncStep
    from mlmon.kibana.sync.remote_objects import RemoteObjects

app = typer.Typer(
    name="kibana",
    help="Export or install dashboards, searches and rules for Kibana.",
    no_args_is_help=True,
)


class AlertingChoice(StrEnum):
    """The alerting in Kibana that watches incidents."""

    RULES = "rules"
    WATCHES = "watches"
    NONE = "none"


Space = Annotated[
    str | None, typer.Option(help="Kibana space to use. (default: MLMON_KIBANA_SPACE)")
]
Alerting = Annotated[AlertingChoice, typer.Option(help="How Kibana watches incidents.")]
Prune = Annotated[
    bool, typer.Option("--prune", help="Also delete objects of mlmon that it no longer makes.")
]
_ALERTING: dict[AlertingChoice, set[str]] = {
    AlertingChoice.RULES: {"connector", "rule"},
    AlertingChoice.WATCHES: {"watch"},
    AlertingChoice.NONE: set(),
}


@app.command()
def export(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")],
    namespace: Namespace = None,
    space: Space = None,
    alerting: Alerting = AlertingChoice.RULES,
    as_json: JsonOption = False,
) -> None:
    """Write all objects as files, without a Kibana: one to import, one per API request."""
    from mlmon.elastic.system.atomic_write import check_output_folder
    from mlmon.kibana.providers import artefacts
    from mlmon.kibana.sync.export import files, write

    check_output_folder(out)
    kinds = _kinds(alerting)
    compiled = artefacts(_target(namespace, space))
    texts = files(artefact for artefact in compiled if artefact.kind in kinds)
    write(texts, out)
    size = sum(len(text.encode()) for text in texts.values())
    if as_json:
        print(json.dumps({"path": str(out.absolute()), "files": sorted(texts), "bytes": size}))
    else:
        print(f"{out.absolute()}: {len(texts)} files, {size / 1e6:.1f} MB")


@app.command()
def lint(
    folder: Annotated[
        Path | None,
        typer.Argument(exists=True, help="Folder of an export. (default: what would be exported)"),
    ] = None,
    namespace: Namespace = None,
    space: Space = None,
    live: Annotated[
        bool,
        typer.Option("--live", help="Ask Elasticsearch for the fields, not the templates."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the objects for what Kibana would reject or show broken (exit code 1: problems)."""
    from contextlib import ExitStack

    from mlmon.elastic.connect import connect
    from mlmon.elastic.settings import load_settings
    from mlmon.kibana.lint import among, declaration_problems
    from mlmon.kibana.lint import lint as find
    from mlmon.kibana.providers import artefacts
    from mlmon.kibana.providers.objects import placed_panels
    from mlmon.kibana.sync.export import read

    target = _target(namespace, space)
    checked = list(read(folder) if folder else artefacts(target))
    connectors = [connector.id for connector in target.connectors]
    with ExitStack() as stack:
        has = None
        if live:
            settings = load_settings(namespace=namespace)
            has = among(stack.enter_context(connect(settings)).field_names)
        problems = find(checked, connectors, has)
    if folder is None:
        problems += declaration_problems(placed_panels(), checked, target)
    found = [str(problem) for problem in problems]
    if as_json:
        print(json.dumps({"checked": len(checked), "problems": found}))
    else:
        for problem in found:
            print(problem)
        print(f"{len(checked)} artefacts checked, {len(found)} problems")
    if found:
        raise typer.Exit(ExitCode.FAILED)


@dataclass(frozen=True, slots=True)
class _OpenKibana:
    """An open Kibana: what to sync, what is stale, and the API of each kind of object."""

    chosen: "list[Artefact]"
    stale: "list[Artefact]"
    remote: "dict[ArtefactKind, RemoteObjects]"
    progress: Callable[[str], None]

    def compared(self) -> "list[SyncStep]":
        """Return the plan."""
        from mlmon.kibana.sync.plan import plan as compare

        return compare(self.chosen, self.remote, self.progress)


@app.command()
def plan(
    namespace: Namespace = None,
    space: Space = None,
    alerting: Alerting = AlertingChoice.RULES,
    prune: Prune = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 5 if anything would change.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what `apply` would change, and change nothing."""
    from mlmon.kibana.sync.plan import SyncChange, SyncStep

    with _open_kibana(namespace, space, alerting) as opened:
        steps = opened.compared()
        gone = [
            SyncStep(artefact, SyncChange.DELETE, ("no longer compiled",))
            for artefact in opened.stale
        ]
    _print_plan([*steps, *gone], as_json=as_json)
    changes = any(step.change != "keep" for step in steps) or (prune and gone)
    if exit_code and changes:
        raise typer.Exit(ExitCode.CONDITION_HOLDS)


@app.command()
def apply(
    namespace: Namespace = None,
    space: Space = None,
    alerting: Alerting = AlertingChoice.RULES,
    prune: Prune = False,
    as_json: JsonOption = False,
) -> None:
    """Create and replace the objects that differ, in one space."""
    from mlmon.kibana.sync.apply import apply as write
    from mlmon.kibana.sync.apply import prune as remove
    from mlmon.kibana.sync.plan import named

    with _open_kibana(namespace, space, alerting) as opened:
        steps = opened.compared()
        done = write(steps, opened.remote, opened.progress)
        gone = list(remove(opened.stale, opened.remote, opened.progress)) if prune else []
    kept, left = len(steps) - len(done), [] if prune else opened.stale
    if as_json:
        found = {"applied": [step.name for step in done], "kept": kept}
        found |= {"deleted": list(map(named, gone)), "stale": list(map(named, left))}
        print(json.dumps(found))
        return
    for step in done:
        print(f"{step.change.value:6} {step.name}")
    for artefact in gone:
        print(f"delete {named(artefact)}")
    deleted = f", {len(gone)} deleted" if prune else ""
    print(f"{len(done)} applied, {kept} unchanged{deleted}{_no_longer(len(left))}")


def _no_longer(count: int) -> str:
    """Return the words for what is left of what is no longer compiled."""
    return f", {count} no longer compiled (--prune deletes them)" if count else ""


@app.command()
def delete(
    namespace: Namespace = None,
    space: Space = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete the objects that mlmon made for this namespace and space."""
    from mlmon.kibana.sync.apply import delete as remove
    from mlmon.kibana.sync.apply import prune
    from mlmon.kibana.sync.plan import named

    target = _target(namespace, space)
    if not yes:
        where = f"namespace {target.namespace!r} and space {target.space!r}"
        typer.confirm(f"Delete everything mlmon made in Kibana for {where}?", abort=True)
    with _open_kibana(namespace, space, AlertingChoice.RULES) as opened:
        gone = list(prune(opened.stale, opened.remote, opened.progress))
        gone += remove(opened.chosen, opened.compared(), opened.remote)
    done = list(map(named, gone))
    if as_json:
        print(json.dumps({"deleted": done}))
    else:
        for name in done:
            print(f"delete {name}")
        print(f"{len(done)} deleted")


@contextmanager
def _open_kibana(
    namespace: str | None, space: str | None, alerting: AlertingChoice
) -> "Iterator[_OpenKibana]":
    """Open Kibana, and for watches Elasticsearch."""
    from contextlib import ExitStack

    from mlmon.dashboards.links.settings import load_kibana_settings
    from mlmon.elastic.connect import connect
    from mlmon.elastic.settings import load_settings
    from mlmon.elastic.system.progress import show_progress
    from mlmon.kibana.providers import artefacts
    from mlmon.kibana.sync.api import open_kibana
    from mlmon.kibana.sync.plan import fitting
    from mlmon.kibana.sync.remote_objects import remote_objects
    from mlmon.kibana.sync.stale import stale

    kinds = _kinds(alerting)
    settings = load_kibana_settings(space=space)
    target = _target(namespace, settings.space)
    with ExitStack() as stack, show_progress() as progress:
        kibana = stack.enter_context(open_kibana(settings))
        progress(f"asking {kibana.url}")
        version = kibana.version()
        kibana.check_space()
        cluster = None
        if "watch" in kinds:
            cluster = stack.enter_context(connect(load_settings(namespace=namespace)))
            _check_watcher(cluster.capabilities().watcher, cluster.url)
        compiled = artefacts(target)
        yield _OpenKibana(
            fitting(compiled, version, kinds),
            stale(kibana, version, target, compiled),
            dict(remote_objects(kibana, cluster)),
            progress,
        )


def _kinds(alerting: AlertingChoice) -> "list[ArtefactKind]":
    """Return the kinds that are brought in, by what watches incidents."""
    from mlmon.kibana.emit.artefact import ARTEFACT_KINDS

    others = set().union(*_ALERTING.values()) - _ALERTING[alerting]
    return [kind for kind in ARTEFACT_KINDS if kind not in others]


def _check_watcher(available: bool, url: str) -> None:
    if not available:
        raise UserError(
            f"{url} has no Watcher: it needs a trial, gold or higher licence",
            "Use Kibana's rules, which every licence runs: --alerting rules.",
        )


def _target(namespace: str | None, space: str | None) -> "LinkTarget":
    from mlmon.alerting.settings import load_alerting_settings
    from mlmon.dashboards.links.settings import load_kibana_settings
    from mlmon.dashboards.links.target import LinkTarget
    from mlmon.elastic.settings import load_settings

    settings = load_settings(namespace=namespace)
    alerting = load_alerting_settings()
    others, runbooks = alerting.references(), alerting.runbook_url or ""
    space_id = load_kibana_settings(space=space).space
    return LinkTarget(settings.namespace, space_id, others, runbooks)


def _print_plan(steps: "list[SyncStep]", *, as_json: bool) -> None:
    if as_json:
        for step in steps:
            document = {"name": step.name, "change": step.change, "differences": step.differences}
            print(json.dumps(document))
        return
    for step in steps:
        if step.change != "keep":
            print(f"{step.change.value:6} {step.name}")
            for line in step.differences:
                print(f"         {line}")
    kept, gone = (sum(step.change == which for step in steps) for which in ("keep", "delete"))
    print(f"{len(steps) - kept - gone} to change, {kept} unchanged{_no_longer(gone)}")
