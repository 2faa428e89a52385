"""``certreg serve``: the public site behind granian (WSGI), in processes without any signing key.

The site's processes get the public directory and the pepper's file name, and nothing else: neither
the passphrase nor the database's address is in their environment.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from keys.passphrase import VARIABLE
from registry.cli.base import Exit, home_option, stop
from registry.cli.home import Home

LOOPBACK = "127.0.0.1"
STOP_SECONDS = 10


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
    command = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "wsgi",
        "--host",
        host,
        "--port",
        str(port),
        "--workers",
        str(workers),
        "--blocking-threads",
        "1",
        "--no-access-log",
        "--factory",
        "verify_web.wsgi:create",
    ]
    # A service manager's SIGTERM ends the site as Ctrl-C does, and leaves no process behind.
    # SIGINT anew: a shell's background job begins with it ignored.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    environment = site_environment(home)
    process = subprocess.Popen(command, env=environment, start_new_session=True)  # noqa: S603
    try:
        return Exit.DONE if process.wait() == 0 else Exit.REFUSED
    except KeyboardInterrupt:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            # A worker that does not start is respawned for ever; it has nothing to lose.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return Exit.DONE


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
    }
