"""The pages of a random draw (双随机抽取): fix the pool, draw, look, and take the file away."""

from __future__ import annotations

import re
from collections.abc import Iterable

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from registry.office import draws
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Role
from registry.office.unit import Desk
from registry.rules.drawing import PoolUnsound
from registry.web.gate import OFFICE, decide, me
from registry.web.plan_parts import first_words

SHOWN = 50
"""Plans of a pool that the page names; the pool holds them all."""

_SEES = OFFICE | {Role.AUDITOR}
_LINE = re.compile(r"\s*([A-Z]{2}-[0-9]{4}-[0-9]{4,})[\s,，、]+([A-Z]{2}-?[0-9]{3,})\s*", re.ASCII)


def add_routes(routes: Blueprint, desk: Desk) -> None:
    """Add the draws' routes."""

    @routes.get("/supervision/draws/new")
    @decide(of=OFFICE)
    def new_draw() -> str:
        return _new(desk, ())

    @routes.post("/supervision/draws/new")
    @decide(of=OFFICE)
    def fix_pool() -> Response | tuple[str, int]:
        try:
            take, avoid = _typed()
            with desk.write() as session:
                draw = draws.fix_pool(
                    session, take=take, avoid=avoid, by=me(), context=desk.context(me())
                )
                draw_id = draw.draw_id
        except FormFaults as refused:
            return _new(desk, refused.faults), 422
        except PoolUnsound as unsound:
            return _new(desk, (FieldFault(field="take", text=str(unsound)),)), 422
        return redirect(url_for("supervision.draw", draw_id=draw_id, done="pool"), 303)

    @routes.get("/supervision/draws/<int:draw_id>")
    @decide(of=_SEES)
    def draw(draw_id: int) -> str:
        with desk.read() as session:
            view = draws.get_draw(session, draw_id, me())
            ready = draws.is_ready(session, view)
        return render_template(
            "supervision/draw.html",
            draw=view,
            ready=ready,
            may_draw=me().role in OFFICE and not me().district,
            done=request.args.get("done", ""),
        )

    @routes.post("/supervision/draws/<int:draw_id>/draw")
    @decide(of=OFFICE)
    def make_draw(draw_id: int) -> Response:
        with desk.write() as session:
            note = draws.head_note(session)
            draws.make_draw(session, draw_id, note, by=me(), context=desk.context(me()))
        return redirect(url_for("supervision.draw", draw_id=draw_id, done="drawn"), 303)

    @routes.get("/supervision/draws/<int:draw_id>/file")
    @decide(of=_SEES)
    def draw_file(draw_id: int) -> Response:
        with desk.read() as session:
            view = draws.get_draw(session, draw_id, me())
            found = draws.find_draw(session, view.reference)
            data = draws.draw_file(session, found, desk.context(me()))
        name = f"{view.reference}.draw.json"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(data, headers=headers, content_type="application/json")


def _typed() -> tuple[int, list[tuple[str, str]]]:
    faults = []
    take = request.form.get("take", type=int)
    if take is None:
        faults.append(FieldFault(field="take", text="请填写抽取数量，例如 3"))
    avoid = []
    for place, line in enumerate(request.form.get("avoid", "").splitlines(), 1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            text = f"第 {place} 行应为“计划编号 督导员编号”，例如 JH-2026-0001 DD-001"
            faults.append(FieldFault(field="avoid", text=text))
        else:
            avoid.append((match[1], match[2]))
    if faults or take is None:
        raise FormFaults(faults)
    return take, avoid


def _new(desk: Desk, faults: Iterable[FieldFault]) -> str:
    faults = tuple(faults)
    with desk.read() as session:
        found, plans = draws.some_candidates(session, me(), SHOWN)
    return render_template(
        "supervision/draw_new.html",
        found=found,
        plans=plans,
        typed=request.form,
        faults=faults,
        wrong=first_words(faults),
    )
