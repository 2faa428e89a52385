"""Running a WSGI application behind granian in the foreground: the site, the desks, a witness.

A service manager's SIGTERM ends it as Ctrl-C does, and leaves no process behind.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

from registry.cli.base import Exit

STOP_SECONDS = 10
"""How long the server may take to end its requests before it is killed."""


def run_granian(
    factory: str,
    environment: Mapping[str, str],
    *,
    host: str,
    port: int,
    workers: int,
    threads: int,
    options: Sequence[str] = (),
) -> int:
    """Serve ``factory`` (module:function) until interrupted; return the exit status.

    What the killed workers had under way must be harmless: a transaction ends whole or not at
    all, a witness stores before it answers, the site has nothing to lose.
    """
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi"),
        *("--host", host, "--port", str(port), "--workers", str(workers)),
        *("--blocking-threads", str(threads), "--no-access-log", *options),
        *("--factory", factory),
    ]
    # SIGINT anew: a shell's background job begins with it ignored.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command, env=environment, start_new_session=True)  # noqa: S603
    try:
        return Exit.DONE if process.wait() == 0 else Exit.REFUSED
    except KeyboardInterrupt:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            # A worker that does not start is respawned for ever.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return Exit.DONE
