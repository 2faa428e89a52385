"""What loading a year's notice would do (预览): its days, and every running deadline it would move.

The preview loads the notice for good in a transaction of its own, reads what came of it, and takes
all back: so it runs the very checks and the very counting of the real one, and cannot say less.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from registry.office.almanac import read_almanac
from registry.office.context import Context
from registry.office.identity import Identity
from registry.office.notices import NewNotice, load_notice
from registry.office.recount import Moved


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticePreview:
    """Days off and made up, the year's working days, and what would move."""

    off: tuple[date, ...]
    work: tuple[date, ...]
    working_days: int
    moved: tuple[Moved, ...]


def preview_notice(
    session: Session, new: NewNotice, *, by: Identity, context: Context, today: date
) -> NoticePreview:
    """Say what `load_notice` would do now, and leave everything as it is. Raises as it does."""
    with session.begin_nested() as rehearsal:
        made = load_notice(session, new, by=by, context=context, today=today)
        days = read_almanac(session).days
        notice = days.notice(new.year)
        total = days.between(date(new.year - 1, 12, 31), date(new.year, 12, 31))
        rehearsal.rollback()
    return NoticePreview(
        off=tuple(sorted(notice.off)),
        work=tuple(sorted(notice.work)),
        working_days=total,
        moved=made.moved,
    )
