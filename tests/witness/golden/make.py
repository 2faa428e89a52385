"""Makes the golden exchanges of a witness by hand: hashlib, struct and cryptography, none of ours.

    python tests/witness/golden/make.py        writes the files beside it

A log of three, then five leaves (leaf i is the byte i) signs with the Ed25519 key of seed 01…; the
witness signs with that of seed 02… at fixed times. Bytes by C2SP tlog-witness, tlog-checkpoint,
tlog-cosignature and signed-note, and RFC 6962.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

LOG, WITNESS = "log.example/ledger", "witness.example/w1"
FIRST_AT, GROWN_AT = 1_800_000_000, 1_800_000_060


def seed(byte: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([byte]) * 32)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def leaf(index: int) -> bytes:
    return hashlib.sha256(b"\x00" + bytes([index])).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def line(name: str, kind: int, key: Ed25519PrivateKey, signature: bytes) -> str:
    public = key.public_key().public_bytes_raw()
    key_id = hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]
    return f"— {name} {b64(key_id + signature)}\n"


def checkpoint(size: int, root: bytes) -> str:
    return f"{LOG}\n{size}\n{b64(root)}\n"


def request(old: int, proof: list[bytes], text: str) -> bytes:
    signed = line(LOG, 0x01, seed(1), seed(1).sign(text.encode()))
    lines = "".join(f"{b64(item)}\n" for item in proof)
    return f"old {old}\n{lines}\n{text}\n{signed}".encode()


def answer(text: str, at: int) -> bytes:
    signature = seed(2).sign(f"cosignature/v1\ntime {at}\n{text}".encode())
    return line(WITNESS, 0x04, seed(2), struct.pack(">Q", at) + signature).encode()


def files() -> dict[str, bytes]:
    """Give every golden file by its name."""
    left = node(leaf(0), leaf(1))
    three = node(left, leaf(2))
    four = node(left, node(leaf(2), leaf(3)))
    five = node(four, leaf(4))
    first, grown = checkpoint(3, three), checkpoint(5, five)
    # PROOF(3, 5) of RFC 6962: the third leaf, its sibling, the pair before them, the fifth leaf.
    proof = [leaf(2), leaf(3), left, leaf(4)]
    return {
        "first.request": request(0, [], first),
        "first.answer": answer(first, FIRST_AT),
        "grown.request": request(3, proof, grown),
        "grown.answer": answer(grown, GROWN_AT),
        "behind.answer": b"5\n",
    }


if __name__ == "__main__":
    for name, data in files().items():
        (Path(__file__).parent / name).write_bytes(data)
