"""``certreg serve``: the public site behind granian (WSGI), in processes without any signing key.

The web processes get the public directory, the names of the pepper's and the state's files and
the trusted proxies, and nothing else: neither the passphrase, nor the database's address, nor the
way to the mail server is in their environment.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from keys.passphrase import VARIABLE
from registry.cli.base import Exit, home_option, stop
from registry.cli.home import Home
from registry.cli.serving import STOP_SECONDS, run_granian

LOOPBACK = "127.0.0.1"
MAIL = "CERTREG_SMTP_"
_COMMANDS = "from registry.cli.main import main; main()"


@click.command("serve")
@home_option
@click.option("--host", default=LOOPBACK, show_default=True, help="Address to listen on.")
@click.option("--public-port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64))
@click.option("--console", is_flag=True, help="Print messages here: to try it out, send nothing.")
def serve_command(home: Home, host: str, public_port: int, workers: int, *, console: bool) -> int:
    """Serve the public verification site until interrupted.

    Its working process (`certreg site work`) starts where mail is set up, or with ``--console``.
    """
    home.ready()
    click.echo(f"public site: http://{host}:{public_port}/  (Ctrl-C ends it)")
    return serve(home, host=host, port=public_port, workers=workers, console=console)


def serve(home: Home, *, host: str, port: int, workers: int, console: bool) -> int:
    """Run granian in the foreground, the site's working process beside it; return the status."""
    environment = site_environment(home)
    with working(home, environment, console=console):
        return run_granian(
            "verify_web.wsgi:create",
            environment,
            host=host,
            port=port,
            workers=workers,
            threads=1,
        )


@contextmanager
def working(home: Home, environment: Mapping[str, str], *, console: bool) -> Iterator[None]:
    """Run `certreg site work` meanwhile; what is killed in the middle is begun again by the next.

    Like the site's own, its environment has neither the passphrase nor the database's address; it
    alone is told the way to the mail server.
    """
    mail = {name: value for name, value in os.environ.items() if name.startswith(MAIL)}
    command = [sys.executable, "-c", _COMMANDS, "site", "work", "--home", str(home.path)]
    command += ["--console"] if console else []
    # A session of its own: Ctrl-C comes to this process, which ends it.
    process = subprocess.Popen(  # noqa: S603
        command, env={**environment, **mail}, start_new_session=True
    )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def site_environment(home: Home) -> Mapping[str, str]:
    """Return the web processes' environment: no passphrase, no way to database or mail server."""
    if not home.pepper_file.is_file():
        stop(Exit.REFUSED, f"{home.pepper_file} is missing: restore it from a backup")
    secret = {VARIABLE, "CERTREG_HOME", "CERTREG_CODE_COMMAND"}
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in secret and not name.startswith(MAIL)
    }
    return {
        **kept,
        "CERTREG_PUBLIC": str(Path(home.public).resolve()),
        "CERTREG_PEPPER_FILE": str(home.pepper_file.resolve()),
        "CERTREG_SITE_STATE": str(home.pepper_file.resolve().with_name("site.db")),
        "CERTREG_TRUSTED_PROXIES": ",".join(home.settings().trusted_proxies),
    }
