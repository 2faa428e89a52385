"""Sessions of the desks (会话): from the password to the end of the day.

A session is a random token in a cookie and its SHA-256 in the database. A token is good for one
stage: after the password, and after each step on the way in, there is a new one, so that what was
planted or read before is worth nothing. Only a session whose stage is `DONE` is anybody.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from sqlalchemy import bindparam, delete, exists, or_, select
from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.auditing import line_of
from registry.office.context import Context
from registry.office.identity import AccountId, Identity, Role
from registry.office.passwords import must_change
from registry.office.unit import Desk
from registry.store.accounts import Account, Passkey, WebSession
from registry.store.prepared import Prepared

TOKEN_BYTES: Final = 32
IDLE: Final = timedelta(minutes=30)
ABSOLUTE: Final = timedelta(hours=10)
"""A working day."""

ON_THE_WAY: Final = timedelta(minutes=10)
"""From the password to the last step of signing in."""

TOUCH_EVERY: Final = timedelta(minutes=1)
"""A page more does not write: idleness is measured to the minute."""

FRESH: Final = timedelta(minutes=10)
"""How long after its beginning a session may change its account's factors."""

WITHOUT_FACTOR: Final = frozenset({Role.COMPANY_EDITOR})
"""Roles that may do without a second factor; they decide nothing."""


class _Live(NamedTuple):
    """A row of the statement below."""

    created_at: datetime
    seen_at: datetime
    strong: bool
    account_id: int
    login: str
    role: str
    district: str
    company_id: int | None
    password: str
    disabled: bool
    totp: bool
    passkey: bool


# Asked on every request, so it is made once: a session with what its account's stage rests on.
_A_KEY: Final = Prepared(
    select(Passkey.credential_id).where(Passkey.account_id == bindparam("account")).limit(1)
)
_LIVE: Final = Prepared(
    select(
        WebSession.created_at,
        WebSession.seen_at,
        WebSession.strong,
        Account.account_id,
        Account.login,
        Account.role,
        Account.district,
        Account.company_id,
        Account.password,
        Account.disabled,
        (Account.totp != b"").label("totp"),
        exists().where(Passkey.account_id == Account.account_id).label("passkey"),
    )
    .join(Account, Account.account_id == WebSession.account_id)
    .where(WebSession.token_hash == bindparam("token"))
)


class Stage(StrEnum):
    """What is still to be done before a session is somebody."""

    CODE = "code"
    """The second factor is to be shown."""
    PASSWORD = "password"  # noqa: S105 - the name of a stage
    """The password was given by another person and is to be changed."""
    ENROL = "enrol"
    """The role asks for a second factor and there is none yet."""
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A live session with its account, and the stage it has come to."""

    row: WebSession
    account: Account
    stage: Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A step on the way in that succeeded: the new token, and what comes next."""

    token: str
    stage: Stage


def find_visit(session: Session, token: str, now: datetime, *, lock: bool = False) -> Visit | None:
    """Return the session of a token; None if it is unknown, over, or its account disabled."""
    row = session.get(WebSession, token_hash(token))
    if row is None:
        return None
    account = session.get_one(Account, row.account_id, with_for_update=lock or None)
    stage = stage_of(session, account, strong=row.strong)
    if account.disabled or _over(row.created_at, row.seen_at, now):
        return None
    if stage is not Stage.DONE and now - row.created_at >= ON_THE_WAY:
        return None
    return Visit(row=row, account=account, stage=stage)


def demand_fresh(visit: Visit, now: datetime) -> None:
    """Raise ``Refused`` unless the session began a moment ago, all factors shown.

    A desk left open must not be enough to plant a factor of one's own, or take another's away.
    """
    if now - visit.row.created_at > FRESH:
        raise Refused("增加、删除认证方式须在登录后 10 分钟内办理，请退出后重新登录")


def stage_of(session: Session, account: Account, *, strong: bool) -> Stage:
    """Say what is to be done next. The factor comes first: a reset password alone opens nothing."""
    factor = bool(account.totp) or has_passkey(session, account)
    return _stage(Role(account.role), account.password, factor=factor, strong=strong)


def _stage(role: Role, password: str, *, factor: bool, strong: bool) -> Stage:
    if factor and not strong:
        return Stage.CODE
    if must_change(password):
        return Stage.PASSWORD
    if not factor and role not in WITHOUT_FACTOR:
        return Stage.ENROL
    return Stage.DONE


def _over(created_at: datetime, seen_at: datetime, now: datetime) -> bool:
    return now - created_at >= ABSOLUTE or now - seen_at >= IDLE


def has_passkey(session: Session, account: Account) -> bool:
    """Say whether the account has a passkey."""
    return _A_KEY.first(session, account=account.account_id) is not None


def start_session(
    session: Session,
    account: Account,
    *,
    context: Context,
    strong: bool = False,
    before: WebSession | None = None,
) -> SignedIn:
    """Begin a session, or go on with ``before`` under a new token; clear away what is over."""
    now = context.clock.now()
    token = urlsafe_b64encode(context.random(TOKEN_BYTES)).decode().rstrip("=")
    if before is not None:
        session.delete(before)
    over = or_(WebSession.created_at <= now - ABSOLUTE, WebSession.seen_at <= now - IDLE)
    session.execute(delete(WebSession).where(over))
    session.add(
        WebSession(
            token_hash=token_hash(token),
            account_id=account.account_id,
            # The way in is part of the day: no step makes a session longer.
            created_at=before.created_at if before else now,
            seen_at=now,
            strong=strong,
        )
    )
    session.flush()
    return SignedIn(token=token, stage=stage_of(session, account, strong=strong))


def end_sessions(session: Session, account_id: int) -> None:
    """End all sessions of an account."""
    session.execute(delete(WebSession).where(WebSession.account_id == account_id))


def sign_out(session: Session, token: str, *, source: str, context: Context) -> None:
    """End the session of a token, if there is one; the token is worth nothing from then on."""
    row = session.get(WebSession, token_hash(token))
    if row is None:
        return
    account = session.get_one(Account, row.account_id)
    session.delete(row)
    session.add(line_of("sign-out", login=account.login, source=source, context=context))


def identifier(desk: Desk) -> Callable[[str, str], Identity | None]:
    """Return what the gate asks on each request: whose session a token is, seen from where."""

    def identify(token: str, source: str) -> Identity | None:
        now, known = desk.clock.now(), token_hash(token)
        with desk.read() as session:
            row = _LIVE.first(session, token=known)
        if row is None:
            return None
        live = _Live._make(row)
        role = Role(live.role)
        factor = bool(live.totp or live.passkey)
        if live.disabled or _over(live.created_at, live.seen_at, now):
            return None
        if _stage(role, live.password, factor=factor, strong=live.strong) is not Stage.DONE:
            return None
        if now - live.seen_at >= TOUCH_EVERY:
            with desk.write() as session:
                kept = session.get(WebSession, known)
                # Signed out in this moment: it stays so.
                if kept is not None:
                    kept.seen_at = now
        return Identity(
            account_id=AccountId(live.account_id),
            login=live.login,
            role=role,
            district=live.district,
            company_id=live.company_id,
            source=source,
        )

    return identify


def token_hash(token: str) -> bytes:
    """Return what stands in the database for a token: 32 bytes that open nothing."""
    return hashlib.sha256(token.encode()).digest()
