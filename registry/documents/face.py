"""Draw the certificate's face (证书版面) as PDF/A-3u with its evidence attached.

The content follows the reference form (人社鉴发〔2021〕1号 参考样式): a template holds the layout
(`template.py`), this module hands it facts as JSON strings, so that no fact can be read as markup.
The same facts, template and fonts give the same bytes. A `typst` compiler is made once a process
and reused; its worker threads do not survive a fork, so start drawing processes by spawn.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from registry.documents.colours import device_colours
from registry.documents.errors import GlyphMissing
from registry.documents.fonts import FontSet, drawable_codepoints
from registry.documents.guilloche import page_svg
from registry.documents.photo import one_inch
from registry.documents.template import (
    Places,
    Template,
    compile_pdf,
    find_places,
    shipped_template,
)
from signing.annotation import annotation_json
from signing.qr_image import QrMatrix, write_qr

if TYPE_CHECKING:
    from signing.annotation import Annotation

TITLE: Final = "职业技能等级证书"

NOT_GIVEN: Final = "--"
"""Printed where there is no direction: a blank could be filled in later by hand."""

_DARK_RUN: Final = re.compile(rb"\x01+")


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceData:
    """Everything that stands on the face, as printed.

    `id_type` and `level` are the printed words (居民身份证, 三级/高级工); `direction` "" prints
    `--`. `qr_text` goes into the QR code, `address` is the same page's address without the
    fragment. `digest` is the record's SHA-256 in hex. `photo` is a JPEG or PNG as `one_inch`
    takes it, or None for an empty frame. `record_json` and `tlog_proof` become the attachments
    (text, UTF-8), and so does `annotation`, which makes the page an annotated copy.
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
    annotation: Annotation | None = None


def draw_face(data: FaceData, fonts: FontSet, template: Template | None = None) -> bytes:
    """Draw the page; returns an unsealed PDF/A-3u that ends in a newline.

    Raises GlyphMissing, TextTooLong, DrawingFailed (a broken template), PhotoRefused,
    MalformedQr.
    """
    _check_glyphs(data, fonts)
    day = data.issued if data.annotation is None else date.fromisoformat(data.annotation.made)
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    pdf = compile_pdf(template or shipped_template(), fonts, face_inputs(data, fonts), midnight)
    # The seal is appended to these bytes; without the line end the joint would break PDF/A.
    return device_colours(pdf) + b"\n"


@cache
def places_of(template: Template, fonts: FontSet) -> Places:
    """Tell where `template` puts the QR code and the seal; raises DrawingFailed."""
    return find_places(template, fonts, face_inputs(_SAMPLE, fonts))


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


def day_words(day: date) -> str:
    """Write a day as it is printed: 2026年11月23日."""
    return f"{day.year}年{day.month}月{day.day}日"


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


def face_inputs(data: FaceData, fonts: FontSet) -> dict[str, str]:
    """Put the facts into what a template gets as `sys.inputs`: all of it JSON or SVG text."""
    symbol = write_qr(data.qr_text)
    return {
        "face": json.dumps(_template_data(data, fonts, symbol), ensure_ascii=False),
        "ornament": page_svg(),
        "qr": qr_svg(symbol),
    }


def _template_data(data: FaceData, fonts: FontSet, symbol: QrMatrix) -> dict[str, Any]:
    day = data.issued
    kind = TITLE if data.annotation is None else f"{TITLE}（加注副本）"
    return {
        "fonts": list(fonts.families),
        "title": f"{kind} {data.number}",
        "number": data.number,
        "issuer": data.issuer,
        "rows": _rows(data),
        "date": {"year": day.year, "month": day.month, "day": day.day},
        "issued": day_words(day),
        "edition": f"第 {data.edition} 版",
        "address": data.address,
        "digest": data.digest,
        "qr-size": symbol.size,
        "photo": None if data.photo is None else list(one_inch(data.photo)),
        "record-json": data.record_json.decode("utf-8"),
        "tlog-proof": data.tlog_proof.decode("utf-8"),
        "annotation": None if data.annotation is None else _note(data.annotation),
    }


def _note(annotation: Annotation) -> dict[str, str]:
    return {
        "purpose": annotation.purpose,
        "recipient": annotation.recipient,
        "until": day_words(date.fromisoformat(annotation.until)),
        "json": annotation_json(annotation).decode("utf-8"),
    }


def _check_glyphs(data: FaceData, fonts: FontSet) -> None:
    drawable = drawable_codepoints(fonts)
    fields = [(row["label"], row["value"]) for row in _rows(data)]
    fields.append(("评价机构", data.issuer))
    if data.annotation is not None:
        fields += [("用途", data.annotation.purpose), ("接收单位", data.annotation.recipient)]
    for label, text in fields:
        if any(ord(sign) not in drawable for sign in text):
            raise GlyphMissing(
                f"a character in {label} is in none of the fonts: add a font that has it to the "
                "operator's font directory"
            )


_SAMPLE: Final = FaceData(
    name="张示例",
    id_type="居民身份证",
    id_number="440300199001010011",
    occupation="车工",
    direction="",
    level="三级/高级工",
    number="Y000044999001263000001",
    issuer="深圳市示例精密制造有限公司",
    issued=date(2026, 11, 23),
    edition=1,
    qr_text="https://verify.example/v/abcdefghij234567#" + "0123456789" * 52,
    address="https://verify.example/v/abcdefghij234567",
    digest="0" * 64,
    photo=None,
    record_json=b"{}",
    tlog_proof=b"",
)
"""A face of nobody, to ask a template about its places."""
