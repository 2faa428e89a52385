"""The release statement (发出登记): the seal key says which file was let out, by its SHA-256.

Made when a PDF has passed the print gate, and kept in the public mirror under the file's digest.
So the site knows its own files at once, without opening a stranger's bytes; and since the seal
key signs the statement, a mirror that lies cannot make a foreign file one of ours.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from keys.dsse import pae
from keys.model import Algorithm, KeyState, Purpose, verify_signature
from signing.canonical import Canonical, decode, decoder_for, encode
from signing.envelope import Envelope
from signing.errors import MalformedJson, MalformedRelease, SigningError
from signing.record import PREFIX_LENGTH, parse_record
from signing.report import Answer, Reason, Step, StepCode
from signing.steps import answer
from signing.tlog.entry import format_time, parse_time

if TYPE_CHECKING:
    from keys.signer import Signer
    from keys.trust import Trust, TrustedKey

RELEASE_TYPE: Final = "application/vnd.certreg.release.v1+json"

MAX_RELEASE_BYTES: Final = 4096


class Release(Canonical, frozen=True, kw_only=True):
    """What was let out; fields in the order of the canonical bytes."""

    annotation: str
    """Text of the copy's `annotation.json`, "" for an original."""
    file: str
    """Lower-case hex SHA-256 of the whole file."""
    made: str
    """`2026-11-23T01:02:03Z`"""
    record: str
    """Lower-case hex SHA-256 of the canonical record."""
    v: int = 1


_DECODER = decoder_for(Release)


def sign_release(
    pdf: bytes, *, payload: bytes, annotation: bytes | None, now: datetime, signer: Signer
) -> Envelope:
    """State that `pdf` was let out for the record with canonical bytes `payload`.

    `signer` is the issuer's seal key, `annotation` the copy's attached annotation if it has one.
    """
    release = Release(
        annotation=(annotation or b"").decode(),
        file=hashlib.sha256(pdf).hexdigest(),
        made=format_time(now.astimezone(UTC)),
        record=hashlib.sha256(payload).hexdigest(),
    )
    body = encode(release)
    return Envelope(
        payload_type=RELEASE_TYPE,
        payload=body,
        key_id=signer.info.key_id,
        signature=signer.sign(pae(RELEASE_TYPE, body)),
    )


def parse_release(payload: bytes) -> Release:
    """Parse canonical bytes (≤ 4 KiB) strictly; raises MalformedRelease. Verifies nothing."""
    try:
        release = decode(payload, _DECODER, limit=MAX_RELEASE_BYTES)
        parse_time(release.made)
    except (MalformedJson, SigningError):
        raise MalformedRelease("the release statement (发出登记) is damaged") from None
    return release


def release_step(statement: Envelope, digest: str, record_bytes: bytes, trust: Trust) -> Step:
    """Step 6 of a file that is known by its SHA-256 (`digest`, hex) instead of being opened.

    Valid when the issuer of the record with canonical bytes `record_bytes` has signed, with a
    seal key that stands, that it let out this very file for this very record. Anything else is
    *cannot say*: the file has still its own seal to be judged by.
    """
    unproven = answer(StepCode.SEAL, Answer.CANNOT_SAY, Reason.SEAL_MISSING)
    try:
        release = parse_release(statement.payload)
        prefix = parse_record(record_bytes).number[:PREFIX_LENGTH]
    except SigningError:
        return unproven
    issuer = trust.issuers.get(prefix)
    key = _seal_key(trust, prefix, statement)
    same = (release.file, release.record) == (digest, hashlib.sha256(record_bytes).hexdigest())
    if issuer is None or key is None or not same or statement.payload_type != RELEASE_TYPE:
        return unproven
    signed = pae(RELEASE_TYPE, statement.payload)
    if not verify_signature(key.algorithm, key.public_key, signed, statement.signature):
        return unproven
    return answer(
        StepCode.SEAL,
        Answer.VALID,
        Reason.SEAL_RELEASED,
        {"signer": issuer.name},
        as_of=parse_time(release.made),
    )


def _seal_key(trust: Trust, prefix: str, statement: Envelope) -> TrustedKey | None:
    issuer = trust.issuers.get(prefix)
    for key in issuer.keys if issuer else ():
        fits = key.purpose is Purpose.PDF and key.algorithm is Algorithm.ECDSA_P256
        if fits and key.key_id == statement.key_id and key.state is not KeyState.REVOKED:
            return key
    return None
