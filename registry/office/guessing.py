"""Guessing at the sign-in (猜测登录): locked accounts, crowded addresses, and who is let past.

A lock that anybody can put on anybody's account would be a weapon against the clerk. So whoever
signed in from this very network lately is let past the lock and the crowd, with a count of their
own that no stranger can fill: failures of this login from this network alone.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from typing import Final

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.auditing import REFUSED, actor_of
from registry.store.accounts import Account
from registry.store.audit import AuditLine

SIGN_IN: Final = "sign-in"
HALFWAY: Final = "factor-to-come"
"""Detail of a sign-in's line where the password was right and the second factor is still owed."""

FAILURES: Final = 5
"""Failures in a row after which an account is locked."""

LOCKED_FOR: Final = timedelta(minutes=15)
"""The first time; twice as long with each failure more."""

LONGEST_LOCK: Final = timedelta(hours=1)
"""Long enough to make guessing hopeless, short enough to be no way of shutting somebody out."""

PER_ADDRESS: Final = 20
"""Failures from one address (IPv6: one /64 network) within `WINDOW`, whatever the accounts."""

WINDOW: Final = timedelta(minutes=15)
KNOWN_FOR: Final = timedelta(days=30)
"""How long a network counts as one's own after the last sign-in from it."""

_INSIDE: Final = ("password-change", "totp-enrol")
"""What can be guessed at inside an open session."""

_LAST_LINES: Final = 5000
"""Lines looked through for an address's failures; guessing makes lines, so these suffice."""

_NETWORK: Final = 8
"""Bytes of an IPv6 address that name a network."""


class TooManyAttempts(Refused):
    """Too many failures came from this address lately; nothing was looked at."""

    code = "too-many-attempts"


def refuse_crowd(session: Session, login: str, source: str, now: datetime) -> None:
    """Raise ``TooManyAttempts`` after too many failures from one network, but for its own people.

    An office of twenty behind one address must not be shut out by one colleague's guessing.
    """
    failed = sum(1 for _ in _failures(session, source, now))
    if failed >= PER_ADDRESS and not _is_own(session, login, source, now):
        raise TooManyAttempts("该网络地址登录失败次数过多，请 15 分钟后再试")


def lock_after(failures: int) -> timedelta | None:
    """Say how long an account is locked after so many failures in a row; None before the fifth."""
    doublings = failures - FAILURES
    return None if doublings < 0 else min(LOCKED_FOR * 2 ** min(doublings, 10), LONGEST_LOCK)


def is_locked(account: Account, now: datetime) -> bool:
    """Say whether the account is locked for the moment, to those who come from anywhere."""
    return account.locked_until is not None and now < account.locked_until


def is_shut(session: Session, account: Account, source: str, now: datetime) -> bool:
    """Say whether nothing shown from `source` opens this account now.

    From a network it was opened from lately, only failures made there count.
    """
    if not is_locked(account, now):
        return False
    if not _is_own(session, account.login, source, now):
        return True
    failed = sum(actor == actor_of(account.login) for actor in _failures(session, source, now))
    return failed >= FAILURES


def _is_own(session: Session, login: str, source: str, now: datetime) -> bool:
    here = _network(source)
    sources = session.scalars(
        select(AuditLine.source)
        .where(
            AuditLine.actor == actor_of(login),
            AuditLine.action.startswith(SIGN_IN),
            AuditLine.result != REFUSED,
            # Who knew the password alone was not let in.
            AuditLine.detail != HALFWAY,
            AuditLine.at > now - KNOWN_FOR,
        )
        .distinct()
    )
    return bool(login) and any(_network(other) == here for other in sources)


def _failures(session: Session, source: str, now: datetime) -> list[str]:
    """Whose sign-ins failed from this network within `WINDOW`: one actor for each failure."""
    here = _network(source)
    newest = session.scalar(select(func.max(AuditLine.line_id))) or 0
    rows = session.execute(
        select(AuditLine.actor, AuditLine.source).where(
            AuditLine.line_id > newest - _LAST_LINES,
            AuditLine.at > now - WINDOW,
            or_(AuditLine.action.startswith(SIGN_IN), AuditLine.action.in_(_INSIDE)),
            AuditLine.result == REFUSED,
        )
    )
    return [actor for actor, other in rows if _network(other) == here]


def _network(source: str) -> str | bytes:
    try:
        address = ip_address(source)
    except ValueError:
        return source
    return address.packed[:_NETWORK] if isinstance(address, IPv6Address) else source
