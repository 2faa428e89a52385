"""From a record with its evidence to the sealed PDF that may leave the house, original or copy.

An original says what the record says and nothing else: the same record with the same evidence
gives the same bytes, whenever it is made (PAdES B-B; a timestamp's bytes are its authority's). An
annotated copy (加注副本) is a PDF of its own, made for a purpose, a recipient and a term.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from registry.documents.errors import DrawingFailed
from registry.documents.face import FaceData, day_words, draw_face, places_of
from registry.documents.fonts import FontSet, font_set
from registry.documents.gate import COPY_WORDS, Promise, pass_gate
from registry.documents.template import Template, shipped_template
from signing.annotation import ANNOTATION_NAME, annotate, annotation_json
from signing.bundle import Evidence, proof_file
from signing.envelope import to_json
from signing.errors import MalformedEntry, StampFailed
from signing.pdf import PROOF_NAME, RECORD_NAME, Stamping, StampLevel, seal_pdf
from signing.qr import qr_payload, qr_url, to_digits
from signing.record import Record, canonical, edition_digest
from signing.steps import CHINA
from signing.tlog.entry import Status, parse_entry
from signing.wording import level_words, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from keys.signer import Signer
    from signing.annotation import Annotation

SEAL_REASON: Final = "评价机构签发职业技能等级证书"
COPY_REASON: Final = "评价机构签发职业技能等级证书加注副本"


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """What makes one company's PDFs: keys, the office's seal root (DER), layout and fonts.

    `base_url` begins the address of the verification page. With `stamping` each PDF is
    timestamped, and where no timestamp is had, refused; or, if the office chose so, `unstamped`
    is told and the PDF made without.
    """

    base_url: str
    record_signer: Signer
    seal_signer: Signer
    root: bytes
    template: Template = field(default_factory=shipped_template)
    fonts: FontSet = field(default_factory=font_set)
    stamping: Stamping | None = None
    unstamped: Callable[[StampFailed], None] | None = None


def make_certificate_pdf(
    *,
    press: Press,
    evidence: Evidence,
    record: Record,
    token: str,
    now: datetime,
    photo: bytes | None = None,
) -> bytes:
    """Draw, seal and check the certificate of `record`; about 80 KB of PDF/A-3u.

    `token` is that of the verification page; `photo` a JPEG or PNG of one inch on white. The
    seal states the time of the status proof inside, `now` only where there is none. Returns only
    what passed the print gate.

    Raises DocumentError (glyph missing, text too long, photo or gate refused, evidence of
    another record), SigningError (QR too long, seal failed, no inclusion proof, no timestamp).
    """
    stamped = press.stamping is not None
    at = now if stamped else _time_of(evidence, press.seal_signer, now)
    face = face_of(press, evidence, record, token=token, photo=photo)
    return _sealed(press, face, at=at, now=now, reason=SEAL_REASON)


def annotated_copy(
    *,
    press: Press,
    evidence: Evidence,
    record: Record,
    token: str,
    purpose: str,
    recipient: str,
    valid_until: date,
    now: datetime,
    photo: bytes | None = None,
) -> bytes:
    """Make a copy of the certificate of `record` for one purpose (用途) and recipient (接收单位).

    `valid_until` is its last day in China (有效期至), today or later. The annotation stands on the
    page and in the attachment `annotation.json`, both under the seal. Raises MalformedAnnotation
    for texts out of form, and what `make_certificate_pdf` does.
    """
    annotation = annotate(
        record,
        evidence.envelope.payload,
        purpose=purpose,
        recipient=recipient,
        made=now.astimezone(CHINA).date(),
        until=valid_until,
    )
    face = face_of(press, evidence, record, token=token, photo=photo, annotation=annotation)
    return _sealed(press, face, at=now, now=now, reason=COPY_REASON)


def _sealed(press: Press, face: FaceData, *, at: datetime, now: datetime, reason: str) -> bytes:
    places = places_of(press.template, press.fonts)
    drawn = draw_face(face, press.fonts, press.template)
    seal = partial(
        seal_pdf,
        drawn,
        press.seal_signer,
        root=press.root,
        now=at,
        reason=reason,
        box=places.seal.points,
    )
    stamping = press.stamping
    try:
        sealed = seal(stamping=stamping)
    except StampFailed as error:
        if press.unstamped is None:
            raise
        press.unstamped(error)
        stamping = None
        sealed = seal()
    promise = Promise(
        qr_text=face.qr_text,
        qr_place=places.qr,
        words=tuple(_words(face)),
        attachments=_attachments(face),
        stamps=0 if stamping is None else _STAMPS[stamping.level],
        stamp_roots=() if stamping is None else stamping.roots,
    )
    pass_gate(sealed, promise, root=press.root, now=now)
    return sealed


_STAMPS: Final = {StampLevel.SEAL: 1, StampLevel.ARCHIVE: 2}


def _words(face: FaceData) -> list[str]:
    found = [face.name, face.id_type, face.id_number, face.occupation, face.level, face.number]
    found += [face.issuer, day_words(face.issued), face.address]
    if face.direction:
        found.append(face.direction)
    note = face.annotation
    if note is not None:
        found += [*COPY_WORDS, note.purpose, note.recipient]
        found.append(day_words(date.fromisoformat(note.until)))
    return found


def _attachments(face: FaceData) -> dict[str, bytes]:
    files = {RECORD_NAME: face.record_json, PROOF_NAME: face.tlog_proof}
    if face.annotation is not None:
        files[ANNOTATION_NAME] = annotation_json(face.annotation)
    return files


def _time_of(evidence: Evidence, signer: Signer, now: datetime) -> datetime:
    """Choose the time an original's seal states: that of its status proof, so that it repeats.

    Never before the seal key's certificate, which could not vouch for it, nor after `now`.
    """
    if evidence.staple is None:
        return now
    try:
        entry = parse_entry(evidence.staple.entry)
    except MalformedEntry:
        raise DrawingFailed("the status proof of the certificate is damaged") from None
    if not isinstance(entry, Status):
        raise DrawingFailed("the status proof of the certificate is damaged")
    stated = datetime.fromisoformat(entry.time)
    return min(max(stated, signer.info.not_before), now)


def face_of(
    press: Press,
    evidence: Evidence,
    record: Record,
    *,
    token: str,
    photo: bytes | None = None,
    annotation: Annotation | None = None,
) -> FaceData:
    """Put together what is printed; raises DrawingFailed for parts that do not belong together."""
    if evidence.envelope.payload != canonical(record):
        raise DrawingFailed("the evidence is about another record than the one to be printed")
    for signer in (press.record_signer, press.seal_signer):
        if signer.info.issuer != record.prefix:
            raise DrawingFailed("a signing key belongs to another assessing body (评价机构)")
    qr_text = qr_url(press.base_url, token, to_digits(qr_payload(record, press.record_signer)))
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
        record_json=to_json(evidence.envelope),
        tlog_proof=proof_file(evidence, with_record=False),
        annotation=annotation,
    )
