"""The demo's servers and services, ended together: site, desks, centre, and their workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from registry.cli.demo_centre import demo_centre_home
from registry.cli.desks import serve_desks
from registry.cli.home import Home
from registry.cli.serve import LOOPBACK
from registry.cli.serving import STOP_SECONDS

_PROGRAM = "from registry.cli.main import main; main()"


def serve_all(home: Home, *, port: int, desk_port: int, centre_port: int) -> int:
    """Serve the desks from this process and the others from their own; return the status.

    Sequencer and sender go along, so that what is issued and reported at the desks comes to the
    centre, and its receipt to the public page, without a command.
    """
    centre = str(demo_centre_home(home).path)
    city = ("--home", str(home.path))
    children = [
        _start("serve", *city, "--public-port", str(port), "--workers", "1", "--console"),
        _start("holder", "work", "--console", *city),
        _start("centre", "serve", "--home", centre, "--port", str(centre_port)),
        _start("anchor", "--follow", *city),
        _start("upload", "send", "--follow", *city),
    ]
    try:
        address = f"http://{LOOPBACK}:{desk_port}"
        return serve_desks(home, address, host=LOOPBACK, port=desk_port, workers=1)
    finally:
        for child in children:
            child.send_signal(signal.SIGINT)
        for child in children:
            _end(child)


def _start(*arguments: str) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C comes to this process, which ends them all.
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", _PROGRAM, *arguments],
        env=dict(os.environ),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
    )


def _end(child: subprocess.Popen[bytes]) -> None:
    try:
        child.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
