"""What a log and a witness say to each other (C2SP tlog-witness), as bytes.

The request: `old <size>`, the consistency proof's hashes in base64 one a line, an empty line, the
checkpoint. The answers: signature lines, or a size. Everything is bounded and has one spelling.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from registry.ledger.witness.errors import MalformedRequest
from signing.errors import MalformedProof, SigningError
from signing.tlog.lines import read_decimal, read_hash, write_base64
from signing.tlog.note import Note, NoteSignature, format_note, parse_note
from signing.tlog.proof import MAX_PATH

ADD_CHECKPOINT: Final = "add-checkpoint"
"""The call's path below a witness's submission prefix."""

SIZE_TYPE: Final = "text/x.tlog.size"
"""Content type of the answer 409 whose body is the size that the witness cosigned last."""

MAX_REQUEST: Final = 1 << 17
"""Longest request body in bytes: a full proof and a checkpoint with 30 ML-DSA-44 lines."""

MAX_ANSWER: Final = 1 << 16
"""Longest answer read in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddCheckpoint:
    """A request: the proof (32-byte hashes) leads from the tree of `old_size` to `note`'s."""

    old_size: int
    proof: tuple[bytes, ...]
    note: bytes


def format_request(request: AddCheckpoint) -> bytes:
    """Write the body. Raises MalformedRequest if it would not be read back the same."""
    lines = [f"old {request.old_size}", *map(write_base64, request.proof)]
    body = "".join(f"{line}\n" for line in lines).encode() + b"\n" + request.note
    if parse_request(body) != request:
        raise MalformedRequest("the proof or the sizes cannot stand in a request")
    return body


def parse_request(body: bytes) -> AddCheckpoint:
    """Read a body of at most MAX_REQUEST bytes. Raises MalformedRequest. Verifies nothing."""
    if len(body) > MAX_REQUEST:
        raise MalformedRequest(f"the request is longer than {MAX_REQUEST} bytes")
    head, gap, note = body.partition(b"\n\n")
    try:
        first, *hashes = head.decode("ascii").split("\n")
        if not gap or not note or not first.startswith("old ") or len(hashes) > MAX_PATH:
            raise MalformedRequest("a request is: old size, proof lines, empty line, checkpoint")
        return AddCheckpoint(
            old_size=read_decimal(first.removeprefix("old "), MalformedProof),
            proof=tuple(read_hash(line, MalformedProof) for line in hashes),
            note=note,
        )
    except (SigningError, UnicodeDecodeError) as fault:
        raise MalformedRequest("the old size or a proof line is malformed") from fault


def format_lines(lines: Iterable[NoteSignature], text: str) -> bytes:
    """Write the answer 200: signature lines on the checkpoint `text`, each with its newline."""
    return format_note(Note(text=text, signatures=tuple(lines)))[len(text.encode()) + 1 :]


def parse_lines(lines: bytes, text: str) -> tuple[NoteSignature, ...]:
    """Read signature lines that stand for `text`. Raises MalformedNote. Verifies nothing."""
    note = parse_note(text.encode() + b"\n" + lines)
    if note.text != text:
        # An empty line within the lines would move what the signatures stand for.
        raise MalformedRequest("the answer holds more than signature lines")
    return note.signatures


def format_size(size: int) -> bytes:
    """Write the answer 409."""
    return f"{size}\n".encode()


def parse_size(body: bytes) -> int:
    """Read the answer 409. Raises MalformedRequest."""
    try:
        text = body.decode("ascii")
        return read_decimal(text.removesuffix("\n"), MalformedProof) if text[-1:] == "\n" else _no()
    except (SigningError, UnicodeDecodeError) as fault:
        raise MalformedRequest("the answer is not a size on a line of its own") from fault


def _no() -> int:
    raise MalformedRequest("the answer is not a size on a line of its own")


def monitoring_path(origin: str) -> str:
    """Path below the monitoring prefix of the newest checkpoint cosigned for a log."""
    return f"{hashlib.sha256(origin.encode()).hexdigest()}/checkpoint"
