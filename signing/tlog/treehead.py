"""The text of a checkpoint (C2SP tlog-checkpoint): origin, tree size, root.

Three lines; extension lines are refused: nothing of ours writes them, and the ML-DSA
cosignature would not cover them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from signing.errors import MalformedCheckpoint
from signing.tlog.lines import read_decimal, read_hash, write_base64

MAX_ORIGIN: Final = 255
"""Longest origin in bytes of UTF-8: the ML-DSA message gives its length one byte."""

_LINES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A tree head: the log's `origin`, the number of leaves `size`, and the 32-byte `root`."""

    origin: str
    size: int
    root: bytes


def format_checkpoint(checkpoint: Checkpoint) -> str:
    """Write the note text. Raises MalformedCheckpoint if it would not be read back the same."""
    text = f"{checkpoint.origin}\n{checkpoint.size}\n{write_base64(checkpoint.root)}\n"
    if parse_checkpoint(text) != checkpoint:
        raise MalformedCheckpoint("the log's origin cannot stand in a checkpoint")
    return text


def parse_checkpoint(text: str) -> Checkpoint:
    """Read a note text. Raises MalformedCheckpoint."""
    lines = text.split("\n")
    if len(lines) != _LINES + 1 or lines[_LINES]:
        raise MalformedCheckpoint("a checkpoint's text has three lines: origin, size, root")
    origin, size, root = lines[:_LINES]
    if not 0 < len(origin.encode("utf-8", "surrogatepass")) <= MAX_ORIGIN:
        raise MalformedCheckpoint(f"a checkpoint's origin has 1 to {MAX_ORIGIN} bytes")
    return Checkpoint(
        origin=origin,
        size=read_decimal(size, MalformedCheckpoint),
        root=read_hash(root, MalformedCheckpoint),
    )
