"""The holder's walk in a real Chromium: facts, code, chain, annotated copy, link, request."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.serving import make_server

from registry.store.base import read_unit
from registry.store.holders import ChangeRequest

CHROMIUM = shutil.which("chromium")
PAPER = (
    b"%PDF-1.7\n1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj\n"
    b"2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj\n"
    b"3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>> endobj\n"
    b"trailer <</Root 1 0 R>>\n%%EOF\n"
)


@pytest.fixture
def address(holders: Any) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, holders.client.application, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_holder_walks_from_two_facts_to_a_request(
    holders: Any, stock: Any, address: str, driver: Any, tmp_path: Path
) -> None:
    number = holders.numbers[0]
    with holders.working():
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(locale="zh-CN", accept_downloads=True).new_page()
        errors: list[str] = []
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.goto(f"{address}/holder")
        page.fill("#number", number)
        page.fill("#name", holders.names[number])
        page.click("text=获取验证码 >> nth=-1")
        page.wait_for_selector("#code")
        while not holders.letters.sent:
            time.sleep(0.01)
        page.fill("#code", holders.letters.code())
        page.click("main button")
        page.wait_for_selector(".chain .now")
        assert "已等待" in page.inner_text(".chain .now")
        page.click("main a.button")
        page.fill("#purpose", "入职")
        page.fill("#recipient", "示例用人单位")
        with page.expect_download() as download:
            page.click("text=下载加注副本")
        copy = tmp_path / "copy.pdf"
        download.value.save_as(copy)
        page.fill("#share-recipient", "示例用人单位")
        page.click("text=生成链接")
        path = page.inner_text(".link").strip().partition("/s/")[2]
        other = browser.new_context(locale="zh-CN").new_page()
        other.goto(f"{address}/s/{path}")
        assert other.inner_text("h1") == "有效"
        assert holders.names[number] in other.inner_text("main")
        page.select_option("#kind", "correction")
        page.select_option("#field", "direction")
        page.fill("#wanted", "数控车工")
        page.fill("#reason", "岗位名称登记有误")
        # The copy itself would be refused: it has its record and its proof inside.
        paper = {"name": "x.pdf", "mimeType": "application/pdf", "buffer": PAPER}
        page.set_input_files("#document", paper)
        page.click("text=提交申请")
        page.wait_for_selector("text=R-000001")
        browser.close()
    assert errors == []
    verified = stock.verify(copy)
    assert verified.status == 0
    assert "示例用人单位" in verified.out
    with read_unit(holders.bench.engine) as session:
        (kept,) = session.scalars(select(ChangeRequest)).all()
    assert (kept.number, kept.state, kept.document_kind) == (number, "received", "pdf")
