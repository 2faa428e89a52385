"""The release statement and its row in the mirror: only the issuer's word makes a file ours."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.policy import Policy
from keys.signer import public_bytes, software_signer
from keys.trust import Trust, TrustedIssuer, TrustedKey
from signing.canonical import encode
from signing.errors import MalformedMirror, MalformedRelease
from signing.mirror_files import ReleasedFile, file_tag_and_key, open_file, seal_file
from signing.record import IdType, Record, canonical
from signing.release import Release, parse_release, release_step, sign_release
from signing.report import Answer, Reason

NOW = datetime(2026, 11, 23, 10, 2, tzinfo=UTC)
PREFIX = "Y000044999001"
PDF = b"%PDF-1.7 as let out"
DIGEST = hashlib.sha256(PDF).hexdigest()
change = msgspec.structs.replace
RECORD = Record(
    admission="",
    direction="",
    edition=1,
    id_number="440301190001010019",
    id_type=IdType.RESIDENT,
    issued="2026-11-20",
    issuer="示例精密制造有限公司",
    level="3",
    name="欧阳示例",
    number=f"{PREFIX}263000001",
    occupation="电工",
    occupation_code="6-31-01-03",
    prefix=PREFIX,
    previous="",
)
PAYLOAD = canonical(RECORD)


class Seal:
    def __init__(self, prefix: str = PREFIX) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        public = public_bytes(key)
        self.info = KeyInfo(
            key_id=key_id_of(Algorithm.ECDSA_P256, public),
            algorithm=Algorithm.ECDSA_P256,
            purpose=Purpose.PDF,
            issuer=prefix,
            not_before=NOW - timedelta(days=9),
            not_after=NOW + timedelta(days=999),
            state=KeyState.ACTIVE,
            public_key=public,
        )
        self.signer = software_signer(self.info, key)

    def trusted(self, **facts: Any) -> TrustedKey:
        info = self.info
        known = {
            "key_id": info.key_id,
            "algorithm": info.algorithm,
            "purpose": info.purpose,
            "public_key": info.public_key,
            "not_before": info.not_before,
            "not_after": info.not_after,
            "state": info.state,
        }
        return TrustedKey(**{**known, **facts})

    def trust(self, prefix: str = PREFIX, **facts: Any) -> Trust:
        issuer = TrustedIssuer(
            prefix=prefix, name="示例", uscc="91440300MA0000001X", keys=(self.trusted(**facts),)
        )
        return Trust(
            policy=Policy(logs=()),
            issuers={prefix: issuer},
            seal_root=None,
            base_url="http://127.0.0.1",
            issued_at=NOW,
        )


SEAL = Seal()


def statement(**how: Any) -> Any:
    known = {"payload": PAYLOAD, "annotation": None, "now": NOW, "signer": SEAL.signer}
    return sign_release(PDF, **{**known, **how})


def test_the_issuers_word_makes_the_file_its_own() -> None:
    step = release_step(statement(), DIGEST, PAYLOAD, SEAL.trust())
    assert (step.answer, step.reason) == (Answer.VALID, Reason.SEAL_RELEASED)
    assert step.as_of == NOW
    assert step.facts == {"signer": "示例"}


def test_the_statement_has_the_bytes_that_are_documented() -> None:
    body = statement(annotation=b'{"a":1}').payload
    record = hashlib.sha256(PAYLOAD).hexdigest()
    assert body.decode() == (
        f'{{"annotation":"{{\\"a\\":1}}","file":"{DIGEST}","made":"2026-11-23T10:02:00Z",'
        f'"record":"{record}","v":1}}'
    )
    assert parse_release(body).annotation == '{"a":1}'


@pytest.mark.parametrize(
    "lie",
    ["file", "record", "prefix", "signature", "payload", "type", "key", "revoked", "purpose"],
)
def test_any_other_word_proves_nothing(lie: str) -> None:
    said, digest, payload, trust = statement(), DIGEST, PAYLOAD, SEAL.trust()
    match lie:
        case "file":
            digest = hashlib.sha256(b"another").hexdigest()
        case "record":
            payload = canonical(change(RECORD, name="示例乙"))
        case "prefix":
            trust = SEAL.trust("Y000044999002")
        case "signature":
            said = change(said, signature=bytes(70))
        case "payload":
            other = change(parse_release(said.payload), file="0" * 64)
            said, digest = change(said, payload=encode(other)), "0" * 64
        case "type":
            said = change(said, payload_type="application/vnd.certreg.record.v1+json")
        case "key":
            trust = Seal().trust()
        case "revoked":
            trust = SEAL.trust(state=KeyState.REVOKED, revoked_at=NOW + timedelta(days=1))
        case _:
            trust = SEAL.trust(purpose=Purpose.RECORD)
    step = release_step(said, digest, payload, trust)
    assert step.answer is Answer.CANNOT_SAY


@given(st.binary(max_size=300))
def test_any_bytes_are_a_statement_or_refused(data: bytes) -> None:
    with pytest.raises(MalformedRelease):
        parse_release(data)
    said = change(statement(), payload=data)
    assert release_step(said, DIGEST, PAYLOAD, SEAL.trust()).answer is Answer.CANNOT_SAY


def test_a_statement_needs_a_time() -> None:
    release = Release(annotation="", file=DIGEST, made="soon", record="0" * 64)
    with pytest.raises(MalformedRelease):
        parse_release(encode(release))


PEPPER = bytes(range(32))
FILE = ReleasedFile(token="q" * 16, statement=statement())
SHA = hashlib.sha256(PDF).digest()


def test_a_row_opens_for_who_has_the_file() -> None:
    tag, sealed = seal_file(PEPPER, SHA, FILE, bytes)
    found, key = file_tag_and_key(PEPPER, SHA)
    assert found == tag
    assert len(tag) == 16
    assert open_file(key, tag, sealed) == FILE
    assert FILE.token.encode() not in sealed


def test_the_row_has_the_bytes_that_are_documented() -> None:
    import hmac

    mac = hmac.digest(PEPPER, b"certreg/mirror/v1\0file|" + SHA, "sha512")
    assert file_tag_and_key(PEPPER, SHA) == (mac[:16], mac[16:48])


def test_a_row_opens_for_nobody_else() -> None:
    tag, sealed = seal_file(PEPPER, SHA, FILE, bytes)
    _, key = file_tag_and_key(PEPPER, SHA)
    other_tag, other_key = file_tag_and_key(PEPPER, hashlib.sha256(b"another").digest())
    _, other_pepper = file_tag_and_key(bytes(32), SHA)
    for attempt in (
        (other_key, tag, sealed),
        (other_pepper, tag, sealed),
        (key, other_tag, sealed),
        (key, tag, sealed[:-1]),
        (key, tag, b""),
        (key, tag, bytes(9000)),
        (key, tag, sealed[:20] + bytes([sealed[20] ^ 1]) + sealed[21:]),
    ):
        with pytest.raises(MalformedMirror):
            open_file(*attempt)
    with pytest.raises(MalformedMirror):
        file_tag_and_key(b"short", SHA)
