"""Reading the audit trail (审计记录), and the lines of what was refused.

A use case leaves its line in its own transaction; what is refused is rolled back with its line,
so a refusal's line is written afterwards by itself. Nothing here changes or deletes a line.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from typing import Final

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from registry.office.context import Context
from registry.office.due import CHINA
from registry.office.identity import Identity, NotAllowed, Role, require
from registry.store.audit import AuditLine

KEPT_YEARS: Final = 3
"""An archive may take older lines away; nothing in the registry does."""

KEPT_BASIS: Final = "《个人信息保护法》第五十六条；网络安全等级保护要求"
DONE: Final = "done"
REFUSED: Final = "refused"
PAGE: Final = 50
"""Lines of one page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which lines to show: days are China's and both inclusive; "" and None leave all in."""

    since: date | None = None
    until: date | None = None
    actor: str = ""
    action: str = ""
    result: str = ""
    before: int | None = None
    """Only lines of a lower number: how a page goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One line as the auditor sees it."""

    line_id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: str
    source: str
    result: str


_NAMES: Final = tuple(field.name for field in fields(Shown))
_COLUMNS: Final = tuple(getattr(AuditLine, name) for name in _NAMES)


def line_of(
    action: str,
    *,
    login: str,
    source: str,
    context: Context,
    result: str = DONE,
    detail: str = "",
) -> AuditLine:
    """Make the line of somebody's own act on an account: signing in, changing a password.

    ``login`` is an account's; what was typed for an unknown one may be a password and is not kept.
    """
    return AuditLine(
        at=context.clock.now(),
        actor=actor_of(login),
        action=action,
        subject=login or "unknown",
        detail=detail,
        source=source[:64],
        result=result,
    )


def actor_of(login: str) -> str:
    """Name an account in the audit lines; "" is nobody's login."""
    return f"account:{login}" if login else "nobody"


def note_refusal(
    session: Session, by: Identity, *, action: str, subject: str, code: str, context: Context
) -> None:
    """Leave a line of what a signed-in person was refused."""
    session.add(
        AuditLine(
            at=context.clock.now(),
            actor=f"account:{by.login}",
            action=action[:40],
            # A NUL cannot be stored everywhere, and must not keep the line out.
            subject=subject.replace("\0", " ")[:80],
            detail=code,
            source=by.source[:64],
            result=REFUSED,
        )
    )


def audit_lines(session: Session, wanted: Wanted, by: Identity) -> tuple[Shown, ...]:
    """Return a page of lines, the newest first. Raises ``NotAllowed`` but for city auditors."""
    require_auditor(by)
    query = _chosen(wanted).order_by(AuditLine.line_id.desc()).limit(PAGE)
    rows = session.execute(query.with_only_columns(*_COLUMNS))
    return tuple(Shown(**dict(zip(_NAMES, row, strict=True))) for row in rows)


def require_auditor(by: Identity) -> None:
    """Raise ``NotAllowed`` unless an auditor of the city asks: lines speak of every tenant."""
    require(by, Role.AUDITOR)
    if by.district:
        raise NotAllowed("审计记录由市级审计员查阅")


def _chosen(wanted: Wanted) -> Select[AuditLine]:
    query = select(AuditLine)
    if wanted.since is not None:
        query = query.where(AuditLine.at >= _midnight(wanted.since))
    if wanted.until is not None:
        query = query.where(AuditLine.at < _midnight(wanted.until) + timedelta(days=1))
    if wanted.actor:
        query = query.where(AuditLine.actor.icontains(wanted.actor, autoescape=True))
    if wanted.action:
        query = query.where(AuditLine.action.istartswith(wanted.action, autoescape=True))
    if wanted.result:
        query = query.where(AuditLine.result == wanted.result)
    if wanted.before is not None:
        query = query.where(AuditLine.line_id < wanted.before)
    return query


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), CHINA)
