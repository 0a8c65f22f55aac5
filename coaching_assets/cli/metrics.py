"""`coaching metrics`: serve the figures of the last syncs to Prometheus."""

from typing import Annotated

import typer

from coaching_assets.cli.terminal import Verbose, notify, report_errors


def metrics(
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 9464,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    verbose: Verbose = False,
) -> None:
    """Serve metrics of the last syncs to Prometheus, until Ctrl-C."""
    from coaching_assets.metrics.exporter import serve
    from coaching_assets.settings import load_settings

    with report_errors(verbose):
        server, thread = serve(load_settings(), host, port)
        notify(f"Serving http://{host}:{server.server_port}/metrics …")
        thread.join()
