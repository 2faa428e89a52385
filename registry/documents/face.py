"""Draw the certificate's face (证书版面) as PDF/A-3u with its evidence attached.

The content follows the reference form (人社鉴发〔2021〕1号 参考样式): the template `face.typ` holds
the layout, this module hands it facts as JSON strings, so that no fact can be read as markup. The
same facts and fonts give the same bytes. A `typst` compiler is made once a process and reused; its
worker threads do not survive a fork, so start drawing processes by spawn.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import typst

from registry.documents.errors import DrawingFailed, GlyphMissing, TextTooLong
from registry.documents.fonts import FontSet, drawable_codepoints
from registry.documents.guilloche import PAGE, page_svg
from signing.qr_image import QrMatrix, write_qr

if TYPE_CHECKING:
    from typst import Compiler

TEMPLATE: Final = Path(__file__).with_name("face.typ")

NOT_GIVEN: Final = "--"
"""Printed where there is no direction: a blank could be filled in later by hand."""

MAX_PHOTO_BYTES: Final = 512 * 1024

SEAL: Final = {"x": 237.5, "y": 155.5, "radius": 20.0}
"""Centre and radius of the drawn seal, millimetres from the page's top left."""

_POINTS_PER_MM: Final = 72 / 25.4
_DARK_RUN: Final = re.compile(rb"\x01+")


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceData:
    """Everything that stands on the face, as printed.

    `id_type` and `level` are the printed words (居民身份证, 三级/高级工); `direction` "" prints
    `--`. `qr_text` goes into the QR code, `address` is the same page's address without the
    fragment. `digest` is the record's SHA-256 in hex. `photo` is a JPEG or PNG of one inch
    (25 x 35 mm) on white, at most 512 KiB, or None for an empty frame. `record_json` and
    `tlog_proof` become the attachments (text, UTF-8).
    """

    name: str
    id_type: str
    id_number: str
    occupation: str
    direction: str
    level: str
    number: str
    issuer: str
    issued: date
    edition: int
    qr_text: str
    address: str
    digest: str
    photo: bytes | None
    record_json: bytes
    tlog_proof: bytes


def draw_face(data: FaceData, fonts: FontSet) -> bytes:
    """Draw the page; returns an unsealed PDF/A-3u that ends in a newline.

    Raises GlyphMissing, TextTooLong, DrawingFailed (a bad photo or template), MalformedQr.
    """
    _check_glyphs(data, fonts)
    if data.photo is not None and len(data.photo) > MAX_PHOTO_BYTES:
        raise DrawingFailed("the photo is larger than 512 KiB: one inch at 300 dpi takes 40 KiB")
    symbol = write_qr(data.qr_text)
    inputs = {
        "face": json.dumps(_template_data(data, fonts, symbol), ensure_ascii=False),
        "ornament": page_svg(),
        "qr": qr_svg(symbol),
    }
    midnight = datetime(data.issued.year, data.issued.month, data.issued.day, tzinfo=UTC)
    pdf = _compile(fonts, inputs, midnight)
    # The seal is appended to these bytes; without the line end the joint would break PDF/A.
    return pdf + b"\n"


def seal_box() -> tuple[int, int, int, int]:
    """Place of the drawn seal in PDF points: left, bottom, right, top."""
    x, y, radius = SEAL["x"], PAGE[1] - SEAL["y"], SEAL["radius"]
    corners = (x - radius, y - radius, x + radius, y + radius)
    left, bottom, right, top = (round(value * _POINTS_PER_MM) for value in corners)
    return left, bottom, right, top


def qr_svg(symbol: QrMatrix) -> str:
    """Write the symbol as one SVG path, a rectangle for each run of dark modules."""
    runs = "".join(
        f"M{run.start()} {y}h{len(run.group())}v1h-{len(run.group())}z"
        for y in range(symbol.size)
        for run in _DARK_RUN.finditer(symbol.row(y))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {symbol.size} {symbol.size}" '
        f'width="{symbol.size}" height="{symbol.size}"><path d="{runs}"/></svg>'
    )


def _rows(data: FaceData) -> list[dict[str, str]]:
    rows = (
        ("姓名", data.name, "name"),
        ("证件类型", data.id_type, "plain"),
        ("证件号码", data.id_number, "plain"),
        ("职业名称", data.occupation, "strong"),
        ("工种/职业方向", data.direction or NOT_GIVEN, "plain"),
        ("职业技能等级", data.level, "strong"),
        ("证书编号", data.number, "plain"),
    )
    return [{"label": label, "value": value, "style": style} for label, value, style in rows]


def _template_data(data: FaceData, fonts: FontSet, symbol: QrMatrix) -> dict[str, Any]:
    day = data.issued
    return {
        "fonts": list(fonts.families),
        "number": data.number,
        "issuer": data.issuer,
        "rows": _rows(data),
        "date": {"year": day.year, "month": day.month, "day": day.day},
        "issued": f"{day.year}年{day.month}月{day.day}日",
        "edition": f"第 {data.edition} 版",
        "address": data.address,
        "digest": data.digest,
        "qr_size": symbol.size,
        "seal": SEAL,
        "photo": None if data.photo is None else list(data.photo),
        "record_json": data.record_json.decode("utf-8"),
        "tlog_proof": data.tlog_proof.decode("utf-8"),
    }


def _check_glyphs(data: FaceData, fonts: FontSet) -> None:
    drawable = drawable_codepoints(fonts)
    fields = [(row["label"], row["value"]) for row in _rows(data)]
    for label, text in (*fields, ("评价机构", data.issuer)):
        if any(ord(sign) not in drawable for sign in text):
            raise GlyphMissing(
                f"a character in {label} is in none of the fonts: add a font that has it to the "
                "operator's font directory"
            )


_LOCK: Final = Lock()
"""A compiler serves one caller at a time."""


@cache
def _compiler(fonts: FontSet) -> Compiler:
    directories = [str(directory) for directory in fonts.directories]
    found = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=directories
    )
    return typst.Compiler(font_paths=found, ignore_system_fonts=True)


@cache
def _template() -> bytes:
    return TEMPLATE.read_bytes()


def _compile(fonts: FontSet, inputs: dict[str, str], moment: datetime) -> bytes:
    try:
        with _LOCK:
            pdf = _compiler(fonts).compile(
                input=_template(),
                format="pdf",
                sys_inputs=inputs,
                pdf_standards=["a-3u"],
                timestamp=moment,
            )
    except typst.TypstError as error:
        # The compiler's message can quote the text it failed on, which may be a person's name.
        if "certreg: a text does not fit" in str(error):
            raise TextTooLong(
                "a name, occupation or company name is too long for its field on the certificate"
            ) from None
        raise DrawingFailed(
            "the certificate could not be drawn: check photo and template"
        ) from None
    if not isinstance(pdf, bytes):
        raise DrawingFailed("the certificate has more than one page")
    return pdf
