"""Lookup by two facts and checking a file, through the forms, by mouse and by key."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
import zxingcpp
from PIL import Image

from signing.record import mask_name

pytestmark = pytest.mark.browser


def png(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def code_only(picture: Image.Image) -> Image.Image:
    """Cut the QR code out of the page with a little white around it, as a screenshot would."""
    place = zxingcpp.read_barcodes(picture)[0].position
    margin = 12
    return picture.crop(
        (
            place.top_left.x - margin,
            place.top_left.y - margin,
            place.bottom_right.x + margin,
            place.bottom_right.y + margin,
        )
    )


@pytest.mark.parametrize(
    "fields",
    [
        ("number", "name"),
        ("name", "id_number"),
        ("id_number", "admission"),
        ("number", "name", "id_number", "admission"),
    ],
)
def test_two_facts_find_the_certificate(
    office: Any, visit: Callable[..., Any], fields: tuple[str, ...]
) -> None:
    paper = office.other_company
    person = paper.person
    known = {
        "number": paper.number,
        "name": person.name,
        "id_number": person.id_number,
        "admission": person.admission,
    }
    visitor = visit()
    visitor.look_up(**{field: known[field] for field in fields})
    assert visitor.page.url == office.base_url + "/lookup"
    assert visitor.text("h1") == "查到 1 份登记信息"
    assert visitor.text(".found header .answer") == "有效"
    assert visitor.facts["证书编号"] == paper.number
    if "name" in fields:
        assert visitor.facts["姓名"] == person.name
        visitor.follow_link("查看全部核验结果")
        assert visitor.page.url == paper.page
        assert visitor.word == "有效"
    else:
        # Whoever did not bring the name gets all checks, and neither name nor page.
        assert visitor.facts["姓名"] == mask_name(person.name)
        visitor.page.get_by_text("查看全部核验结果").click()
        assert set(visitor.checks.values()) == {"通过"}
        assert paper.path not in visitor.page.content()


def test_all_editions_of_a_corrected_certificate_are_listed(
    office: Any, visit: Callable[..., Any]
) -> None:
    visitor = visit()
    visitor.look_up(name=office.old_edition.person.name, number=office.old_edition.number)
    answers = [each.inner_text().strip() for each in visitor.page.locator(".found .answer").all()]
    assert answers == ["有效", "已更正"]


def test_the_whole_lookup_by_key_alone(office: Any, visit: Callable[..., Any]) -> None:
    visitor = visit()
    visitor.open("/lookup")
    keyboard = visitor.page.keyboard
    visitor.page.locator("#number").focus()
    keyboard.type(office.valid.number)
    keyboard.press("Tab")
    keyboard.insert_text(office.valid.person.name)
    with visitor.page.expect_navigation():
        keyboard.press("Enter")
    assert visitor.text(".found .answer") == "有效"


def test_one_fact_is_not_enough(office: Any, visit: Callable[..., Any]) -> None:
    visitor = visit()
    visitor.look_up(number=office.valid.number)
    summary = visitor.page.get_by_role("alert")
    assert "请至少填写两项" in summary.inner_text()
    assert visitor.page.title().startswith("填写有误")
    # What was typed is not kept, and the summary leads to the field.
    assert visitor.page.input_value("#number") == ""
    assert visitor.page.get_attribute("#number", "aria-invalid") == "true"
    visitor.follow(summary.get_by_role("link"))
    assert visitor.page.evaluate("document.activeElement.id") == "number"
    assert visitor.page.locator(".found").count() == 0


def test_facts_of_two_people_match_nothing(office: Any, visit: Callable[..., Any]) -> None:
    visitor = visit()
    visitor.look_up(name=office.revoked.person.name, id_number=office.valid.person.id_number)
    assert visitor.word == "未找到"
    assert visitor.page.locator(".found").count() == 0
    assert "有效" not in visitor.text(".verdict")


@pytest.mark.parametrize(
    ("paper", "word"), [("valid", "有效"), ("revoked", "已撤销"), ("old_edition", "已更正")]
)
def test_a_pdf_from_before_the_office_changed_its_mind_is_told_the_present_state(
    office: Any, visit: Callable[..., Any], paper: str, word: str
) -> None:
    visitor = visit()
    visitor.submit_file("证书.pdf", getattr(office, paper).pdf)
    assert visitor.word == word
    assert visitor.checks["电子签章"] == "通过"
    # Known by its digest: the command line told the site when it let the file out.
    assert "逐字节一致" in visitor.text("main")
    assert visitor.facts["姓名"] == getattr(office, paper).person.name
    onward = visitor.page.get_by_role("link", name="查看更正后的证书")
    assert onward.count() == (word == "已更正")


def test_a_pdf_with_one_bit_changed_is_refused_and_the_check_named(
    office: Any, visit: Callable[..., Any]
) -> None:
    visitor = visit()
    visitor.submit_file("证书.pdf", office.tampered)
    assert visitor.word == "已被篡改"
    assert "怎么办" in visitor.text("main")
    checks = visitor.checks
    assert checks.pop("电子签章") == "不通过"
    assert checks.pop("文件性质") == "无法确认"
    assert set(checks.values()) == {"通过"}
    # Nothing that failed may look official.
    assert visitor.page.locator(".facts").count() == 0
    assert office.valid.person.name not in visitor.text("main")


def test_an_annotated_copy_says_for_whom_it_is(office: Any, visit: Callable[..., Any]) -> None:
    visitor = visit()
    for recipient, word in (
        ("", "有效"),
        ("深圳市示例电力设备有限公司", "有效"),
        ("深圳市示例精密制造有限公司", "非供本单位"),
    ):
        visitor.submit_file("副本.pdf", office.copy, recipient=recipient)
        assert visitor.word == word
        assert visitor.facts["接收单位"] == "深圳市示例电力设备有限公司"
        assert visitor.facts["用途"] == "入职审核"


def test_a_file_that_was_added_to_is_no_original(office: Any, visit: Callable[..., Any]) -> None:
    visitor = visit()
    visitor.submit_file("证书.pdf", office.valid.pdf + b"\n%more\n")
    assert visitor.word == "非原始文件"
    assert visitor.checks["电子签章"] == "不通过"
    assert visitor.page.locator(".facts").count() == 0


def test_a_proof_file_is_enough(office: Any, visit: Callable[..., Any]) -> None:
    visitor = visit()
    visitor.submit_file("valid.tlog-proof", office.proof)
    assert visitor.word == "有效"
    assert visitor.facts["证书编号"] == office.valid.number


@pytest.mark.parametrize(
    ("paper", "word"), [("valid", "有效"), ("revoked", "已撤销"), ("old_edition", "已更正")]
)
def test_a_screenshot_of_the_code_is_enough(
    office: Any, visit: Callable[..., Any], paper: str, word: str
) -> None:
    visitor = visit()
    picture = code_only(getattr(office, paper).picture(150))
    assert max(picture.size) < 400
    visitor.submit_file("截图.png", png(picture))
    assert visitor.word == word


def test_what_is_no_certificate_is_a_fault_of_the_form(
    office: Any, visit: Callable[..., Any]
) -> None:
    visitor = visit()
    for name, data in (
        ("notes.txt", b"hello"),
        ("white.png", png(Image.new("L", (200, 200), 255))),
        ("cut.pdf", office.valid.pdf[:2000]),
    ):
        visitor.submit_file(name, data)
        assert visitor.page.get_by_role("alert").count() == 1
        assert visitor.page.locator("#state").count() == 0


def test_the_servers_output_names_nobody(office: Any, visit: Callable[..., Any]) -> None:
    person = office.valid.person
    visitor = visit()
    before = office.output.stat().st_size
    with office.without("mirror.db"):
        visitor.look_up(name=person.name, id_number=person.id_number)
        assert visitor.word == "暂无法确认"
        visitor.submit_file("证书.pdf", office.tampered)
    said = office.output.read_text()
    # The trouble itself is told, so this is not the silence of a log that is switched off.
    assert "service-trouble" in said[before:]
    values = {*office.private, office.valid.number, office.valid.path.rsplit("/", 1)[-1]}
    assert [value for value in values if value in said] == []
