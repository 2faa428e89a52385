"""The demo's servers: the public site, the desks and the holders' worker, ended together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from registry.cli.desks import serve_desks
from registry.cli.home import Home
from registry.cli.serve import LOOPBACK
from registry.cli.serving import STOP_SECONDS

_COMMANDS = "from registry.cli.main import main; main()"


def serve_both(home: Home, *, port: int, desk_port: int) -> int:
    """Serve site and worker from processes of their own, the desks from this one.

    Return the status.
    """
    site = ("serve", "--public-port", str(port), "--workers", "1", "--console")
    commands = (site, ("holder", "work", "--console"))
    begun = [
        # A session of its own: Ctrl-C comes to this process, which ends them all.
        subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", _COMMANDS, *command, "--home", str(home.path)],
            env=dict(os.environ),
            start_new_session=True,
        )
        for command in commands
    ]
    try:
        address = f"http://{LOOPBACK}:{desk_port}"
        return serve_desks(home, address, host=LOOPBACK, port=desk_port, workers=1)
    finally:
        for process in begun:
            process.send_signal(signal.SIGINT)
        for process in begun:
            try:
                process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
