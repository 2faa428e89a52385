"""``certreg serve``: the public site behind granian (WSGI), in processes without any signing key.

The site's processes get the public directory, the names of the pepper's and the state's files and
the trusted proxies, and nothing else: neither the passphrase nor the database's address is in
their environment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click

from keys.passphrase import VARIABLE
from registry.cli.base import Exit, home_option, stop
from registry.cli.home import Home
from registry.cli.serving import run_granian

LOOPBACK = "127.0.0.1"


@click.command("serve")
@home_option
@click.option("--host", default=LOOPBACK, show_default=True, help="Address to listen on.")
@click.option("--public-port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64))
def serve_command(home: Home, host: str, public_port: int, workers: int) -> int:
    """Serve the public verification site until interrupted."""
    home.ready()
    click.echo(f"public site: http://{host}:{public_port}/  (Ctrl-C ends it)")
    return serve(home, host=host, port=public_port, workers=workers)


def serve(home: Home, *, host: str, port: int, workers: int) -> int:
    """Run granian in the foreground and return the exit status."""
    return run_granian(
        "verify_web.wsgi:create",
        site_environment(home),
        host=host,
        port=port,
        workers=workers,
        threads=1,
    )


def site_environment(home: Home) -> Mapping[str, str]:
    """Return the environment of the site's processes: no passphrase, no way to the database."""
    if not home.pepper_file.is_file():
        stop(Exit.REFUSED, f"{home.pepper_file} is missing: restore it from a backup")
    secret = {VARIABLE, "CERTREG_HOME"}
    kept = {name: value for name, value in os.environ.items() if name not in secret}
    return {
        **kept,
        "CERTREG_PUBLIC": str(Path(home.public).resolve()),
        "CERTREG_PEPPER_FILE": str(home.pepper_file.resolve()),
        "CERTREG_SITE_STATE": str(home.pepper_file.resolve().with_name("site.db")),
        "CERTREG_TRUSTED_PROXIES": ",".join(home.settings().trusted_proxies),
    }
