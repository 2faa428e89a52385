"""The summary sheet of an upload (表5): every figure as given, never as markup, names nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pypdfium2
import pytest

from registry.cli.upload_kit import draw_summary
from registry.documents.errors import GlyphMissing
from registry.upload.summary import Summary, SummaryLine

LINE = SummaryLine(
    occupation="车工", direction="数控车", level="三级/高级工", counts=(120, 3, 0, 1)
)
SUMMARY = Summary(
    office="市职业技能鉴定指导办公室",
    body="深圳市示例精密制造有限公司",
    prefix="Y000044999001",
    upload_id="U00000017",
    batch="GD-2026-0001",
    frozen_at=datetime(2026, 11, 23, 17, 0, tzinfo=UTC),
    template="职业技能等级证书数据上报表（guangdong-certificates@1）",
    snapshot="0123456789abcdef" * 4,
    lines=(LINE, replace(LINE, occupation="#panic() *电工*", direction="", counts=(6, 0, 0, 0))),
)


def text_of(pdf: bytes) -> tuple[int, str]:
    document = pypdfium2.PdfDocument(pdf)
    pages = [page.get_textpage().get_text_bounded() for page in document]
    return len(pages), "".join(pages).replace("\r\n", "")


def test_every_figure_stands_on_the_sheet() -> None:
    pages, text = text_of(draw_summary(SUMMARY))
    assert pages == 1
    for words in (
        "表5",
        "职业技能等级证书数据上报汇总表",
        "深圳市示例精密制造有限公司",
        "GD-2026-0001",
        "U00000017",
        "三级/高级工",
        "#panic() *电工*",
        "--",
        "130",
        "上报单位（盖章）",
        f"快照摘要（SHA-256）{SUMMARY.snapshot}",
    ):
        assert words in text
    assert SUMMARY.totals == (126, 3, 0, 1)


def test_a_batch_number_that_is_not_given_yet_is_left_to_the_centre() -> None:
    assert "（由省中心编列）" in text_of(draw_summary(replace(SUMMARY, batch="")))[1]


def test_the_same_facts_give_the_same_bytes_and_others_do_not() -> None:
    first = draw_summary(SUMMARY)
    assert draw_summary(SUMMARY) == first
    assert draw_summary(replace(SUMMARY, snapshot="f" * 64)) != first


def test_many_occupations_take_more_pages_with_the_heading_on_each() -> None:
    lines = tuple(replace(LINE, direction=f"方向{n}") for n in range(80))
    pages, text = text_of(draw_summary(replace(SUMMARY, lines=lines)))
    assert pages == 3
    # The heading stands above the rows of each page; the last page may hold the signatures alone.
    assert text.count("工种名称") in {2, 3}
    assert text.count(SUMMARY.snapshot) == 3


def test_a_character_that_no_font_has_is_refused_with_the_field() -> None:
    with pytest.raises(GlyphMissing, match="评价机构"):
        draw_summary(replace(SUMMARY, body="示例\ue000公司"))
    with pytest.raises(GlyphMissing, match="职业"):
        draw_summary(replace(SUMMARY, lines=(replace(LINE, occupation="\ue000"),)))
