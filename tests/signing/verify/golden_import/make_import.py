"""Makes the golden import by hand: hashlib, hmac, json and cryptography, none of ours.

    python tests/signing/verify/golden_import/make_import.py        writes the bundle beside it

A log of four leaves: a milestone, the import of one certificate, the close of its batch, a status
entry. Keys are Ed25519 of the seeds 01…, 02…; bytes by docs/formats.md, C2SP signed-note,
tlog-checkpoint and tlog-proof, DSSE v1, RFC 6962 and RFC 8785 (all keys and texts here sort alike
by UTF-8 and UTF-16).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HERE = Path(__file__).parent
ORIGIN, PREFIX = "log.example.cn/log", "Y000044999001"
NUMBER, BATCH = f"{PREFIX}213000007", f"{PREFIX}-20261127-0001"
OPENING, PAGE = bytes([101]) * 32, bytes(1024)
RECORD, LOG = (Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32) for seed in (1, 2))


def canonical(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def leaf(data: bytes) -> bytes:
    return sha(b"\0" + data)


def node(left: bytes, right: bytes) -> bytes:
    return sha(b"\1" + left + right)


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def dsse(kind: str, payload: bytes) -> dict[str, object]:
    message = b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(payload), payload)
    key_id = sha(b"ed25519\0" + public(RECORD)).hex()[:16]
    signature = {"keyid": key_id, "sig": b64(RECORD.sign(message))}
    return {"payload": b64(payload), "payloadType": kind, "signatures": [signature]}


def record() -> bytes:
    return canonical(
        {
            "admission": "",
            "direction": "数控车",
            "edition": 1,
            "id_number": "449999199001010001",
            "id_type": "resident-id",
            "issued": "2021-06-30",
            "issuer": "深圳市示例旧名有限公司",
            "level": "3",
            "name": "张示例",
            "number": NUMBER,
            "occupation": "车工",
            "occupation_code": "6-18-01-01",
            "prefix": PREFIX,
            "previous": "",
            "v": 1,
        }
    )


def leaves(payload: bytes) -> list[bytes]:
    plan = {"commit": "00" * 32, "kind": "plan", "subject": "P-1", "t": "milestone"}
    imported = {
        "batch": BATCH,
        "commit": hmac.new(OPENING, payload, "sha256").hexdigest(),
        "edition": 1,
        "number": NUMBER,
        "prefix": PREFIX,
        "status": 0,
        "t": "import",
        "v": 1,
    }
    close = {"batch": BATCH, "count": 1, "filing": "I-2026-0001", "first": 1, "last": 1}
    status = {"before": 3, "count": 1, "root": leaf(PAGE).hex(), "t": "status"}
    return [
        canonical({**plan, "time": "2026-11-20T00:00:00Z", "v": 1}),
        canonical(imported),
        canonical({**close, "root": leaf(canonical(imported)).hex(), "t": "batch-close", "v": 1}),
        canonical({**status, "time": "2026-11-27T01:00:00Z", "v": 1}),
    ]


def note(root: bytes) -> str:
    text = f"{ORIGIN}\n4\n{b64(root)}\n"
    material = ORIGIN.encode() + b"\n\x01" + public(LOG)
    line = b64(sha(material)[:4] + LOG.sign(text.encode()))
    return f"{text}\n\u2014 {ORIGIN} {line}\n"


def main() -> None:
    payload = record()
    entries = leaves(payload)
    one, two, three, four = map(leaf, entries)
    root = node(node(one, two), node(three, four))
    path = [one, node(three, four)]
    lines = ["c2sp.org/tlog-proof@v1", "index 1", *map(b64, path), "", ""]
    status = {
        "entry": b64(entries[3]),
        "entry_index": 3,
        "entry_path": [b64(three), b64(node(one, two))],
        "index": 0,
        "page": b64(PAGE),
        "pages": 1,
        "path": [],
    }
    bundle = {
        "entry": b64(entries[1]),
        "opening": b64(OPENING),
        "proof": "\n".join(lines) + note(root),
        "record": dsse("application/vnd.certreg.record.v1+json", payload),
        "status": status,
        "v": 1,
    }
    (HERE / "imported.certbundle.json").write_bytes(canonical(bundle))
    (HERE / "leaf.json").write_bytes(entries[1] + b"\n")


if __name__ == "__main__":
    main()
