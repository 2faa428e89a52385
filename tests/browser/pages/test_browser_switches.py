"""The switches at the top of each page, against the real server: back to the page, nothing lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zxingcpp

pytestmark = pytest.mark.browser


@pytest.fixture
def chooser(visit: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Give a function that takes a window; what was chosen in it is forgotten afterwards."""
    taken = []

    def take(**options: Any) -> Any:
        taken.append(visit(**options))
        return taken[-1]

    yield take
    for visitor in taken:
        visitor.page.context.clear_cookies()


@pytest.mark.parametrize("scripts", [True, False])
def test_the_language_changes_and_the_papers_digits_are_not_lost(
    office: Any, chooser: Callable[..., Any], *, scripts: bool
) -> None:
    visitor = chooser(scripts=scripts)
    code = zxingcpp.read_barcodes(office.valid.picture(150))[0].text
    visitor.open(code)
    if scripts:
        visitor.page.wait_for_selector("html[data-checked]", state="attached")
    visitor.follow_link("English")
    assert visitor.text("#state") == "Valid"
    assert visitor.page.title() == "Valid · Verification of skill level certificates"
    if scripts:
        visitor.page.wait_for_selector("html[data-checked]", state="attached")
        assert visitor.page.url == code
        assert "Your browser has checked all of this for itself" in visitor.text("#by")
    else:
        # Nothing reads the digits here, and the way back has them.
        assert visitor.page.url == code.partition("#")[0]
        assert "Scripts are off" in visitor.text("#by")
    visitor.follow_link("中文")
    assert visitor.text("#state") == "有效"


def test_a_choice_holds_on_every_page_and_can_be_taken_back(
    office: Any, chooser: Callable[..., Any]
) -> None:
    visitor = chooser(scripts=False)
    visitor.open("/lookup")
    for link in ("大字", "高对比度", "English"):
        visitor.follow_link(link)
        assert visitor.page.url == office.base_url + "/lookup"
    for path in ("/", "/lookup", office.revoked.path, "/nothing/here"):
        visitor.open(path)
        page = visitor.page.locator("html")
        assert page.get_attribute("class") == "large contrast"
        assert page.get_attribute("lang") == "en"
    for link in ("Normal type", "Normal colours", "中文"):
        visitor.follow_link(link)
    assert visitor.page.locator("html").get_attribute("class") is None
    # One cookie of the site's own, which no script reads and which names nobody.
    (cookie,) = visitor.page.context.cookies()
    assert (cookie["name"], cookie["value"], cookie["httpOnly"]) == ("display", "zh", True)


def test_what_was_found_by_a_form_is_in_the_language_chosen(
    office: Any, chooser: Callable[..., Any]
) -> None:
    visitor = chooser(scripts=False)
    visitor.open("/lookup")
    visitor.follow_link("English")
    visitor.page.fill("#number", office.valid.number)
    visitor.page.fill("#name", office.valid.person.name)
    visitor.follow(visitor.page.locator("button[type=submit]"))
    assert visitor.text("h1") == "1 entry found"
    assert visitor.text(".found .answer") == "Valid"
    assert visitor.facts["Name"] == office.valid.person.name
    # A page that answered a form leads back to the form: what was typed is not kept.
    visitor.follow_link("中文")
    assert visitor.page.url == office.base_url + "/lookup"
    assert visitor.text("h1") == "查询证书"
