"""The golden upload, made by other code (`golden/make.py`): read, checked and written again."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import structs

from keys.model import Algorithm, KeyState, Purpose, key_id_of
from keys.policy import Policy, PolicyLog
from keys.trust import Trust, TrustedIssuer, TrustedKey
from keys.vkey import SignatureType, VerifierKey
from signing.canonical import encode
from signing.envelope import Envelope, to_json
from signing.report import Answer, Reason
from signing.upload.check import check_package
from signing.upload.keycheck import judge_signer
from signing.upload.manifest import open_manifest
from signing.upload.package import NAMES, open_package, write_package
from signing.upload.receipt import open_receipt
from signing.upload.rowcheck import RowCheck
from signing.upload.rows import encode_row, read_rows

GOLDEN = Path(__file__).with_name("golden")
PREFIX, ORIGIN = "Y000044999001", "log.example.cn/log"
NOW = datetime(2026, 11, 26, tzinfo=UTC)
_KEYS = json.loads((GOLDEN / "keys.json").read_bytes())
PUBLIC = {name: bytes.fromhex(text) for name, text in _KEYS.items()}


def key(name: str, purpose: Purpose) -> TrustedKey:
    return TrustedKey(
        key_id=key_id_of(Algorithm.ED25519, PUBLIC[name]),
        algorithm=Algorithm.ED25519,
        purpose=purpose,
        public_key=PUBLIC[name],
        not_before=datetime(2026, 1, 1, tzinfo=UTC),
        not_after=datetime(2028, 1, 1, tzinfo=UTC),
        state=KeyState.ACTIVE,
    )


@pytest.fixture
def golden_trust() -> Trust:
    log = VerifierKey(name=ORIGIN, type=SignatureType.ED25519, public_key=PUBLIC["log"])
    issuer = TrustedIssuer(
        prefix=PREFIX,
        name="深圳市示例精密制造有限公司",
        uscc="91440300EXAMPLE001",
        keys=(key("record", Purpose.RECORD),),
    )
    return Trust(
        policy=Policy(logs=(PolicyLog(key=log),)),
        issuers={PREFIX: issuer},
        seal_root=None,
        base_url="https://log.example.cn",
        issued_at=NOW,
    )


def test_the_golden_package_is_valid_throughout(golden_trust: Trust) -> None:
    rows: list[RowCheck] = []
    keys = (key("upload", Purpose.UPLOAD),)
    file = GOLDEN / "package.zip"
    check = check_package(file, golden_trust, keys, now=NOW, on_row=rows.append)
    assert check.answer is Answer.VALID, check
    assert [row.answer for row in rows] == [Answer.VALID] * 3
    assert [(row.row.kind.value, row.row.number[-1], row.status) for row in rows] == [
        ("新增", "1", 0),
        ("新增", "2", 1),
        ("撤销", "1", 0),
    ]
    # Without the city's upload key nobody can say who made it.
    unknown = check_package(file, golden_trust, (), now=NOW)
    assert unknown.answer is Answer.CANNOT_SAY


def test_every_golden_file_is_written_again_to_the_byte(tmp_path: Path) -> None:
    rows = (GOLDEN / "rows.jsonl").read_bytes()
    assert b"".join(map(encode_row, read_rows(io.BytesIO(rows)))) == rows
    manifest = (GOLDEN / "manifest.json").read_bytes()
    opened = open_manifest(manifest)
    assert to_json(replace_payload(opened.envelope, encode(opened.manifest))) == manifest
    receipt = (GOLDEN / "receipt.json").read_bytes()
    answered = open_receipt(receipt)
    assert to_json(replace_payload(answered.envelope, encode(answered.receipt))) == receipt
    assert answered.receipt.manifest == opened.digest
    paths = {}
    with open_package(GOLDEN / "package.zip") as package:
        for name in NAMES:
            paths[name] = tmp_path / name
            paths[name].write_bytes(package.read(name))
    out = io.BytesIO()
    write_package(out, paths)
    # Another zlib may pack otherwise; what is unpacked is the same.
    with open_package(out.getvalue()) as again:
        assert {name: again.read(name) for name in NAMES} == {
            name: file.read_bytes() for name, file in paths.items()
        }


def replace_payload(envelope: Envelope, payload: bytes) -> Envelope:
    return structs.replace(envelope, payload=payload)


def test_the_golden_receipt_is_the_centre_s() -> None:
    signed = open_receipt((GOLDEN / "receipt.json").read_bytes())
    at = datetime(2026, 11, 25, 2, tzinfo=UTC)
    centre = key("centre", Purpose.UPLOAD)

    def judged(key: TrustedKey) -> tuple[Answer, Reason]:
        purpose = Purpose.UPLOAD
        return judge_signer(signed.envelope, (key,), purpose=purpose, signed_at=at, now=NOW)

    assert judged(centre) == (Answer.VALID, Reason.SIGNATURE_GOOD)
    other = replace(centre, key_id=key("log", Purpose.UPLOAD).key_id, public_key=PUBLIC["log"])
    assert judged(other) == (Answer.CANNOT_SAY, Reason.SIGNATURE_UNKNOWN_KEY)


def test_the_generator_gives_the_same_rows_manifest_and_receipt(tmp_path: Path) -> None:
    script = tmp_path / "make.py"
    script.write_bytes((GOLDEN / "make.py").read_bytes())
    subprocess.run([sys.executable, str(script)], check=True)
    for name in ("rows.jsonl", "manifest.json", "receipt.json", "keys.json"):
        assert (tmp_path / name).read_bytes() == (GOLDEN / name).read_bytes()
