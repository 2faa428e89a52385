"""The `.tlog-proof` file (C2SP tlog-proof): one leaf's inclusion, provable offline.

c2sp.org/tlog-proof@v1
extra <base64>          (optional; opaque, and vouched for by nothing)
index <n>
<hashes from the leaf's sibling up, base64, one a line>

<the checkpoint note, verbatim>
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from signing.errors import MalformedProof
from signing.tlog.lines import read_base64, read_decimal, read_hash, write_base64

MAX_PROOF: Final = 1 << 18
"""Longest file read, in bytes: sixteen ML-DSA-44 signatures and what goes with a certificate."""

MAX_PATH: Final = 63
"""Longest path any tree of a size we speak of can need."""

_HEADER: Final = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlogProof:
    """A proof: leaf `index`, `path` of 32-byte hashes, the `checkpoint_note`, `extra` or None."""

    index: int
    path: tuple[bytes, ...]
    checkpoint_note: bytes
    extra: bytes | None = None


def format_proof(proof: TlogProof) -> bytes:
    """Write the file. Raises MalformedProof if what is written would not be read back the same."""
    lines = [_HEADER]
    if proof.extra is not None:
        lines.append(f"extra {write_base64(proof.extra)}")
    lines.append(f"index {proof.index}")
    lines += map(write_base64, proof.path)
    data = "".join(f"{line}\n" for line in lines).encode() + b"\n" + proof.checkpoint_note
    if parse_proof(data) != proof:
        raise MalformedProof("the proof's parts cannot stand in a .tlog-proof file")
    return data


def parse_proof(data: bytes) -> TlogProof:
    """Read a file of at most MAX_PROOF bytes. Raises MalformedProof. Verifies nothing.

    The checkpoint is returned as it stands, for `signing.tlog.checkpoint.open_checkpoint`.
    """
    if len(data) > MAX_PROOF:
        raise MalformedProof(f"the proof is longer than {MAX_PROOF} bytes")
    head, gap, note = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise MalformedProof("the proof holds letters outside ASCII") from None
    if not gap or not note or lines.pop(0) != _HEADER:
        raise MalformedProof("this is not a .tlog-proof file of version 1")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = read_base64(lines.pop(0).removeprefix("extra "), MalformedProof)
        if not extra:
            raise MalformedProof("the proof's extra line is empty")
    if not lines or not lines[0].startswith("index "):
        raise MalformedProof("the proof has no index line")
    index = read_decimal(lines.pop(0).removeprefix("index "), MalformedProof)
    if len(lines) > MAX_PATH:
        raise MalformedProof("the proof's path is too long for any tree")
    path = tuple(read_hash(line, MalformedProof) for line in lines)
    return TlogProof(index=index, path=path, checkpoint_note=note, extra=extra)
