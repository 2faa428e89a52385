"""The print gate (出证检查): a finished certificate is looked at as its reader will, then released.

It is rasterised and its QR code decoded from the picture, its text read back, its attachments
compared byte for byte with what was promised, its seal verified, its PDF/A form linted. What was
drawn is thus compared with what was meant, by other libraries than those that drew it.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Final

import pypdfium2

from registry.documents.errors import GateRefused
from registry.documents.pdfa_lint import lint_pdfa3u
from signing.errors import SigningError
from signing.pdf import PROOF_NAME, RECORD_NAME, check_seal, read_pdf
from signing.qr_image import read_qr_pixels

if TYPE_CHECKING:
    from datetime import datetime

DPI: Final = 200
"""Resolution of the look at the QR code: that of a poor office scanner."""

A4_LANDSCAPE: Final = (842, 595)
"""Width and height in whole points."""

_QR_WINDOW: Final = (0.07, 0.17, 0.74, 0.54)
"""Margins left, bottom, right, top of the part looked at, as shares of the page: the QR code with
room around it."""

_LOCK: Final = Lock()
"""PDFium serves one thread at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What the PDF must turn out to hold: its QR text, words of its face, both attachments."""

    qr_text: str
    words: tuple[str, ...]
    record_json: bytes
    tlog_proof: bytes


def pass_gate(pdf: bytes, promise: Promise, *, root: bytes, now: datetime) -> None:
    """Return if the sealed PDF keeps the promise; raise GateRefused naming the check if not.

    `root` is the office's seal root in DER.
    """
    text, qr_texts = _look(pdf)
    if any(_dense(word) not in text for word in promise.words):
        raise _refused("the printed text does not read back as the record has it")
    if qr_texts != (promise.qr_text,):
        raise _refused("the QR code (二维码) does not read back as the address meant")
    _check_attachments(pdf, promise)
    seal = check_seal(pdf, root, now)
    if not (seal.good and seal.intact and seal.trusted and seal.covers_whole_file):
        raise _refused(f"the seal (电子签章) does not verify: {seal.reason}")
    if faults := lint_pdfa3u(pdf):
        raise _refused(f"the file is not PDF/A-3u: {', '.join(sorted({f.code for f in faults}))}")


def _look(pdf: bytes) -> tuple[str, tuple[str, ...]]:
    try:
        with _LOCK:
            document = pypdfium2.PdfDocument(pdf)
            try:
                return _look_at(document)
            finally:
                document.close()
    except pypdfium2.PdfiumError:
        raise _refused("the file cannot be opened") from None


def _look_at(document: pypdfium2.PdfDocument) -> tuple[str, tuple[str, ...]]:
    if len(document) != 1:
        raise _refused("the certificate must have exactly one page")
    page = document[0]
    width, height = page.get_size()
    if (round(width), round(height)) != A4_LANDSCAPE:
        raise _refused("the page is not A4 landscape")
    left, bottom, right, top = _QR_WINDOW
    picture = page.render(
        scale=DPI / 72,
        crop=(left * width, bottom * height, right * width, top * height),
        grayscale=True,
    ).to_pil()
    try:
        qr_texts = read_qr_pixels(picture)
    except SigningError:
        qr_texts = ()
    return _dense(page.get_textpage().get_text_range()), qr_texts


def _check_attachments(pdf: bytes, promise: Promise) -> None:
    try:
        attached = read_pdf(pdf).attachments
    except SigningError as error:
        raise _refused("the attachments do not read back") from error
    if attached != {RECORD_NAME: promise.record_json, PROOF_NAME: promise.tlog_proof}:
        raise _refused("the attachments are not the record and proof that were promised")


def _dense(text: str) -> str:
    """Drop all white space: lines break where the page's width has it."""
    return "".join(text.split())


def _refused(what: str) -> GateRefused:
    return GateRefused(f"the certificate was not released: {what}; tell the administrator")
