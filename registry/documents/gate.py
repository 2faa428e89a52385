"""The print gate (出证检查): a finished certificate is looked at as its reader will, then released.

It is rasterised and its QR code decoded from the picture; its text is read back, and each word
promised must be dark signs on light ground in the picture too; its attachments are compared byte
for byte with what was promised, its seal and timestamps verified, its PDF/A form linted. What was
drawn is thus compared with what was meant, by other libraries than those that drew it.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Final

import pypdfium2

from registry.documents.errors import GateRefused
from registry.documents.face import TITLE
from registry.documents.pdfa_lint import lint_pdfa3u
from signing.errors import SigningError
from signing.pdf import check_seal, read_pdf
from signing.qr_image import read_qr_pixels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from registry.documents.template import Place

    Box = tuple[float, float, float, float]

DPI: Final = 200
"""Resolution of the look at the QR code: that of a poor office scanner."""

TEXT_DPI: Final = 100
"""Resolution of the look at the printed words: one of 6.5 points is nine pixels high."""

A4_LANDSCAPE: Final = (842, 595)
"""Width and height in whole points."""

FIXED_WORDS: Final = (TITLE, "http://jndj.osta.org.cn", "http://pjjg.osta.org.cn")
"""What the reference form prints on every certificate."""

COPY_WORDS: Final = ("加注副本", "用途", "接收单位", "有效期至")

_CONTRAST: Final = 60
"""Least difference of grey, of 255, between a sign and the ground around it."""

_THIN: Final = frozenset("·.,-－—–'’`:;|_/ 　、。，一")
"""Signs too thin for a single pixel row to be judged by; they stand among others."""

_MARGIN: Final = 4.0
"""Millimetres looked at beyond the QR code's place: a long record makes it a little larger."""

_LOCK: Final = Lock()
"""PDFium serves one thread at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What the PDF must turn out to hold.

    Its QR text and where the code stands, the words of its face (`FIXED_WORDS` go without
    saying), its attachments by name, and how many timestamps of which authority (`stamps`; 0, 1
    of the seal, 2 with one of the document; `stamp_roots` in DER).
    """

    qr_text: str
    qr_place: Place
    words: tuple[str, ...]
    attachments: Mapping[str, bytes]
    stamps: int = 0
    stamp_roots: tuple[bytes, ...] = ()


def pass_gate(pdf: bytes, promise: Promise, *, root: bytes, now: datetime) -> None:
    """Return if the sealed PDF keeps the promise; raise GateRefused naming the check if not.

    `root` is the office's seal root in DER.
    """
    _look(pdf, promise)
    _check_attachments(pdf, promise)
    seal = check_seal(pdf, root, now, stamp_roots=promise.stamp_roots)
    if not (seal.good and seal.intact and seal.trusted and seal.covers_whole_file):
        raise _refused(f"the seal (电子签章) does not verify: {seal.reason}")
    if (seal.stamps, seal.stamped_at is None) != (promise.stamps, promise.stamps == 0):
        raise _refused("the timestamps (时间戳) are not those that were ordered")
    if faults := lint_pdfa3u(pdf):
        raise _refused(f"the file is not PDF/A-3u: {', '.join(sorted({f.code for f in faults}))}")


def _look(pdf: bytes, promise: Promise) -> None:
    try:
        with _LOCK:
            document = pypdfium2.PdfDocument(pdf)
            try:
                _look_at(document, promise)
            finally:
                document.close()
    except pypdfium2.PdfiumError:
        raise _refused("the file cannot be opened") from None


def _look_at(document: pypdfium2.PdfDocument, promise: Promise) -> None:
    if len(document) != 1:
        raise _refused("the certificate must have exactly one page")
    page = document[0]
    width, height = page.get_size()
    if (round(width), round(height)) != A4_LANDSCAPE:
        raise _refused("the page is not A4 landscape")
    _check_words(page, (*FIXED_WORDS, *promise.words))
    if _qr_texts(page, promise.qr_place) != (promise.qr_text,):
        raise _refused("the QR code (二维码) does not read back as the address meant")


def _qr_texts(page: pypdfium2.PdfPage, place: Place) -> tuple[str, ...]:
    width, height = page.get_size()
    margin = _MARGIN * 72 / 25.4
    left, bottom, right, top = place.points
    crop = (left - margin, bottom - margin, width - right - margin, height - top - margin)
    picture = page.render(
        scale=DPI / 72, crop=tuple(max(side, 0) for side in crop), grayscale=True
    ).to_pil()
    try:
        return read_qr_pixels(picture)
    except SigningError:
        return ()


def _check_words(page: pypdfium2.PdfPage, words: tuple[str, ...]) -> None:
    """Find each promised text, white space aside, and see that each of its signs can be seen."""
    printed = page.get_textpage()
    text, indices = _printed(printed)
    for word in words:
        # PDFium tells of signs beyond the first plane by halves, each with its place.
        dense = "".join(_halves("".join(word.split())))
        starts = list(_starts(text, dense))
        if not starts:
            raise _refused("the printed text does not read back as the record has it")
        # A mark over the whole page may say the same words, paler.
        places = (indices[start : start + len(dense)] for start in starts)
        if not any(_seen(page, _boxes(printed, dense, place)) for place in places):
            raise _refused("a printed text is hidden, or too pale to be read")


def _printed(page: pypdfium2.PdfTextPage) -> tuple[str, list[int]]:
    """Give the page's signs but for white space, and by what index PDFium knows each."""
    sign_at, own = pypdfium2.raw.FPDFText_GetUnicode, page.raw
    found = [(chr(sign_at(own, index)), index) for index in range(page.count_chars())]
    seen = [(sign, index) for sign, index in found if not sign.isspace()]
    return "".join(sign for sign, _ in seen), [index for _, index in seen]


def _starts(text: str, word: str) -> Iterator[int]:
    start = text.find(word)
    while start >= 0:
        yield start
        start = text.find(word, start + 1)


def _boxes(page: pypdfium2.PdfTextPage, word: str, indices: list[int]) -> list[Box]:
    """Tell where the signs of a word stand (points), but for those too thin to be judged."""
    pairs = zip(word, indices, strict=True)
    return [page.get_charbox(index) for sign, index in pairs if sign not in _THIN]


def _halves(text: str) -> Iterator[str]:
    data = text.encode("utf-16-be")
    for at in range(0, len(data), 2):
        yield chr(int.from_bytes(data[at : at + 2], "big"))


def _seen(page: pypdfium2.PdfPage, boxes: list[Box]) -> bool:
    """Whether each sign of a word is dark on light, or light on dark, in the picture."""
    if not boxes:
        return True
    width, height = page.get_size()
    left, low = min(box[0] for box in boxes) - 2, min(box[1] for box in boxes) - 2
    right, high = max(box[2] for box in boxes) + 2, max(box[3] for box in boxes) + 2
    if min(left + 2, low + 2, width - right + 2, height - high + 2) < 0:
        # Beyond the page's edge nothing is seen, and a picture that far out has no bounds.
        return False
    picture = page.render(
        scale=TEXT_DPI / 72, crop=(left, low, width - right, height - high), grayscale=True
    ).to_pil()
    unit = TEXT_DPI / 72
    for box in boxes:
        edges = ((box[0] - left, high - box[3]), (box[2] - left, high - box[1]))
        (x, y), (to_x, to_y) = edges
        around = picture.crop(
            (int(x * unit) - 1, int(y * unit) - 1, int(to_x * unit) + 2, int(to_y * unit) + 2)
        )
        darkest, lightest = around.getextrema()
        if lightest - darkest < _CONTRAST:
            return False
    return True


def _check_attachments(pdf: bytes, promise: Promise) -> None:
    try:
        attached = read_pdf(pdf).attachments
    except SigningError as error:
        raise _refused("the attachments do not read back") from error
    if attached != promise.attachments:
        raise _refused("the attachments are not the evidence that was promised")


def _refused(what: str) -> GateRefused:
    return GateRefused(f"the certificate was not released: {what}; tell the administrator")
