"""Sealing: PAdES B-B, B-T or B-LTA with DocMDP P=1 (ETSI EN 319 142-1, ISO 32000-2 §12.8).

The issuer's seal key is ECDSA P-256 (Ed25519 fails in common readers). The key stays behind
`Signer`, so a hardware token serves as well as a file; nothing is loaded or signed a second
time to estimate a size, and no clock is read but the one passed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers.cms_embedder import (
    PdfCMSEmbedder,
    SigIOSetup,
    SigMDPSetup,
    SigObjSetup,
)
from pyhanko.sign.signers.pdf_byterange import SignatureObject

from keys.model import Algorithm, Purpose
from signing.errors import SealFailed, StampFailed
from signing.pdf.archive import add_archive_stamp
from signing.pdf.cms import DIGEST, cms_size, make_cms
from signing.pdf.stamp import Stamping, StampLevel, ask_stamp, certificates_of
from signing.pdf.writer import SealWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from keys.signer import Signer

    Box = tuple[int, int, int, int]

FIELD_NAME: Final = "IssuerSeal"
FIELD_LABEL: Final = "评价机构电子签章 Electronic seal of the assessing body"

_STAMP_ROOM: Final = 6 * 1024
"""Bytes kept for a timestamp's token; a longer one makes the page be sealed a second time."""

_STAMP_SLACK: Final = 256
"""Bytes by which an authority's next token may be longer than its last."""


def seal_pdf(
    pdf: bytes,
    signer: Signer,
    *,
    root: bytes,
    now: datetime,
    reason: str,
    box: Box | None = None,
    stamping: Stamping | None = None,
) -> bytes:
    """Seal a PDF with the issuer's key and certificate, allowing no later change.

    `root` is the office's seal root (DER), `now` the stated signing time. `box` is the place of
    the drawn seal on page 1 in points (left, bottom, right, top): a click there opens the
    reader's signature panel. With `stamping` the seal, or the whole file too, is timestamped.
    Raises SealFailed for a signer that is no P-256 seal key with a certificate, and for a PDF
    that is damaged or sealed already; StampFailed where a timestamp was ordered and not had.
    """
    info = signer.info
    if info.algorithm is not Algorithm.ECDSA_P256 or info.purpose is not Purpose.PDF:
        raise SealFailed("the issuer's seal key must be a P-256 key for PDFs")
    if info.certificate is None:
        raise SealFailed("the issuer's seal key has no certificate: run the key ceremony again")
    order = _Order(
        pdf=pdf,
        signer=signer,
        certificate=info.certificate,
        root=root,
        now=now,
        reason=reason,
        box=box,
    )
    try:
        sealed = _sealed(order, 0, None) if stamping is None else _stamped(order, stamping)
    except StampFailed:
        raise
    except Exception as error:
        raise SealFailed("the PDF could not be sealed: it is damaged or already sealed") from error
    if sealed is None:
        raise SealFailed("the seal key's signature is longer than a P-256 signature can be")
    return sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    pdf: bytes
    signer: Signer
    certificate: bytes
    root: bytes
    now: datetime
    reason: str
    box: Box | None


def _stamped(order: _Order, stamping: Stamping) -> bytes:
    tokens: list[bytes] = []

    def stamp(digest: bytes) -> bytes:
        tokens.append(ask_stamp(stamping, digest, order.now))
        return tokens[-1]

    sealed = _sealed(order, _STAMP_ROOM, stamp)
    if sealed is None:
        # The file is written before the token is known: once more, with room for this one.
        sealed = _sealed(order, len(tokens[-1]) + _STAMP_SLACK, stamp)
    if sealed is None:
        raise StampFailed("the timestamp authority's tokens differ too much in length")
    if stamping.level is StampLevel.SEAL:
        return sealed
    kept = (order.certificate, order.root, *certificates_of(tokens[-1]))
    room = len(tokens[-1]) + _STAMP_SLACK
    return add_archive_stamp(sealed, stamping, now=order.now, certificates=kept, room=room)


def _sealed(order: _Order, room: int, stamp: Callable[[bytes], bytes] | None) -> bytes | None:
    """Seal, with `room` bytes for a timestamp's token; None when it is longer than that."""
    size = cms_size(order.certificate, order.root) + room
    writer = SealWriter(BytesIO(order.pdf))
    embedder = PdfCMSEmbedder(new_field_spec=_field(order.box))
    steps: Any = embedder.write_cms(FIELD_NAME, writer)
    field = next(steps)
    if order.box is not None:
        _leave_to_the_page(writer, field, order.box)
    steps.send(_seal_object(order.now, order.reason, size))
    prepared, output = steps.send(SigIOSetup(md_algorithm=DIGEST, output=BytesIO()))
    cms = make_cms(
        prepared.document_digest,
        certificate=order.certificate,
        root=order.root,
        sign=order.signer.sign,
        stamp=stamp,
    )
    if len(cms) > size:
        return None
    steps.send(cms)
    return bytes(output.getvalue())


def _field(box: Box | None) -> SigFieldSpec:
    return SigFieldSpec(
        sig_field_name=FIELD_NAME, on_page=0, box=box, readable_field_name=FIELD_LABEL
    )


def _leave_to_the_page(writer: IncrementalPdfFileWriter, field: Any, box: Box) -> None:
    """Give the field an empty appearance, since the seal is drawn on the page already.

    PDF/A wants an appearance for every annotation with an area (ISO 19005-3 §6.3.3).
    """
    left, bottom, right, top = box
    pdf: Any = generic
    appearance = pdf.StreamObject(
        {
            pdf.pdf_name("/Type"): pdf.pdf_name("/XObject"),
            pdf.pdf_name("/Subtype"): pdf.pdf_name("/Form"),
            pdf.pdf_name("/BBox"): pdf.ArrayObject(
                pdf.NumberObject(value) for value in (0, 0, right - left, top - bottom)
            ),
        },
        stream_data=b"",
    )
    field.get_object()["/AP"] = pdf.DictionaryObject(
        {pdf.pdf_name("/N"): writer.add_object(appearance)}
    )


def _seal_object(now: datetime, reason: str, room: int) -> SigObjSetup:
    return SigObjSetup(
        sig_placeholder=SignatureObject(
            timestamp=now.astimezone(UTC),
            subfilter=SigSeedSubFilter.PADES,
            reason=reason,
            bytes_reserved=2 * room,
        ),
        mdp_setup=SigMDPSetup(md_algorithm=DIGEST, certify=True, docmdp_perms=MDPPerm.NO_CHANGES),
    )
