"""Reading the audit trail (审计记录), and the lines of what was refused.

A use case leaves its line in its own transaction; what is refused is rolled back with its line,
so a refusal's line is written afterwards by itself. Nothing here changes or deletes a line.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any, Final

import msgspec
from sqlalchemy import String, bindparam, func, select
from sqlalchemy.orm import Session

from registry.office.context import Context
from registry.office.due import CHINA
from registry.office.identity import Identity, NotAllowed, Role, require
from registry.store.audit import AuditLine
from registry.store.like import ESCAPE, like_text
from registry.store.prepared import Prepared

KEPT_YEARS: Final = 3
"""An archive may take older lines away; nothing in the registry does."""

KEPT_BASIS: Final = "《个人信息保护法》第五十六条；网络安全等级保护要求"
DONE: Final = "done"
REFUSED: Final = "refused"
PAGE: Final = 30
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


class Shown(msgspec.Struct, frozen=True):
    """One line as the auditor sees it."""

    line_id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: str
    source: str
    result: str


_NAMES: Final = Shown.__struct_fields__
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
    values = _values(wanted)
    return tuple(Shown(*row) for row in _chosen(frozenset(values)).all(session, **values))


def require_auditor(by: Identity) -> None:
    """Raise ``NotAllowed`` unless an auditor of the city asks: lines speak of every tenant."""
    require(by, Role.AUDITOR)
    if by.district:
        raise NotAllowed("审计记录由市级审计员查阅")


def _values(wanted: Wanted) -> dict[str, object]:
    """Return what is asked for, by the names of the conditions; nothing for what is left open."""
    end = None if wanted.until is None else _midnight(wanted.until) + timedelta(days=1)
    asked = {
        "since": None if wanted.since is None else _midnight(wanted.since),
        "until": end,
        "actor": f"%{like_text(wanted.actor)}%" if wanted.actor else None,
        "action": f"{like_text(wanted.action)}%" if wanted.action else None,
        "result": wanted.result or None,
        "before": wanted.before,
    }
    return {name: value for name, value in asked.items() if value is not None}


@cache
def _chosen(names: frozenset[str]) -> Prepared[*tuple[Any, ...]]:
    """Select a page of lines by the conditions of those names."""
    actor, action = func.lower(AuditLine.actor), func.lower(AuditLine.action)
    conditions = {
        "since": AuditLine.at >= bindparam("since"),
        "until": AuditLine.at < bindparam("until"),
        "actor": actor.like(func.lower(bindparam("actor", type_=String)), escape=ESCAPE),
        "action": action.like(func.lower(bindparam("action", type_=String)), escape=ESCAPE),
        "result": AuditLine.result == bindparam("result"),
        "before": AuditLine.line_id < bindparam("before"),
    }
    query = select(*_COLUMNS).where(*(conditions[name] for name in sorted(names)))
    return Prepared(query.order_by(AuditLine.line_id.desc()).limit(PAGE))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), CHINA)
