"""The demo's two servers: the public site and the desks, ended together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from registry.cli.desks import serve_desks
from registry.cli.home import Home
from registry.cli.serve import LOOPBACK
from registry.cli.serving import STOP_SECONDS

_SITE = "from registry.cli.main import main; main()"


def serve_both(home: Home, *, port: int, desk_port: int) -> int:
    """Serve the site from a process of its own and the desks from this one; return the status."""
    command = [
        *(sys.executable, "-c", _SITE, "serve", "--home", str(home.path)),
        *("--public-port", str(port), "--workers", "1"),
    ]
    # A session of its own: Ctrl-C comes to this process, which ends both.
    site = subprocess.Popen(command, env=dict(os.environ), start_new_session=True)  # noqa: S603
    try:
        address = f"http://{LOOPBACK}:{desk_port}"
        return serve_desks(home, address, host=LOOPBACK, port=desk_port, workers=1)
    finally:
        site.send_signal(signal.SIGINT)
        try:
            site.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            site.kill()
            site.wait()
