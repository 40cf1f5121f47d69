"""`mlmon serve`."""

import threading
from typing import Annotated

import typer

from mlmon.elastic.command_options import Namespace

app = typer.Typer()


@app.command()
def serve(
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port on loopback; 0 takes a free one.")
    ] = 8050,
    namespace: Namespace = None,
) -> None:
    """Serve the dashboards to a browser on this machine, without Kibana."""
    from mlmon.alerting.settings import load_alerting_settings
    from mlmon.elastic.connect import connect
    from mlmon.elastic.settings import load_settings
    from mlmon.elastic.system.shutdown import shutdown_event
    from mlmon.report.serve.server import Server

    settings = load_settings(namespace=namespace)
    runbooks = load_alerting_settings().runbook_url
    with (
        connect(settings) as cluster,
        Server(cluster, settings.namespace, port, runbooks=runbooks) as server,
        shutdown_event() as stopping,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"{server.url}  (end with Ctrl-C)", flush=True)
        stopping.wait()
        server.shutdown()
