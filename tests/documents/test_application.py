"""The application form: every fact as typed, never as markup, over as many pages as it takes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pypdfium2
import pytest

from registry.documents.application import Application, AppliedRow, draw_application
from registry.documents.errors import GlyphMissing
from registry.documents.fonts import font_set

ROW = AppliedRow(
    code="6-20-01-01",
    name="钳工",
    direction="",
    levels="五级/初级工、四级/中级工",
    stations=12,
    assessors=4,
    applicants=60,
    reason="装配线主体工种",
)
FORM = Application(
    title="企业开展职业技能等级认定备案申请表",
    reference="BA-2026-0001",
    digest="0123456789abcdef" * 4,
    on=date(2026, 11, 26),
    facts=(("企业名称", "深圳市示例精密制造有限公司"), ("经营范围", "#panic() *机械* [制造] \\u")),
    conditions=(("在我市参保的职工人数", "520 人"),),
    occupations=(ROW,),
    papers=("营业执照",),
)


def text_of(pdf: bytes) -> tuple[int, str]:
    document = pypdfium2.PdfDocument(pdf)
    pages = [page.get_textpage().get_text_bounded() for page in document]
    return len(pages), "".join(pages).replace("\r\n", "")


def test_every_fact_stands_on_the_form_as_it_was_typed() -> None:
    pages, text = text_of(draw_application(FORM, font_set()))
    assert pages == 1
    for words in (
        FORM.title,
        "深圳市示例精密制造有限公司",
        "#panic() *机械* [制造]",
        "520 人",
        "6-20-01-01",
        "--",
        "企业（盖章）",
        f"BA-2026-0001　电子申请表摘要 {FORM.digest[:32]}",
    ):
        assert words in text


def test_the_same_form_gives_the_same_bytes() -> None:
    assert draw_application(FORM, font_set()) == draw_application(FORM, font_set())


def test_many_occupations_and_long_texts_take_more_pages() -> None:
    long = replace(
        FORM,
        facts=(*FORM.facts, ("经营范围", "字" * 2000)),
        occupations=(replace(ROW, reason="长" * 300, direction="方" * 60),) * 30,
    )
    pages, text = text_of(draw_application(long, font_set()))
    assert pages > 3
    assert text.count("6-20-01-01") == 30
    assert text.count("字") >= 2000


def test_a_sign_no_font_has_is_named_by_its_field() -> None:
    bad = replace(FORM, facts=(("联系人", "钱\U000f0000"),))
    with pytest.raises(GlyphMissing, match="联系人"):
        draw_application(bad, font_set())
