"""Requests to change a certificate (证书变更申请): list, one request, its paper; holders' contacts.

What is done with a request is in `registry.web.request_steps`. The window where a holder's contact
is put down (持证人联系方式) is here: with the identity document in hand, since codes go there.
Numbers and answers are typed into forms, never into addresses.
"""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from registry.errors import NotFound
from registry.office.change_checks import Check, look, sides
from registry.office.change_list import PAGE, list_requests, turn_word
from registry.office.change_making import suggested
from registry.office.change_steps import steps_open_to, timeline
from registry.office.changes import (
    KIND_WORDS,
    ORIGIN_WORDS,
    REASONS,
    Kind,
    OpenedRequest,
    Plan,
    get_request,
    open_document,
    opened,
    reference,
)
from registry.office.disclosures import Disclosed, note_disclosure
from registry.office.form_faults import FieldFault
from registry.office.holders_contacts import ContactWrong, put_contact
from registry.office.identity import NotAllowed, Role
from registry.office.unit import Desk
from registry.rules.changing import CHANGE
from registry.rules.people import ID_TYPE_NAMES
from registry.web import request_steps
from registry.web.batch_scores import drawable
from registry.web.cases import page_asked
from registry.web.filing_words import by_field
from registry.web.gate import COMPANY, OFFICE, decide, me
from registry.wording import message

FIELD_WORDS: Final = {
    "name": "姓名",
    "id_type": "证件类型",
    "id_number": "证件号码",
    "admission": "准考证号",
    "occupation": "职业名称",
    "direction": "工种/职业方向",
    "level": "职业技能等级",
    "issued": "发证日期",
    "issuer": "评价机构",
    "photo": "照片",
    "number": "证书编号",
    "state": "证书状态",
    "edition": "版次",
    "": "",
}
TONES: Final = {"carried-out": "good", "refused": "bad"}
"""How a state looks; all others are under way."""

_TYPES: Final = {"pdf": "application/pdf", "jpg": "image/jpeg", "png": "image/png"}


def blueprint(desk: Desk) -> Blueprint:
    """Build the routes."""
    routes = Blueprint("requests", __name__)

    @routes.get("/requests")
    @decide(of=OFFICE | COMPANY)
    def listing() -> str:
        return _list_page(desk)

    @routes.get("/requests/<int:request_id>")
    @decide(of=OFFICE | COMPANY)
    def one(request_id: int) -> str:
        return page(desk, request_id)

    @routes.get("/requests/<int:request_id>/document")
    @decide(of=OFFICE | COMPANY)
    def document(request_id: int) -> Response:
        with desk.read() as session:
            kind, data = open_document(session, request_id, me(), context=desk.context(me()))
        note_disclosure(desk, Disclosed.REQUEST_PAPER, reference(request_id), me())
        response = Response(data, content_type=_TYPES[kind])
        # Saved, never shown within these pages: it came from outside.
        name = f"{reference(request_id)}.{kind}"
        response.headers.set("Content-Disposition", "attachment", filename=name)
        return response

    @routes.post("/requests/contact")
    @decide(Role.CLERK)
    def contact() -> Answer | tuple[str, int]:
        number = "".join(request.form.get("number", "").split()).upper()
        fault = None
        try:
            with desk.write() as session:
                typed = request.form.get("contact", "")
                put_contact(session, number, typed, by=me(), context=desk.context(me()))
        except ContactWrong as refused:
            fault = FieldFault(field="contact", text=str(refused))
        except (NotFound, NotAllowed):
            # One answer for both: a district's clerk does not learn what another district has.
            fault = FieldFault(field="number", text="没有这个证书编号，请与证书逐位核对")
        if fault is not None:
            return _list_page(desk, (fault,)), 422
        return redirect("/requests?done=contact", 303)

    request_steps.add_routes(routes, desk, page)
    return routes


def _list_page(desk: Desk, faults: tuple[FieldFault, ...] = ()) -> str:
    page_number = page_asked()
    with desk.read() as session:
        rows, total = list_requests(session, me(), page=page_number)
    return render_template(
        "requests/list.html",
        rows=rows,
        kinds=KIND_WORDS,
        origins=ORIGIN_WORDS,
        tones=TONES,
        today=desk.today(),
        page=page_number,
        pages=-(-total // PAGE),
        clerk=me().role is Role.CLERK,
        asks=me().role in COMPANY | {Role.CLERK},
        done=request.args.get("done", ""),
        typed=request.form,
        faults=faults,
        wrong=by_field(faults),
    )


def page(
    desk: Desk,
    request_id: int,
    faults: tuple[FieldFault, ...] = (),
    typed: Plan | None = None,
) -> str:
    """Render one request; ``typed`` is a plan that was refused, with its checks."""
    with desk.read() as session:
        context = desk.context(me())
        row = get_request(session, request_id, me())
        found = opened(row, context)
        plan = typed or suggested(row, context)
        shown = _checks(desk, session, found, plan)
        compared = sides(session, row, plan, context=context)
        lines = timeline(session, row, me(), context)
    steps = {step.event for step in steps_open_to(row, me())}
    return render_template(
        "requests/one.html",
        found=found,
        row=row,
        state=CHANGE.words[row.state],
        tone=TONES.get(row.state, "warn"),
        final=row.state in CHANGE.final,
        turn=turn_word(row),
        kinds=KIND_WORDS,
        fields=FIELD_WORDS,
        origins=ORIGIN_WORDS,
        words=CHANGE.words,
        compared=compared,
        checks=shown,
        plan=plan,
        values=plan.values(),
        causes=[(one.value, one.chinese) for one in sorted(REASONS[Kind(row.kind)])],
        id_types=tuple(ID_TYPE_NAMES.values()),
        steps=steps,
        lines=lines,
        today=desk.today(),
        typed=request.form,
        faults=faults,
        wrong=by_field(faults),
    )


def _checks(
    desk: Desk, session: Session, found: OpenedRequest, plan: Plan
) -> tuple[tuple[Check, tuple[str, ...]], ...]:
    """Give each check with its findings in words; none once the request has ended."""
    if found.row.state in CHANGE.final:
        return ()
    seen = look(
        session,
        found.row,
        plan,
        by=me(),
        drawable=drawable,
        today=desk.today(),
        context=desk.context(me()),
    )
    return tuple((one, tuple(map(message, one.findings))) for one in seen.checks)
