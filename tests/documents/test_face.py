from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from registry.documents.errors import GlyphMissing, TextTooLong
from registry.documents.face import FaceData, draw_face, places_of
from registry.documents.fonts import FontSet, font_set
from registry.documents.template import shipped_template
from signing.pdf import read_pdf
from signing.qr_image import read_qr_pixels

MakeFace = Callable[..., FaceData]

LONG_COMPANY = "深圳市前海示例国际供应链智能装备精密制造与研究开发集团股份有限公司"
LONG_NAME = "阿卜杜热合曼·麦麦提依明江·努尔艾合买提·吐尔逊古丽"
LONG_OCCUPATION = "轨道交通通信信号设备制造与智能化综合检测维护以及运营管理服务与安全评估人员"


@pytest.fixture(scope="session")
def bare_fonts() -> FontSet:
    """Only what the package brings: how a bare machine draws."""
    full = font_set()
    return FontSet(families=full.families[-1:], directories=full.directories[-1:])


def text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    try:
        assert len(document) == 1
        return document[0].get_textpage().get_text_range()
    finally:
        document.close()


def dense(text: str) -> str:
    return "".join(text.split())


def picture(pdf: bytes, dpi: int = 100) -> Image.Image:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return document[0].render(scale=dpi / 72).to_pil().convert("L")
    finally:
        document.close()


def dark_box(page: Image.Image, left: float, top: float, right: float, bottom: float) -> bool:
    """Whether text-dark pixels stand in a part of the page, given in millimetres."""
    unit = page.width / 297
    part = page.crop(tuple(round(value * unit) for value in (left, top, right, bottom)))
    return part.getextrema()[0] < 90


def test_all_facts_stand_on_one_page(make_face: MakeFace, fonts: FontSet) -> None:
    text = dense(text_of(draw_face(make_face(), fonts)))
    for words in (
        "职业技能等级证书",
        "欧阳㛃𬭎䶮",
        "居民身份证",
        "440300199001010011",
        "职业名称电工",
        "工种/职业方向维修电工",
        "三级/高级工",
        "Y000044999001263000001",
        "深圳市示例精密制造有限公司",
        "2026年11月23日",
        "http://jndj.osta.org.cn",
        "http://pjjg.osta.org.cn",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "照片",
        "第1版",
    ):
        assert words in text


def test_poppler_reads_rare_names_as_well(
    make_face: MakeFace, fonts: FontSet, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs(program="pdftotext", package="poppler-utils")
    file = tmp_path / "face.pdf"
    file.write_bytes(draw_face(make_face(), fonts))
    told = subprocess.run(["pdftotext", str(file), "-"], capture_output=True, check=True).stdout
    assert "欧阳㛃𬭎䶮" in dense(told.decode())


def test_no_direction_prints_two_hyphens(make_face: MakeFace, fonts: FontSet) -> None:
    assert "工种/职业方向--" in dense(text_of(draw_face(make_face(direction=""), fonts)))


def test_the_same_facts_give_the_same_bytes(make_face: MakeFace, fonts: FontSet) -> None:
    first = draw_face(make_face(), fonts)
    assert first != draw_face(make_face(name="李四"), fonts)
    assert first == draw_face(make_face(), fonts)
    assert first.endswith(b"%%EOF\n")


def test_the_page_is_small(make_face: MakeFace, fonts: FontSet, bare_fonts: FontSet) -> None:
    for family in (fonts, bare_fonts):
        assert len(draw_face(make_face(), family)) < 110_000


def test_the_evidence_is_attached_byte_for_byte(make_face: MakeFace, fonts: FontSet) -> None:
    face = make_face()
    assert read_pdf(draw_face(face, fonts)).attachments == {
        "record.json": face.record_json,
        "certificate.tlog-proof": face.tlog_proof,
    }


@pytest.mark.parametrize("bare", [False, True])
def test_the_worst_texts_stay_in_their_fields(
    make_face: MakeFace, fonts: FontSet, bare_fonts: FontSet, bare: bool
) -> None:
    face = make_face(
        name=LONG_NAME,
        occupation=LONG_OCCUPATION,
        direction=LONG_OCCUPATION,
        issuer=LONG_COMPANY,
        qr_text=make_face().qr_text + "1" * 700,
    )
    pdf = draw_face(face, bare_fonts if bare else fonts)
    text = dense(text_of(pdf))
    for words in (LONG_NAME, LONG_OCCUPATION, LONG_COMPANY):
        assert words in text
    page = picture(pdf)
    # margins that stay free of text: right of the values, left of the labels, under the table
    assert not dark_box(page, 262, 62, 279, 138)
    assert not dark_box(page, 70.5, 62, 80, 138)
    assert not dark_box(page, 81, 138.5, 170, 176)
    assert dark_box(page, 114, 62, 262, 138)
    assert read_qr_pixels(picture(pdf, 200)) == (face.qr_text,)


@pytest.mark.parametrize("field", ["name", "occupation", "issuer"])
def test_a_text_that_cannot_fit_stops_the_drawing(
    make_face: MakeFace, fonts: FontSet, field: str
) -> None:
    with pytest.raises(TextTooLong) as caught:
        draw_face(make_face(**{field: "赵钱孙李" * 70}), fonts)
    assert "赵" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_latin_name_breaks_at_spaces_or_shrinks(make_face: MakeFace, fonts: FontSet) -> None:
    name = "JEAN-PIERRE MAXIMILIAN ALEXANDRE DE LA FONTAINE-BEAUREGARD OF KWAZULU"
    pdf = draw_face(make_face(name=name), fonts)
    assert dense(name) in dense(text_of(pdf))
    assert not dark_box(picture(pdf), 262, 62, 279, 138)


def test_a_text_is_never_read_as_markup(make_face: MakeFace, fonts: FontSet) -> None:
    sly = '#panic("x") *a* _b_ $c$ @d <e> \\ [f] //g'
    assert dense(sly) in dense(text_of(draw_face(make_face(occupation=sly), fonts)))


@settings(max_examples=12)
@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=30))
def test_any_plain_text_reads_back(make_face: MakeFace, fonts: FontSet, words: str) -> None:
    assert dense(words) in dense(text_of(draw_face(make_face(occupation=words), fonts)))


@pytest.mark.parametrize("sign", ["\ue000", "\u200b", "\U0003fffd", "\n"])
def test_a_character_without_a_glyph_is_refused_unnamed(
    make_face: MakeFace, fonts: FontSet, sign: str
) -> None:
    with pytest.raises(GlyphMissing, match="姓名") as caught:
        draw_face(make_face(name=f"张{sign}"), fonts)
    assert "张" not in str(caught.value)


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_photo_fills_its_place(
    make_face: MakeFace, fonts: FontSet, make_photo: Callable[..., bytes], form: str
) -> None:
    pdf = draw_face(make_face(photo=make_photo(form)), fonts)
    assert "照片" not in dense(text_of(pdf))
    page = picture(pdf)
    unit = page.width / 297
    # white above, the shoulders from edge to edge below
    shades = [
        [page.getpixel((round(x * unit), round(y * unit))) for x in (38.5, 61.5)] for y in (70, 103)
    ]
    assert min(shades[0]) > 245
    assert max(shades[1]) < 120


def test_the_seal_lies_where_the_signature_field_will(make_face: MakeFace, fonts: FontSet) -> None:
    left, bottom, right, top = places_of(shipped_template(), fonts).seal.points
    assert (right - left, top - bottom) == (113, 113)
    unit = 100 / 72
    place = [round(value * unit) for value in (left, 595 - top, right, 595 - bottom)]
    pages = [picture(draw_face(make_face(issuer=name), fonts)) for name in ("甲", "乙")]
    middle = ((place[0] + place[2]) // 2, (place[1] + place[3]) // 2)
    assert pages[0].getpixel(middle) < 140  # the star
    words = [page.crop(tuple(place)) for page in pages]
    assert ImageChops.difference(*words).getbbox() is not None  # the company's name


def test_the_document_says_what_it_is(make_face: MakeFace, fonts: FontSet) -> None:
    face = make_face()
    with pikepdf.open(BytesIO(draw_face(face, fonts))) as pdf:
        assert str(pdf.docinfo["/Title"]) == f"职业技能等级证书 {face.number}"
        assert str(pdf.docinfo["/CreationDate"]).startswith("D:20261123")
        assert str(pdf.Root.Lang).lower().startswith("zh")
        assert pdf.Root.MarkInfo.Marked
    later = replace(face, edition=2)
    assert "第2版" in dense(text_of(draw_face(later, fonts)))
