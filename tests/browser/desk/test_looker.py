"""The looking itself: a page with faults is found out, or no page would ever be."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.browser

FAULTY = """<!doctype html><html><head><title></title></head><body><main>
<input name="a"><p style="color:#bbb;background:#fff">太浅的文字 too pale to read</p>
<div style="width:2000px">宽</div>
</main></body></html>"""


def test_faults_of_a_page_are_found(chromium: Any, looker: Any) -> None:
    page = chromium.new_page()
    page.set_content(FAULTY)
    kept, looker.found = looker.found, []
    looker.look(page, "nobody", 200)
    found, looker.found = "\n".join(looker.found), kept
    for rule in ("color-contrast", "label", "html-has-lang", "document-title", "pixels wider"):
        assert rule in found, rule
    assert found.count("color-contrast") == 2
