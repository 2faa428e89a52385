"""The working calendar at the desks (工作日历): a year day by day, and the year's notice typed in.

Seen by all; loaded by the city's approvers. The page of a year says which deadlines its notice
moved, of the cases the person may see.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date
from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from registry.errors import NotFound
from registry.office.almanac import read_almanac
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Role
from registry.office.notices import NewNotice, load_notice, loaded
from registry.office.recount import moved_then
from registry.office.unit import Desk
from registry.rules.calendar import DayKind, WorkingDays
from registry.web.gate import CASES, decide, me
from registry.web.plan_parts import first_words
from registry.wording_schemes import DAYS

Page = Response | str | tuple[str, int]
Faults = tuple[FieldFault, ...]
FIRST_YEAR: Final = 2020
LAST_YEAR: Final = 2099
_WEEK: Final = ("一", "二", "三", "四", "五", "六", "日")
_MARKS: Final = {
    DayKind.WORKDAY: "",
    DayKind.MAKE_UP: "班",
    DayKind.WEEKEND: "",
    DayKind.HOLIDAY: "休",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day of the grid: number, what it is, and the mark beside the number."""

    number: int
    kind: str
    word: str
    mark: str


def add_routes(routes: Blueprint, desk: Desk) -> None:
    """Add the calendar's pages."""

    @routes.get("/calendar/<int:year>")
    @decide(of=CASES)
    def year(year: int) -> str:
        _check_year(year)
        with desk.read() as session:
            days = read_almanac(session).days
            row = loaded(session, year)
            context = desk.context(me())
            moved = moved_then(session, row.loaded_at, by=me(), context=context) if row else ()
        notice = days.notice(year)
        return render_template(
            "rules/calendar.html",
            year=year,
            months=[_month(days, year, month) for month in range(1, 13)],
            week=_WEEK,
            notice=notice,
            total=_total(days, year),
            loaded_at=row.loaded_at if row else None,
            moved=moved,
            years=(FIRST_YEAR, LAST_YEAR),
            makes=makes() and year >= desk.today().year,
        )

    @routes.get("/calendar/<int:year>/notice")
    @decide(Role.APPROVER)
    def notice(year: int) -> str:
        _check_year(year)
        return _notice_page(desk, year)

    @routes.post("/calendar/<int:year>/notice")
    @decide(Role.APPROVER)
    def load(year: int) -> Page:
        _check_year(year)
        new = NewNotice(
            year=year,
            basis=request.form.get("basis", ""),
            off=request.form.get("off", ""),
            work=request.form.get("work", ""),
        )
        try:
            with desk.write() as session:
                context, today = desk.context(me()), desk.today()
                load_notice(session, new, by=me(), context=context, today=today)
        except FormFaults as refused:
            return _notice_page(desk, year, refused.faults), 422
        return redirect(url_for("rules.year", year=year, done=1), 303)


def makes() -> bool:
    """Say whether the person makes rules and loads notices: an approver of the city."""
    return me().role is Role.APPROVER and not me().district


def _check_year(year: int) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise NotFound("没有此年度的日历")


def _month(days: WorkingDays, year: int, month: int) -> list[list[Day | None]]:
    weeks = calendar.Calendar().monthdayscalendar(year, month)
    return [[_day(days, year, month, n) if n else None for n in week] for week in weeks]


def _day(days: WorkingDays, year: int, month: int, number: int) -> Day:
    kind = days.kind(date(year, month, number))
    return Day(number=number, kind=kind.value, word=DAYS[kind], mark=_MARKS[kind])


def _total(days: WorkingDays, year: int) -> int:
    return days.between(date(year - 1, 12, 31), date(year, 12, 31))


def _notice_page(desk: Desk, year: int, faults: Faults = ()) -> str:
    with desk.read() as session:
        row = loaded(session, year)
    kept = {"basis": row.basis, "off": row.off, "work": row.work} if row else {}
    typed = request.form.to_dict() if faults else kept
    return render_template(
        "rules/notice.html",
        year=year,
        typed={"basis": "", "off": "", "work": ""} | typed,
        faults=faults,
        wrong=first_words(faults),
    )
