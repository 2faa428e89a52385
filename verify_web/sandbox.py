"""Starts `verify_web.worker` for one uploaded file, and bounds how many run at once."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

import msgspec

from signing.errors import MalformedPdf, UnreadablePicture
from verify_web.errors import Busy
from verify_web.worker import Finding, Task

WALL_SECONDS: Final = 20.0
PLACES: Final = 2
"""Workers at once in this process; who comes then is asked to come back."""

MAX_ANSWER: Final = 1 << 20

_START: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); from verify_web.worker import main; main()"
)
_ROOT: Final = Path(__file__).resolve().parent.parent
_PLACES: Final = threading.BoundedSemaphore(PLACES)


def inspect(task: Task) -> Finding:
    """Read a file in a worker. Raises MalformedPdf or UnreadablePicture, or Busy.

    A worker that crashes, or runs out of memory or time, makes the file unreadable, no more.
    """
    if not _PLACES.acquire(blocking=False):
        raise Busy
    try:
        done = subprocess.run(  # noqa: S603 -- our own module; the upload goes by standard input
            [sys.executable, "-I", "-B", "-c", _START, str(_ROOT)],
            input=msgspec.msgpack.encode(task),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"OMP_NUM_THREADS": "1"},
            timeout=WALL_SECONDS,
            check=True,
        )
        finding = msgspec.msgpack.decode(done.stdout[:MAX_ANSWER], type=Finding)
    except (subprocess.SubprocessError, msgspec.MsgspecError):
        finding = Finding(readable=False)
    finally:
        _PLACES.release()
    if finding.readable:
        return finding
    if task.kind == "pdf":
        raise MalformedPdf("the PDF could not be read within the limits")
    raise UnreadablePicture("the picture could not be read within the limits")
