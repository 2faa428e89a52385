"""DSSE v1: what is signed is the payload together with its type, each with its length.

Source: github.com/secure-systems-lab/dsse, protocol.md. The lengths make the encoding
unambiguous, so a signature over one type can never be replayed as another's.
"""

from __future__ import annotations


def pae(payload_type: str, payload: bytes) -> bytes:
    """Pre-authentication encoding: `DSSEv1 LEN(type) type LEN(payload) payload`.

    Lengths are decimal counts of bytes; `payload_type` is written in UTF-8.
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
