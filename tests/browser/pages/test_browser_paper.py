"""From the paper in hand to the page: the QR code of a drawn PDF, opened in a real browser."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from PIL import Image

from signing.qr import parse_qr_url
from signing.record import mask_id

pytestmark = pytest.mark.browser

LEVELS = {"5": "五级/初级工", "4": "四级/中级工", "3": "三级/高级工"}
CHECKS = ("证书记录", "评价机构签名", "登记入册", "备案机构签名", "当前状态")


def words(pdf: bytes) -> str:
    """Give the text that is printed on the page, without any spaces."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return "".join(document[0].get_textpage().get_text_range().split())
    finally:
        document.close()


def scan(picture: Image.Image) -> str:
    symbols = zxingcpp.read_barcodes(picture)
    assert len(symbols) == 1
    return symbols[0].text


def on_paper(paper: Any) -> dict[str, str]:
    """What the page must show, from the spreadsheet that the office was given."""
    person = paper.person
    return {
        "姓名": person.name,
        "证件类型": person.id_type,
        "证件号码": mask_id(person.id_number),
        "职业名称": person.occupation,
        "工种/职业方向": person.direction or "--",
        "职业技能等级": LEVELS[person.level],
        "证书编号": paper.number,
        "评价机构": paper.issuer,
        "发证日期": f"{person.issued.year}年{person.issued.month}月{person.issued.day}日",
        "版次": "第 1 版",
    }


@pytest.mark.parametrize("dpi", [150, 300])
def test_the_drawn_papers_code_opens_a_page_that_says_what_the_paper_says(
    office: Any, visit: Callable[..., Any], dpi: int
) -> None:
    paper = office.valid
    visitor = visit()
    assert visitor.open(scan(paper.picture(dpi))) == 200
    assert visitor.word == "有效"
    facts = visitor.facts
    assert facts == on_paper(paper)
    in_full = {**facts, "证件号码": paper.person.id_number}
    printed = words(paper.pdf)
    assert [fact for fact in in_full.values() if fact.replace(" ", "") not in printed] == []
    assert visitor.checks == dict.fromkeys(CHECKS, "通过")


def test_popplers_picture_of_the_paper_has_the_same_code(
    office: Any, needs: Callable[..., None], tmp_path: Path
) -> None:
    needs(program="pdftoppm", package="poppler-utils")
    (tmp_path / "paper.pdf").write_bytes(office.valid.pdf)
    command = ["pdftoppm", "-r", "150", "-gray", "-png", "-singlefile", "paper.pdf", "drawn"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=30)
    with Image.open(tmp_path / "drawn.png") as picture:
        assert scan(picture) == scan(office.valid.picture(150))


def test_what_the_code_says_of_the_person_never_reaches_the_server(
    office: Any, visit: Callable[..., Any], wire: Any
) -> None:
    code = scan(office.valid.picture(150))
    address, digits = code.split("#")
    assert parse_qr_url(code)[2].name == office.valid.person.name
    visitor = visit()
    visitor.open(code)
    assert visitor.page.url == code
    assert address in [target for target, _headers in wire.requests()]
    # Read off the wire: neither the digits nor a part of them, in any request of any test.
    sent = wire.sent
    parts = [digits[at : at + 20].encode() for at in range(0, len(digits) - 20, 20)]
    assert len(parts) > 20
    assert [part for part in parts if part in sent] == []


def test_the_page_is_whole_without_scripts(office: Any, visit: Callable[..., Any]) -> None:
    with_scripts, without = visit(), visit(scripts=False)
    for visitor in (with_scripts, without):
        visitor.open(office.valid.path)
    assert without.word == "有效"
    # All but whose finding it is, and what only the browser can add.
    with_scripts.page.wait_for_selector("html[data-checked]", state="attached")
    for part in ("#verdict", ".facts", "#reach", "#expert"):
        assert without.text(part) == with_scripts.text(part)
    assert without.checks == with_scripts.checks
    assert "以上是本站服务器的核验结论" in without.text("#by")
    assert "未启用脚本" in without.text("#by")
    assert "您的浏览器" in with_scripts.text("#by")
    without.look_up(name=office.valid.person.name, number=office.valid.number)
    assert without.page.locator("article.found").count() == 1
    without.submit_file("paper.pdf", office.valid.pdf)
    assert without.word == "有效"


def test_each_check_is_told_with_its_time(office: Any, visit: Callable[..., Any]) -> None:
    visitor = visit()
    visitor.open(office.valid.path)
    stamp = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00"
    times = visitor.page.locator(".verdict time, .checks > li time").all()
    assert len(times) == 1 + len(CHECKS)
    assert all(re.fullmatch(stamp, each.get_attribute("datetime")) for each in times)


def test_a_revoked_papers_code_says_so(office: Any, visit: Callable[..., Any]) -> None:
    visitor = visit()
    assert visitor.open(scan(office.revoked.picture(150))) == 200
    assert visitor.word == "已撤销"
    assert visitor.checks == {**dict.fromkeys(CHECKS, "通过"), "当前状态": "不通过"}
    assert "有效" not in visitor.text(".verdict")
    assert "有效" not in visitor.page.locator("main").inner_text().split("\n")


def test_a_corrected_papers_code_points_on_to_the_new_edition(
    office: Any, visit: Callable[..., Any]
) -> None:
    visitor = visit()
    assert visitor.open(scan(office.old_edition.picture(150))) == 200
    assert visitor.word == "已更正"
    assert visitor.facts == on_paper(office.old_edition)
    visitor.follow_link("查看更正后的证书")
    assert visitor.page.url == office.new_edition.page
    assert visitor.word == "有效"
    expected = on_paper(office.new_edition)
    assert visitor.facts == {**expected, "工种/职业方向": office.new_direction, "版次": "第 2 版"}


def test_each_state_has_words_and_an_icon_of_its_own(
    office: Any, visit: Callable[..., Any]
) -> None:
    visitor = visit()
    seen = []
    for path, status in (
        (office.valid.path, 200),
        (office.revoked.path, 200),
        (office.old_edition.path, 200),
        ("/v/" + "a" * 16, 404),
    ):
        assert visitor.open(path) == status
        seen.append((visitor.word, visitor.text(".verdict p"), visitor.icon))
    with office.without("mirror.db"):
        assert visitor.open(office.valid.path) == 503
        seen.append((visitor.word, visitor.text(".verdict p"), visitor.icon))
    assert [word for word, _text, _icon in seen] == [
        "有效", "已撤销", "已更正", "未找到", "暂无法确认",
    ]  # fmt: skip
    for part in range(3):
        assert len({each[part] for each in seen}) == len(seen)
