"""Signing in for machines (令牌): login, password and code for a token of the same sessions.

The lockouts and the equal answers are those of the pages. A token is shown once and stands for
its account until it idles out, ends with the day, or is given back.
"""

from __future__ import annotations

from registry.errors import Refused
from registry.office.identity import Role
from registry.office.sessions import SignedIn, Stage, sign_out
from registry.office.signing_in import sign_in, weigh_password
from registry.office.totp import sign_in_by_code
from registry.web.api.endpoint import CREATED, Call, Given, Nothing, Table, Taken
from registry.web.gate import ANYONE, EVERY_ROLE

TABLE = Table("session")


class SignInRefused(Refused):
    """The account does not open by what was given; which part was wrong is not said."""

    code = "sign-in-refused"


class SignInUnfinished(Refused):
    """The account's first sign-in has steps that only its owner can take at a page."""

    code = "sign-in-unfinished"


class Credentials(Taken, frozen=True, kw_only=True):
    """What opens an account; ``code`` is of the second factor, "" where it has none."""

    login: str
    password: str
    code: str = ""


class Token(Given, frozen=True, kw_only=True):
    """The bearer token for the ``Authorization`` header."""

    token: str


class Person(Given, frozen=True, kw_only=True):
    """Whose token it is."""

    login: str
    role: Role
    district: str
    company_id: int | None


class Ended(Given, frozen=True, kw_only=True):
    """The token is worth nothing from now on."""


@TABLE.post("/session", roles=ANYONE, takes=Credentials, gives=Token, status=CREATED)
def open_session(call: Call, given: Credentials) -> Token:
    """Open session (登录取得令牌)."""
    desk, source = call.desk, call.address
    with desk.read() as session:
        weighed = weigh_password(
            session, given.login, given.password, source=source, now=desk.clock.now()
        )
    with desk.write() as session:
        begun = sign_in(session, weighed, source=source, context=desk.context())
    if begun is not None and begun.stage is Stage.CODE:
        begun = _second_factor(call, begun, given.code)
    if begun is None:
        raise SignInRefused("用户名、密码或者验证码不正确，或者账号已停用、暂时锁定")
    if begun.stage is not Stage.DONE:
        _end(call, begun.token)
        raise SignInUnfinished("请先在网页登录，完成首次改密和第二因素登记")
    return Token(token=begun.token)


@TABLE.get("/session", roles=EVERY_ROLE, takes=Nothing, gives=Person)
def show_person(call: Call, _: Nothing) -> Person:
    """Show person (查看令牌所属账号)."""
    by = call.by
    return Person(login=by.login, role=by.role, district=by.district, company_id=by.company_id)


@TABLE.delete("/session", roles=EVERY_ROLE, takes=Nothing, gives=Ended)
def close_session(call: Call, _: Nothing) -> Ended:
    """Close session (退出，令牌作废)."""
    _end(call, call.token)
    return Ended()


def _second_factor(call: Call, begun: SignedIn, code: str) -> SignedIn | None:
    with call.desk.write() as session:
        done = sign_in_by_code(
            session, begun.token, code, source=call.address, context=call.desk.context()
        )
    if done is None:
        # What the password alone opened must not stay open.
        _end(call, begun.token)
    return done


def _end(call: Call, token: str) -> None:
    with call.desk.write() as session:
        sign_out(session, token, source=call.address, context=call.desk.context())
