"""The bulk check in a real Chromium against a real server, scripts off: from key to receipt.

At 1280 and 390 px nothing runs off the page, and axe finds nothing at AA on any of its pages.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from signing.certverify import main
from signing.tlog.entry import State
from verify_web.bulk.watching import compare

pytestmark = pytest.mark.browser

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def address(bulk: Any) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, bulk.client().application, threaded=False)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def browser(driver: Any) -> Iterator[Any]:
    chromium = driver.chromium.launch(
        executable_path=shutil.which("chromium"), args=["--no-sandbox"]
    )
    yield chromium
    chromium.close()


def look_at(page: Any, name: str, shots: str | None) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(WIDE) <= 1, (name, width)
        if shots:
            page.screenshot(path=f"{shots}/bulk-{name}-{width}.png", full_page=True)
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


def look_after_notices(bulk: Any, page: Any, seen: Any) -> None:
    """Have a notice given up, then see it, send it again and end it; `page` is the account's."""
    bulk.world.change_state("valid", State.REVOKED)
    bulk.world.write_log(status_time=bulk.clock.moment)
    compare(bulk.desk, bulk.bench.site.public.snapshot())
    with bulk.desk.state.transaction() as connection:
        connection.execute("UPDATE events SET dead = 1, fault = 'redirect'")
    page.reload()
    seen("home")
    page.click("form[action$='/resend'] button")
    page.wait_for_selector("form[action$='/unwatch']")
    assert page.locator("form[action$='/resend']").count() == 0
    page.click("form[action$='/unwatch'] button")
    page.wait_for_selector("#earlier")
    assert page.locator("#watches").count() == 0


def test_the_ways_in_and_the_form_in_english(
    bulk: Any, address: str, browser: Any, shots: str | None
) -> None:
    """The longest words stand there; `make soak` goes the whole way in English too."""
    _, key = bulk.organisation()
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(f"{address}/bulk")
    assert page.locator("html").get_attribute("lang") == "en"
    look_at(page, "doors-en-GB", shots)
    page.fill("#key", key)
    page.click("form:has(#key) button")
    page.wait_for_selector("#table")
    page.click("form:has(#table) button")
    page.wait_for_selector(".summary")
    look_at(page, "wrong-en-GB", shots)
    context.close()


@pytest.mark.parametrize("language", ["zh-CN", pytest.param("en-GB", marks=pytest.mark.soak)])
def test_an_employers_way_from_key_to_receipt(
    *,
    bulk: Any,
    sheet_of: Any,
    address: str,
    browser: Any,
    tmp_path: Path,
    shots: str | None,
    language: str,
) -> None:
    records = bulk.world.records
    rows = [(one.number, one.name, "") for one in records.values()]
    table = tmp_path / "table.xlsx"
    table.write_bytes(
        sheet_of(("证书编号", "姓名", "证件号码后六位"), *rows, (rows[0][0], "示例不符", ""))
    )
    faulty = tmp_path / "faulty.xlsx"
    faulty.write_bytes(sheet_of(("证书编号", "姓名"), ("", "示例"), (rows[0][0], "")))
    _, key = bulk.organisation()
    context = browser.new_context(locale=language)
    page = context.new_page()

    def seen(name: str) -> None:
        look_at(page, f"{name}-{language}", shots)

    page.goto(f"{address}/bulk")
    seen("doors")
    page.fill("#key", key)
    page.click("form:has(#key) button")
    page.wait_for_selector("#table")
    page.click("form:has(#table) button")
    page.wait_for_selector(".summary")
    seen("wrong")
    for file in (faulty, table):
        page.goto(f"{address}/bulk")
        page.set_input_files("#table", str(file))
        page.fill("#asker", "示例用人单位有限公司")
        page.select_option("#purpose", "hiring")
        page.check("#consent")
        page.fill("#webhook", "https://hr.example.com/hooks/certificates?token=0123456789abcdef")
        seen("form")
        page.click("form:has(#table) button")
        page.wait_for_selector("#webhook-secret, .summary")
        seen(f"after-{file.stem}")
    secret = page.locator("#webhook-secret").inner_text()
    assert secret.startswith("whs_")
    page.click(".ways-out a")
    page.wait_for_selector("progress")
    seen("waiting")
    bulk.work()
    # The page renews itself.
    page.wait_for_selector(".tally", timeout=15_000)
    seen("done")
    saved = {}
    for name in ("result.xlsx", "receipt.json"):
        with page.expect_download() as download:
            page.click(f"a[href$='{name}']")
        saved[name] = tmp_path / name
        download.value.save_as(saved[name])
    argv = [str(saved["receipt.json"]), "--table", str(saved["result.xlsx"])]
    assert main([*argv, "--trust", str(bulk.trust)], clock=bulk.clock) == 0
    page.goto(f"{address}/bulk")
    assert secret not in page.content()
    look_after_notices(bulk, page, seen)
    context.close()
