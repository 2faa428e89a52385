"""Supervision's lists (监督管理): the first of each on one page, and each of them page by page."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from flask import render_template, request
from sqlalchemy.orm import Session

from registry.errors import NotFound
from registry.office.almanac import read_almanac
from registry.office.draws import page_of_draws
from registry.office.evaluations import page_of_due
from registry.office.identity import Role
from registry.office.supervision_list import PAGE, list_matters
from registry.office.unit import Desk
from registry.web.cases import page_asked
from registry.web.gate import OFFICE, me

_LOOKS_ON = OFFICE | {Role.AUDITOR}


class Section(StrEnum):
    """The lists, in their order on the page."""

    WAITING = "waiting"
    EVALUATIONS = "evaluations"
    DRAWS = "draws"
    SETTLED = "settled"


_FIRST = {Section.WAITING: 8, Section.EVALUATIONS: 5, Section.DRAWS: 5, Section.SETTLED: 5}
"""Rows of each where all stand on one page."""


def index(desk: Desk) -> str:
    """Show what waits, what is due, the draws and what is settled; or one of them in full."""
    role, city = me().role, not me().district
    seen = [Section.WAITING, Section.SETTLED]
    if role in _LOOKS_ON:
        seen.insert(1, Section.EVALUATIONS)
    if role in _LOOKS_ON and city:
        seen.insert(2, Section.DRAWS)
    chosen, page = _chosen(), page_asked()
    if chosen is not None and chosen not in seen:
        raise NotFound("没有此页")
    with desk.read() as session:
        lists = {
            section: _rows(desk, session, section, *((page, PAGE) if chosen else (1, most)))
            for section, most in _FIRST.items()
            if section in seen and section is (chosen or section)
        }
    return render_template(
        "supervision/index.html",
        lists=lists,
        chosen=chosen,
        page=page,
        pages=-(-lists[chosen][1] // PAGE) if chosen else 1,
        today=desk.today(),
        office=role in OFFICE,
        clerk=role is Role.CLERK,
        city=role in OFFICE and city,
        supervisor=role is Role.SUPERVISOR,
    )


def _chosen() -> Section | None:
    asked = request.args.get("list", "")
    try:
        return Section(asked) if asked else None
    except ValueError:
        raise NotFound("没有此页") from None


def _rows(
    desk: Desk, session: Session, section: Section, page: int, limit: int
) -> tuple[tuple[Any, ...], int]:
    match section:
        case Section.WAITING | Section.SETTLED:
            waiting = section is Section.WAITING
            found = list_matters(session, me(), waiting=waiting, page=page, limit=limit)
            return found.rows, found.total
        case Section.EVALUATIONS:
            almanac, today = read_almanac(session), desk.today()
            return page_of_due(session, me(), almanac, today=today, page=page, limit=limit)
        case Section.DRAWS:
            return page_of_draws(session, me(), page=page, limit=limit)
