"""``certreg centre serve``: the centre's API and lookup page behind granian.

One worker process: the intake is one queue and its answers wait for the disk. Several threads,
so that a city that sends slowly keeps only its own; a front server with TLS and time limits
belongs before it (docs/operations.md).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import click
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from registry.centre.api import create_app
from registry.centre.home import CentreHome
from registry.centre.rate import Buckets
from registry.centre.starting import Opened
from registry.centre.worker import Worker
from registry.cli.centre_home import VARIABLE, centre_home, centre_option, opened
from registry.cli.serving import run_granian

THREADS = 16


@click.command("serve")
@centre_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8200, show_default=True, type=click.IntRange(1, 65535))
def centre_serve_command(home: CentreHome, host: str, port: int) -> int:
    """Serve the centre until interrupted; what was handed in before is taken up first."""
    # Faults are said here, once, and not by a worker that is started for ever.
    name = opened(home).settings.name
    click.echo(f"centre: {name}")
    click.echo(f"address: http://{host}:{port}  (Ctrl-C ends it)")
    sys.stdout.flush()
    environ = {**os.environ, VARIABLE: str(home.path.absolute())}
    return run_granian(
        "registry.cli.centre_serve:create",
        environ,
        host=host,
        port=port,
        workers=1,
        threads=THREADS,
        options=("--log-level", "error"),
    )


def create() -> Flask:
    """Make the WSGI application from the environment (granian's ``--factory``)."""
    centre = opened(centre_home(Path(os.environ[VARIABLE])))
    worker = Worker(centre)
    worker.resume()
    return application(centre, worker)


def application(centre: Opened, worker: Worker) -> Flask:
    """Put the application together over an open centre."""
    app = create_app(centre, worker, buckets=Buckets())
    if urlsplit(centre.settings.url).scheme == "https":
        # The front server that ends TLS adds the address it was asked from; one such step is
        # believed. Without it all who ask were one.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1)  # type: ignore[method-assign]
    return app
