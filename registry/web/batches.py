"""Results at the company's desk: open a batch, task list, evidence; what the case's page shows.

Scores, publicity and the office's pages are in `batch_scores`, `batch_publicity`, `batch_office`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from registry.errors import Refused
from registry.office.almanac import read_almanac
from registry.office.approving import issued_results
from registry.office.batch_facts import facts_of
from registry.office.batch_form import BatchForm
from registry.office.batches import (
    BatchCase,
    check_batch,
    get_batch,
    held_plans,
    open_batch,
    read_batch,
    set_evidence,
)
from registry.office.cases import EDITABLE, CaseKind, machine_of, read_note, timeline
from registry.office.context import Context
from registry.office.evidence_manifest import kept_until, manifest_text
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Identity, Role
from registry.office.publicity import publicity_of
from registry.office.results import found_lines
from registry.office.unit import Desk
from registry.office.weighing import weigh
from registry.office.withholding import count_to_issue
from registry.rules.levels import BY_SYMBOL
from registry.web import batch_office, batch_publicity, batch_scores
from registry.web.cases import doing_from_form
from registry.web.gate import COMPANY, OFFICE, decide, me
from registry.web.sections import Act, Section, section
from registry.web.table_upload import SHOWN
from registry.web.words import china_date

Page = Response | tuple[str, int] | str
_HEAD: Final = frozenset({Role.COMPANY_HEAD})
_CLERK: Final = frozenset({Role.CLERK})
_CHIEF: Final = frozenset({Role.APPROVER})


def blueprint(desk: Desk) -> Blueprint:
    """Build the routes."""
    routes = Blueprint("batches", __name__)
    _opening(routes, desk)
    _evidence(routes, desk)
    batch_scores.add_routes(routes, desk)
    batch_publicity.add_routes(routes, desk)
    batch_office.add_routes(routes, desk)
    return routes


def _opening(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/batches/new")
    @decide(of=COMPANY)
    def new() -> str:
        return _new(desk, ())

    @routes.post("/batches/new")
    @decide(of=COMPANY)
    def create() -> Page:
        plan = request.form.get("plan", type=int)
        if plan is None:
            return _new(desk, (FieldFault(field="plan", text="请选择已实施的计划"),)), 422
        with desk.write() as session:
            case = open_batch(session, plan, by=me(), context=desk.context(me()))
        return redirect(url_for("batches.tasks", case_id=case.case_id), 303)

    @routes.get("/batches/<int:case_id>/tasks")
    @decide(of=COMPANY)
    def tasks(case_id: int) -> Page:
        context = desk.context(me())
        with desk.read() as session:
            case = get_batch(session, case_id, me())
            form = read_batch(case, context)
            if case.state not in EDITABLE:
                return redirect(url_for("cases.case", case_id=case_id), 303)
            faults, returned = check_batch(session, case, context), case.state == "returned"
            found = (
                found_lines(session, case, facts_of(session, case, context).schemes, context)
                if returned
                else ()
            )
            reason = _return_reason(session, case, context) if returned else ""
        wrong = {fault.field for fault in faults}
        done = (("scores", bool(form.people)), ("manifest", bool(form.evidence)))
        return render_template(
            "batches/tasks.html",
            case=case,
            form=form,
            faults=[fault for fault in faults if fault.field == "standing"],
            status={
                field: ("未填写", "")
                if not filled
                else ("需修改", "bad")
                if bad
                else ("已完成", "good")
                for field, filled in done
                for bad in (field in wrong,)
            },
            found=found,
            reason=reason,
            today=desk.today(),
        )


def _return_reason(session: Session, case: BatchCase, context: Context) -> str:
    given = [line for line in timeline(session, case) if line.event == "return"]
    return read_note(given[-1], context) if given else ""


def _new(desk: Desk, faults: tuple[FieldFault, ...]) -> str:
    with desk.read() as session:
        plans = [
            (plan.case_id, f"{plan.title}（{plan.reference}）")
            for plan in held_plans(session, me())
        ]
    return render_template("batches/new.html", faults=faults, plans=plans)


def _evidence(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/batches/<int:case_id>/evidence")
    @decide(of=COMPANY)
    def evidence(case_id: int) -> str:
        return _evidence_page(desk, case_id, None, ())

    @routes.post("/batches/<int:case_id>/evidence")
    @decide(of=COMPANY)
    def keep_evidence(case_id: int) -> Page:
        doing, typed = doing_from_form(), request.form.get("manifest", "")
        try:
            with desk.write() as session:
                case = get_batch(session, case_id, me())
                set_evidence(session, case, typed, doing=doing, context=desk.context(me()))
        except FormFaults as refused:
            return _evidence_page(desk, case_id, typed, refused.faults), 422
        return redirect(url_for("batches.tasks", case_id=case_id), 303)


def _evidence_page(
    desk: Desk, case_id: int, typed: str | None, faults: tuple[FieldFault, ...]
) -> str:
    with desk.read() as session:
        case, form, until = open_for_editing(desk, session, case_id)
    return render_template(
        "batches/evidence.html",
        case=case,
        typed=manifest_text(form.evidence) if typed is None else typed,
        until=until,
        faults=faults[:SHOWN],
    )


def open_for_editing(
    desk: Desk, session: Session, case_id: int
) -> tuple[BatchCase, BatchForm, str]:
    """Return a batch that the company has, and until when its evidence is kept."""
    context = desk.context(me())
    case = get_batch(session, case_id, me())
    if case.state not in EDITABLE:
        raise Refused(f"评价结果现为“{machine_of(case).words[case.state]}”，不能再修改")
    last = facts_of(session, case, context).last_day
    return case, read_batch(case, context), china_date(kept_until(last, read_almanac(session)))


@section(CaseKind.BATCH)
def _section(desk: Desk, session: Session, case: BatchCase, by: Identity) -> Section:
    context, almanac = desk.context(by), read_almanac(session)
    form, facts = read_batch(case, context), facts_of(session, case, context)
    now = publicity_of(session, case, context, almanac, today=desk.today())
    here = f"/batches/{case.case_id}"
    links = [("查看成绩和结果", f"{here}/results")] if form.people else []
    if now is not None:
        links.append(("公示和异议", f"{here}/publicity"))
    if case.state in {"prepared", "refusal"} and by.role is Role.APPROVER:
        links.append(("名单核对结果", f"{here}/review"))
    if case.outcome:
        links.append(("证书编号", f"{here}/issued"))
    rows = [
        ("实施计划", form.plan),
        ("职业（工种）", f"{form.occupation} {form.direction} {form.occupation_code}"),
        ("评价等级", "、".join(BY_SYMBOL[symbol].printed for symbol in form.levels)),
        ("评价人数", f"{form.people} 人，合格 {form.passed} 人" if form.people else "未登记"),
        (
            "评价资料",
            f"{len(form.evidence)} 项，保存至 {china_date(kept_until(facts.last_day, almanac))}",
        ),
    ]
    if now is not None:
        rows.append(("内部公示", f"{china_date(now.first_day)}至{china_date(now.last_day)}"))
    if case.outcome:
        done = issued_results(session, case)
        rows.append(("证书", f"{done.count} 本，发证批次 {done.batch_id}"))
    returned = case.state == "returned"
    bare = case.state == "approved" and count_to_issue(session, case, context) == 0
    return Section(
        template="batches/section.html",
        values={
            "rows": rows,
            "weighed": weigh(session, case, context)
            if case.state in {"submitted", "prepared", "refusal"} and by.role in OFFICE
            else None,
            "gaps": facts.gaps if case.state not in machine_of(case).final else (),
            "found": found_lines(session, case, facts.schemes, context) if returned else (),
        },
        acts=_acts("nobody-passed" if bare else case.state, by, here),
        links=tuple(links),
    )


_ACTS: Final[Mapping[str, tuple[tuple[frozenset[Role], str, str, bool], ...]]] = {
    "draft": ((COMPANY, "登记结果", "tasks", False),),
    "returned": ((COMPANY, "修改结果", "tasks", False),),
    "publicity": ((_HEAD, "报送备案", "check", False), (_HEAD, "撤回公示", "take-back", True)),
    "submitted": (
        (_CLERK, "审核", "review", False),
        (_CLERK, "登记不核发证书人员", "withhold", True),
        (_CLERK, "退回补正", "return", True),
    ),
    "prepared": ((_CHIEF, "退回经办人", "return", True),),
    "refusal": ((_CHIEF, "退回经办人", "return", True),),
    "approved": ((_CLERK, "发证", "issue", False),),
    "nobody-passed": ((_CLERK, "办结（不核发证书）", "close", False),),
}
"""By state: who goes to which page, and whether it leads back (quiet).

Approved with nobody to get a certificate is a state of its own here.
"""


def _acts(state: str, by: Identity, here: str) -> tuple[Act, ...]:
    return tuple(
        Act(label=word, address=f"{here}/{page}", quiet=quiet)
        for roles, word, page, quiet in _ACTS.get(state, ())
        if by.role in roles
    )
