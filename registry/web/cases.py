"""Home (what is due), lists, and the page of one case: facts, timeline, the steps open to one."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from registry.errors import NotFound
from registry.office.almanac import read_almanac
from registry.office.cases import CaseKind, Doing, get_case, machine_of, steps_open_to
from registry.office.docket import PAGE, cases_of, docket, lines_of
from registry.office.identity import Role
from registry.office.steps import HANDLERS, take
from registry.office.unit import Desk
from registry.rules.workflow import Guard, Step
from registry.web.gate import CASES, EVERY_ROLE, decide, me
from registry.web.sections import SECTIONS

_DANGEROUS = frozenset({"reject", "stop", "cancel", "withdraw", "end"})
_QUIET = frozenset({"return", "take-back"})


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
        today = desk.today()
        with desk.read() as session:
            due = docket(session, me(), read_almanac(session), today=today)
        return render_template("home.html", due=due, today=today)

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
    page = max(request.args.get("page", 1, type=int), 1)
    with desk.read() as session:
        found, total = cases_of(
            session, me(), read_almanac(session), today=desk.today(), kind=chosen, page=page
        )
    pages = -(-total // PAGE)
    values = {"cases": found, "total": total, "page": page, "pages": pages, "kind": kind}
    return render_template("list.html", today=desk.today(), **values)


def _page(desk: Desk, session: Session, case_id: int) -> str:
    case = get_case(session, case_id, me())
    machine = machine_of(case)
    section = SECTIONS[CaseKind(case.kind)](desk, session, case, me())
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
            if (CaseKind(case.kind), row.event) in HANDLERS
        ],
        lines=lines_of(session, case, desk.context(me())),
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
