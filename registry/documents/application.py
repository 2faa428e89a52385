"""Draw the application form (企业开展职业技能等级认定备案申请表) as a PDF for stamping.

The template `application.typ` holds the layout; facts come to it as JSON strings, so that none can
be read as markup. The foot names the case and the digest of the electronic form: a stamped scan
whose digest is another was made of another version. The same facts and fonts give the same bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import typst

from registry.documents.errors import DrawingFailed, GlyphMissing
from registry.documents.fonts import FontSet, drawable_codepoints

if TYPE_CHECKING:
    from typst import Compiler

TEMPLATE: Final = Path(__file__).with_name("application.typ")


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedRow:
    """One occupation asked for, as printed; ``levels`` are words (五级/初级工、四级/中级工)."""

    code: str
    name: str
    direction: str
    levels: str
    stations: int
    assessors: int
    applicants: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """What stands on the form: facts and conditions as (label, value), and the occupations.

    ``title`` is the form's name; ``digest`` the SHA-256 of the electronic form in hex; ``on`` the
    day of printing, which is also the file's date.
    """

    title: str
    reference: str
    digest: str
    on: date
    facts: tuple[tuple[str, str], ...]
    conditions: tuple[tuple[str, str], ...]
    occupations: tuple[AppliedRow, ...]
    papers: tuple[str, ...]


def draw_application(application: Application, fonts: FontSet) -> bytes:
    """Draw the form on as many A4 pages as it takes; returns a PDF.

    Raises GlyphMissing naming the field, DrawingFailed.
    """
    data = _data(application)
    _check_glyphs(application, fonts)
    day = application.on
    inputs = {
        "form": json.dumps(data, ensure_ascii=False),
        "fonts": json.dumps(list(fonts.families)),
    }
    try:
        with _LOCK:
            pdf = _compiler(fonts).compile(
                input=TEMPLATE.read_bytes(),
                format="pdf",
                sys_inputs=inputs,
                pdf_standards=["a-2u"],
                timestamp=datetime(day.year, day.month, day.day, tzinfo=UTC),
            )
    except typst.TypstError:
        # The compiler's message can quote the text it failed on.
        raise DrawingFailed("the application form could not be drawn: check its template") from None
    if not isinstance(pdf, bytes):
        raise DrawingFailed("the application form did not come out as one file")
    return pdf


def _data(application: Application) -> dict[str, Any]:
    return {
        "title": application.title,
        "reference": application.reference,
        "digest": application.digest,
        "date": [application.on.year, application.on.month, application.on.day],
        "facts": [list(pair) for pair in application.facts],
        "conditions": [list(pair) for pair in application.conditions],
        "occupations": [
            [
                row.code,
                row.name,
                row.direction or "--",
                row.levels,
                str(row.stations),
                str(row.assessors),
                str(row.applicants),
                row.reason,
            ]
            for row in application.occupations
        ],
        "papers": list(application.papers),
    }


def _check_glyphs(application: Application, fonts: FontSet) -> None:
    drawable = drawable_codepoints(fonts)
    occupations = (
        ("职业（工种）", text)
        for row in application.occupations
        for text in (row.name, row.direction, row.reason)
    )
    for label, text in (*application.facts, *application.conditions, *occupations):
        if any(ord(sign) not in drawable for sign in text):
            raise GlyphMissing(
                f"“{label}”中有字体没有的字，无法打印：请改用规范汉字，或者请系统管理员加装字体"
            )


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
