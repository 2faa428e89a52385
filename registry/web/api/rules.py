"""Rules and calendar at the machine API (规则与日历): what is in force, and making what comes."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from msgspec import Meta

from registry.office import notice_preview, notices, rule_making
from registry.office.almanac import read_almanac
from registry.office.notice_preview import NoticePreview
from registry.office.recount import Moved
from registry.office.rules_list import Standing, rules_list
from registry.rules.calendar import DayKind
from registry.rules.terms import Counting, Term, TermRule, Threshold, ThresholdRule, Turn, Unit
from registry.web.api.endpoint import CREATED, Call, Given, Nothing, Sent, Table, Taken
from registry.web.api.filings import APPROVERS
from registry.web.gate import CASES
from registry.web.notice_files import read_notice_file

TABLE = Table("rules")
Year = Annotated[int, Meta(ge=2020, le=2099)]
DAYS_AT_MOST = 400


class TermShown(Given, frozen=True, kw_only=True):
    """A term (期限), in force, to come or gone; ``until`` None: no later one is made."""

    term: Term
    length: int
    unit: Unit
    counting: Counting
    turn: Turn
    basis: str
    since: date
    until: date | None
    status: Standing


class ThresholdShown(Given, frozen=True, kw_only=True):
    """A threshold (条件); ``bars`` False: a warning alone."""

    threshold: Threshold
    least: int
    bars: bool
    basis: str
    since: date
    until: date | None
    status: Standing


class Rules(Given, frozen=True, kw_only=True):
    """All rules there are or were."""

    terms: tuple[TermShown, ...]
    thresholds: tuple[ThresholdShown, ...]


class NewTerm(Taken, frozen=True, kw_only=True):
    """A term as it shall be; ``reason`` where it begins today."""

    term: Term
    length: int
    unit: Unit
    counting: Counting
    basis: str
    since: date
    reason: str = ""


class NewThreshold(Taken, frozen=True, kw_only=True):
    """A threshold as it shall be; ``reason`` where it begins today."""

    threshold: Threshold
    least: int
    bars: bool
    basis: str
    since: date
    reason: str = ""


class Made(Given, frozen=True, kw_only=True):
    """The deadlines that a change moved."""

    moved: tuple[Moved, ...]


class DaysQuery(Taken, frozen=True, kw_only=True):
    """Which days, both inclusive; at most 400."""

    first: date
    last: date


class Day(Given, frozen=True, kw_only=True):
    """One day and what it is; ``provisional``: the year's notice is not out yet."""

    day: date
    kind: DayKind
    provisional: bool


class Days(Given, frozen=True, kw_only=True):
    """A stretch of the working calendar."""

    days: tuple[Day, ...]


class NewNotice(Taken, frozen=True, kw_only=True):
    """A year's notice (国务院办公厅通知): days off and make-up days as texts of days and ranges."""

    year: Year
    basis: str
    off: str
    work: str


class NoticeFile(Taken, frozen=True, kw_only=True):
    """Of which year the notice in the body is, and its name and number."""

    year: Year
    basis: str


class NoticeRead(Given, frozen=True, kw_only=True):
    """What a file says, as texts that can be loaded, and what loading them would do."""

    off: str
    work: str
    preview: NoticePreview


@TABLE.get("/rules", roles=CASES, takes=Nothing, gives=Rules)
def list_rules(call: Call, _: Nothing) -> Rules:
    """List rules (所有期限和条件，及其依据)."""
    with call.desk.read() as session:
        shown = rules_list(session, call.desk.today())
    return Rules(
        terms=tuple(
            TermShown(
                term=rule.term,
                length=rule.length,
                unit=rule.unit,
                counting=rule.counting,
                turn=rule.turn,
                basis=rule.basis,
                since=rule.since,
                until=item.until,
                status=item.status,
            )
            for item in shown
            if isinstance(rule := item.rule, TermRule)
        ),
        thresholds=tuple(
            ThresholdShown(
                threshold=rule.threshold,
                least=rule.least,
                bars=rule.bars,
                basis=rule.basis,
                since=rule.since,
                until=item.until,
                status=item.status,
            )
            for item in shown
            if isinstance(rule := item.rule, ThresholdRule)
        ),
    )


@TABLE.post("/rules/terms", roles=APPROVERS, takes=NewTerm, gives=Made, status=CREATED)
def make_term(call: Call, given: NewTerm) -> Made:
    """Make term (登记新的期限规定)."""
    new = rule_making.NewTerm(
        term=given.term,
        length=given.length,
        unit=given.unit,
        counting=given.counting,
        basis=given.basis,
        since=given.since,
        reason=given.reason,
    )
    with call.desk.write() as session:
        made = rule_making.make_term(
            session, new, by=call.by, context=call.context, today=call.desk.today()
        )
    return Made(moved=made.moved)


@TABLE.post("/rules/thresholds", roles=APPROVERS, takes=NewThreshold, gives=Made, status=CREATED)
def make_threshold(call: Call, given: NewThreshold) -> Made:
    """Make threshold (登记新的条件规定)."""
    new = rule_making.NewThreshold(
        threshold=given.threshold,
        least=given.least,
        bars=given.bars,
        basis=given.basis,
        since=given.since,
        reason=given.reason,
    )
    with call.desk.write() as session:
        made = rule_making.make_threshold(
            session, new, by=call.by, context=call.context, today=call.desk.today()
        )
    return Made(moved=made.moved)


@TABLE.get("/calendar", roles=CASES, takes=DaysQuery, gives=Days)
def show_calendar(call: Call, given: DaysQuery) -> Days:
    """Show calendar (工作日历)."""
    first = given.first.toordinal()
    last = min(given.last.toordinal(), first + DAYS_AT_MOST - 1)
    with call.desk.read() as session:
        days = read_almanac(session).days
    found = map(date.fromordinal, range(first, last + 1))
    return Days(
        days=tuple(
            Day(day=day, kind=days.kind(day), provisional=days.notice(day.year).provisional)
            for day in found
        )
    )


@TABLE.post("/calendar/notices/preview", roles=APPROVERS, takes=NewNotice, gives=NoticePreview)
def preview_notice(call: Call, given: NewNotice) -> NoticePreview:
    """Preview notice (核对年度放假通知：日期、工作日数和将变动的期限；不保存)."""
    new = notices.NewNotice(year=given.year, basis=given.basis, off=given.off, work=given.work)
    return _preview(call, new)


@TABLE.post(
    "/calendar/notices/file",
    roles=APPROVERS,
    takes=NoticeFile,
    gives=NoticeRead,
    sent=Sent.FILE,
)
def read_notice(call: Call, given: NoticeFile) -> NoticeRead:
    """Read notice (读取通知文件（正文为文本、xlsx 或 csv）并核对；不保存)."""
    rule_making.city_approver(call.by)
    read = read_notice_file(call.file, given.year)
    new = notices.NewNotice(year=given.year, basis=given.basis, off=read.off, work=read.work)
    return NoticeRead(off=read.off, work=read.work, preview=_preview(call, new))


@TABLE.post("/calendar/notices", roles=APPROVERS, takes=NewNotice, gives=Made, status=CREATED)
def load_notice(call: Call, given: NewNotice) -> Made:
    """Load notice (登记年度放假通知)."""
    new = notices.NewNotice(year=given.year, basis=given.basis, off=given.off, work=given.work)
    with call.desk.write() as session:
        made = notices.load_notice(
            session, new, by=call.by, context=call.context, today=call.desk.today()
        )
    return Made(moved=made.moved)


def _preview(call: Call, new: notices.NewNotice) -> NoticePreview:
    with call.desk.write() as session:
        return notice_preview.preview_notice(
            session, new, by=call.by, context=call.context, today=call.desk.today()
        )
