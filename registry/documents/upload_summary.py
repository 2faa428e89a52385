"""Draw the summary sheet of an upload (表5 上报数据汇总表) as a PDF for stamping.

The template `upload_summary.typ` holds the layout; facts come to it as JSON strings, so that none
can be read as markup. The foot carries the snapshot's digest: the stamped paper speaks of these
rows and no others. The same facts and fonts give the same bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

import typst

from registry.documents.errors import DrawingFailed, GlyphMissing
from registry.documents.fonts import FontSet, drawable_codepoints

if TYPE_CHECKING:
    from typst import Compiler

TEMPLATE: Final = Path(__file__).with_name("upload_summary.typ")
_CHINA: Final = timezone(timedelta(hours=8))


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetLine:
    """One occupation at one level as printed; ``counts`` in the order of the sheet's kinds."""

    occupation: str
    direction: str
    level: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadSheet:
    """What stands on the sheet: facts as (label, value), the kinds' names and the counted lines.

    ``frozen_at`` is an aware time, and the file's date; ``snapshot`` the rows' SHA-256 in hex.
    """

    upload_id: str
    frozen_at: datetime
    snapshot: str
    facts: tuple[tuple[str, str], ...]
    kinds: tuple[str, ...]
    lines: tuple[SheetLine, ...]
    totals: tuple[int, ...]


def draw_upload_sheet(sheet: UploadSheet, fonts: FontSet) -> bytes:
    """Draw the sheet on as many A4 pages as it takes; returns a PDF.

    Raises GlyphMissing naming the field, DrawingFailed.
    """
    _check_glyphs(sheet, fonts)
    inputs = {
        "sheet": json.dumps(_data(sheet), ensure_ascii=False),
        "fonts": json.dumps(list(fonts.families)),
    }
    try:
        with _LOCK:
            pdf = _compiler(fonts).compile(
                input=TEMPLATE.read_bytes(),
                format="pdf",
                sys_inputs=inputs,
                pdf_standards=["a-2u"],
                timestamp=sheet.frozen_at,
            )
    except typst.TypstError:
        # The compiler's message can quote the text it failed on.
        raise DrawingFailed("the summary sheet could not be drawn: check its template") from None
    if not isinstance(pdf, bytes):
        raise DrawingFailed("the summary sheet did not come out as one file")
    return pdf


def _data(sheet: UploadSheet) -> dict[str, object]:
    day = sheet.frozen_at.astimezone(_CHINA)
    return {
        "upload": sheet.upload_id,
        "date": [day.year, day.month, day.day],
        "snapshot": sheet.snapshot,
        "facts": [list(pair) for pair in sheet.facts],
        "kinds": list(sheet.kinds),
        "lines": [
            [
                line.occupation,
                line.direction or "--",
                line.level,
                *map(str, line.counts),
                str(sum(line.counts)),
            ]
            for line in sheet.lines
        ],
        "totals": [*map(str, sheet.totals), str(sum(sheet.totals))],
    }


def _check_glyphs(sheet: UploadSheet, fonts: FontSet) -> None:
    drawable = drawable_codepoints(fonts)
    texts = (("职业（工种）", text) for line in sheet.lines for text in _texts(line))
    for label, text in (*sheet.facts, *texts):
        if any(ord(sign) not in drawable for sign in text):
            raise GlyphMissing(
                f"“{label}”中有字体没有的字，无法打印：请改用规范汉字，或者请系统管理员加装字体"
            )


def _texts(line: SheetLine) -> tuple[str, ...]:
    return line.occupation, line.direction, line.level


_LOCK: Final = Lock()
"""A compiler serves one caller at a time."""


@cache
def _compiler(fonts: FontSet) -> Compiler:
    found = typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[str(directory) for directory in fonts.directories],
    )
    return typst.Compiler(font_paths=found, ignore_system_fonts=True)
