"""Draws as the public sees them (双随机、一公开, 七（四）): the file to check, what was found.

A draw is published once none of its visits is still to come: a company must not read in the public
what it is not told (`supervision_lines`). Plans and supervisors stand in it by their numbers.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.office.context import Context
from registry.office.draws import draw_file
from registry.office.supervising import RESULT_WORDS, Kind, Result, Stage
from registry.store.procedure import Case
from registry.store.registers import Draw, Supervision
from signing.canonical import encode_tree


def public_draws(session: Session, context: Context, *, on: date) -> tuple[dict[str, bytes], bytes]:
    """Return the draw files that may be shown, by reference, and their index as of a day."""
    to_come = select(Supervision.draw_id).where(
        Supervision.kind == Kind.VISIT.value,
        Supervision.state == Stage.ASSIGNED.value,
        Supervision.draw_id.is_not(None),
    )
    query = select(Draw).where(Draw.result_group.is_not(None), Draw.draw_id.not_in(to_come))
    draws = session.scalars(query.order_by(Draw.draw_id)).all()
    files = {draw.reference: draw_file(session, draw, context) for draw in draws}
    index = {
        "draws": [
            {"reference": draw.reference, "visits": _visits(session, draw)} for draw in draws
        ],
        "on": on.isoformat(),
        "v": 1,
    }
    return files, encode_tree(index)


def _visits(session: Session, draw: Draw) -> list[dict[str, str]]:
    rows = session.execute(
        select(Case.reference, Supervision.result)
        .join(Case, Case.case_id == Supervision.case_id)
        .where(Supervision.kind == Kind.VISIT.value, Supervision.draw_id == draw.draw_id)
        .order_by(Case.reference)
    )
    return [
        {"plan": plan, "result": RESULT_WORDS[Result(result)] if result else ""}
        for plan, result in rows
    ]
