"""A year's holiday notice (节假日安排通知) loaded as data, in the place of a provisional year.

The State Council's notice for a year comes late in the year before. Loading it counts every
running deadline again in the same transaction; a notice that contradicts itself, the week or the
law is refused day by day, since one wrong day would move the deadlines of all companies.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy.orm import Session

from registry.office.almanac import library_notices, read_almanac
from registry.office.cases import audit
from registry.office.context import Context
from registry.office.form_faults import FieldFault
from registry.office.identity import Identity
from registry.office.recount import recount
from registry.office.rule_making import Made, basis_faults, city_approver, refuse
from registry.rules.notice_days import Contradictions, contradictions, read_days
from registry.rules.text import tidy
from registry.store.locks import hold_almanac
from registry.store.registers import YearNoticeRow

LONGEST_OFF: Final = 1200
LONGEST_WORK: Final = 400
"""Characters that the store keeps of each list."""

LAST_YEAR: Final = 2099


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNotice:
    """A year's notice as typed: ``off`` and ``work`` are texts of days and ranges."""

    year: int
    basis: str
    off: str
    work: str


def load_notice(
    session: Session, new: NewNotice, *, by: Identity, context: Context, today: date
) -> Made:
    """Load a year's notice in the place of a provisional or earlier one, and count again.

    Raises ``NotAllowed``, and ``FormFaults`` naming each day that cannot be.
    """
    city_approver(by)
    off, work = read_days(new.off, new.year), read_days(new.work, new.year)
    faults = basis_faults(new.basis)
    if not today.year <= new.year <= LAST_YEAR:
        text = f"只能录入 {today.year} 年及以后的节假日安排，以往年度不再更改"
        faults.append(FieldFault(field="year", text=text))
    else:
        for field, read in (("off", off), ("work", work)):
            if read.unread:
                places = "、".join(map(str, read.unread[:5]))
                text = f"第 {places} 处不是 {new.year} 年的日期，请改正"
                faults.append(FieldFault(field=field, text=text))
        if not any(fault.field in {"off", "work"} for fault in faults):
            faults += _day_faults(contradictions(new.year, off.days, work.days))
    stored_off, stored_work = _joined(off.days), _joined(work.days)
    if len(stored_off) > LONGEST_OFF or len(stored_work) > LONGEST_WORK:
        faults.append(FieldFault(field="off", text="日期过多，请对照原文核对"))
    refuse(faults)
    now = context.clock.now()
    hold_almanac(session)
    row = session.get(YearNoticeRow, new.year)
    if row is None:
        row = YearNoticeRow(year=new.year)
        session.add(row)
    row.basis, row.off, row.work = tidy(new.basis), stored_off, stored_work
    row.loaded_at, row.loaded_by = now, by.login
    session.flush()
    moved = recount(session, read_almanac(session), reason=row.basis, at=now, context=context)
    line = audit("notice-load", str(new.year), by, context)
    line.detail = f"{len(off.days)} off, {len(work.days)} worked, {len(moved)} deadlines moved"
    session.add(line)
    return Made(moved=moved)


def loaded(session: Session, year: int) -> YearNoticeRow | None:
    """Return the notice loaded at the desk for a year, if any."""
    return session.get(YearNoticeRow, year)


def last_library_year() -> int:
    """Return the last year whose notice the program brings with it."""
    return max(library_notices())


def years_known(session: Session, today: date) -> tuple[tuple[int, bool, str], ...]:
    """Return this year and the next two: the year, whether provisional, and the basis."""
    almanac = read_almanac(session)
    notices = [almanac.days.notice(year) for year in range(today.year, today.year + 3)]
    return tuple((notice.year, notice.provisional, notice.basis) for notice in notices)


def _day_faults(found: Contradictions) -> list[FieldFault]:
    faults = []
    for field, days, words in (
        ("work", found.both, "既列为放假又列为上班"),
        ("work", found.weekdays_worked, "不是星期六或者星期日，本来就上班"),
        ("off", found.missing, "是法定节假日，应当列为放假"),
    ):
        if days:
            named = "、".join(f"{day.month}月{day.day}日" for day in days[:8])
            faults.append(FieldFault(field=field, text=f"{named}{words}，请对照原文核对"))
    return faults


def _joined(days: frozenset[date]) -> str:
    return " ".join(day.isoformat() for day in sorted(days))
