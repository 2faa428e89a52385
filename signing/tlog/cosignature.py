"""What a witness's signature line signs (C2SP tlog-cosignature).

The line's signature is a big-endian u64 of POSIX seconds, then the bare signature. Type 0x04
(Ed25519) signs `cosignature/v1`, the time and the whole checkpoint text; type 0x06
(ML-DSA-44) signs the `subtree/v1` structure, which also names the cosigner.
"""

from __future__ import annotations

import struct
from typing import Final, Literal, TypeAlias

from keys.vkey import SignatureType
from signing.tlog.treehead import parse_checkpoint

CosignatureType: TypeAlias = Literal[
    SignatureType.ED25519_COSIGNATURE, SignatureType.ML_DSA_44_COSIGNATURE
]
"""The types whose signatures carry a timestamp."""

MAX_TIMESTAMP: Final = 2**63 - 1
"""Largest timestamp the specification allows."""

_TIMESTAMP = struct.Struct(">Q")
_RANGE = struct.Struct(">QQ")
_SUBTREE_LABEL: Final = b"subtree/v1\n\x00"


def split_timestamp(signature: bytes) -> tuple[int | None, bytes]:
    """Split a line's signature into seconds and the bare signature; None if it has no time."""
    if len(signature) <= _TIMESTAMP.size:
        return None, b""
    (timestamp,) = _TIMESTAMP.unpack_from(signature)
    if timestamp > MAX_TIMESTAMP:
        return None, b""
    return timestamp, signature[_TIMESTAMP.size :]


def join_timestamp(timestamp: int, signature: bytes) -> bytes:
    """Put the seconds before a bare signature."""
    return _TIMESTAMP.pack(timestamp) + signature


def cosigned_message(
    text: str,
    kind: CosignatureType,
    name: str,
    timestamp: int,
) -> bytes:
    """Bytes that the cosigner `name` signs for the checkpoint `text` at `timestamp` seconds.

    A timestamp of 0 (0x06 only) makes no statement about time. Raises MalformedCheckpoint
    when the text is no checkpoint.
    """
    checkpoint = parse_checkpoint(text)
    if kind is SignatureType.ED25519_COSIGNATURE:
        return f"cosignature/v1\ntime {timestamp}\n{text}".encode()
    cosigner, origin = name.encode(), checkpoint.origin.encode()
    return b"".join(
        (
            _SUBTREE_LABEL,
            bytes([len(cosigner)]),
            cosigner,
            _TIMESTAMP.pack(timestamp),
            bytes([len(origin)]),
            origin,
            _RANGE.pack(0, checkpoint.size),
            checkpoint.root,
        )
    )
