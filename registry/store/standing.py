"""What stands in the way until it is settled (待核事项), as marks of the whole registry.

A mark is an audit line and two counters that only grow: the number of the line that set it, and of
the last such line that is settled. So nothing is searched for, and whoever asks reads one line at
most.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy.orm import Session

from registry.store.audit import AuditLine
from registry.store.counters import peek, raise_to


class Mark(StrEnum):
    """What may stand; the value begins its counters' names."""

    LISTED_AHEAD = "visible"
    """The centre's national list names a day to come (`listed_ahead`)."""
    CARD_REFUSED = "card"
    """A card of the centre's does not follow from the one in use."""
    RECEIPTS_DIFFER = "receipts"
    """The centre has another receipt than the city in the place of the last one held."""


ACTIONS: Final = {
    Mark.LISTED_AHEAD: "visibility-wait",
    Mark.CARD_REFUSED: "upload-centre-refused",
    Mark.RECEIPTS_DIFFER: "upload-receipts-differ",
}
"""The action of each mark's audit line."""


def standing(session: Session, mark: Mark) -> AuditLine | None:
    """Return the line that set the mark; None if it does not stand."""
    stopped = peek(session, f"{mark}-stopped", start=0)
    if stopped <= peek(session, f"{mark}-settled", start=0):
        return None
    return session.get(AuditLine, stopped)


def stand(
    session: Session, mark: Mark, *, subject: str, detail: str, actor: str, now: datetime
) -> None:
    """Set a mark with an audit line; the same again changes nothing."""
    before = standing(session, mark)
    if before is not None and (before.subject, before.detail) == (subject, detail):
        return
    line = AuditLine(at=now, actor=actor, action=ACTIONS[mark], subject=subject, detail=detail)
    session.add(line)
    session.flush()
    raise_to(session, f"{mark}-stopped", line.line_id)


def settle(session: Session, mark: Mark) -> None:
    """Take a mark away, if it stands."""
    line = standing(session, mark)
    if line is not None:
        raise_to(session, f"{mark}-settled", line.line_id)
