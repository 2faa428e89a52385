"""Home (what is due), lists, and the page of one case: facts, timeline, the steps open to one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from registry.errors import NotFound
from registry.office.almanac import Almanac, read_almanac
from registry.office.case_list import PAGE, cases_of, list_assigned
from registry.office.cases import CaseKind, Doing, get_case, machine_of, steps_open_to
from registry.office.change_due import changes_due
from registry.office.docket import docket, lines_of
from registry.office.figures import due_by_day
from registry.office.identity import Role
from registry.office.importing_list import waiting_imports
from registry.office.steps import HANDLERS, take
from registry.office.supervision_due import matters
from registry.office.unit import Desk
from registry.office.upload_due import UploadMatter, upload_matters
from registry.rules.workflow import Guard, Step
from registry.web import charts
from registry.web.gate import CASES, COMPANY, EVERY_ROLE, OFFICE, decide, me
from registry.web.sections import SECTIONS

_DANGEROUS = frozenset(
    {
        "reject",
        "stop",
        "cancel",
        "withdraw",
        "withdraw-approval",
        "propose-refusal",
        "report-not-held",
        "end",
    }
)
_QUIET = frozenset({"return", "take-back"})
_DAYS_AHEAD = 10
"""Working days that the first page shows what is due on: two weeks."""

_OWN = 12
"""Cases of one's own side on a page of what is due."""

_OTHERS = 8
"""Rows of each further list on the first page: what waits for others, what was assigned, what
supervision waits for. Each has pages of its own."""

_NEW: Final = {
    CaseKind.FILING: ("/filings/new", "申请备案", "New filing"),
    CaseKind.SCHEME: ("/schemes/new", "新建方案", "New scheme"),
    CaseKind.PLAN: ("/plans/new", "新建计划", "New plan"),
    CaseKind.BATCH: ("/batches/new", "登记结果", "New results"),
}
"""Where a company begins a case of a kind, in two languages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """One step as a button: its event, words, look, and whether a reason must be given."""

    event: str
    label: str
    tone: str
    asks_reason: bool


def blueprint(desk: Desk) -> Blueprint:
    """Build the routes."""
    routes = Blueprint("cases", __name__)

    @routes.get("/")
    @decide(of=EVERY_ROLE)
    def home() -> Response | str:
        if me().role is Role.ADMIN:
            return redirect("/accounts", 303)
        today, page = desk.today(), page_asked()
        with desk.read() as session:
            almanac, context = read_almanac(session), desk.context(me())
            due = docket(session, me(), almanac, today=today, page=page, limit=_OWN, others=_OTHERS)
            watched = matters(session, me(), context, almanac, today=today, others=_OTHERS)
            reports = _reports(session, almanac, today)
            changes = changes_due(session, me(), almanac, today=today)
            imports, imports_total = waiting_imports(session, me())
            ahead = due_by_day(
                session,
                me(),
                almanac,
                today=today,
                count=_DAYS_AHEAD,
                more=[*(item.due_on for item in watched.mine), *changes.days],
            )
        return render_template(
            "home.html",
            due=due,
            watched=watched,
            reports=reports,
            changes=changes,
            days=charts.days(due.late + watched.late + changes.late, ahead),
            imports=imports,
            imports_total=imports_total,
            today=today,
            page=page,
            pages=-(-due.total // _OWN),
            some=_OTHERS,
        )

    @routes.get("/list/assigned")
    @decide(Role.CLERK)
    def assigned() -> str:
        today, page = desk.today(), page_asked()
        with desk.read() as session:
            found, total = list_assigned(
                session, me(), read_almanac(session), today=today, page=page
            )
        return render_template(
            "assigned.html",
            cases=found,
            total=total,
            today=today,
            page=page,
            pages=-(-total // PAGE),
        )

    @routes.get("/list/<kind>")
    @decide(of=CASES)
    def listing(kind: str) -> str:
        return _listing(desk, kind)

    @routes.get("/cases/<int:case_id>")
    @decide(of=CASES)
    def case(case_id: int) -> str:
        with desk.read() as session:
            return _page(desk, session, case_id)

    @routes.post("/cases/<int:case_id>/steps/<event>")
    @decide(of=CASES - {Role.AUDITOR})
    def step(case_id: int, event: str) -> Response:
        doing = doing_from_form(f"note-{event}")
        with desk.write() as session:
            take(session, get_case(session, case_id, me()), event, doing, desk)
        return redirect(url_for("cases.case", case_id=case_id, done=event), 303)

    return routes


def _reports(session: Session, almanac: Almanac, today: date) -> tuple[UploadMatter, ...]:
    """Return what reporting waits for; it is the city office's."""
    if me().role not in OFFICE or me().district:
        return ()
    return upload_matters(session, almanac, today=today)


def page_asked() -> int:
    """Return the page of a list that is asked for, from 1."""
    return max(request.args.get("page", 1, type=int), 1)


def doing_from_form(note: str = "note") -> Doing:
    """Read who acts, on which version, with what remark, from the posted form."""
    version = request.form.get("version", type=int)
    if version is None:
        raise BadRequest
    return Doing(by=me(), version=version, note=request.form.get(note, ""))


def _listing(desk: Desk, kind: str) -> str:
    try:
        chosen = CaseKind(kind)
    except ValueError:
        raise NotFound("没有此页") from None
    page = page_asked()
    with desk.read() as session:
        found, total = cases_of(
            session, me(), read_almanac(session), today=desk.today(), kind=chosen, page=page
        )
    return render_template(
        "list.html",
        today=desk.today(),
        cases=found,
        total=total,
        page=page,
        pages=-(-total // PAGE),
        kind=kind,
        new=_NEW[chosen] if me().role in COMPANY else None,
    )


def _page(desk: Desk, session: Session, case_id: int) -> str:
    case = get_case(session, case_id, me())
    machine = machine_of(case)
    section = SECTIONS[CaseKind(case.kind)](desk, session, case, me())
    elsewhere = {act.event for act in section.acts}
    done = request.args.get("done", "")
    return render_template(
        "case.html",
        case=case,
        state=machine.words[case.state],
        final=case.state in machine.final,
        done=machine.words.get(done, ""),
        section=section,
        buttons=[
            _button(row, machine.words)
            for row in steps_open_to(case, me())
            if (CaseKind(case.kind), row.event) in HANDLERS and row.event not in elsewhere
        ],
        lines=lines_of(session, case, me(), desk.context(me())),
        today=desk.today(),
    )


def _button(row: Step, words: dict[str, str]) -> Button:
    tone = "bad" if row.event in _DANGEROUS else "quiet" if row.event in _QUIET else ""
    return Button(
        event=row.event,
        label=words[row.event],
        tone=tone,
        asks_reason=Guard.REASON_GIVEN in row.guards or row.event in {"prepare", "approve"},
    )
