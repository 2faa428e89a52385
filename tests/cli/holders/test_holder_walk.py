"""The holder's page over a real home: site, exchange, worker and print gate."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from registry.cli.holder_work import work_one
from registry.office.holders_certificates import certificates_of
from registry.office.reasons import Reason
from registry.office.revising import revoke
from registry.store.audit import AuditLine
from registry.store.base import read_unit, write_unit
from registry.store.certificates import Certificate
from registry.store.holders import ChangeRequest, HolderCode
from verify_web.holder import desk as waiting

SOON = (datetime.now(UTC) + timedelta(days=20)).date().isoformat()

PAPER = (
    b"%PDF-1.7\n1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj\n"
    b"2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj\n"
    b"3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>> endobj\n"
    b"trailer <</Root 1 0 R>>\n%%EOF\n"
)


def test_from_two_facts_to_an_annotated_copy_a_link_and_a_request(
    holders: Any, stock: Any, tmp_path: Path
) -> None:
    number = holders.numbers[0]
    with holders.working():
        holders.sign_in(number)
        home = holders.client.get("/holder").get_data(as_text=True)
        assert number in home
        assert home.count("尚无记录</span>") == 3
        assert "由市职业技能鉴定指导办公室办理" in home
        assert "技能提升补贴须在" in home
        copy = holders.post(
            "/holder/1/copy", number=number, purpose="入职", recipient="示例用人单位", until=SOON
        )
        assert copy.mimetype == "application/pdf"
        file = tmp_path / "copy.pdf"
        file.write_bytes(copy.data)
        verified = stock.verify(file, "--json")
        assert verified.facts["verdict"] == "valid"
        assert "示例用人单位" in verified.out
        original = holders.post("/holder/1/original", number=number)
        assert original.data.startswith(b"%PDF-")
        made = holders.post(
            "/holder/1/share", number=number, **{"share-recipient": "示例单位", "days": "7"}
        )
        assert made.status_code == 303
        page = holders.client.get("/holder/1").get_data(as_text=True)
        (link,) = re.findall("/s/[0-9a-f]{32}", page)
        shown = holders.client.get(link)
        assert shown.status_code == 200
        text = shown.get_data(as_text=True)
        assert holders.names[number] in text
        assert holders.ids[number][-4:] not in text.replace(number, "")
        assert "/v/" not in text
        viewed = holders.client.get("/holder/1").get_data(as_text=True)
        assert "127.0.0.0/24" in viewed
        (share,) = re.findall("/holder/shares/([0-9]+)/end", viewed)
        assert holders.post(f"/holder/shares/{share}/end").status_code == 303
        assert holders.client.get(link).status_code == 404
        request = holders.post(
            "/holder/1/request",
            number=number,
            kind="correction",
            field="direction",
            wanted="数控车工",
            reason="岗位名称登记有误",
            document=(io.BytesIO(PAPER), "x.pdf"),
        )
        assert request.status_code == 303
        assert "待审核" in holders.client.get("/holder/1").get_data(as_text=True)
        assert holders.post("/holder/leave").status_code == 303
        assert "获取验证码" in holders.client.get("/holder").get_data(as_text=True)
    assert holders.count(ChangeRequest) == 1
    with read_unit(holders.bench.engine) as session:
        lines = session.scalars(select(AuditLine).where(AuditLine.actor == "holder")).all()
        assert {line.action for line in lines} >= {
            "holder-begin", "holder-enter", "holder-look", "holder-copy", "holder-share",
            "share-view", "holder-unshare", "request-correction", "holder-leave",
        }  # fmt: skip


def test_who_does_not_exist_gets_the_same_page_and_the_same_rows(holders: Any) -> None:
    known, reachable = holders.numbers[5], holders.numbers[0]
    pages = []
    with holders.working():
        for number, name in ((reachable, None), (known, None), (known, "示例无此人")):
            answer = holders.begin(number, name)
            text = answer.get_data(as_text=True)
            pages.append((answer.status_code, text.replace(holders.handle(text), "")))
    assert len(set(pages)) == 1
    assert holders.count(HolderCode) == 3
    assert len(holders.letters.sent) == 1


def test_a_slow_worker_gives_a_page_that_comes_back(
    holders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "WAIT_SECONDS", 0.05)
    answer = holders.begin(holders.numbers[0])
    assert "正在办理" in answer.get_data(as_text=True)
    assert answer.headers["Refresh"] == "2; url=/holder/wait"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "正在办理" in holders.client.get("/holder/wait").get_data(as_text=True)
    assert work_one(holders.bench)
    assert "输入验证码" in holders.client.get("/holder/wait").get_data(as_text=True)
    # Had once: whoever comes again begins anew.
    assert holders.client.get("/holder/wait").status_code == 303


def test_the_answer_about_a_code_never_comes_early(
    holders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if seconds > waiting.STEP_SECONDS:
            return
        work_one(holders.bench)

    monkeypatch.setattr(waiting.time, "sleep", sleep)
    for number, name in ((holders.numbers[0], None), (holders.numbers[5], "示例无此人")):
        slept.clear()
        assert holders.begin(number, name).status_code == 200
        assert slept[-1] > waiting.STEP_SECONDS


def test_a_revoked_certificate_is_still_seen_and_not_to_be_had(holders: Any) -> None:
    number = holders.numbers[0]
    with write_unit(holders.bench.engine) as session:
        revoke(session, number, Reason.FRAUD, context=holders.bench.context)
        tag = session.scalar(select(Certificate.id_tag).where(Certificate.number == number))
    with read_unit(holders.bench.engine) as session:
        assert [row.number for row in certificates_of(session, tag or b"")] == [number]
    with holders.working():
        holders.sign_in(number)
        page = holders.client.get("/holder/1").get_data(as_text=True)
        assert "已撤销" in page
        assert "下载证书" not in page
        answer = holders.post("/holder/1/original", number=number)
        assert answer.status_code == 422
