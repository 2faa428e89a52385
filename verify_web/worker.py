"""The process that opens uploaded files: for each it forks a worker, confined before it parses.

Parsers of hostile files crash, hang and unfold; here that ends one short-lived process with
bounded memory and time, no key, no pepper and an empty environment. This process itself parses
nothing: it holds the loaded libraries, so that a worker is there in milliseconds. Protocol, on
standard input and output: u32 length ‖ MessagePack, one answer for each task. Started by
`verify_web.sandbox`; ends with its input.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

import msgspec
from msgspec.structs import replace

from keys.trust import load_trust
from verify_web.confine import limit, shut_in
from verify_web.findings import STOPPED, Answer, Finding, Task, read_frame, write_frame
from verify_web.reading import read

READY: Final = b"ready"
"""The first message, when all libraries are loaded."""

MAX_ANSWER: Final = 16 << 20
"""Bytes of an answer: a table of 20,000 rows takes 1 to 8 MiB."""


def main() -> None:
    """Serve tasks until standard input ends."""
    write_frame(sys.stdout.buffer, READY)
    while (packed := read_frame(sys.stdin.buffer)) is not None:
        write_frame(sys.stdout.buffer, msgspec.msgpack.encode(_answer(packed)))


def _answer(packed: bytes) -> Answer:
    """Fork a worker for one task and wait for it; a worker that dies has found nothing."""
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        _work(packed, sink)
    os.close(sink)
    with os.fdopen(source, "rb") as results:
        body = results.read(MAX_ANSWER)
    _pid, status, used = os.wait4(child, 0)
    peak = used.ru_maxrss * 1024
    if status == 0:
        with suppress(ValueError):
            confined, finding = msgspec.msgpack.decode(body, type=tuple[bool, Finding])
            return Answer(finding=finding, peak=peak, confined=confined)
    # Killed by its limits or by its own fault; what it began to say counts for nothing.
    return replace(STOPPED, peak=peak)


def _work(packed: bytes, sink: int) -> NoReturn:
    """Be the worker."""
    status = 1
    try:
        # Whoever takes this process over must not read the next task or answer in its place.
        os.close(sys.stdin.fileno())
        os.close(sys.stdout.fileno())
        task = msgspec.msgpack.decode(packed, type=Task)
        trust = load_trust(Path(task.trust))
        limit()
        confined = shut_in()
        body = msgspec.msgpack.encode((confined, read(task, trust)))
        with os.fdopen(sink, "wb") as results:
            results.write(body)
        status = 0
    finally:
        # Not by way of Python's end: it would flush and run what was inherited.
        os._exit(status)
