"""Signing in by password (登录), and changing it: lockout, equal answers, bounded guessing.

An unknown login, a wrong password, a locked and a disabled account all get the same answer at the
same cost. The password is weighed in a snapshot, since that takes long, and what it weighed is
compared again in the transaction that acts on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from registry.office.account_changes import is_unconfirmed
from registry.office.auditing import REFUSED, line_of
from registry.office.context import Context
from registry.office.guessing import HALFWAY, SIGN_IN, is_locked, is_shut, lock_after, refuse_crowd
from registry.office.passwords import Wrong, faults_of, hash_password, matches, must_change
from registry.office.sessions import SignedIn, Stage, end_sessions, find_visit, start_session
from registry.store.accounts import Account, WebSession

FIRST_VALID: Final = timedelta(days=7)
"""A password that was given and not used until then is void."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What a password was found to be: right or not, for which account, as it was then."""

    account_id: int | None
    stored: str
    right: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A new password that will do, hashed; ``weighed`` is the present one as it was typed."""

    weighed: Weighed
    hashed: str


def weigh_password(
    session: Session, login: str, password: str, *, source: str, now: datetime
) -> Weighed:
    """Compare a password with its account's. Takes some 50 ms; raises ``TooManyAttempts``."""
    login = login.strip()[:64]
    refuse_crowd(session, login, source, now)
    query = select(Account.account_id, Account.password)
    row = session.execute(query.where(Account.login == login)).one_or_none()
    stored = row.password if row else ""
    right = matches(stored, password)
    return Weighed(account_id=row.account_id if row else None, stored=stored, right=right)


def sign_in(
    session: Session, weighed: Weighed, *, source: str, context: Context
) -> SignedIn | None:
    """Begin a session for a right password; None, and one failure more, for anything else."""
    now = context.clock.now()
    if weighed.account_id is None:
        line = line_of(SIGN_IN, login="", source=source, context=context, result=REFUSED)
        session.add(line)
        return None
    account = session.get_one(Account, weighed.account_id, with_for_update=True)
    why = _why_not(session, account, weighed, source, now)
    if why:
        refuse(session, account, SIGN_IN, why, source=source, context=context)
        return None
    begun = start_session(session, account, context=context)
    halfway = begun.stage is Stage.CODE
    if not halfway:
        # Where a second factor follows, failures go on counting: it could be guessed otherwise.
        account.failures, account.locked_until = 0, None
    detail = HALFWAY if halfway else ""
    session.add(
        line_of(SIGN_IN, login=account.login, source=source, context=context, detail=detail)
    )
    return begun


def refuse(
    session: Session, account: Account, action: str, why: str, *, source: str, context: Context
) -> None:
    """Count one failure, lock after the fifth, and leave a line.

    While the account is locked nothing more is counted, so that its owner gets in again. A lock
    ends the account's sessions only when the failure was made inside one: whoever knows a login
    and no password must not be able to throw its owner out of their work.
    """
    now = context.clock.now()
    if not is_locked(account, now):
        account.failures += 1
        span = lock_after(account.failures)
        if span is not None:
            account.locked_until = now + span
            if action != SIGN_IN:
                end_sessions(session, account.account_id)
    session.add(
        line_of(
            action,
            login=account.login,
            source=source,
            context=context,
            result=REFUSED,
            detail=why,
        )
    )


def weigh_change(
    session: Session, token: str, *, current: str, new: str, again: str, now: datetime
) -> Change | tuple[Wrong, ...] | None:
    """Check a new password; None if the session is over.

    The present one is asked for, even by who has just been given it: a session left open must not
    be enough to take an account over.
    """
    visit = find_visit(session, token, now)
    if visit is None or visit.stage not in {Stage.PASSWORD, Stage.DONE}:
        return None
    account = visit.account
    faults = faults_of(new, again, login=account.login)
    if not faults and new == current:
        faults = (Wrong(field="new", text="新密码不能与原密码相同"),)
    if faults:
        return faults
    right = matches(account.password, current)
    weighed = Weighed(account_id=account.account_id, stored=account.password, right=right)
    return Change(weighed=weighed, hashed=hash_password(new))


def change_password(
    session: Session, token: str, change: Change, *, source: str, context: Context
) -> SignedIn | None:
    """Put the new password in place and end all other sessions; None if the present was wrong."""
    now = context.clock.now()
    visit = find_visit(session, token, now, lock=True)
    if visit is None:
        return None
    account, action = visit.account, "password-change"
    if not change.weighed.right or account.password != change.weighed.stored:
        refuse(session, account, action, "password", source=source, context=context)
        return None
    account.password, account.password_at = change.hashed, now
    session.add(line_of(action, login=account.login, source=source, context=context))
    others = delete(WebSession).where(
        WebSession.account_id == account.account_id,
        WebSession.token_hash != visit.row.token_hash,
    )
    session.execute(others)
    return start_session(
        session, account, context=context, strong=visit.row.strong, before=visit.row
    )


def _why_not(
    session: Session, account: Account, weighed: Weighed, source: str, now: datetime
) -> str:
    if is_shut(session, account, source, now):
        return "locked"
    if account.disabled:
        return "disabled"
    if is_unconfirmed(session, account.account_id):
        return "unconfirmed"
    if not weighed.right or account.password != weighed.stored:
        return "password"
    if must_change(account.password) and now - account.password_at > FIRST_VALID:
        return "first-password-void"
    return ""
