"""Keeps `verify_web.worker` at hand for uploaded files, and bounds how many are read at once.

The worker's own limits end a reading; the time limit here is for a helper that does not answer
at all. Whatever goes wrong, the helper is ended and the next file gets a new one.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from verify_web.errors import Busy
from verify_web.findings import STOPPED, Answer, Finding, Task, read_frame, write_frame

ANSWER_SECONDS: Final = 2.9
"""After the worker's own limit (`confine.WALL_SECONDS`)."""

START_SECONDS: Final = 30.0
PLACES: Final = 2
"""Files read at once by this process; who comes then is asked to come back."""

_START: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); from verify_web.worker import main; main()"
)
_ROOT: Final = Path(__file__).resolve().parent.parent


class Helper:
    """One running worker process; not to be shared between threads."""

    def __init__(self) -> None:
        # A session of its own: it is ended with all it may have started.
        self._process = subprocess.Popen(  # noqa: S603 -- our own module
            [sys.executable, "-I", "-B", "-c", _START, str(_ROOT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )
        self._ready = False

    def ask(self, task: Task) -> Answer | None:
        """Have one file read; None when there is no answer, and the helper is of no more use."""
        if not self._ready and self._exchange(None, START_SECONDS) is None:
            return None
        self._ready = True
        body = self._exchange(msgspec.msgpack.encode(task), ANSWER_SECONDS)
        with suppress(msgspec.MsgspecError):
            return msgspec.msgpack.decode(body or b"", type=Answer)
        return None

    def _exchange(self, body: bytes | None, seconds: float) -> bytes | None:
        pipes = self._process.stdin, self._process.stdout
        if pipes[0] is None or pipes[1] is None:
            return None
        timer = threading.Timer(seconds, self.end)
        timer.start()
        try:
            if body is not None:
                write_frame(pipes[0], body)
            return read_frame(pipes[1])
        except OSError:
            return None
        finally:
            timer.cancel()

    def end(self) -> None:
        """End the process and all it started; may be called from another thread, and twice."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End it and take it off the list of processes."""
        self.end()
        with suppress(OSError):
            self._process.communicate()


class Sandbox:
    """Helpers at hand and places for them. Safe to share between threads."""

    def __init__(self, places: int = PLACES) -> None:
        self._free = threading.BoundedSemaphore(places)
        self._lock = threading.Lock()
        self._idle: list[Helper] = []

    def warm(self) -> None:
        """Start a helper if there is none, without waiting: somebody may be about to upload."""
        with self._lock:
            if not self._idle:
                self._idle.append(Helper())

    def inspect(self, task: Task) -> Finding:
        """Read a file in a worker. Raises Busy.

        A worker that crashes, or runs out of memory or time, has found nothing.
        """
        return self.measure(task).finding

    def measure(self, task: Task) -> Answer:
        """Do the same, and tell what it took. Raises Busy."""
        if not self._free.acquire(blocking=False):
            raise Busy
        try:
            with self._lock:
                helper = self._idle.pop() if self._idle else Helper()
            answer = helper.ask(task)
            if answer is None:
                helper.close()
                return STOPPED
            with self._lock:
                self._idle.append(helper)
            return answer
        finally:
            self._free.release()

    def close(self) -> None:
        """End all helpers that are at rest."""
        with self._lock:
            idle, self._idle = self._idle, []
        for helper in idle:
            helper.close()

    def forget(self) -> None:
        """Leave the helpers to the process that started them: called in its child after a fork."""
        self.__init__()  # type: ignore[misc]


SANDBOX: Final = Sandbox()
"""One for the whole process: its places bound what uploads can cost, however many sites it has."""

atexit.register(SANDBOX.close)
os.register_at_fork(after_in_child=SANDBOX.forget)
