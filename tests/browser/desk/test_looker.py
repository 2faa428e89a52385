"""The looking itself: a page with faults is found out, or no page would ever be."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.browser

FAULTY = """<!doctype html><html><head><title></title></head><body><main>
<input name="a"><p style="color:#bbb;background:#fff">太浅的文字 too pale to read</p>
<a href="/a" style="display:inline-block;width:9px;height:9px;overflow:hidden">甲</a><a
href="/b" style="display:inline-block;width:9px;height:9px;overflow:hidden">乙</a>
<div style="width:2000px">宽</div>
</main></body></html>"""


@pytest.mark.parametrize("thorough", [True, False])
def test_faults_of_a_page_are_found(chromium: Any, make_looker: Any, thorough: bool) -> None:
    looker, page = make_looker(thorough=thorough), chromium.new_page()
    page.set_content(FAULTY)
    looker.look(page, "nobody", 200)
    found = "\n".join(looker.found)
    for rule in ("color-contrast", "label", "html-has-lang", "document-title"):
        assert found.count(rule) == (2 if thorough else 1), rule
    for rule in ("target-size", "pixels wider"):
        assert found.count(rule) == 2, rule
    assert "2000" not in found.partition("pixels wider")[0]


def test_a_page_is_looked_at_once(chromium: Any, make_looker: Any) -> None:
    looker, page = make_looker(thorough=False), chromium.new_page()
    page.set_content(FAULTY)
    looker.look(page, "nobody", 200)
    found = list(looker.found)
    looker.look(page, "clerk", 200)
    assert looker.found == found
    looker.look(page, "clerk", 404)
    assert len(looker.found) == 2 * len(found), "a refusal is another page"
