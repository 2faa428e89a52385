"""The sign-in pages as a browser meets them, and what an attacker would try on them."""

from __future__ import annotations

import html
import re
from base64 import b32decode
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import select

from registry.office import passwords
from registry.office.sessions import identifier
from registry.store.accounts import Account
from registry.store.audit import AuditLine
from registry.web.app import create_desks

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
PASSWORD = "Correct-Horse-42"


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "HASHER", cheap)
    passwords._dummy.cache_clear()


@pytest.fixture
def real(small: Any) -> Any:
    """Give the application with the real sign-in; every account has the same password."""
    with small.write() as session:
        for account in session.scalars(select(Account)):
            account.password = passwords.hash_password(PASSWORD)
    return create_desks(small.desk, secret=b"s" * 32, identify=identifier(small.desk))


class Visitor:
    """A browser with its own cookies; mutable: it remembers the secret it was shown."""

    def __init__(self, app: Any, small: Any) -> None:
        self.client, self.small, self.secret = app.test_client(), small, b""

    def get(self, path: str) -> Any:
        return self.client.get(path)

    def post(self, path: str, **fields: str) -> Any:
        return self.client.post(path, data=fields, headers=SAME_ORIGIN)

    def enter(self, login: str, password: str = PASSWORD, onward: str = "/") -> Any:
        return self.post("/signin", login=login, password=password, next=onward)

    def code(self) -> str:
        now = int(self.small.clock.now().timestamp())
        return TOTP(self.secret, 6, SHA1(), 30).generate(now).decode()  # noqa: S303

    def enrol(self) -> Any:
        page = self.get("/signin/enrol").text
        key = re.search(r'<span class="mono">([A-Z2-7 ]+)</span>', page)
        assert key is not None
        self.secret = b32decode(key[1].replace(" ", ""))
        return self.post("/signin/enrol", code=self.code())

    def sign_in(self, login: str) -> None:
        answer = self.enter(login)
        if answer.location == "/signin/enrol":
            answer = self.enrol()
        assert answer.status_code == 303, answer.text
        assert answer.location == "/", answer.location

    @property
    def token(self) -> str:
        with self.client.session_transaction() as session:
            return str(session.get("token", ""))


@pytest.fixture
def visitor(real: Any, small: Any) -> Visitor:
    return Visitor(real, small)


def test_whoever_is_not_signed_in_is_sent_to_the_form(visitor: Visitor) -> None:
    answer = visitor.get("/list/filing")
    assert answer.status_code == 302
    assert answer.location == "/signin?next=/list/filing"
    page = visitor.get(answer.location).text
    assert 'name="next" value="/list/filing"' in page
    answer = visitor.enter("editor1", onward="/list/filing")
    assert answer.location == "/list/filing"
    assert visitor.get("/list/filing").status_code == 200
    assert visitor.get("/signin").location == "/"


@pytest.mark.parametrize(
    "onward",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/a\r\nSet-Cookie: x",
        "/\t/evil.example",
        "",
    ],
)
def test_signing_in_leads_to_no_other_site(visitor: Visitor, onward: str) -> None:
    assert visitor.enter("editor1", onward=onward).location == "/"


def test_office_pages_are_shut_until_the_second_factor(visitor: Visitor) -> None:
    assert visitor.enter("clerk").location == "/signin/enrol"
    assert visitor.get("/list/filing").location.startswith("/signin")
    visitor.enter("clerk")
    assert visitor.enrol().location == "/"
    assert visitor.get("/list/filing").status_code == 200


def test_a_replayed_code_is_refused(visitor: Visitor, real: Any, small: Any) -> None:
    visitor.sign_in("clerk")
    small.clock.moment += timedelta(minutes=1)
    code = visitor.code()
    assert visitor.enter("clerk").location == "/signin/code"
    assert visitor.post("/signin/code", code=code).location == "/"
    thief = Visitor(real, small)
    assert thief.enter("clerk").location == "/signin/code"
    answer = thief.post("/signin/code", code=code)
    assert answer.status_code == 422
    assert "已用过" in answer.text
    assert thief.get("/list/filing").status_code == 302


def test_a_stolen_cookie_is_worth_nothing_after_sign_out(
    visitor: Visitor, real: Any, small: Any
) -> None:
    visitor.sign_in("editor1")
    cookie = visitor.client.get_cookie("desk")
    assert visitor.post("/signout").location == "/signin"
    thief = Visitor(real, small)
    thief.client.set_cookie("desk", cookie.value)
    assert thief.get("/").location.startswith("/signin")


def test_a_planted_session_is_not_taken_over(visitor: Visitor, real: Any, small: Any) -> None:
    planted = Visitor(real, small)
    planted.enter("clerk")
    before = planted.token
    visitor.client.set_cookie("desk", planted.client.get_cookie("desk").value)
    visitor.enter("clerk")
    assert visitor.token not in {"", before}
    after = visitor.token
    visitor.enrol()
    assert visitor.token not in {before, after}
    assert planted.get("/list/filing").status_code == 302


def test_a_link_from_another_site_signs_nobody_out(visitor: Visitor) -> None:
    # The browser keeps the Strict cookie back there; clearing it would end the session it names.
    answer = visitor.get("/list/filing")
    assert answer.status_code == 302
    assert "Set-Cookie" not in answer.headers


def test_a_cookie_of_ones_own_making_is_nobody(visitor: Visitor) -> None:
    for value in ("clerk", "eyJ0b2tlbiI6ImNsZXJrIn0.aaaa.bbbb", "x" * 3000):
        visitor.client.set_cookie("desk", value)
        assert visitor.get("/").status_code == 302


def test_the_cookie_is_kept_from_scripts_and_other_sites(visitor: Visitor) -> None:
    said = visitor.enter("editor1").headers["Set-Cookie"]
    assert "HttpOnly" in said
    assert "SameSite=Strict" in said


@pytest.mark.parametrize("path", ["/signin", "/signin/code", "/signin/password", "/signout"])
def test_forged_posts_of_signing_in_are_refused(visitor: Visitor, path: str) -> None:
    fields = {"login": "editor1", "password": PASSWORD}
    answer = visitor.client.post(path, data=fields, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert visitor.token == ""


def test_wrong_unknown_locked_and_disabled_get_one_answer(visitor: Visitor, small: Any) -> None:
    with small.write() as session:
        session.get_one(Account, 3).disabled = True
        session.get_one(Account, 4).locked_until = small.clock.now() + timedelta(minutes=1)
    answers = [
        visitor.enter(login, password)
        for login, password in (
            ("editor1", "wrong"),
            ("nobody", PASSWORD),
            ("editor2", PASSWORD),
            ("head2", PASSWORD),
        )
    ]
    assert {answer.status_code for answer in answers} == {422}
    assert len({answer.text for answer in answers}) == 1
    assert "wrong" not in answers[0].text


def test_too_many_failures_from_one_address_are_told_so(visitor: Visitor) -> None:
    for number in range(20):
        visitor.enter(f"nobody{number}", "x")
    answer = visitor.enter("editor1")
    assert answer.status_code == 429
    assert "次数过多" in answer.text


def test_a_first_password_is_changed_before_anything(visitor: Visitor, small: Any) -> None:
    with small.write() as session:
        account = session.get_one(Account, 1)
        account.password = passwords.FIRST + account.password
    assert visitor.enter("editor1").location == "/signin/password"
    new = {"current": PASSWORD, "new": "Another-Horse-43", "again": "Another-Horse-43"}
    short = visitor.post("/signin/password", **{**new, "new": "short"})
    assert short.status_code == 422
    assert 'href="#new"' in short.text
    wrong = visitor.post("/signin/password", **{**new, "current": "wrong"})
    assert 'href="#current"' in wrong.text
    for page in (short, wrong):
        assert "Another-Horse" not in page.text
        assert PASSWORD not in page.text
    assert visitor.post("/signin/password", **new).location == "/"
    assert visitor.get("/").status_code == 200


def test_pages_of_another_stage_lead_to_ones_own(visitor: Visitor) -> None:
    for path in ("/signin/code", "/signin/password", "/signin/enrol", "/signin/passkey"):
        assert visitor.get(path).location == "/signin"
    visitor.enter("clerk")
    for path in ("/signin/code", "/signin/password", "/signin/passkey"):
        assert visitor.get(path).location == "/signin/enrol"
        assert visitor.post(path.replace("passkey", "code")).location == "/signin/enrol"
    visitor.enrol()
    for path in ("/signin/code", "/signin/password", "/signin/enrol", "/signin/passkey"):
        assert visitor.get(path).location == "/"


def test_guessing_codes_ends_the_session(visitor: Visitor, small: Any) -> None:
    visitor.sign_in("clerk")
    small.clock.moment += timedelta(minutes=1)
    visitor.enter("clerk")
    for _ in range(4):
        assert visitor.post("/signin/code", code="000000").status_code == 422
    assert visitor.post("/signin/code", code="000000").location == "/signin"
    assert visitor.enter("clerk").status_code == 422


def test_the_secret_is_shown_as_text_and_as_a_picture_that_scans(visitor: Visitor) -> None:
    from base64 import b64decode

    visitor.enter("clerk")
    page = visitor.get("/signin/enrol").text
    source = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert source is not None
    picture = b64decode(html.unescape(source[1])).decode()
    assert _scanned(picture).startswith("otpauth://totp/")
    key = re.search(r'<span class="mono">([A-Z2-7 ]+)</span>', page)
    assert key is not None
    assert f"secret={key[1].replace(' ', '')}" in _scanned(picture)


def _scanned(picture: str) -> str:
    import zxingcpp
    from PIL import Image

    size = int(re.findall(r'viewBox="0 0 (\d+)', picture)[0])
    image = Image.new("L", (size, size), 255)
    for x, y in re.findall(r"M(\d+) (\d+)h1v1", picture):
        image.putpixel((int(x), int(y)), 0)
    (found,) = zxingcpp.read_barcodes(image.resize((size * 4, size * 4), Image.Resampling.NEAREST))
    return str(found.text)


def test_only_passkey_pages_may_run_a_script(visitor: Visitor) -> None:
    visitor.sign_in("editor1")
    for path in ("/", "/me", "/me/password", "/me/totp", "/signin"):
        answer = visitor.get(path)
        assert "script-src" not in answer.headers["Content-Security-Policy"]
        assert "<script" not in answer.text
    answer = visitor.get("/me/passkey")
    assert "script-src 'self'; connect-src 'self'" in answer.headers["Content-Security-Policy"]
    (script,) = re.findall(r'<script src="([^"]+)" defer></script>', answer.text)
    assert visitor.client.get(script, buffered=True).status_code == 200


def test_ones_own_page_changes_the_password_and_stays_signed_in(visitor: Visitor) -> None:
    visitor.sign_in("editor1")
    new = {"current": PASSWORD, "new": "Another-Horse-43", "again": "Another-Horse-43"}
    assert visitor.post("/me/password", **new).location == "/me?done=password"
    assert "密码已修改" in visitor.get("/me?done=password").text
    visitor.post("/signout")
    assert visitor.enter("editor1", "Another-Horse-43").location == "/"


def test_refused_steps_leave_a_line(visitor: Visitor, small: Any, new_filing_case: int) -> None:
    visitor.sign_in("editor2")
    assert visitor.get(f"/cases/{new_filing_case}").status_code == 404
    with small.read() as session:
        line = session.scalars(select(AuditLine).order_by(AuditLine.line_id.desc())).first()
        assert line is not None
        assert (line.actor, line.result, line.detail) == (
            "account:editor2",
            "refused",
            "not-found",
        )
        assert line.subject == f"/cases/{new_filing_case}"
        count = session.query(AuditLine).count()
    # What nobody tries leaves none, nor does an address that is not there.
    visitor.get("/no-such-page")
    visitor.post("/signout")
    visitor.get("/cases/1")
    with small.read() as session:
        assert session.query(AuditLine).count() == count + 1


@pytest.fixture
def new_filing_case(small: Any) -> int:
    from registry.office.cases import CaseKind, open_case
    from registry.store.procedure import Company

    with small.write() as session:
        case = open_case(
            session,
            CaseKind.FILING,
            session.get_one(Company, 1),
            title="备案",
            form=b"{}",
            by=small.who("editor1"),
            context=small.context("editor1"),
        )
        return int(case.case_id)
