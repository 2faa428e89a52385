"""The pages on which a sanction is proposed (处理提议) and a neglect of duty recorded (失职)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from registry.errors import NotFound
from registry.office import sanctions
from registry.office.almanac import read_almanac
from registry.office.assessors import get_assessor
from registry.office.choices import PAGE, assessors_to_propose, companies_to_propose
from registry.office.companies import get_company
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Role
from registry.office.sanction_effects import Ground
from registry.office.unit import Desk
from registry.web.cases import page_asked
from registry.web.gate import decide, me
from registry.web.plan_parts import first_words


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """What a proposal's page says: heading (two languages), the subject, grounds to choose from."""

    title: str
    english: str
    subject: tuple[tuple[str, str], ...]
    grounds: tuple[Ground, ...] = ()
    asks_batch: bool = False


def add_routes(routes: Blueprint, desk: Desk) -> None:
    """Add the proposals' routes."""

    @routes.get("/supervision/propose")
    @decide(Role.CLERK, Role.SUPERVISOR)
    def choosing() -> str:
        return _choice(desk)

    _company_routes(routes, desk)
    _assessor_routes(routes, desk)
    _batch_routes(routes, desk)


def _company_routes(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/supervision/companies/<int:company_id>/delist")
    @decide(Role.CLERK)
    def delisting(company_id: int) -> str:
        return _page(_delisting(desk, company_id), ())

    @routes.post("/supervision/companies/<int:company_id>/delist")
    @decide(Role.CLERK)
    def propose_delisting(company_id: int) -> Response | tuple[str, int]:
        try:
            with desk.write() as session:
                item_id = sanctions.propose_delisting(
                    session,
                    company_id,
                    _ground(),
                    _reason(),
                    by=me(),
                    context=desk.context(me()),
                    almanac=read_almanac(session),
                    today=desk.today(),
                )
        except FormFaults as refused:
            return _page(_delisting(desk, company_id), refused.faults), 422
        return _proposed(item_id)


def _assessor_routes(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/supervision/assessors/<int:assessor_id>/disqualify")
    @decide(Role.CLERK)
    def disqualifying(assessor_id: int) -> str:
        return _page(_assessor(desk, assessor_id, fault=False), ())

    @routes.post("/supervision/assessors/<int:assessor_id>/disqualify")
    @decide(Role.CLERK)
    def propose_disqualification(assessor_id: int) -> Response | tuple[str, int]:
        try:
            with desk.write() as session:
                context = desk.context(me())
                item_id = sanctions.propose_disqualification(
                    session, assessor_id, _ground(), _reason(), by=me(), context=context
                )
        except FormFaults as refused:
            return _page(_assessor(desk, assessor_id, fault=False), refused.faults), 422
        return _proposed(item_id)

    @routes.get("/supervision/assessors/<int:assessor_id>/fault")
    @decide(Role.SUPERVISOR)
    def recording(assessor_id: int) -> str:
        return _page(_assessor(desk, assessor_id, fault=True), ())

    @routes.post("/supervision/assessors/<int:assessor_id>/fault")
    @decide(Role.SUPERVISOR)
    def record_fault(assessor_id: int) -> Response | tuple[str, int]:
        try:
            with desk.write() as session:
                context = desk.context(me())
                item_id = sanctions.record_fault(
                    session, assessor_id, _reason(), by=me(), context=context
                )
        except FormFaults as refused:
            return _page(_assessor(desk, assessor_id, fault=True), refused.faults), 422
        return _proposed(item_id)


def _batch_routes(routes: Blueprint, desk: Desk) -> None:
    form = _Form(
        title="提议撤销批次证书", english="Propose revocation", subject=(), asks_batch=True
    )

    @routes.get("/supervision/batches/revoke")
    @decide(Role.CLERK)
    def revoking() -> str:
        return _page(form, ())

    @routes.post("/supervision/batches/revoke")
    @decide(Role.CLERK)
    def propose_revocation() -> Response | tuple[str, int]:
        batch, context = request.form.get("batch", ""), desk.context(me())
        try:
            with desk.write() as session:
                item_id = sanctions.propose_revocation(
                    session, batch, _reason(), by=me(), context=context
                )
        except NotFound as missing:
            return _page(form, [FieldFault(field="batch", text=str(missing))]), 422
        except FormFaults as refused:
            return _page(form, refused.faults), 422
        return _proposed(item_id)


def _choice(desk: Desk) -> str:
    clerk, page, text = me().role is Role.CLERK, page_asked(), request.args.get("q", "")
    with desk.read() as session:
        companies, listed = (
            companies_to_propose(session, me(), text, page=page) if clerk else ((), 0)
        )
        context = desk.context(me())
        assessors, people = assessors_to_propose(session, me(), text, context, page=page)
    return render_template(
        "supervision/choose.html",
        clerk=clerk,
        companies=companies,
        listed=listed,
        assessors=assessors,
        people=people,
        text=text,
        page=page,
        pages=-(-max(listed, people) // PAGE),
        query=f"q={quote(text)}&" if text else "",
    )


def _delisting(desk: Desk, company_id: int) -> _Form:
    with desk.read() as session:
        company = get_company(session, company_id, me())
    return _Form(
        title="提议移出备案名单",
        english="Propose delisting",
        subject=(("企业", company.name), ("统一社会信用代码", company.uscc)),
        grounds=sanctions.OF_COMPANIES,
    )


def _assessor(desk: Desk, assessor_id: int, *, fault: bool) -> _Form:
    with desk.read() as session:
        subject = _masked(session, desk, assessor_id)
    if fault:
        return _Form(title="记录考评人员失职", english="Record a fault", subject=subject)
    return _Form(
        title="提议取消考评人员资格",
        english="Propose disqualification",
        subject=subject,
        grounds=sanctions.OF_ASSESSORS,
    )


def _masked(session: Session, desk: Desk, assessor_id: int) -> tuple[tuple[str, str], ...]:
    view = get_assessor(session, assessor_id, me(), desk.context(me()))
    return (
        ("考评人员", view.masked_name),
        ("所在企业", view.company),
        ("现状", view.state_word),
    )


def _ground() -> Ground:
    try:
        return Ground(request.form.get("ground", ""))
    except ValueError:
        raise FormFaults([FieldFault(field="ground", text="请选择处理情形")]) from None


def _reason() -> str:
    return request.form.get("reason", "")


def _proposed(item_id: int) -> Response:
    return redirect(url_for("supervision.item", item_id=item_id, done="proposed"), 303)


def _page(form: _Form, faults: Iterable[FieldFault]) -> str:
    faults = tuple(faults)
    return render_template(
        "supervision/propose.html",
        form=form,
        grounds=[(ground.value, sanctions.GROUND_WORDS[ground]) for ground in form.grounds],
        action=request.path,
        typed=request.form,
        faults=faults,
        wrong=first_words(faults),
    )
