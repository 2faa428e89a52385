"""Files made under a frozen log, brought to the public site of its successor."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from verify_web.app import create_app
from verify_web.config import SiteConfig


@pytest.fixture
def papers(stock: Any) -> dict[str, bytes]:
    """Give a certificate's PDF and proof of the frozen log; the site follows the successor."""
    number = stock.certificates()[3].number
    files = {kind: stock.folder / f"old.{kind}" for kind in ("pdf", "tlog-proof")}
    assert stock("pdf", number, "-o", str(files["pdf"])).status == 0
    assert stock("prove", number, "-o", str(files["tlog-proof"])).status == 0
    assert stock("log", "freeze", "--reason", "split", "--yes").status == 0
    assert stock("log", "succeed").status == 0
    return {kind: file.read_bytes() for kind, file in files.items()}


def site(stock: Any) -> FlaskClient:
    public = Path(stock.home) / "public"
    pepper = (Path(stock.home) / "site" / "pepper").read_bytes()
    config = SiteConfig(public_dir=public, pepper=pepper, base_url="http://127.0.0.1:8000")
    return create_app(config).test_client()


def send(client: FlaskClient, data: bytes) -> TestResponse:
    head = '--x\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n\r\n'
    body = head.encode() + data + b"\r\n--x--\r\n"
    return client.post("/verify", data=body, content_type="multipart/form-data; boundary=x")


def word_of(answer: TestResponse) -> str:
    found = re.search(r'<h1 id="state">([^<]+)</h1>', answer.text)
    assert found is not None, answer.text
    return found[1]


def test_a_genuine_file_of_a_frozen_log_is_answered_by_the_register(
    stock: Any, papers: dict[str, bytes]
) -> None:
    # A PDF that was let out here is known unopened; a proof is read, and told to be outdated.
    told = {"pdf": "未经打开即可确认", "tlog-proof": "文件所附的证明出自已停用的公开日志"}
    for kind, data in papers.items():
        answer = send(site(stock), data)
        assert word_of(answer) == "有效"
        assert told[kind] in answer.text
    # What was done under the successor counts.
    number = stock.certificates()[3].number
    assert stock("revoke", number, "--reason", "fraud").status == 0
    assert stock("anchor").status == 0
    for data in papers.values():
        assert word_of(send(site(stock), data)) == "已撤销"


def test_without_the_register_a_file_of_a_frozen_log_is_unsure_never_false(
    stock: Any, papers: dict[str, bytes]
) -> None:
    (Path(stock.home) / "public" / "mirror.db").unlink()
    for data in papers.values():
        answer = send(site(stock), data)
        assert word_of(answer) == "暂无法确认"
        assert "请在官方网址重新获取证明" in answer.text


def test_a_forged_file_of_a_frozen_log_stays_false(stock: Any, papers: dict[str, bytes]) -> None:
    # The company's seal, the checkpoint's signature: one is the file's own, the other the log's.
    assert word_of(send(site(stock), papers["pdf"] + b"\n%more")) == "非原始文件"
    proof = papers["tlog-proof"].replace(b"127.0.0.1:8000/log\n", b"127.0.0.1:8000/log2\n")
    assert word_of(send(site(stock), proof)) == "无效"
