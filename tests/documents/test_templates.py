"""A designer's template: found, held within bounds, stopped at the gate when it hides a fact."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from registry.documents.certificate import Press, annotated_copy, make_certificate_pdf
from registry.documents.errors import DocumentError, DrawingFailed, GateRefused, TemplateRefused
from registry.documents.face import FaceData, draw_face, places_of
from registry.documents.fonts import FontSet
from registry.documents.template import (
    MAX_TEMPLATE_BYTES,
    SHIPPED_FILE,
    Template,
    load_template,
    shipped_template,
)
from signing.bundle import Evidence
from signing.record import Record

PREFIX = "Y000044999001"
SHIPPED = SHIPPED_FILE.read_text(encoding="utf-8")


def made(text: str, folder: Path | None = None) -> Template:
    return Template(source=text.encode(), folder=folder)


def test_a_companys_own_template_comes_first(tmp_path: Path) -> None:
    assert load_template(tmp_path, PREFIX) == shipped_template()
    assert load_template(tmp_path / "none", PREFIX) == shipped_template()
    (tmp_path / "default.typ").write_text("// everybody's")
    assert load_template(tmp_path, PREFIX).source == b"// everybody's"
    (tmp_path / f"{PREFIX}.typ").write_text("// theirs")
    assert load_template(tmp_path, PREFIX).source == b"// theirs"
    assert load_template(tmp_path, "Y000044999002").source == b"// everybody's"


@pytest.mark.parametrize("prefix", ["", "../default", "Y0000449990011", "Y00004499900\n"])
def test_a_template_is_named_after_a_prefix(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(TemplateRefused):
        load_template(tmp_path, prefix)


@pytest.mark.parametrize(
    "line",
    [
        '#import "@preview/x:1.0.0": *',
        '#include "/other.typ"',
        '#eval("1")',
        '#plugin("x.wasm")',
        '#dictionary(std).at("ev" + "al")("1")',
        "#let f = std",
    ],
)
def test_a_template_can_load_no_code(tmp_path: Path, line: str) -> None:
    (tmp_path / "default.typ").write_text(f"// a\n{line}\n")
    with pytest.raises(TemplateRefused, match="line 2"):
        load_template(tmp_path, PREFIX)


def test_words_that_only_begin_like_that_are_fine(tmp_path: Path) -> None:
    (tmp_path / "default.typ").write_text("#let important = 1\n#let re-import = 2\n// standard")
    load_template(tmp_path, PREFIX)


def test_a_file_that_is_no_text_or_too_long_is_refused(tmp_path: Path) -> None:
    for content in (b"\xff\xfe", b" " * (MAX_TEMPLATE_BYTES + 1)):
        (tmp_path / "default.typ").write_bytes(content)
        with pytest.raises(TemplateRefused):
            load_template(tmp_path, PREFIX)


@pytest.mark.parametrize("path", ["/etc/hostname", "../secret.txt", "/../secret.txt"])
def test_a_template_reads_nothing_outside_its_folder(
    tmp_path: Path, make_face: Callable[..., FaceData], fonts: FontSet, path: str
) -> None:
    (tmp_path / "secret.txt").write_text("x")
    folder = tmp_path / "templates"
    folder.mkdir()
    template = made(SHIPPED + f'\n#at(0mm, 0mm, read("{path}"))', folder)
    with pytest.raises(DrawingFailed):
        draw_face(make_face(), fonts, template)


def test_a_template_may_show_a_picture_of_its_folder(
    tmp_path: Path, make_face: Callable[..., FaceData], fonts: FontSet
) -> None:
    (tmp_path / "logo.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0h9v9z"/></svg>'
    )
    template = made(SHIPPED + '\n#at(20mm, 20mm, image("/logo.svg", alt: "logo"))', tmp_path)
    assert draw_face(make_face(), fonts, template) != draw_face(make_face(), fonts)


def test_the_program_asks_the_template_for_its_places(fonts: FontSet) -> None:
    usual = places_of(shipped_template(), fonts)
    assert (usual.seal.x, usual.seal.y, usual.seal.size) == (208.5, 135.5, 40)
    moved = SHIPPED.replace("seal: (x: 228.5mm, y: 155.5mm", "seal: (x: 238.5mm, y: 145.5mm")
    assert places_of(made(moved), fonts).seal.x == 218.5
    assert places_of(made(moved), fonts).qr == usual.qr


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("#qr-code(..layout.qr)", ""),
        ("#qr-code(..layout.qr)", "#qr-code(..layout.qr)\n#qr-code(..layout.qr)"),
        ("#company-seal(..layout.seal, paint: ink.seal)", ""),
        ("seal: (x: 228.5mm", "seal: (x: 290mm"),
        ("qr: (x: 35mm, y: 127mm, width: 30mm)", "qr: (x: 35mm, y: 127mm, width: 20mm)"),
        ("#photo(", "#no-such-thing("),
    ],
)
def test_a_template_without_its_parts_is_refused(fonts: FontSet, old: str, new: str) -> None:
    assert old in SHIPPED
    with pytest.raises(DrawingFailed):
        places_of(made(SHIPPED.replace(old, new)), fonts)


@pytest.fixture(scope="module")
def issue(
    company: Any,
    now: datetime,
    make_record: Callable[..., Record],
    make_evidence: Callable[[Record], Evidence],
) -> Callable[..., bytes]:
    def make(text: str, maker: Callable[..., bytes] = make_certificate_pdf, **more: Any) -> bytes:
        record = make_record()
        press = Press(
            base_url="https://verify.example.gov.cn",
            record_signer=company.record_signer,
            seal_signer=company.seal_signer,
            root=company.root,
            template=made(text),
        )
        return maker(
            press=press,
            evidence=make_evidence(record),
            record=record,
            token="abcdefghij234567",
            now=now,
            **more,
        )

    return make


def test_another_design_passes_the_gate(issue: Callable[..., bytes]) -> None:
    other = SHIPPED.replace('red: rgb("#b3141b")', 'red: rgb("#1f3d7a")')
    other = other.replace("qr: (x: 35mm, y: 127mm", "qr: (x: 236mm, y: 70mm")
    assert other != SHIPPED
    assert issue(other).startswith(b"%PDF-1.7")


HIDING = {
    "the level is left out": (
        "#for (index, row) in face.rows.enumerate() {",
        '#for (index, row) in face.rows.filter(row => row.label != "职业技能等级").enumerate() {',
        "does not read back",
    ),
    "white on white": ('text: rgb("#1d1a17")', 'text: rgb("#ffffff")', "too pale"),
    "almost white on white": ('text: rgb("#1d1a17")', 'text: rgb("#e4e4e4")', "too pale"),
    "covered": (
        "// Foot.",
        "#at(80mm, 66mm, rect(width: 190mm, height: 30mm, fill: white))",
        "too pale",
    ),
    "no national address": ("机构查询 http://pjjg.osta.org.cn", "机构查询", "does not read back"),
    "another title": ("职业技能等级证书#h", "职业技能等级证明#h", "does not read back"),
    "a covered QR code": (
        "// Foot.",
        "#at(40mm, 132mm, rect(width: 14mm, height: 14mm, fill: white))",
        "QR code",
    ),
    "a second page": ("// Foot.", "#pagebreak()", "exactly one page"),
    "portrait": ("#set text(fill", "#set page(width: 210mm, height: 297mm)\n#set text(fill", "A4"),
}


@pytest.mark.parametrize("name", HIDING)
def test_what_a_template_hides_stops_at_the_gate(issue: Callable[..., bytes], name: str) -> None:
    old, new, words = HIDING[name]
    assert old in SHIPPED
    with pytest.raises(GateRefused, match=words):
        issue(SHIPPED.replace(old, new))


def test_a_design_that_shows_no_annotation_makes_no_copies(issue: Callable[..., bytes]) -> None:
    text = SHIPPED.replace("#annotation-note(..layout.note, paint: ink.red)", "")
    assert text != SHIPPED
    assert issue(text).startswith(b"%PDF-")
    wishes = {
        "purpose": "入职",
        "recipient": "甲单位",
        "valid_until": date(2026, 12, 31),
    }
    with pytest.raises(GateRefused, match="does not read back"):
        issue(text, annotated_copy, **wishes)


def test_an_error_of_the_compiler_quotes_no_one(
    make_face: Callable[..., FaceData], fonts: FontSet
) -> None:
    text = SHIPPED + "\n#assert(false, message: face.rows.first().value)"
    with pytest.raises(DocumentError) as caught:
        draw_face(make_face(), fonts, made(text))
    assert "欧阳" not in str(caught.value)
    assert caught.value.__cause__ is None
