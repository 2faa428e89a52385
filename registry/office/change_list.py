"""The list of change requests (申请列表): what is open first, by its last day; whose turn it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from registry.office.almanac import Almanac
from registry.office.change_steps import DUE_MOVED, add_event, turn_of
from registry.office.changes import Kind, Origin, reference
from registry.office.context import Context
from registry.office.identity import COMPANY_ROLES, Identity, Role, require
from registry.rules.changing import CHANGE
from registry.rules.terms import Term, Turn, deadline
from registry.rules.workflow import Actor
from registry.store.holders import ChangeRequest
from registry.store.procedure import Company
from signing.record import PREFIX_LENGTH

PAGE: Final = 50
_FINAL: Final = sorted(CHANGE.final)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRequest:
    """One request on a list; it names no person."""

    request_id: int
    reference: str
    origin: Origin
    kind: Kind
    number: str
    state: str
    state_word: str
    final: bool
    turn: Turn | None
    turn_word: str
    received_on: date
    due_on: date
    due_provisional: bool
    version: int


_TURN_WORDS: Final = {
    "received": "由办公室经办人核对",
    "checked": "由办公室经办人拟办",
    "prepared": "由办公室审批人办理",
    "refusal": "由办公室审批人办理",
    "approved": "由办公室执行",
}
_RETURNED: Final = {
    Turn.COMPANY: "由企业补正",
    Turn.HOLDER: "由持证人补正",
    Turn.OFFICE: "由办公室经办人补正",
}


def list_requests(
    session: Session, by: Identity, *, page: int = 1
) -> tuple[tuple[ListedRequest, ...], int]:
    """Return a page of the requests the person may see, and how many there are.

    Raises ``NotAllowed`` for an account that sees none.
    """
    require(by, Role.CLERK, Role.APPROVER, *COMPANY_ROLES)
    seen = _visible(by)
    total = session.scalar(select(func.count(ChangeRequest.request_id)).where(*seen)) or 0
    query = (
        select(ChangeRequest)
        .where(*seen)
        .order_by(ChangeRequest.state.in_(_FINAL), ChangeRequest.due_on, ChangeRequest.request_id)
    )
    rows = session.scalars(query.limit(PAGE).offset(PAGE * (max(page, 1) - 1)))
    return tuple(map(listed, rows)), total


def listed(row: ChangeRequest) -> ListedRequest:
    """Give a request as lists show it."""
    return ListedRequest(
        request_id=row.request_id,
        reference=reference(row.request_id),
        origin=Origin(row.origin),
        kind=Kind(row.kind),
        number=row.number,
        state=row.state,
        state_word=CHANGE.words[row.state],
        final=row.state in CHANGE.final,
        turn=turn_of(row),
        turn_word=turn_word(row),
        received_on=row.received_on,
        due_on=row.due_on,
        due_provisional=row.due_provisional,
        version=row.version,
    )


def turn_word(row: ChangeRequest) -> str:
    """Say in words who has to act; "" once it has ended."""
    turn = turn_of(row)
    if turn is None:
        return ""
    return _TURN_WORDS.get(row.state) or _RETURNED[turn]


def recount_requests(
    session: Session, almanac: Almanac, *, reason: str, at: datetime, context: Context
) -> int:
    """Compute the deadline of every open request again; return how many moved.

    Each that moved gets a line on its timeline. The almanac must be held, as for `recount`.
    """
    moved = 0
    open_ones = (
        select(ChangeRequest)
        .where(ChangeRequest.state.not_in(_FINAL))
        .order_by(ChangeRequest.request_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    for row in session.scalars(open_ones).all():
        start = row.due_from or row.received_on
        last = deadline(almanac.rules.term(Term.CERTIFICATE_CORRECTION, start), start, almanac.days)
        if (row.due_on, row.due_provisional) == (last.day, last.provisional):
            continue
        note = f"办理期限由 {row.due_on} 调整为 {last.day}（依据：{reason}）"
        row.due_on, row.due_provisional = last.day, last.provisional
        add_event(
            session,
            row,
            DUE_MOVED,
            row.state,
            actor=Actor.SYSTEM.value,
            by=None,
            note=note,
            context=context,
            at=at,
        )
        moved += 1
    return moved


def _visible(by: Identity) -> list[ColumnElement[bool]]:
    prefix = func.substr(ChangeRequest.number, 1, PREFIX_LENGTH)
    if by.role in COMPANY_ROLES:
        own = select(Company.prefix).where(Company.company_id == by.company_id)
        return [ChangeRequest.origin == Origin.COMPANY.value, prefix.in_(own)]
    if by.district:
        theirs = select(Company.prefix).where(Company.district == by.district)
        return [prefix.in_(theirs)]
    return []
