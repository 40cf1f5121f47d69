"""`mlmon serve`."""

import threading
from typing import TYPE_CHECKING, Annotated

import typer

from mlmon.elastic.command_options import Namespace

if TYPE_CHECKING:
    from mlmon.dashboards.links.links import Linked

app = typer.Typer()


@app.command()
def serve(
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help="Port; 0 takes a free one. (default: 8050)"),
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. (default: 127.0.0.1)")
    ] = None,
    namespace: Namespace = None,
) -> None:
    """Serve dashboards and incidents to browsers; who signs in can act on incidents."""
    from mlmon.alerting.settings import load_alerting_settings
    from mlmon.analyzers.report_settings import ReportsSettings
    from mlmon.analyzers.sample.report_folder import ReportFolder
    from mlmon.elastic.connect import connect
    from mlmon.elastic.settings import load_settings
    from mlmon.elastic.system.shutdown import shutdown_event
    from mlmon.report.serve.people import people_of
    from mlmon.report.serve.reach import check_reach
    from mlmon.report.serve.server import Server
    from mlmon.report.serve.settings import ServeSettings

    settings, alerting = load_settings(namespace=namespace), load_alerting_settings()
    serving = ServeSettings.load(port=port, host=host)
    has_sign_in = serving.secret_token() is not None or serving.cluster_users
    check_reach(serving, alerting.serve_url, has_sign_in=has_sign_in)
    people = people_of(serving, settings)
    with (
        connect(settings) as cluster,
        Server(
            cluster,
            settings.namespace,
            None,
            runbooks=alerting.runbook_url,
            settings=serving,
            people=people,
            public_url=alerting.serve_url,
            links=_links(settings.namespace),
            reports=ReportFolder(ReportsSettings.load().namespace_folder(settings)),
        ) as server,
        shutdown_event() as stopping,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        threading.Thread(target=server.pages.warm_up, daemon=True).start()
        print(f"{server.url}  (end with Ctrl-C)", flush=True)
        stopping.wait()


def _links(namespace: str) -> "Linked":
    """Return where incidents lead in the Kibana that is set, if one is."""
    from mlmon.dashboards.links.links import linked, nowhere
    from mlmon.dashboards.links.settings import load_kibana_settings
    from mlmon.dashboards.links.target import LinkTarget

    settings = load_kibana_settings()
    if settings.url is None:
        return nowhere
    return linked(settings.url, LinkTarget(namespace, settings.space))
