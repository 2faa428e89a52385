"""The holder's page under attack: floods, made-up secrets, other sites' forms, one ask too odd."""

from __future__ import annotations

import io
import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from keys.errors import KeyNotFound
from registry.cli import holder_work, press
from registry.cli.holder_work import work_one
from registry.documents.errors import GlyphMissing, TextTooLong
from registry.office.holders_copies import MOST_AN_HOUR
from registry.store.audit import AuditLine
from registry.store.base import read_unit, write_unit
from registry.store.holders import HolderCopy, HolderSession, ShareLink
from signing.errors import MalformedExchange, StampFailed
from signing.holder_messages import (
    LARGEST_SHARE,
    Done,
    Draw,
    Enter,
    File,
    Leave,
    Look,
    OpenShare,
    Refusal,
    Request,
    Share,
    Unshare,
    decode_ask,
    encode_message,
)
from verify_web.allowance import Allowance
from verify_web.holder import desk as waiting
from verify_web.limits import TooMany

SOON = (datetime.now(UTC) + timedelta(days=20)).date().isoformat()
FORMS = ("begin", "enter", "leave", "1/original", "1/copy", "1/share", "1/request", "shares/1/end")


def lines(holders: Any) -> int:
    return int(holders.count(AuditLine))


def test_a_link_that_no_column_holds_is_no_page_and_no_ask(holders: Any) -> None:
    holders.client.set_cookie("holder", holders.session(holders.numbers[0]), path="/holder")
    for share in (0, LARGEST_SHARE + 1, 2**63, 2**64):
        assert holders.post(f"/holder/shares/{share}/end").status_code == 404
    assert not work_one(holders.bench)
    with pytest.raises(MalformedExchange):
        decode_ask(encode_message(Unshare(session="0" * 32, share=2**63)))


@pytest.mark.parametrize("fault", [KeyNotFound("x"), StampFailed("x"), OverflowError("张三")])
def test_whatever_goes_wrong_with_one_ask_it_is_answered_and_the_next_goes_on(
    holders: Any, fault: Exception, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    session, exchange = holders.session(holders.numbers[0]), holders.bench.exchange

    def fail(*_arguments: object, **_named: object) -> None:
        raise fault

    monkeypatch.setattr(holder_work, "look", fail)
    ask_id = exchange.ask(Look(session=session), now=holders.clock.now().timestamp())
    with caplog.at_level(logging.ERROR):
        assert work_one(holders.bench)
    assert exchange.collect(ask_id) == Refusal(code="trouble")
    assert "张三" not in caplog.text
    assert caplog.text
    assert holders.ask(Leave(session=session)) == Done()


class Unread(io.BytesIO):
    """A body that fails the test when it is read."""

    def read(self, *_size: Any) -> bytes:
        raise AssertionError

    readline = readinto = read  # type: ignore[assignment]


def test_a_document_of_somebody_who_is_not_signed_in_is_not_even_read(holders: Any) -> None:
    holders.client.set_cookie("holder", "f" * 32, path="/holder")
    with holders.working():
        answer = holders.client.post(
            "/holder/1/request",
            input_stream=Unread(),
            content_length=10_000_000,
            content_type="multipart/form-data; boundary=x",
        )
    assert answer.status_code == 303
    assert "holder=;" in answer.headers["Set-Cookie"]


def test_without_a_worker_no_document_is_put_down(
    holders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "WAIT_SECONDS", 0.05)
    holders.client.set_cookie("holder", holders.session(holders.numbers[0]), path="/holder")
    answer = holders.post(
        "/holder/1/request", document=(io.BytesIO(b"%PDF-" + bytes(100_000)), "x")
    )
    assert answer.status_code == 503
    exchange = holders.bench.exchange
    taken = exchange.take(now=holders.clock.now().timestamp())
    assert isinstance(exchange.read(taken), Look)
    assert exchange.take(now=holders.clock.now().timestamp()) is None


@pytest.mark.parametrize("what", ["original", "copy", "share"])
def test_a_form_without_a_document_takes_no_large_body(holders: Any, what: str) -> None:
    holders.client.set_cookie("holder", "f" * 32, path="/holder")
    answer = holders.post(f"/holder/1/{what}", number=holders.numbers[0], purpose="长" * 9000)
    assert answer.status_code == 413
    assert not work_one(holders.bench)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}, {"Origin": "https://evil.example"}],
)
def test_no_form_is_taken_from_another_site(
    holders: Any, form: str, headers: dict[str, str]
) -> None:
    number = holders.numbers[0]
    holders.client.set_cookie("holder", holders.session(number), path="/holder")
    data = {"number": number, "name": holders.names[number], "handle": "0" * 32, "code": "0"}
    answer = holders.client.post(f"/holder/{form}", data=data, headers=headers)
    assert answer.status_code == 403
    assert not work_one(holders.bench)


def test_browsers_are_to_name_us_where_people_are_signed_in(holders: Any) -> None:
    for path in ("/holder", "/bulk"):
        assert holders.client.get(path).headers["Referrer-Policy"] == "same-origin"
    assert holders.client.get("/lookup").headers["Referrer-Policy"] == "no-referrer"
    assert holders.client.post("/bulk/leave", headers={"Origin": "null"}).status_code == 403


def test_a_code_opens_a_session_only_in_the_browser_that_asked_for_it(holders: Any) -> None:
    number = holders.numbers[0]
    with holders.working():
        page = holders.begin(number).get_data(as_text=True)
        while not holders.letters.sent:
            time.sleep(0.01)
        handle, code = holders.handle(page), holders.letters.code()
        victim = holders.client.application.test_client()
        for cookie in ("", "f" * 32, "张"):
            victim.set_cookie("holder-code", cookie, path="/holder")
            answer = victim.post("/holder/enter", data={"handle": handle, "code": code})
            assert "获取验证码" in answer.text
        assert holders.post("/holder/enter", handle=handle, code=code).status_code == 303
    assert holders.count(HolderSession) == 1


def test_a_link_that_could_not_be_opened_is_not_called_over(
    holders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, number = holders.session(holders.numbers[0]), holders.numbers[0]
    made = holders.ask(Share(session=session, number=number, recipient="示例单位", days=7))

    def fail(*_arguments: object, **_named: object) -> None:
        raise OSError

    with holders.working():
        with monkeypatch.context() as patched:
            patched.setattr(holder_work.holders_shares, "open_share", fail)
            answer = holders.client.get(f"/s/{made.token}")
        assert answer.status_code == 503
        assert "链接无效" not in answer.text
        assert holders.client.get(f"/s/{'0' * 32}").status_code == 404


def test_downloads_of_an_hour_are_limited(holders: Any) -> None:
    number = holders.numbers[0]
    session = holders.session(number)
    with write_unit(holders.bench.engine) as unit:
        tag = unit.scalar(select(HolderSession.id_tag))
        for _ in range(MOST_AN_HOUR):
            unit.add(
                HolderCopy(
                    id_tag=tag, number=number, digest=b"", sealed=b"", made_at=holders.clock.now()
                )
            )
    draw = Draw(session=session, number=number)
    assert holders.ask(draw) == Refusal(code="too-many-copies")
    holders.clock.ahead += timedelta(hours=1)
    assert isinstance(holders.ask(Draw(session=holders.session(number), number=number)), File)


def test_made_up_secrets_leave_no_line_and_wait_for_nobody(holders: Any) -> None:
    before = lines(holders)
    with write_unit(holders.bench.engine):
        # Whoever issues holds the lock.
        assert holders.ask(Leave(session="f" * 32)) == Done()
        assert holders.ask(OpenShare(token="f" * 32, network="")) == Refusal(code="share-over")
        enter = Enter(handle="f" * 32, code="000000", network="")
        assert holders.ask(enter) == Refusal(code="bad-code")
    assert lines(holders) == before


@pytest.mark.parametrize("fault", [GlyphMissing("x"), TextTooLong("x")])
def test_what_cannot_be_printed_is_the_holders_to_mend(
    holders: Any, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_named: object) -> None:
        raise fault

    monkeypatch.setattr(press, "make_copy", fail)
    number = holders.numbers[0]
    draw = Draw(
        session=holders.session(number),
        number=number,
        purpose="入职",
        recipient="示例",
        valid_until=SOON,
    )
    assert holders.ask(draw) == Refusal(code="copy-refused")


def test_anothers_things_are_not_there(holders: Any) -> None:
    mine, other = holders.numbers[:2]
    session, theirs = holders.session(mine), holders.session(other)
    made = holders.ask(Share(session=theirs, number=other, recipient="示例单位", days=7))
    share = holders.ask(Look(session=theirs)).shares[0].share
    for ask in (
        Draw(session=session, number=other),
        Draw(session=session, number=other, purpose="入职", recipient="示例", valid_until=SOON),
        Unshare(session=session, share=share),
        Request(
            session=session, number=other, kind="reissue", field="", wanted="", reason="遗失",
            document=b"",
        ),
    ):  # fmt: skip
        assert holders.ask(ask) == Refusal(code="not-found")
    held = holders.ask(Look(session=session))
    assert other not in str(held)
    assert made.token not in str(held)
    holders.client.set_cookie("holder", session, path="/holder")
    with holders.working():
        assert holders.client.get("/holder/2").status_code == 303
        copy = {"purpose": "入职", "recipient": "示例", "until": SOON}
        answer = holders.post("/holder/1/copy", number=other, **copy)
        assert answer.status_code == 422
        assert other not in answer.text
    with read_unit(holders.bench.engine) as unit:
        assert unit.scalars(select(ShareLink.ended_at)).all() == [None]


def test_who_signs_out_is_forgotten_by_the_browser_whatever_happens(
    holders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> None:
        raise TooMany(60)

    monkeypatch.setattr(Allowance, "ask_registry", refuse)
    holders.client.set_cookie("holder", "f" * 32, path="/holder")
    assert holders.client.get("/holder").status_code == 429
    answer = holders.post("/holder/leave")
    assert answer.status_code == 303
    assert "holder=;" in answer.headers["Set-Cookie"]


def test_every_view_is_counted_and_the_first_of_each_network_shown(holders: Any) -> None:
    number = holders.numbers[0]
    session = holders.session(number)
    made = holders.ask(Share(session=session, number=number, recipient="示例单位", days=7))
    networks = ["192.0.2.0/24", *["198.51.100.0/24"] * 25]
    for network in networks:
        holders.ask(OpenShare(token=made.token, network=network))
    (link,) = holders.ask(Look(session=session)).shares
    assert link.viewed == len(networks)
    assert [view.network for view in link.firsts] == ["192.0.2.0/24", "198.51.100.0/24"]
    assert len(link.views) == 20


def test_no_number_stands_in_an_address(holders: Any) -> None:
    number = holders.numbers[0]
    holders.client.set_cookie("holder", holders.session(number), path="/holder")
    with holders.working():
        for path in ("/holder", "/holder/1"):
            page = holders.client.get(path).text
            assert number in page
            assert f"/{number}" not in page
        copy = holders.post(
            "/holder/1/copy", number=number, purpose="入职", recipient="示例", until=SOON
        )
        original = holders.post("/holder/1/original", number=number)
    named = copy.headers["Content-Disposition"]
    assert named.isascii()
    assert "%E5%89%AF%E6%9C%AC.pdf" in named
    assert original.headers["Content-Disposition"] == f"attachment; filename={number}.pdf"
