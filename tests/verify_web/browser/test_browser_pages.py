"""The result page after the browser's checks: for everybody, at every width, by key alone.

WCAG 2.2 AA by axe; reflow (1.4.10), resized text (1.4.4), keyboard (2.1.1). No request leaves the
origin: `Seat` refuses any other. What the content security policy refuses is an error of the page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from signing.qr import qr_url

pytestmark = pytest.mark.browser

BASE_URL = "http://127.0.0.1:8155"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OUTSIDE = """() => {
  const room = document.documentElement.clientWidth;
  const wide = document.documentElement.scrollWidth > room + 1 ? ["page"] : [];
  const all = [...document.querySelectorAll("main *:not(.skip, [hidden] *)")];
  return [...wide, ...all.filter((one) => one.getBoundingClientRect().right > room + 1)
    .map((one) => one.outerHTML.slice(0, 120))];
}"""
LETTERS = """(percent) => { document.documentElement.style.fontSize = percent + "%"; }"""
OPEN = "() => document.querySelectorAll('details').forEach((one) => { one.open = true; })"


@pytest.fixture
def views(world: Any, digits: Any) -> dict[str, Callable[[Any], None]]:
    """Each state of the page by the way to it."""

    def page(name: str, paper: str | None) -> Callable[[Any], None]:
        fragment = f"#{digits(paper)}" if paper else ""
        return lambda seat: seat.open(f"/v/{world.token(name)}{fragment}")

    def offline(base: str, name: str) -> Callable[[Any], None]:
        symbol = qr_url(base, world.token(name), digits(name))

        def go(seat: Any) -> None:
            seat.page.goto("about:blank")
            seat.page.goto(f"{BASE_URL}/offline")
            seat.page.wait_for_selector("html[data-checked]", state="attached")
            seat.page.fill("#address", symbol)
            seat.page.locator("#typed button").click()
            seat.page.wait_for_selector("#result:not([hidden])")

        return go

    return {
        "有效": page("valid", "valid"),
        "有效-link": page("valid", None),
        "已撤销": page("revoked", "revoked"),
        "已更正": page("old", "old"),
        "已暂停": page("suspended", "suspended"),
        "无效": page("valid", "second"),
        "暂无法确认": offline(BASE_URL, "valid"),
        "网址不符": offline("http://127.0.0.1.example", "valid"),
        "未找到": lambda seat: seat.open("/v/zzzzzzzzzzzzzzzz"),
    }


NAMES = (
    *("有效", "有效-link", "已撤销", "已更正", "已暂停"),
    *("无效", "暂无法确认", "网址不符", "未找到"),
)


@pytest.mark.parametrize("name", NAMES)
def test_the_page_is_for_everybody(
    *, sit: Any, views: Any, needs: Any, shots: Any, name: str
) -> None:
    needs(module="axe_playwright_python", package="requirements-dev.txt")
    from axe_playwright_python.sync_playwright import Axe

    seat = sit(viewport={"width": 1280, "height": 900})
    views[name](seat)
    assert seat.word == name.partition("-")[0]
    assert seat.page.locator("h1").count() == 1
    seat.page.evaluate(OPEN)
    result = Axe().run(seat.page, options={"runOnly": {"type": "tag", "values": RULES}})
    faults = [(one["id"], one["nodes"][0]["html"][:160]) for one in result.response["violations"]]
    assert faults == []
    assert len(result.response["passes"]) > 15
    for width, percent in ((1280, 200), (390, 100), (390, 200), (320, 100)):
        seat.page.set_viewport_size({"width": width, "height": 900})
        seat.page.evaluate(LETTERS, 112.5 * percent / 100)
        if shots is not None:
            seat.page.screenshot(path=shots / f"{name}-{width}-{percent}.png", full_page=True)
        assert seat.page.evaluate(OUTSIDE) == []
    seat.page.set_viewport_size({"width": 1280, "height": 900})
    seat.page.evaluate("() => { document.documentElement.style.fontSize = ''; }")
    if shots is not None:
        seat.page.screenshot(path=shots / f"{name}-1280-100.png", full_page=True)


def test_everything_is_reached_and_opened_by_key(sit: Any, views: Any) -> None:
    seat = sit(viewport={"width": 1280, "height": 900})
    views["有效"](seat)
    reached = []
    for _ in range(30):
        seat.page.keyboard.press("Tab")
        reached.append(
            seat.page.evaluate("""() => {
              const one = document.activeElement, style = getComputedStyle(one);
              if (one === document.body) return "end";
              if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2)
                return "unseen " + one.outerHTML;
              if (one.tagName === "SUMMARY" && !one.parentElement.open) one.dataset.next = "yes";
              return one.id || one.getAttribute("href") || one.tagName;
            }""")
        )
        if reached[-1] == "SUMMARY":
            seat.page.keyboard.press("Enter")
        if reached[-1] == "end":
            break
    assert [each for each in reached if each.startswith("unseen")] == []
    assert reached.count("SUMMARY") == 2
    assert any(each.endswith(".tlog-proof") for each in reached)
    assert any(each.startswith("blob:") for each in reached)
    assert seat.page.locator("details:not([open])").count() == 0


def test_printed_the_page_still_says_who_checked(sit: Any, views: Any) -> None:
    seat = sit(viewport={"width": 1280, "height": 900})
    views["有效"](seat)
    seat.page.emulate_media(media="print")
    try:
        assert seat.page.locator("#by").is_visible()
        assert seat.page.locator("#checked").is_visible()
        assert seat.page.locator(".masthead nav").is_visible() is False
    finally:
        seat.page.emulate_media(media="screen")
