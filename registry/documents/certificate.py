"""From a record with its evidence to the sealed certificate PDF that may leave the house."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from registry.documents.errors import DrawingFailed
from registry.documents.face import FaceData, draw_face, seal_box
from registry.documents.fonts import FontSet, font_set
from registry.documents.gate import Promise, pass_gate
from signing.bundle import Evidence, proof_file
from signing.envelope import to_json
from signing.pdf import seal_pdf
from signing.qr import qr_payload, qr_url, to_digits
from signing.record import Record, canonical, edition_digest
from signing.wording import level_words, words

if TYPE_CHECKING:
    from keys.signer import Signer

SEAL_REASON: Final = "评价机构签发职业技能等级证书"


def make_certificate_pdf(
    *,
    evidence: Evidence,
    record: Record,
    token: str,
    base_url: str,
    record_signer: Signer,
    seal_signer: Signer,
    root: bytes,
    now: datetime,
    photo: bytes | None = None,
    fonts: FontSet | None = None,
) -> bytes:
    """Draw, seal and check the certificate of `record`; about 80 KB of PDF/A-3u.

    `token` and `base_url` make the address of the verification page; `root` is the office's seal
    root (DER); `photo` a JPEG or PNG of one inch. Returns only what passed the print gate.

    Raises DocumentError (glyph missing, text too long, gate refused, evidence of another record),
    SigningError (QR too long, seal failed, no inclusion proof).
    """
    if evidence.envelope.payload != canonical(record):
        raise DrawingFailed("the evidence is about another record than the one to be printed")
    for signer in (record_signer, seal_signer):
        if signer.info.issuer != record.prefix:
            raise DrawingFailed("a signing key belongs to another assessing body (评价机构)")
    qr_text = qr_url(base_url, token, to_digits(qr_payload(record, record_signer)))
    face = _face(
        record,
        qr_text=qr_text,
        photo=photo,
        record_json=to_json(evidence.envelope),
        tlog_proof=proof_file(evidence, with_record=False),
    )
    drawn = draw_face(face, fonts or font_set())
    sealed = seal_pdf(drawn, seal_signer, root=root, now=now, reason=SEAL_REASON, box=seal_box())
    promise = Promise(
        qr_text=qr_text,
        words=(face.name, face.id_number, face.occupation, face.level, face.number, face.issuer),
        record_json=face.record_json,
        tlog_proof=face.tlog_proof,
    )
    pass_gate(sealed, promise, root=root, now=now)
    return sealed


def _face(
    record: Record,
    *,
    qr_text: str,
    photo: bytes | None,
    record_json: bytes,
    tlog_proof: bytes,
) -> FaceData:
    return FaceData(
        name=record.name,
        id_type=words(record.id_type).zh,
        id_number=record.id_number,
        occupation=record.occupation,
        direction=record.direction,
        level=level_words(record.level).zh,
        number=record.number,
        issuer=record.issuer,
        issued=date.fromisoformat(record.issued),
        edition=record.edition,
        qr_text=qr_text,
        address=qr_text.partition("#")[0],
        digest=edition_digest(canonical(record)),
        photo=photo,
        record_json=record_json,
        tlog_proof=tlog_proof,
    )
