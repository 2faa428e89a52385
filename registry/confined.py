"""A process of its own for what must not be trusted with ours: a file from outside and its parser.

The child is our interpreter without environment, working directory or site; it gives up memory,
time, files and core dumps before it reads the first byte, and what it says is data to its parent.
Whoever takes the child over has a process that can do nothing and soon ends.
"""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_ROOT: Final = str(Path(__file__).resolve().parents[1])
# -I shuts out the working directory, PYTHONPATH and the user's site; the package's own root comes
# back only where it is not installed, so that it can shadow nothing. os._exit ends without tidying
# up: freeing a million cells one by one would cost as much as reading them.
_START: Final = (
    "import os, sys; root = sys.argv.pop(1)\n"
    "if root not in sys.path: sys.path.insert(0, root)\n"
    "from {module} import main; os._exit(main(sys.argv[1:]))"
)
STOPPED_BY_A_LIMIT: Final = {-signal.SIGKILL, -signal.SIGXCPU, -signal.SIGABRT}
"""How a child ends that the kernel, or its parent's patience, stopped."""


def start_of(module: str) -> str:
    """Give the code by which a child runs ``main(arguments)`` of a module."""
    return _START.format(module=module)


@contextmanager
def child(
    start: str, arguments: Sequence[str], *, stdin: int, wall_seconds: float
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a child over an open file, its standard output a pipe; it is gone when this ends."""
    with subprocess.Popen(  # noqa: S603 - our own interpreter and module, no shell, no environment
        [sys.executable, "-I", "-c", start, _ROOT, *arguments],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        close_fds=True,
    ) as process:
        timer = threading.Timer(wall_seconds, process.kill)
        timer.start()
        try:
            yield process
        finally:
            timer.cancel()
            process.kill()


def limit_itself(memory_bytes: int, cpu_seconds: int) -> None:
    """Give up memory, time, files and core dumps; for the child, before the first byte is read."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
