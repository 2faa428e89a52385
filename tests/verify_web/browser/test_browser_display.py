"""Languages, large type, high contrast, paper and reading aloud, as Chromium shows them.

WCAG 2.2: AA in each language and mode, contrast AAA (1.4.6) where it was asked for; reflow at 320
px and with letters twice as large (1.4.10, 1.4.4); order and names as they are read aloud.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pypdfium2
import pytest

from verify_web.display import COOKIE

pytestmark = pytest.mark.browser

BASE_URL = "http://127.0.0.1:8155"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AAA = {"color-contrast-enhanced": {"enabled": True}}
WIDE = {"width": 1280, "height": 900}
DISPLAYS = ("en", "zh.large", "en.contrast")
OUTSIDE = """() => {
  const room = document.documentElement.clientWidth;
  const wide = document.documentElement.scrollWidth > room + 1 ? ["page"] : [];
  const all = [...document.querySelectorAll("body *:not(.skip, [hidden] *)")];
  return [...wide, ...all.filter((one) => one.getBoundingClientRect().right > room + 1)
    .map((one) => one.outerHTML.slice(0, 120))];
}"""
TWICE = "() => { document.documentElement.style.fontSize = '225%'; }"
OPEN = "() => document.querySelectorAll('details').forEach((one) => { one.open = true; })"


@pytest.fixture
def shown(sit: Any) -> Iterator[Callable[..., Any]]:
    """Give a function that seats a visitor who has chosen a display before."""
    seats = []

    def seat(display: str, **options: Any) -> Any:
        one = sit(viewport=WIDE, **options)
        seats.append(one)
        one.context.clear_cookies()
        if display:
            one.context.add_cookies([{"name": COOKIE, "value": display, "url": BASE_URL}])
        return one

    yield seat
    for one in seats:
        one.context.clear_cookies()
        one.page.emulate_media(media=None, forced_colors=None, contrast=None)
        one.page.set_viewport_size(WIDE)


@pytest.mark.parametrize("display", DISPLAYS)
def test_each_display_is_for_everybody(
    *, shown: Any, world: Any, digits: Any, needs: Any, shots: Any, display: str
) -> None:
    needs(module="axe_playwright_python", package="requirements-dev.txt")
    from axe_playwright_python.sync_playwright import Axe

    seat = shown(display)
    high = "contrast" in display
    options = {"runOnly": {"type": "tag", "values": RULES}, "rules": AAA if high else {}}
    result = f"/v/{world.token('valid')}#{digits('valid')}"
    for name, address in (("result", result), ("home", "/"), ("lookup", "/lookup")):
        seat.page.set_viewport_size(WIDE)
        seat.page.goto("about:blank")
        seat.page.goto(BASE_URL + address)
        if name == "result":
            seat.page.wait_for_selector("html[data-checked]", state="attached")
            assert seat.word == ("Valid" if display.startswith("en") else "有效")
            assert seat.tone == "good"
        seat.page.evaluate(OPEN)
        found = Axe().run(seat.page, options=options).response
        assert [(one["id"], one["nodes"][0]["html"][:160]) for one in found["violations"]] == []
        assert high == any(one["id"] == "color-contrast-enhanced" for one in found["passes"])
        for width in (1280, 390, 320):
            seat.page.set_viewport_size({"width": width, "height": 900})
            if shots is not None:
                seat.page.screenshot(path=shots / f"{display}-{name}-{width}.png", full_page=True)
            assert seat.page.evaluate(OUTSIDE) == []
        if "large" not in display:
            seat.page.set_viewport_size({"width": 390, "height": 900})
            seat.page.evaluate(TWICE)
            assert seat.page.evaluate(OUTSIDE) == []


def test_the_browsers_findings_are_in_the_pages_language(
    shown: Any, world: Any, digits: Any
) -> None:
    seat = shown("en")
    assert seat.open(f"/v/{world.token('valid')}#{digits('second')}") == "Not"
    assert seat.page.locator("#state").inner_text() == "Not valid"
    assert seat.page.title().startswith("Not valid · ")
    assert seat.page.locator("#compared .differs strong").first.inner_text() == "differs"
    # The answer has changed after the page was read out: that is announced, as a whole.
    spoken = seat.page.locator("#verdict [aria-live=polite][aria-atomic=true]")
    assert spoken.inner_text().startswith("Not valid")
    assert seat.page.get_by_role("status").count() == 1


OUTLINE = {
    "zh": [
        'link "跳到正文"',
        'link "职业技能等级证书查验"',
        'list "显示方式"',
        'navigation "主导航"',
        'region "有效"',
        'heading "有效" [level=1]',
        "status",
        "paragraph: 以上结论由您的浏览器自行核验得出，与本站一致。",
        'heading "登记信息" [level=2]',
        "term: 姓名",
        "definition: 欧阳示例",
        "term: 证书编号",
        "definition: Y 0000 44 999001 26 3 000001",
        'heading "三方对照" [level=2]',
        'columnheader "纸质证书（二维码）"',
        'heading "核验结果" [level=2]',
        'heading "1. 证书记录" [level=3]',
        "text: 通过",
        'heading "5. 当前状态" [level=3]',
        'heading "由谁核验，采信了什么" [level=2]',
        'heading "尚无全国联网记录" [level=2]',
        'heading "本页不能证明的事项" [level=2]',
        "contentinfo",
    ],
    "en": [
        'link "Skip to content"',
        'link "Verification of skill level certificates"',
        'list "Display"',
        'navigation "Main navigation"',
        'region "Valid"',
        'heading "Valid" [level=1]',
        "status",
        "paragraph: Your browser has checked all of this for itself, and agrees with this site.",
        'heading "As registered" [level=2]',
        "term: Name",
        "definition: 欧阳示例",
        "term: Certificate number",
        "definition: Y 0000 44 999001 26 3 000001",
        'heading "Paper, register, national lookup" [level=2]',
        'columnheader "Paper (QR code)"',
        'heading "The checks, each on its own" [level=2]',
        'heading "1. Record" [level=3]',
        "text: passed",
        'heading "5. Current status" [level=3]',
        'heading "Who checked, and what was taken on trust" [level=2]',
        'heading "No national listing known here" [level=2]',
        'heading "What this page does not prove" [level=2]',
        "contentinfo",
    ],
}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_read_aloud_the_word_comes_first_and_each_part_has_its_name(
    shown: Any, world: Any, digits: Any, language: str
) -> None:
    seat = shown(language)
    seat.open(f"/v/{world.token('valid')}#{digits('valid')}")
    tree = seat.page.locator("body").aria_snapshot()
    place = 0
    for part in OUTLINE[language]:
        found = tree.find(part, place)
        assert found >= 0, (part, tree[place : place + 400])
        place = found
    # No picture says anything that no word beside it does.
    assert "img" not in tree
    # Nothing is read that is not for reading: the paper's own lines are on paper only.
    assert not re.search("打印件|printed web page", tree)


@pytest.mark.parametrize(
    ("display", "name"), [("zh", "valid"), ("en", "old"), ("zh.large.contrast", "old")]
)
def test_on_paper_the_result_is_one_page_and_says_what_it_is(
    *, shown: Any, world: Any, digits: Any, shots: Any, display: str, name: str
) -> None:
    seat = shown(display)
    seat.open(f"/v/{world.token(name)}#{digits(name)}")
    printed = seat.page.pdf(prefer_css_page_size=True)
    if shots is not None:
        (shots / f"paper-{display}-{name}.pdf").write_bytes(printed)
    document = pypdfium2.PdfDocument(printed)
    try:
        assert len(document) == 1
        assert [round(side) for side in document[0].get_size()] == [595, 842]
        text = re.sub(r"\s+", "", document[0].get_textpage().get_text_range())
        if shots is not None:
            document[0].render(scale=1.5).to_pil().save(shots / f"paper-{display}-{name}.png")
    finally:
        document.close()
    word, *said = {
        "zh": (
            {"valid": "有效", "old": "已更正"}[name],
            "打印件本身不能证明任何事项",
            "2026年11月23日18:02（北京时间）",
            "出示证书的人就是持证人",
            "您的浏览器",
        ),
        "en": (
            {"valid": "Valid", "old": "Corrected"}[name],
            "proves nothing by itself",
            "23 November 2026, 18:02 (Beijing time)",
            "That the person before you is the holder",
            "Your browser",
        ),
    }[display[:2]]
    assert word in text
    for part in (*said, f"{BASE_URL}/v/{world.token(name)}", world.records[name].name):
        assert part.replace(" ", "") in text, part
    # The way about the site is of no use on paper.
    for gone in ("跳到正文", "高对比度", "Highcontrast", "验证文件", "Checkafile", "专家视图："):
        assert gone not in text
    # What the QR code says stays in the browser, on paper too.
    assert digits(name)[:20] not in text


def test_a_device_that_asks_for_contrast_gets_it_without_the_switch(shown: Any, world: Any) -> None:
    colour = "() => getComputedStyle(document.body).color"
    seat = shown("zh")
    seat.open(f"/v/{world.token('valid')}")
    usual = seat.page.evaluate(colour)
    seat.page.emulate_media(contrast="more")
    asked = seat.page.evaluate(colour)
    seat = shown("zh.contrast")
    seat.page.emulate_media(contrast="no-preference")
    seat.page.goto(f"{BASE_URL}/lookup")
    assert usual != asked == seat.page.evaluate(colour) == "rgb(0, 0, 0)"


def test_in_the_visitors_own_colours_no_state_is_told_by_colour_alone(
    shown: Any, world: Any
) -> None:
    edge = "(one) => getComputedStyle(one).borderTopWidth"
    seat = shown("zh")
    seat.page.emulate_media(forced_colors="active")
    seat.open(f"/v/{world.token('revoked')}")
    assert seat.page.locator("#verdict").evaluate(edge) == "2px"
    for answer in seat.page.locator(".answer").all():
        assert answer.evaluate(edge) == "2px"
        assert answer.inner_text().strip()
        assert answer.locator("svg").count() == 1
