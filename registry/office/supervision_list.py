"""Supervision in lists (监督事项列表): rows of what waits and of what is settled, page by page.

Read as columns: no text is opened for a list.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.orm import Session

from registry.office.identity import Identity
from registry.office.supervising import (
    KIND_WORDS,
    RESULT_WORDS,
    STAGE_WORDS,
    WAITING,
    Kind,
    Result,
    Sight,
    Stage,
    rows_of,
    seen,
    sight_of,
)
from registry.store.prepared import Prepared
from registry.store.procedure import Company
from registry.store.registers import Supervision

PAGE: Final = 30
"""Rows of one page."""

_WAITING: Final = or_(*(Supervision.state == stage.value for stage in sorted(WAITING)))


class ListedMatter(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a list; kind, stage and result in words, "" without a result.

    A struct, since dozens are made for each page.
    """

    supervision_id: int
    kind_word: str
    reference: str
    company: str
    stage_word: str
    result: Result | None
    result_word: str
    proposed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MatterList:
    """One page of rows, and how many there are."""

    rows: tuple[ListedMatter, ...]
    total: int


def list_matters(
    session: Session, by: Identity, *, waiting: bool, page: int = 1, limit: int = PAGE
) -> MatterList:
    """Return the newest rows that a person may see: those that wait, or those that are settled.

    Raises ``NotAllowed`` for an account that sees no rows.
    """
    sight, values = sight_of(by)
    (total,) = _counted(sight, waiting=waiting).one(session, **values)
    place = {"limit": limit, "offset": limit * (max(page, 1) - 1)}
    rows = _listed(sight, waiting=waiting).all(session, **values, **place)
    return MatterList(rows=tuple(_row(row) for row in rows), total=total)


@cache
def _listed(sight: Sight, *, waiting: bool) -> Prepared[*tuple[Any, ...]]:
    query = (
        select(
            Supervision.supervision_id,
            Supervision.kind,
            Supervision.reference,
            Company.name,
            Supervision.state,
            Supervision.result,
            Supervision.proposed_at,
        )
        .join(Company, Company.company_id == Supervision.company_id)
        .where(*seen(sight), _WAITING if waiting else ~_WAITING)
        .order_by(Supervision.supervision_id.desc())
    )
    return Prepared(query.limit(bindparam("limit")).offset(bindparam("offset")))


@cache
def _counted(sight: Sight, *, waiting: bool) -> Prepared[int]:
    query = select(func.count()).select_from(rows_of(sight))
    return Prepared(query.where(*seen(sight), _WAITING if waiting else ~_WAITING))


def _row(row: Any) -> ListedMatter:
    number, kind, reference, company, stage, result, at = row
    return ListedMatter(
        supervision_id=number,
        kind_word=KIND_WORDS[Kind(kind)],
        reference=reference,
        company=company,
        stage_word=STAGE_WORDS[Stage(stage)],
        result=Result(result) if result else None,
        result_word=RESULT_WORDS[Result(result)] if result else "",
        proposed_at=at,
    )
