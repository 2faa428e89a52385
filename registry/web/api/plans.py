"""Plans at the machine API (实施计划): opened on a scheme, filled in part by part.

Submitting, recording, stopping and cancelling are plain steps of the case.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from sqlalchemy.orm import Session

from registry.office import plans
from registry.office.almanac import read_almanac
from registry.office.cases import CaseRow, get_case
from registry.office.plan_check import check_plan
from registry.office.plan_form import PlanForm, Times, Training
from registry.office.plan_steps import return_plan
from registry.office.rosters import (
    CheckedPlanRoster,
    RosterLine,
    found_lines,
    read_row_findings,
    roster_lines,
)
from registry.sheets.layouts import ROSTER
from registry.sheets.table import Table as Rows
from registry.web.api.cases import Case, Page, after, case_of, doing_of
from registry.web.api.endpoint import (
    CREATED,
    Call,
    Given,
    Nothing,
    Remark,
    Sent,
    Table,
    Taken,
    Version,
)
from registry.web.api.filings import CLERKS
from registry.web.api.problems import Fault
from registry.web.api.sheets import Kept, keep_table
from registry.web.gate import CASES, COMPANY
from registry.web.table_upload import LIMITS

TABLE = Table("plans")
PAGE = 200
"""Rows of a page of a roster."""


class NewPlan(Taken, frozen=True, kw_only=True):
    """The published scheme that the plan rests on."""

    scheme_id: int


class Place(Taken, frozen=True, kw_only=True):
    """One place of the assessment (考评场地)."""

    name: str
    address: str


class NewTimes(Version, frozen=True, kw_only=True):
    """Days, level symbols and places."""

    first_day: date
    last_day: date
    levels: tuple[Literal["5", "4", "3", "2", "1"], ...]
    sites: tuple[Place, ...]


class NewTraining(Version, frozen=True, kw_only=True):
    """The training held before the assessment: class hours, content, days."""

    hours: int
    content: str
    first_day: date
    last_day: date


class Chosen(Version, frozen=True, kw_only=True):
    """The assessors chosen, by id."""

    assessors: tuple[int, ...]


class RowFinding(Taken, frozen=True, kw_only=True):
    """What is wrong with one row, as the table numbers it."""

    row: int
    text: str


class Return(Remark, frozen=True, kw_only=True):
    """Why something is returned (``note``), and what is wrong row by row."""

    rows: tuple[RowFinding, ...] = ()


class Plan(Given, frozen=True, kw_only=True):
    """A plan: its form, what keeps it back, and rows that the office returned, masked."""

    case: Case
    form: PlanForm
    ready: bool
    faults: tuple[Fault, ...]
    returned_rows: tuple[RosterLine, ...]


class Schemes(Given, frozen=True, kw_only=True):
    """The company's published schemes."""

    schemes: tuple[plans.SchemeFacts, ...]


class PageQuery(Taken, frozen=True, kw_only=True):
    """Which page."""

    page: Page = 1


class Roster(Given, frozen=True, kw_only=True):
    """One page of a roster, masked, and how many stand in it."""

    people: tuple[RosterLine, ...]
    total: int


@TABLE.get("/plans/schemes", roles=COMPANY, takes=Nothing, gives=Schemes)
def list_plan_schemes(call: Call, _: Nothing) -> Schemes:
    """List plan schemes (可以据以编制计划的评价方案)."""
    with call.desk.read() as session:
        return Schemes(schemes=plans.own_schemes(session, call.by, call.context))


@TABLE.post("/plans", roles=COMPANY, takes=NewPlan, gives=Case, status=CREATED)
def open_plan(call: Call, given: NewPlan) -> Case:
    """Open plan (新建实施计划)."""
    with call.desk.write() as session:
        case = plans.open_plan(
            session,
            given.scheme_id,
            by=call.by,
            context=call.context,
            today=call.desk.today(),
        )
        return after(session, case)


@TABLE.get("/plans/<int:case_id>", roles=CASES, takes=Nothing, gives=Plan)
def show_plan(call: Call, _: Nothing) -> Plan:
    """Show plan (实施计划：内容和提交前检查)."""
    with call.desk.read() as session:
        case = get_case(session, call.case_id, call.by)
        form = plans.read_plan(case, call.context)
        check = check_plan(
            session,
            case,
            context=call.context,
            almanac=read_almanac(session),
            today=call.desk.today(),
        )
        return Plan(
            case=case_of(case),
            form=form,
            ready=check.ready,
            faults=tuple(Fault(field=f.field, text=f.text) for _, f in check.faults),
            returned_rows=found_lines(session, case, call.context),
        )


@TABLE.post("/plans/<int:case_id>/times", roles=COMPANY, takes=NewTimes, gives=Case)
def save_times(call: Call, given: NewTimes) -> Case:
    """Save times (填写时间、等级和场地)."""
    times = Times(
        first_day=given.first_day,
        last_day=given.last_day,
        levels=given.levels,
        sites=tuple((site.name, site.address) for site in given.sites),
    )
    with call.desk.write() as session:
        case = get_case(session, call.case_id, call.by)
        doing, today = doing_of(call, given), call.desk.today()
        plans.set_times(session, case, times, doing=doing, context=call.context, today=today)
        return after(session, case)


@TABLE.post("/plans/<int:case_id>/training", roles=COMPANY, takes=NewTraining, gives=Case)
def save_training(call: Call, given: NewTraining) -> Case:
    """Save training (填写评价前培训)."""
    training = Training(
        hours=given.hours,
        content=given.content,
        first_day=given.first_day,
        last_day=given.last_day,
    )
    with call.desk.write() as session:
        case = get_case(session, call.case_id, call.by)
        doing = doing_of(call, given)
        plans.set_training(session, case, training, doing=doing, context=call.context)
        return after(session, case)


@TABLE.post("/plans/<int:case_id>/assessors", roles=COMPANY, takes=Chosen, gives=Case)
def choose_assessors(call: Call, given: Chosen) -> Case:
    """Choose assessors (选定考评人员)."""
    with call.desk.write() as session:
        case = get_case(session, call.case_id, call.by)
        plans.set_assessors(
            session,
            case,
            given.assessors,
            doing=doing_of(call, given),
            context=call.context,
            today=call.desk.today(),
        )
        return after(session, case)


@TABLE.get("/plans/<int:case_id>/roster", roles=CASES, takes=PageQuery, gives=Roster)
def show_roster(call: Call, given: PageQuery) -> Roster:
    """Show roster (评价员工名册（隐去部分姓名和证件号码）)."""
    with call.desk.read() as session:
        case = get_case(session, call.case_id, call.by)
        plans.read_plan(case, call.context)
        lines, total = roster_lines(session, case, call.context, page=given.page, size=PAGE)
    return Roster(people=tuple(lines), total=total)


@TABLE.post("/plans/<int:case_id>/roster", roles=COMPANY, takes=Version, gives=Kept, sent=Sent.FILE)
def upload_roster(call: Call, given: Version) -> Kept:
    """Upload roster (上传名册（正文为 xlsx 或 csv）)."""
    _demand_own(call)

    def put(session: Session, case: CaseRow, rows: Rows) -> CheckedPlanRoster:
        return plans.put_roster(
            session,
            case,
            rows,
            form=rows.findings,
            doing=doing_of(call, given),
            context=call.context,
            today=call.desk.today(),
        )

    return keep_table(call, LIMITS, ROSTER, put)


@TABLE.post("/plans/<int:case_id>/return", roles=CLERKS, takes=Return, gives=Case)
def give_plan_back(call: Call, given: Return) -> Case:
    """Give plan back (退回计划，写明逐行意见)."""
    with call.desk.write() as session:
        case = get_case(session, call.case_id, call.by)
        rows = read_row_findings(session, case, rows_text(given.rows))
        return_plan(session, case, rows, doing_of(call, given), call.desk)
        return after(session, case)


def rows_text(rows: tuple[RowFinding, ...]) -> str:
    """Write findings as the use case reads them: one on a line."""
    return "\n".join(f"{item.row} {' '.join(item.text.split())}" for item in rows)


def _demand_own(call: Call) -> None:
    # Before a file is read: who may not change this plan makes no work.
    with call.desk.read() as session:
        plans.read_plan(get_case(session, call.case_id, call.by), call.context)
