"""The working calendar at the desks (工作日历): a year day by day, and the year's notice taken in.

Seen by all; loaded by the city's approvers. The page of a year says which deadlines its notice
moved, of the cases the person may see.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from registry.errors import NotFound
from registry.office.almanac import read_almanac
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Role
from registry.office.notice_preview import preview_notice
from registry.office.notices import NewNotice, load_notice, loaded
from registry.office.recount import moved_then
from registry.office.rule_making import city_approver
from registry.office.unit import Desk
from registry.rules.calendar import DayKind, WorkingDays, YearNotice
from registry.web.gate import CASES, decide, me
from registry.web.notice_files import read_notice_file
from registry.web.plan_parts import first_words
from registry.wording_schemes import DAYS

Page = Response | str | tuple[str, int]
Faults = tuple[FieldFault, ...]
FIRST_YEAR: Final = 2020
LAST_YEAR: Final = 2099
SHOWN: Final = 100
"""Cases a preview lists."""

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


@lru_cache(maxsize=32)
def _grid(notice: YearNotice) -> Markup:
    """Draw a year as it was arranged; 365 days are written once for each arrangement."""
    days = WorkingDays({notice.year: notice})
    months = [_month(days, notice.year, month) for month in range(1, 13)]
    text = render_template("rules/_months.html", months=months, week=_WEEK)
    return Markup(text)  # noqa: S704 - the template has escaped it


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
            grid=_grid(notice),
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
        new = _typed(year)
        try:
            with desk.write() as session:
                context, today = desk.context(me()), desk.today()
                load_notice(session, new, by=me(), context=context, today=today)
        except FormFaults as refused:
            return _notice_page(desk, year, refused.faults, new), 422
        return redirect(url_for("rules.year", year=year, done=1), 303)

    @routes.post("/calendar/<int:year>/notice/preview")
    @decide(Role.APPROVER)
    def preview(year: int) -> Page:
        _check_year(year)
        city_approver(me())
        new, file = _typed(year), request.files.get("file")
        try:
            if file is not None and file.filename:
                read = read_notice_file(file, year)
                new = replace(new, off=read.off, work=read.work)
            with desk.write() as session:
                context, today = desk.context(me()), desk.today()
                seen = preview_notice(session, new, by=me(), context=context, today=today)
        except FormFaults as refused:
            return _notice_page(desk, year, refused.faults, new), 422
        return render_template(
            "rules/notice_preview.html", year=year, seen=seen, typed=new, shown=SHOWN
        )


def makes() -> bool:
    """Say whether the person makes rules and loads notices: an approver of the city."""
    return me().role is Role.APPROVER and not me().district


def _typed(year: int) -> NewNotice:
    form = request.form
    return NewNotice(
        year=year,
        basis=form.get("basis", ""),
        off=form.get("off", ""),
        work=form.get("work", ""),
    )


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


def _notice_page(desk: Desk, year: int, faults: Faults = (), typed: NewNotice | None = None) -> str:
    with desk.read() as session:
        row = loaded(session, year)
    kept = NewNotice(
        year=year,
        basis=row.basis if row else "",
        off=row.off if row else "",
        work=row.work if row else "",
    )
    return render_template(
        "rules/notice.html",
        year=year,
        typed=typed or kept,
        faults=faults,
        wrong=first_words(faults),
    )
