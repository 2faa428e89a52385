"""The pages on which a scheme is filled in (评价方案编制): its standard, and each level's parts.

What was typed comes back with its faults. A level can be looked at before it is kept: the preview
runs the very validator of the submission.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from registry.errors import NotFound, Refused
from registry.office import schemes
from registry.office.cases import EDITABLE, machine_of
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.scheme_form import (
    LevelForm,
    SchemeForm,
    scheme_of,
    suggested,
)
from registry.office.scheme_reading import YES, read_level
from registry.office.unit import Desk
from registry.rules.levels import BY_SYMBOL
from registry.rules.scheme import PartKind, check_scheme, national_parts
from registry.web.cases import doing_from_form
from registry.web.gate import COMPANY, decide, me
from registry.web.plan_parts import first_words
from registry.wording_schemes import PARTS, STANDARDS, scheme_text

Page = Response | str | tuple[str, int]
Faults = tuple[FieldFault, ...]
_STANDARD_FIELDS = ("standard_kind", "standard", "standard_number", "standard_reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRow:
    """One way of assessing on a level's page, as kept or as typed."""

    kind: str
    word: str
    national: bool
    used: bool
    weight: str
    pass_mark: str
    veto: bool
    reason: str


def add_routes(routes: Blueprint, desk: Desk) -> None:
    """Add the pages."""
    _standard_routes(routes, desk)
    _level_routes(routes, desk)


def _standard_routes(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/schemes/<int:case_id>/standard")
    @decide(of=COMPANY)
    def standard(case_id: int) -> str:
        return _standard_page(desk, case_id)

    @routes.post("/schemes/<int:case_id>/standard")
    @decide(of=COMPANY)
    def keep_standard(case_id: int) -> Page:
        doing = doing_from_form()
        try:
            with desk.write() as session:
                case = schemes.get_scheme(session, case_id, me())
                context = desk.context(me())
                schemes.save_standard(session, case, request.form, doing=doing, context=context)
        except FormFaults as refused:
            return _standard_page(desk, case_id, refused.faults), 422
        return back_to_tasks(case_id)


def _level_routes(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/schemes/<int:case_id>/levels/<level>")
    @decide(of=COMPANY)
    def level(case_id: int, level: str) -> str:
        with desk.read() as session:
            _, form, _ = open_for_editing(desk, session, case_id)
        rows = _kept_rows(suggested(form, level)) if level in BY_SYMBOL else ()
        return _level_page(desk, case_id, level, rows)

    @routes.post("/schemes/<int:case_id>/levels/<level>")
    @decide(of=COMPANY)
    def keep_level(case_id: int, level: str) -> Page:
        doing = doing_from_form()
        try:
            if request.form.get("action") == "preview":
                return _preview(desk, case_id, level)
            with desk.write() as session:
                case = schemes.get_scheme(session, case_id, me())
                context = desk.context(me())
                schemes.save_level(session, case, level, request.form, doing=doing, context=context)
        except FormFaults as refused:
            rows = _typed_rows(level, request.form)
            return _level_page(desk, case_id, level, rows, refused.faults), 422
        return back_to_tasks(case_id)

    @routes.post("/schemes/<int:case_id>/levels/<level>/remove")
    @decide(of=COMPANY)
    def remove_level(case_id: int, level: str) -> Response:
        doing = doing_from_form()
        with desk.write() as session:
            case = schemes.get_scheme(session, case_id, me())
            schemes.drop_level(session, case, level, doing=doing, context=desk.context(me()))
        return back_to_tasks(case_id)


def open_for_editing(
    desk: Desk, session: Session, case_id: int
) -> tuple[schemes.SchemeCase, SchemeForm, str]:
    """Return a scheme that the company has, its form and the levels it may hold."""
    case = schemes.get_scheme(session, case_id, me())
    context = desk.context(me())
    if case.state not in EDITABLE:
        raise Refused(f"评价方案现为“{machine_of(case).words[case.state]}”，不能再修改")
    return case, schemes.form_of(case, context), schemes.offered_levels(session, case, context)


def back_to_tasks(case_id: int) -> Response:
    """Lead back to the task list."""
    return redirect(url_for("schemes.tasks", case_id=case_id), 303)


def _standard_page(desk: Desk, case_id: int, faults: Faults = ()) -> str:
    with desk.read() as session:
        case, form, _ = open_for_editing(desk, session, case_id)
    kept = {name: getattr(form, name) for name in _STANDARD_FIELDS}
    typed = {name: request.form.get(name, "") for name in _STANDARD_FIELDS} if faults else kept
    return render_template(
        "schemes/standard.html",
        case=case,
        form=form,
        typed=typed,
        standards=tuple(STANDARDS.items()),
        faults=faults,
        wrong=first_words(faults),
    )


def _preview(desk: Desk, case_id: int, level: str) -> str:
    with desk.read() as session:
        _, form, _ = open_for_editing(desk, session, case_id)
    new = next(item for item in read_level(form, level, request.form).levels if item.level == level)
    found = tuple(scheme_text(finding) for finding in check_scheme(scheme_of(new)))
    return _level_page(
        desk, case_id, level, _kept_rows(new), total=str(new.total_mark), previewed=found
    )


def _level_page(
    desk: Desk,
    case_id: int,
    level: str,
    rows: tuple[PartRow, ...],
    faults: Faults = (),
    *,
    total: str = "",
    previewed: tuple[str, ...] | None = None,
) -> str:
    with desk.read() as session:
        case, form, offered = open_for_editing(desk, session, case_id)
    if level not in offered:
        raise NotFound("该等级不在已备案的等级范围内")
    kept = str(suggested(form, level).total_mark)
    return render_template(
        "schemes/level.html",
        case=case,
        form=form,
        level=level,
        level_word=BY_SYMBOL[level].printed,
        rows=rows,
        total=request.form.get("total_mark", "") if faults else total or kept,
        faults=faults,
        wrong=first_words(faults),
        previewed=previewed,
    )


def _kept_rows(level: LevelForm) -> tuple[PartRow, ...]:
    parts = {part.kind: part for part in level.parts}
    reasons = {reason.kind: reason.text for reason in level.reasons}
    found = []
    for kind in PartKind:
        part = parts.get(kind.value)
        found.append(
            PartRow(
                kind=kind.value,
                word=PARTS[kind],
                national=kind in national_parts(level.level),
                used=part is not None,
                weight=str(part.weight) if part else "0",
                pass_mark=str(part.pass_mark) if part else "60",
                veto=part.veto if part else False,
                reason=reasons.get(kind.value, ""),
            )
        )
    return tuple(found)


def _typed_rows(level: str, typed: Mapping[str, str]) -> tuple[PartRow, ...]:
    return tuple(
        PartRow(
            kind=kind.value,
            word=PARTS[kind],
            national=kind in national_parts(level),
            used=typed.get(f"use-{kind}") == YES,
            weight=typed.get(f"weight-{kind}", ""),
            pass_mark=typed.get(f"pass-{kind}", ""),
            veto=typed.get(f"veto-{kind}") == YES,
            reason=typed.get(f"reason-{kind}", ""),
        )
        for kind in PartKind
    )
