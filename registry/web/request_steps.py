"""What is done with a request (申请的办理): put down, checked, prepared, decided, carried out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, TypeAlias

from flask import Blueprint, g, redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from registry.office import change_deciding as deciding
from registry.office import change_making as making
from registry.office.cases import GuardsFailed
from registry.office.change_papers import Examined, PaperNotScanned, examined
from registry.office.changes import (
    KIND_WORDS,
    MAY_ASK,
    MOST_DOCUMENT,
    REASONS,
    Kind,
    Origin,
    Plan,
)
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Role
from registry.office.revising import CORRECTABLE
from registry.office.unit import Desk
from registry.rules.people import ID_TYPE_NAMES
from registry.web import errors
from registry.web.batch_scores import drawable
from registry.web.cases import doing_from_form
from registry.web.documents import examiner
from registry.web.filing_words import by_field
from registry.web.gate import COMPANY, OFFICE, decide, me

Page: TypeAlias = Callable[[Desk, int, tuple[FieldFault, ...], Plan | None], str]
_ASKERS: Final = COMPANY | {Role.CLERK}


def add_routes(routes: Blueprint, desk: Desk, page: Page) -> None:
    """Add the routes; ``page`` renders one request with faults."""
    _asking(routes, desk, page)
    _clerks(routes, desk, page)
    _deciding(routes, desk, page)


def tools_of(desk: Desk) -> deciding.Tools:
    """Give what changes a certificate, for whoever is signed in."""
    return deciding.Tools(
        signer=desk.record_signer,
        before_signing=desk.before_signing,
        drawable=drawable,
        today=desk.today(),
        context=desk.context(me()),
    )


def _asking(routes: Blueprint, desk: Desk, page: Page) -> None:
    @routes.get("/requests/new")
    @decide(of=_ASKERS)
    def new() -> str:
        return _form(desk, ())

    @routes.post("/requests/new")
    @decide(of=_ASKERS)
    def put_down() -> Response | tuple[str, int]:
        wish = making.Wish(
            number=request.form.get("number", ""),
            kind=request.form.get("kind", ""),
            cause=request.form.get("cause", ""),
            changes=_changes(),
            reason=request.form.get("reason", ""),
        )
        sent, context = _sent(), desk.context(me())
        try:
            with desk.read() as session:
                making.may_ask(session, wish, sent, by=me(), drawable=drawable, context=context)
            wish = replace(wish, document=_looked_into(desk, sent))
            with desk.write() as session:
                row = making.ask(session, wish, by=me(), drawable=drawable, context=context)
                request_id = row.request_id
        except making.AskUnsound as unsound:
            making.note_unsound(desk.engine, unsound, me(), context)
            return _form(desk, unsound.faults), 422
        except FormFaults as refused:
            return _form(desk, refused.faults), 422
        except PaperNotScanned as failed:
            return _form(desk, failed.faults), _told(failed)
        return redirect(f"/requests/{request_id}", 303)

    @routes.post("/requests/<int:request_id>/resubmit")
    @decide(of=_ASKERS)
    def resubmit(request_id: int) -> Response | tuple[str, int]:
        doing, sent = doing_from_form("note-resubmit"), _sent()
        try:
            with desk.read() as session:
                making.may_resubmit(session, request_id, sent, doing)
            paper = _looked_into(desk, sent)
            with desk.write() as session:
                context = desk.context(me())
                making.resubmit(session, request_id, paper, doing, context=context)
        except FormFaults as refused:
            return page(desk, request_id, refused.faults, None), 422
        except PaperNotScanned as failed:
            return page(desk, request_id, failed.faults, None), _told(failed)
        return redirect(f"/requests/{request_id}", 303)


def _clerks(routes: Blueprint, desk: Desk, page: Page) -> None:
    @routes.post("/requests/<int:request_id>/check")
    @decide(Role.CLERK)
    def check(request_id: int) -> Response | tuple[str, int]:
        doing = doing_from_form("note-check")
        cause, changes = request.form.get("cause", ""), _changes()
        try:
            with desk.write() as session:
                deciding.check(
                    session,
                    request_id,
                    cause,
                    changes,
                    doing,
                    drawable=drawable,
                    today=desk.today(),
                    context=desk.context(me()),
                )
        except FormFaults as refused:
            typed = tuple(sorted((name, value) for name, value in changes.items() if value))
            return page(desk, request_id, refused.faults, Plan(cause=cause, changes=typed)), 422
        return redirect(f"/requests/{request_id}", 303)

    @routes.post("/requests/<int:request_id>/steps/<event>")
    @decide(of=OFFICE)
    def step(request_id: int, event: str) -> Response | tuple[str, int]:
        doing = doing_from_form(f"note-{event}")
        return _acting(
            desk,
            page,
            request_id,
            f"note-{event}",
            lambda session: deciding.take(
                session, request_id, event, doing, context=desk.context(me())
            ),
        )


def _deciding(routes: Blueprint, desk: Desk, page: Page) -> None:
    @routes.post("/requests/<int:request_id>/approve")
    @decide(Role.APPROVER)
    def approve(request_id: int) -> Response | tuple[str, int]:
        doing, later = doing_from_form("note-approve"), "later" in request.form
        return _acting(
            desk,
            page,
            request_id,
            "note-approve",
            lambda session: deciding.approve(
                session, request_id, doing, tools_of(desk), now=not later
            ),
        )

    @routes.post("/requests/<int:request_id>/carry-out")
    @decide(of=OFFICE)
    def carry_out(request_id: int) -> Response | tuple[str, int]:
        doing = doing_from_form()
        return _acting(
            desk,
            page,
            request_id,
            "note",
            lambda session: deciding.carry_out(session, request_id, doing, tools_of(desk)),
        )


def _acting(
    desk: Desk, page: Page, request_id: int, field: str, act: Callable[[Session], object]
) -> Response | tuple[str, int]:
    """Run one step in its transaction; what it refuses is said beside the remark's field."""
    try:
        with desk.write() as session:
            act(session)
    except (FormFaults, GuardsFailed) as refused:
        fault = FieldFault(field=field, text=str(refused))
        return page(desk, request_id, (fault,), None), 422
    return redirect(f"/requests/{request_id}", 303)


def _changes() -> Mapping[str, str]:
    return {name: request.form.get(name, "").strip() for name in CORRECTABLE}


def _sent() -> bytes:
    sent = request.files.get("document")
    if sent is None or not sent.filename:
        return b""
    # One byte more than is taken: a longer file is seen and not read to its end.
    return sent.stream.read(MOST_DOCUMENT + 1)


def _looked_into(desk: Desk, data: bytes) -> Examined:
    """Look into a paper, no transaction being open: it takes a while.

    Raises ``FormFaults``, ``PaperNotScanned``.
    """
    return examined(desk.documents, data, examiner=examiner(), now=desk.clock.now())


def _told(failed: PaperNotScanned) -> int:
    """Put down, as for every fault, that the scan gave no answer; give the page's status."""
    problem = errors.classify(failed)
    errors.note(problem, failed)
    g.problem = problem
    return problem.status


def _form(desk: Desk, faults: tuple[FieldFault, ...]) -> str:
    origin = Origin.COMPANY if me().role in COMPANY else Origin.OFFICE
    kinds = [kind for kind in Kind if kind in MAY_ASK[origin]]
    with desk.read() as session:
        last, _provisional = making.due_day(session, desk.context(me()))
    return render_template(
        "requests/new.html",
        kinds=[(kind.value, KIND_WORDS[kind]) for kind in kinds],
        causes=[
            (KIND_WORDS[kind], [(one.value, one.chinese) for one in sorted(REASONS[kind])])
            for kind in kinds
        ],
        id_types=tuple(ID_TYPE_NAMES.values()),
        company=origin is Origin.COMPANY,
        last=last,
        typed=request.form,
        faults=faults,
        wrong=by_field(faults),
    )
