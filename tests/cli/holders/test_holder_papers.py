"""A holder's paper is looked into where it is taken in; what is refused is said in words."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pikepdf
import pytest
from sqlalchemy import select

from registry.cli.holder_work import work_one
from registry.store.audit import AuditLine
from registry.store.base import read_unit
from registry.store.holders import ChangeRequest
from signing.holder_messages import Done, Refusal, Request


def pdf(**root: Any) -> bytes:
    document, out = pikepdf.new(), io.BytesIO()
    document.add_blank_page()
    for name, value in root.items():
        document.Root[f"/{name}"] = document.make_indirect(value)
    document.save(out, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return out.getvalue()


CLEAN = pdf()
SCRIPT = pdf(OpenAction=pikepdf.Dictionary(S=pikepdf.Name("/JavaScript"), JS="x"))


def wish(session: str, number: str, document: bytes, **given: str) -> Request:
    facts = {"kind": "reissue", "field": "", "wanted": "", "reason": "遗失"} | given
    return Request(session=session, number=number, document=document, **facts)


def test_a_refused_paper_is_told_in_words_and_a_good_one_is_taken(holders: Any) -> None:
    number = holders.numbers[0]
    fields = {"number": number, "kind": "reissue", "reason": "证书遗失"}
    with holders.working():
        holders.sign_in(number)
        refused = holders.post(
            "/holder/1/request", **fields, document=(io.BytesIO(SCRIPT), "x.pdf")
        )
        assert refused.status_code == 422
        page = refused.get_data(as_text=True)
        assert "或者含有脚本、程序、内嵌文件，申请未提交" in page
        assert "重新打印或者扫描为 PDF" in page
        assert holders.count(ChangeRequest) == 0
        taken = holders.post("/holder/1/request", **fields, document=(io.BytesIO(CLEAN), "x.pdf"))
        assert taken.status_code == 303
    assert holders.count(ChangeRequest) == 1
    with read_unit(holders.bench.engine) as session:
        assert session.get_one(ChangeRequest, 1).document_kind == "pdf"
    left = [file for file in (holders.home.path / "documents").rglob("*") if file.is_file()]
    assert left == []


def test_nothing_of_a_refused_paper_stays_but_one_line_that_names_nobody(holders: Any) -> None:
    number = holders.numbers[0]
    session = holders.session(number)
    lines = holders.count(AuditLine)
    answer = holders.ask(wish(session, number, SCRIPT))
    assert answer == Refusal(code="paper-refused")
    assert holders.count(AuditLine) == lines + 1
    assert holders.count(ChangeRequest) == 0
    with read_unit(holders.bench.engine) as reading:
        line = reading.scalars(select(AuditLine).order_by(AuditLine.line_id.desc())).first()
        assert line is not None
        assert (line.actor, line.action, line.subject, line.detail, line.source, line.result) == (
            "holder", "request-paper", number, "paper-refused", "", "refused",
        )  # fmt: skip


def test_no_paper_is_looked_into_for_a_request_that_may_not_be_made(holders: Any) -> None:
    number, other = holders.numbers[0], holders.numbers[5]
    session = holders.session(number)
    seen: list[bytes] = []
    real = holders.bench.examine

    def examine(data: bytes) -> Any:
        seen.append(data)
        return real(data)

    holders.bench = replace(holders.bench, examine=examine)
    for ask in (
        wish("f" * 32, number, SCRIPT),
        wish(session, other, SCRIPT),
        wish(session, number, SCRIPT, kind="withdrawal"),
        wish(session, number, b"MZ"),
    ):
        assert isinstance(holders.ask(ask), Refusal)
    assert seen == []
    assert isinstance(holders.ask(wish(session, number, b"")), Done)
    for _ in range(4):
        assert isinstance(holders.ask(wish(session, number, CLEAN)), Done)
    assert holders.ask(wish(session, number, SCRIPT)) == Refusal(code="request-refused")
    assert seen == [b"", *[CLEAN] * 4]


def test_an_ask_that_was_answered_is_not_looked_into_again(
    holders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill between the answer's commit and the exchange: the next worker finds the answer."""
    number = holders.numbers[0]
    session, exchange = holders.session(number), holders.bench.exchange
    ask_id = exchange.ask(wish(session, number, CLEAN), now=holders.clock.now().timestamp())

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(type(exchange), "answer", killed)
        with pytest.raises(KeyboardInterrupt):
            work_one(holders.bench)
    looked: list[bytes] = []
    bench = replace(holders.bench, examine=lambda data: looked.append(data) or data)
    holders.clock.ahead += holders.clock.ahead.__class__(minutes=5)
    while work_one(bench):
        pass
    assert isinstance(exchange.collect(ask_id), Done)
    assert looked == []
    assert holders.count(ChangeRequest) == 1
