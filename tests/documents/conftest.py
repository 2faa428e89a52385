"""An office with a seal root, one company with its keys, and evidence for a record of its."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image, ImageDraw

from keys.ceremony import make_seal_certificate, make_seal_root
from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.signer import PrivateKey, PrivateKeySigner, public_bytes, software_signer
from registry.documents.face import FaceData
from registry.documents.fonts import FontSet, font_set
from signing.bundle import Evidence
from signing.envelope import sign_record
from signing.record import IdType, Record, canonical
from signing.tlog.entry import Status, encode_entry
from signing.tlog.proof import TlogProof
from signing.tlog.status import StatusStaple

NOW = datetime(2026, 11, 24, 2, 0, 0, tzinfo=UTC)
PREFIX = "Y000044999001"
COMPANY = "深圳市示例精密制造有限公司"
ADDRESS = "https://verify.example.gov.cn/v/abcdefghij234567"
NOTE = (
    "verify.example.gov.cn/log\n70000\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n"
    "\u2014 verify.example.gov.cn/log AAAAAAAA\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """The office's seal root, and the company's two signers."""

    root: bytes
    record_signer: PrivateKeySigner
    seal_signer: PrivateKeySigner


def _signer(
    key: PrivateKey, algorithm: Algorithm, purpose: Purpose, certificate: bytes | None = None
) -> PrivateKeySigner:
    public = public_bytes(key)
    info = KeyInfo(
        key_id=key_id_of(algorithm, public),
        algorithm=algorithm,
        purpose=purpose,
        issuer=PREFIX,
        not_before=NOW - timedelta(days=30),
        not_after=NOW + timedelta(days=700),
        state=KeyState.ACTIVE,
        public_key=public,
        certificate=certificate,
    )
    return software_signer(info, key)


def _company() -> Company:
    root_key, seal_key = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    begin = NOW - timedelta(days=30)
    root = make_seal_root(root_key, "示例市职业技能鉴定指导办公室", begin)
    certificate = make_seal_certificate(
        root_key,
        root,
        seal_key.public_key(),
        company=COMPANY,
        uscc="91440300MA5EXAMPL0",
        now=begin,
    )
    record_key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    return Company(
        root=root,
        record_signer=_signer(record_key, Algorithm.ED25519, Purpose.RECORD),
        seal_signer=_signer(seal_key, Algorithm.ECDSA_P256, Purpose.PDF, certificate),
    )


@pytest.fixture(scope="session")
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def company() -> Company:
    return _company()


@pytest.fixture(scope="session")
def other_company() -> Company:
    return _company()


@pytest.fixture(scope="session")
def fonts() -> FontSet:
    return font_set()


@pytest.fixture(scope="session")
def make_record() -> Callable[..., Record]:
    def make(**change: Any) -> Record:
        facts: dict[str, Any] = {
            "admission": "2026112300017",
            "direction": "数控车",
            "edition": 1,
            "id_number": "440300199001010011",
            "id_type": IdType.RESIDENT,
            "issued": "2026-11-23",
            "issuer": COMPANY,
            "level": "3",
            "name": "张㛃𬭎䶮",
            "number": f"{PREFIX}263000001",
            "occupation": "车工",
            "occupation_code": "6-18-01-01",
            "prefix": PREFIX,
            "previous": "",
        }
        return Record(**{**facts, **change})

    return make


@pytest.fixture(scope="session")
def make_evidence(company: Company) -> Callable[[Record], Evidence]:
    def make(record: Record) -> Evidence:
        return Evidence(
            envelope=sign_record(canonical(record), company.record_signer),
            opening=bytes(32),
            entry=b'{"t":"issue"}',
            proof=TlogProof(
                index=5,
                path=tuple(bytes([level]) * 32 for level in range(17)),
                checkpoint_note=NOTE.encode(),
            ),
            staple=None,
        )

    return make


@pytest.fixture(scope="session")
def make_face() -> Callable[..., FaceData]:
    def make(**change: Any) -> FaceData:
        facts: dict[str, Any] = {
            "name": "欧阳㛃𬭎䶮",
            "id_type": "居民身份证",
            "id_number": "440300199001010011",
            "occupation": "电工",
            "direction": "维修电工",
            "level": "三级/高级工",
            "number": f"{PREFIX}263000001",
            "issuer": COMPANY,
            "issued": date(2026, 11, 23),
            "edition": 1,
            "qr_text": ADDRESS + "#" + "1234567890" * 48,
            "address": ADDRESS,
            "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "photo": None,
            "record_json": '{"payload":"张"}'.encode(),
            "tlog_proof": b"c2sp.org/tlog-proof@v1\nindex 5\n",
        }
        return FaceData(**{**facts, **change})

    return make


@pytest.fixture(scope="session")
def make_photo() -> Callable[..., bytes]:
    """A drawn portrait of nobody: a dark head and shoulders on a ground."""

    def make(
        form: str = "JPEG",
        size: tuple[int, int] = (295, 413),
        ground: str = "white",
        mode: str = "RGB",
        **saving: Any,
    ) -> bytes:
        picture = Image.new(mode, size, ground)
        pen = ImageDraw.Draw(picture)
        wide, high = size
        pen.ellipse((wide * 0.32, high * 0.2, wide * 0.68, high * 0.62), fill="#3c3632")
        pen.rectangle((0, high * 0.85, wide, high), fill="#22335a")
        target = BytesIO()
        picture.save(target, form, **saving)
        return target.getvalue()

    return make


@pytest.fixture(scope="session")
def make_staple() -> Callable[[str], StatusStaple]:
    """A status proof as of a time, for what the printer looks at: nobody verifies it here."""

    def make(time: str) -> StatusStaple:
        entry = Status(before=6, count=1, root="0" * 64, time=time)
        return StatusStaple(
            entry=encode_entry(entry),
            entry_index=6,
            entry_path=(),
            index=0,
            page=bytes(1024),
            pages=1,
            path=(),
        )

    return make
