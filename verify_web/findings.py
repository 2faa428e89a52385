"""What is asked of the worker that opens uploaded files, and what it answers.

A module of its own, so that the site can speak with the worker without loading any library
that parses files.
"""

from __future__ import annotations

from datetime import datetime
from typing import IO, Final, Literal

import msgspec

from signing.report import Step
from verify_web.bulk.rows import AskedRow, TableFault

LENGTH_BYTES: Final = 4
MAX_FRAME: Final = 32 * 1024 * 1024


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What to read. The trust folder and `now` are for judging a PDF's seal."""

    kind: Literal["pdf", "picture", "table"]
    data: bytes
    trust: str
    now: datetime


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was in the file.

    `outcome`: "refused" when the parsers refused it, "stopped" when it went beyond the limits.
    A PDF without a record may have codes on its first page: those are in `texts`, as a picture's.
    """

    outcome: Literal["read", "refused", "stopped"] = "read"
    record: bytes | None = None
    proof: bytes | None = None
    annotation: bytes | None = None
    seal: Step | None = None
    texts: tuple[str, ...] = ()
    rows: tuple[AskedRow, ...] = ()
    """Of an employer's table, which has a `fault` where it could not be read."""
    fault: TableFault | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A finding and what it took: `peak` is the worker's largest resident set in bytes.

    `confined`: the system call filter was in force as well as the limits.
    """

    finding: Finding
    peak: int
    confined: bool


STOPPED: Final = Answer(finding=Finding(outcome="stopped"), peak=0, confined=True)
"""The answer where there is none."""


def read_frame(stream: IO[bytes]) -> bytes | None:
    """Read one message, u32 length ‖ bytes; None at the end, or for one that is too long."""
    size = int.from_bytes(stream.read(LENGTH_BYTES))
    if not 0 < size <= MAX_FRAME:
        return None
    body = stream.read(size)
    return body if len(body) == size else None


def write_frame(stream: IO[bytes], body: bytes) -> None:
    """Write one message."""
    stream.write(len(body).to_bytes(LENGTH_BYTES) + body)
    stream.flush()
