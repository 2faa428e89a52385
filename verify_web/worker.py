"""The worker that reads an uploaded PDF or picture: limits first, then the parsers.

Parsers of hostile files crash, hang and unfold; here that ends one short-lived process with
bounded memory and time, no key, no pepper and an empty environment. It gives back bytes that
`signing.verify` then judges as it would anyone's. Protocol: one msgpack request on standard
input, one msgpack answer on standard output. Started by `verify_web.sandbox`.
"""

from __future__ import annotations

import resource
import sys
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import msgspec

from keys.trust import load_trust
from signing.envelope import from_json
from signing.errors import SigningError
from signing.record import parse_record
from signing.report import Step

MEMORY_BYTES: Final = 1 << 30
"""Address space; a 40-megapixel photo takes 200 MB."""

CPU_SECONDS: Final = 10


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What to read. The trust folder and `now` are for judging a PDF's seal."""

    kind: Literal["pdf", "picture"]
    data: bytes
    trust: str
    now: datetime


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was in the file; `readable` is False when the parsers refused it."""

    readable: bool = True
    record: bytes | None = None
    proof: bytes | None = None
    seal: Step | None = None
    texts: tuple[str, ...] = ()


def main() -> None:
    """Serve one request."""
    _limit()
    task = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Task)
    try:
        finding = _read(task)
    except SigningError:
        finding = Finding(readable=False)
    sys.stdout.buffer.write(msgspec.msgpack.encode(finding))


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    # Nothing can be written to a file, and a crash leaves no core with the upload in it.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(task: Task) -> Finding:
    if task.kind == "picture":
        from signing.qr_image import read_qr  # noqa: PLC0415 -- 0.1 s only pictures pay

        return Finding(texts=read_qr(task.data))
    from signing.pdf import read_pdf  # noqa: PLC0415 -- 0.4 s only PDFs pay
    from signing.pdf_verify import seal_step  # noqa: PLC0415

    inside = read_pdf(task.data)
    seal = seal_step(
        task.data, load_trust(Path(task.trust)), _prefix(inside.record_json), now=task.now
    )
    return Finding(record=inside.record_json, proof=inside.tlog_proof, seal=seal)


def _prefix(record_json: bytes | None) -> str:
    """Prefix of the record the seal should be the issuer's of; "" belongs to nobody."""
    if record_json is None:
        return ""
    try:
        return parse_record(from_json(record_json).payload).prefix
    except SigningError:
        return ""
