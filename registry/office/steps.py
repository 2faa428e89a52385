"""Steps that a button takes (办理事项): what each area does beside moving the case on.

An area registers one handler for each (kind, event) that needs no input but a remark. The
handler computes the guards, takes the step by the engine, and does what belongs to it in the same
transaction. A step without a handler cannot be taken from the case's page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.almanac import Almanac, read_almanac
from registry.office.case_locks import lock_case
from registry.office.cases import CaseKind, Doing, step_of
from registry.office.due import set_due
from registry.office.unit import Desk
from registry.store.procedure import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """All that a handler is given."""

    session: Session
    case: Case
    event: str
    doing: Doing
    desk: Desk
    almanac: Almanac
    today: date


Handler: TypeAlias = Callable[[Taking], None]
HANDLERS: Final[dict[tuple[CaseKind, str], Handler]] = {}


def register(kind: CaseKind, *events: str) -> Callable[[Handler], Handler]:
    """Name the events of a kind that a handler takes."""

    def keep(handler: Handler) -> Handler:
        for event in events:
            HANDLERS[kind, event] = handler
        return handler

    return keep


def take(session: Session, case: Case, event: str, doing: Doing, desk: Desk) -> None:
    """Take a step by its handler, and set the deadline of the state it led to.

    Raises ``Refused`` for an event without a handler, and whatever the engine raises.
    """
    handler = HANDLERS.get((CaseKind(case.kind), event))
    if handler is None:
        raise Refused("此事项不能在本页直接办理，请从办件页的相应入口进入")
    almanac, today = read_almanac(session), desk.today()
    # Before anything is looked at: a paper taken out after it was found there must not be missed.
    lock_case(session, case)
    step_of(session, case, event, doing)
    handler(
        Taking(
            session=session,
            case=case,
            event=event,
            doing=doing,
            desk=desk,
            almanac=almanac,
            today=today,
        )
    )
    set_due(case, almanac, today=today)
