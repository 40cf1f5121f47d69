"""`mlmon node start | stop | status`, `mlmon setup`, `mlmon prune`, `mlmon doctor`."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from mlmon.elastic.command_options import JsonOption, Namespace
from mlmon.elastic.exit_codes import ExitCode

app = typer.Typer()
node_app = typer.Typer(
    help="Run the embedded Elasticsearch: one per MLMON_HOME, on loopback.", no_args_is_help=True
)
app.add_typer(node_app, name="node")

_STYLES = {"ok": "green", "note": "yellow", "missing": "bold red"}


@node_app.command("start")
def start_node(
    port: Annotated[int | None, typer.Option(help="First port to try. (default: 9200)")] = None,
    heap: Annotated[str | None, typer.Option(help="Heap size. (default: 512m)")] = None,
    secure: Annotated[bool | None, typer.Option("--secure", help="Use TLS and users.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Start the node and wait until it answers; do nothing if it runs."""
    from mlmon.elastic.node import node
    from mlmon.elastic.settings import load_settings
    from mlmon.elastic.system.progress import show_progress

    settings = load_settings(node_port=port, node_heap=heap, node_secure=secure)
    with show_progress() as report:
        running = node.start(settings, report)
    if as_json:
        print(json.dumps({**asdict(running), "home": str(running.home)}))
        return
    done = "started" if running.started else "already running"
    print(f"Elasticsearch {running.version} {done} at {running.url} (pid {running.pid})")
    if running.url.startswith("https:"):
        print(f"its certificate and the users' passwords lie in {running.home / 'security'}")
    if not settings.is_embedded:
        print(f"The settings name another cluster: commands use {settings.cluster_name} instead")


@node_app.command("stop")
def stop_node(as_json: JsonOption = False) -> None:
    """Stop the node and wait until it has ended; keep its data."""
    from mlmon.elastic.node import node
    from mlmon.elastic.settings import load_settings
    from mlmon.elastic.system.progress import show_progress

    with show_progress() as report:
        report("stopping Elasticsearch")
        stopped = node.stop(load_settings())
    if as_json:
        print(json.dumps({"stopped": stopped}))
    else:
        print("stopped" if stopped else "no node is running")


@node_app.command("status")
def node_status(as_json: JsonOption = False) -> None:
    """Show whether the node is running and where (exit code 4: it is not)."""
    from mlmon.elastic.node import node
    from mlmon.elastic.settings import load_settings

    running = node.find(load_settings())
    if as_json:
        state = {**asdict(running), "home": str(running.home)} if running else {}
        state.pop("started", None)
        print(json.dumps({"running": running is not None, **state}))
    elif running:
        print(f"Elasticsearch {running.version} runs at {running.url} (pid {running.pid})")
    else:
        print("no node is running; start one with `mlmon node start`")
    if running is None:
        raise typer.Exit(ExitCode.NOT_RUNNING)


@app.command()
def setup(
    namespace: Namespace = None,
    with_roles: Annotated[
        bool,
        typer.Option("--roles", help="Also install roles for shipper, analyzer and viewer."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Install templates and policies, create empty indices; running it again changes nothing."""
    from mlmon.elastic.connect import connect
    from mlmon.elastic.indices import policies, templates
    from mlmon.elastic.indices.first_indices import create_missing
    from mlmon.elastic.indices.lifecycle import configured
    from mlmon.elastic.roles import roles
    from mlmon.elastic.settings import load_settings
    from mlmon.elastic.system.progress import show_progress

    settings = load_settings(namespace=namespace)
    lifecycles = configured()
    with connect(settings) as cluster, show_progress() as report:
        ilm = cluster.capabilities().ilm
        report("installing index templates")
        changed = policies.install(cluster, lifecycles if ilm else ())
        made = {lifecycle.policy: str(change) for lifecycle, change in changed}
        changes = made | {
            template.name: str(change) for template, change in templates.install(cluster)
        }
        report(f"creating empty indices of namespace {settings.namespace!r}")
        found = create_missing(cluster, settings.namespace, datetime.now(UTC))
        changes |= {name: str(change) for name, change in found}
        for name, body in roles().items() if with_roles else ():
            cluster.put_role(name, body)
            changes[name] = "put"
    if as_json:
        print(json.dumps(changes))
        return
    for name, change in changes.items():
        print(f"{change:<9}  {name}")
    if not ilm:
        typer.echo("This cluster has no ILM: run `mlmon prune` once a day.", err=True)


@app.command()
def prune(
    namespace: Namespace = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be done, and do nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Roll over full data streams and delete data past its retention (for clusters without ILM)."""
    from mlmon.elastic.connect import connect
    from mlmon.elastic.indices.lifecycle import configured
    from mlmon.elastic.indices.prune import Act, carry_out, plan
    from mlmon.elastic.settings import load_settings
    from mlmon.elastic.system.progress import show_progress

    settings = load_settings(namespace=namespace)
    lifecycles = configured()
    with connect(settings) as cluster, show_progress() as report:
        report("looking at ages and sizes")
        planned = plan(cluster, settings.namespace, lifecycles, datetime.now(UTC))
        report("rolling over and deleting")
        steps = planned if dry_run else list(carry_out(cluster, planned))
    if as_json:
        print(json.dumps({"dry_run": dry_run, "steps": [asdict(step) for step in steps]}))
        return
    verbs = (
        {Act.ROLL_OVER: "would roll over", Act.DELETE: "would delete", Act.LEAVE: "would leave"}
        if dry_run
        else {Act.ROLL_OVER: "rolled over", Act.DELETE: "deleted", Act.LEAVE: "left"}
    )
    for step in steps:
        print(f"{verbs[step.act]} {step.target}: {step.documents:,} documents, {step.reason}")
    if not steps:
        print(f"nothing to do in namespace {settings.namespace!r}")


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Check the setup and show how to fix what is wrong (exit code 1: something is missing)."""
    from mlmon.elastic.doctor.check import CheckVerdict
    from mlmon.elastic.doctor.examine import examine
    from mlmon.elastic.settings import load_settings
    from mlmon.elastic.system.terminal import terminal_console

    checks = list(examine(load_settings()))
    healthy = all(check.verdict is not CheckVerdict.MISSING for check in checks)
    if as_json:
        print(json.dumps({"ok": healthy, "checks": [asdict(check) for check in checks]}))
    else:
        console = terminal_console(soft_wrap=True)
        for check in checks:
            line = f"{check.verdict:<8} {check.name:<14} {check.found}"
            console.print(line, style=_STYLES[check.verdict], markup=False)
            if check.advice:
                console.print(f"{'':<23} {check.advice}", markup=False)
    if not healthy:
        raise typer.Exit(ExitCode.FAILED)
