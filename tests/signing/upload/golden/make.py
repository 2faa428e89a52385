"""Makes the golden upload by hand: hashlib, hmac, json, zipfile and cryptography, none of ours.

    python tests/signing/upload/golden/make.py        writes the files beside it

A log of four leaves: a milestone, two issues, the revocation of the first. The city reports both
certificates as new and the withdrawal; the centre takes two rows and refuses one. Keys are Ed25519
of the seeds 01…, 02…; bytes by docs/formats.md, C2SP signed-note and tlog-checkpoint, DSSE v1, RFC
6962 and RFC 8785 (all keys and texts here sort alike by UTF-8 and UTF-16).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import struct
import zipfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HERE = Path(__file__).parent
ORIGIN, PREFIX = "log.example.cn/log", "Y000044999001"
RECORD, LOG, UPLOAD, CENTRE = (
    Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32) for seed in (1, 2, 3, 4)
)


def canonical(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def key_id(key: Ed25519PrivateKey) -> str:
    return sha(b"ed25519\0" + public(key)).hex()[:16]


def dsse(kind: str, payload: bytes, key: Ed25519PrivateKey) -> dict[str, object]:
    message = b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(payload), payload)
    signature = {"keyid": key_id(key), "sig": b64(key.sign(message))}
    return {"payload": b64(payload), "payloadType": kind, "signatures": [signature]}


def record(serial: int, name: str) -> bytes:
    return canonical(
        {
            "admission": "",
            "direction": "数控车",
            "edition": 1,
            "id_number": f"44999919900101{serial:04}",
            "id_type": "resident-id",
            "issued": "2026-11-23",
            "issuer": "深圳市示例精密制造有限公司",
            "level": "3",
            "name": name,
            "number": f"{PREFIX}263{serial:06}",
            "occupation": "车工",
            "occupation_code": "6-18-01-01",
            "prefix": PREFIX,
            "previous": "",
            "v": 1,
        }
    )


def issue(serial: int, payload: bytes, opening: bytes) -> bytes:
    return canonical(
        {
            "batch": f"{PREFIX}-2026-0001",
            "commit": hmac.new(opening, payload, "sha256").hexdigest(),
            "edition": 1,
            "number": f"{PREFIX}263{serial:06}",
            "prefix": PREFIX,
            "status": serial - 1,
            "t": "issue",
            "v": 1,
        }
    )


def rows_and_leaves() -> tuple[bytes, list[bytes]]:
    records = [record(1, "张示例"), record(2, "李示例")]
    openings = [bytes([n]) * 32 for n in (101, 102)]
    issues = [issue(n, records[n - 1], openings[n - 1]) for n in (1, 2)]
    subject = {"commit": "00" * 32, "kind": "plan", "subject": "P-1"}
    first = canonical({**subject, "t": "milestone", "time": "2026-11-20T00:00:00Z", "v": 1})
    change = {"index": 0, "link": "", "reason": "fraud", "state": 1, "t": "status-change", "v": 1}
    leaves = [first, *issues, canonical(change)]
    rows = []
    for number, (at, kind) in enumerate(((0, "新增"), (1, "新增"), (0, "撤销")), 1):
        envelope = dsse("application/vnd.certreg.record.v1+json", records[at], RECORD)
        row: dict[str, object] = {
            "code": {"id_type": "201", "kind": "新增", "level": "3"},
            "edition": 1,
            "entry": b64(leaves[1 + at]),
            "index": 1 + at,
            "kind": kind,
            "number": f"{PREFIX}263{at + 1:06}",
            "opening": b64(openings[at]),
            "reason": "",
            "record": envelope,
            "row": number,
        }
        if kind == "撤销":
            row["issued"] = {"entry": row["entry"], "index": row["index"]}
            row |= {"entry": b64(leaves[3]), "index": 3, "reason": "fraud"}
            row["code"] = {"id_type": "201", "level": "3"}
        rows.append(canonical(row) + b"\n")
    return b"".join(rows), leaves


def checkpoint(leaves: list[bytes]) -> str:
    one, two, three, four = (sha(b"\0" + leaf) for leaf in leaves)
    root = sha(b"\1" + sha(b"\1" + one + two) + sha(b"\1" + three + four))
    text = f"{ORIGIN}\n4\n{b64(root)}\n"
    material = ORIGIN.encode() + b"\n\x01" + public(LOG)
    line = b64(sha(material)[:4] + LOG.sign(text.encode()))
    return f"{text}\n\u2014 {ORIGIN} {line}\n"


def manifest(files: dict[str, bytes], leaves: list[bytes]) -> bytes:
    one, two, three, four = (sha(b"\0" + leaf) for leaf in leaves)
    # Leaves 1 to 3 alone are a tree of three; what they lack of the whole is leaf 0.
    alone = sha(b"\1" + sha(b"\1" + two + three) + four)
    return canonical(
        {
            "batch": "GD-2026-0001",
            "checkpoint": checkpoint(leaves),
            "city": ORIGIN,
            "counts": {"撤销": 1, "新增": 2, "更正": 0, "补录": 0},
            "created": "2026-11-24T01:30:00Z",
            "files": {
                name: {"sha256": sha(data).hex(), "size": len(data)} for name, data in files.items()
            },
            "key": key_id(UPLOAD),
            "organisation": PREFIX,
            "previous": "",
            "ranges": [{"end": 4, "first": 1, "proof": [one.hex()], "root": alone.hex()}],
            "rows": 3,
            "sequence": 1,
            "snapshot": sha(files["rows.jsonl"]).hex(),
            "upload": "U00000001",
            "v": 1,
        }
    )


def receipt(payload: bytes, rows: bytes) -> bytes:
    kinds = [("新增", 1), ("新增", 2), ("撤销", 1)]
    return canonical(
        {
            "accepted": 2,
            "batch": "GD-2026-0001",
            "centre": "省职业技能服务指导中心（样例）",
            "city": ORIGIN,
            "manifest": sha(payload).hex(),
            "previous": "",
            "received": "2026-11-25T02:00:00Z",
            "refused": 1,
            "rows": [
                {
                    "accepted": place != 2,
                    "edition": 1,
                    "kind": kind,
                    "number": f"{PREFIX}263{serial:06}",
                    "reason": "number-taken" if place == 2 else "",
                    "row": place,
                }
                for place, (kind, serial) in enumerate(kinds, 1)
            ],
            "snapshot": sha(rows).hex(),
            "upload": "U00000001",
            "v": 1,
        }
    )


def package(files: dict[str, bytes], out: Path) -> None:
    """Write a plain zip by hand, stored, then let `zipfile` pack what the format packs."""
    with zipfile.ZipFile(out, "w") as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, (0o100600) << 16
            packed = name in {"manifest.json", "rows.jsonl", "table.csv"}
            info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
            archive.writestr(info, files[name])
    data = out.read_bytes()
    assert struct.unpack_from("<H", data, len(data) - 12)[0] == len(files)


def main() -> None:
    rows, leaves = rows_and_leaves()
    files = {
        "rows.jsonl": rows,
        "summary.pdf": b"%PDF-1.7 stand-in\n",
        "table.csv": "\ufeff姓名\r\n张示例\r\n".encode(),
        "table.xlsx": b"PK stand-in\n",
    }
    payload = manifest(files, leaves)
    signed = canonical(dsse("application/vnd.certreg.upload.v1+json", payload, UPLOAD))
    answer = receipt(payload, rows)
    kind = "application/vnd.certreg.upload-receipt.v1+json"
    (HERE / "rows.jsonl").write_bytes(rows)
    (HERE / "manifest.json").write_bytes(signed)
    (HERE / "receipt.json").write_bytes(canonical(dsse(kind, answer, CENTRE)))
    package({"manifest.json": signed, **files}, HERE / "package.zip")
    keys = {"record": RECORD, "log": LOG, "upload": UPLOAD, "centre": CENTRE}
    facts = {name: public(key).hex() for name, key in keys.items()}
    (HERE / "keys.json").write_bytes(canonical(facts) + b"\n")


if __name__ == "__main__":
    main()
