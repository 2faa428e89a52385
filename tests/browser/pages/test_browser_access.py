"""Every page at a phone's and a desk's width, with letters twice as large, and by key alone.

GB/T 37668 and WCAG 2.2 AA: reflow (1.4.10), resized text (1.4.4), keyboard (2.1.1), order and
visibility of focus (2.4.3, 2.4.7).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

pytestmark = pytest.mark.browser

OVERFLOWING = """() => {
  const room = document.documentElement.clientWidth, found = [];
  if (document.documentElement.scrollWidth > room)
    found.push(`page ${document.documentElement.scrollWidth} > ${room}`);
  for (const element of document.body.querySelectorAll("*:not(.skip, .skip *)")) {
    const box = element.getBoundingClientRect();
    const name = element.tagName + "." + element.getAttribute("class");
    if (box.width && (box.right > room + 1 || box.left < -1)) found.push(name + " sticks out");
    const clips = getComputedStyle(element).overflowX !== "visible";
    if (clips && element.scrollWidth > element.clientWidth + 1) found.push(name + " is cut off");
  }
  return found;
}"""
ENLARGED = """percent => {
  const style = document.documentElement.style;
  style.fontSize = "";
  const size = parseFloat(getComputedStyle(document.documentElement).fontSize);
  style.fontSize = size * percent / 100 + "px";
}"""
FOCUS = """() => {
  const element = document.activeElement, style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  return {
    name: element.id || element.getAttribute("href") || element.textContent.trim(),
    seen: ring && box.right > 0 && box.bottom > 0 && box.top < innerHeight,
  };
}"""
LETTERS = (("", 100), ("-large", 200))
UNKNOWN = "/v/" + "a" * 16


def _look_up(**facts: str) -> Callable[[Any, Any], None]:
    return lambda visitor, office: visitor.look_up(
        **{field: source.format(office=office) for field, source in facts.items()}
    )


def _open(path: str) -> Callable[[Any, Any], None]:
    return lambda visitor, office: visitor.open(path.format(office=office))


PAGES: dict[str, Callable[[Any, Any], None]] = {
    "home": _open("/"),
    "certificate-valid": _open("{office.valid.path}"),
    "certificate-corrected": _open("{office.old_edition.path}"),
    "certificate-revoked": _open("{office.revoked.path}"),
    "certificate-unknown": _open(UNKNOWN),
    "lookup": _open("/lookup"),
    "lookup-fault": _look_up(number="Y"),
    "lookup-found": _look_up(
        name="{office.old_edition.person.name}", number="{office.old_edition.number}"
    ),
    "lookup-unnamed": _look_up(
        id_number="{office.valid.person.id_number}", number="{office.valid.number}"
    ),
    "lookup-none": _look_up(name="某人", number="Y00004499900"),
    "lookup-elsewhere": _look_up(name="某人", number="Y000023999001263000001"),
    "lookup-old": _look_up(name="某人", number="1544000000300001"),
    "verify": _open("/verify"),
    "verify-fault": lambda visitor, office: visitor.submit_file("x.txt", b"x"),
    "verify-valid": lambda visitor, office: visitor.submit_file("x.pdf", office.valid.pdf),
    "verify-tampered": lambda visitor, office: visitor.submit_file("x.pdf", office.tampered),
    "verify-added-to": lambda visitor, office: visitor.submit_file(
        "x.pdf", office.valid.pdf + b"\n%more\n"
    ),
    "verify-copy": lambda visitor, office: visitor.submit_file("x.pdf", office.copy),
    "verify-copy-of-another": lambda visitor, office: visitor.submit_file(
        "x.pdf", office.copy, recipient="深圳市示例精密制造有限公司"
    ),
    "log": _open("/log"),
    "offline": _open("/offline"),
    "no-page": _open("/nothing/here"),
    "without-mirror": _open("{office.valid.path}"),
    "without-status": _open("{office.valid.path}"),
}
MISSING = {"without-mirror": "mirror.db", "without-status": "status/latest.json"}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_its_window(
    office: Any, visit: Callable[..., Any], shoot: Callable[[Any, str], None], name: str
) -> None:
    visitor = visit(width=390)
    with office.without(MISSING[name]) if name in MISSING else nullcontext():
        PAGES[name](visitor, office)
    assert visitor.page.locator("h1").count() == 1
    for details in visitor.page.locator("summary").all():
        details.click()
    for width, sizes in ((320, LETTERS[:1]), (390, LETTERS), (1280, LETTERS)):
        visitor.resize(width)
        for letters, percent in sizes:
            visitor.page.evaluate(ENLARGED, percent)
            shoot(visitor, f"{name}-{width}{letters}")
            assert visitor.page.evaluate(OVERFLOWING) == []


def walk(visitor: Any, steps: int) -> list[str]:
    """Press Tab; give the names of what has the focus. Each must be seen to have it."""
    names = []
    for _ in range(steps):
        visitor.page.keyboard.press("Tab")
        focus = visitor.page.evaluate(FOCUS)
        assert focus["seen"], focus
        names.append(focus["name"])
    return names


SWITCHES = ["?display=en", "?display=large", "?display=contrast"]
HEAD = ["#main", "/", *SWITCHES, "/lookup", "/verify", "/bulk", "/holder", "/directory", "/log"]


def test_tab_goes_through_the_lookup_in_reading_order(visit: Callable[..., Any]) -> None:
    for width in (1280, 390):
        visitor = visit(width=width)
        visitor.open("/lookup")
        order = walk(visitor, len(HEAD) + 5)
        assert order[:-1] == [*HEAD, "number", "name", "id-number", "admission"]
        assert order[-1].startswith("查询")


def test_tab_goes_through_the_upload_and_the_home_page(visit: Callable[..., Any]) -> None:
    visitor = visit()
    visitor.open("/verify")
    order = walk(visitor, len(HEAD) + 3)
    assert order[:-1] == [*HEAD, "file", "recipient"]
    assert order[-1].startswith("开始验证")
    visitor.open("/")
    assert walk(visitor, len(HEAD) + 4) == [*HEAD, "/offline", "/lookup", "/verify", "/log"]


def test_the_first_key_skips_to_the_content(office: Any, visit: Callable[..., Any]) -> None:
    visitor = visit()
    visitor.open(office.old_edition.path)
    walk(visitor, 1)
    with visitor.page.expect_navigation():
        visitor.page.keyboard.press("Enter")
    assert visitor.page.evaluate("document.activeElement.id") == "main"
    # The one thing to do on this page comes next, before anything else.
    assert walk(visitor, 1) == [office.new_edition.path]
    with visitor.page.expect_navigation():
        visitor.page.keyboard.press("Enter")
    assert visitor.word == "有效"


def test_the_number_is_explained_by_key(office: Any, visit: Callable[..., Any]) -> None:
    visitor = visit()
    visitor.open(office.valid.path)
    walk(visitor, len(HEAD) + 1)
    meaning = visitor.page.get_by_role("cell", name="用人单位")
    assert not meaning.is_visible()
    visitor.page.keyboard.press("Enter")
    assert meaning.is_visible()


def test_a_fault_leads_to_its_field_by_key(visit: Callable[..., Any]) -> None:
    visitor = visit()
    visitor.look_up(number="Y")
    assert walk(visitor, len(HEAD) + 1) == [*HEAD, "#number"]
    with visitor.page.expect_navigation():
        visitor.page.keyboard.press("Enter")
    visitor.page.keyboard.insert_text("x")
    assert visitor.page.input_value("#number") == "x"
