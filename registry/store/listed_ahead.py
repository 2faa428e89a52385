"""The mark that the centre's national list (全国联网清单) is not read on: it names a day to come.

The mark is an audit line and two counters that only grow: the number of the line that stopped the
reading, and of the last such line that is settled. So nothing is searched for, and whoever asks
reads one line at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy.orm import Session

from registry.store.audit import AuditLine
from registry.store.counters import peek, raise_to

ACTION: Final = "visibility-wait"
_STOPPED: Final = "visible-stopped"
_SETTLED: Final = "visible-settled"
_BETWEEN: Final = "; "


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedAhead:
    """The entry at which the reading stopped: its certificate number, its day, whose list it is."""

    number: str
    day: date
    centre: str


def listed_ahead(session: Session) -> tuple[ListedAhead, datetime] | None:
    """Return where the reading stands still, and since when; None if it does not."""
    line = _standing(session)
    if line is None:
        return None
    day, _, centre = line.detail.partition(_BETWEEN)
    found = ListedAhead(number=line.subject, day=date.fromisoformat(day), centre=centre)
    return found, line.at


def stop_at(session: Session, ahead: ListedAhead, *, actor: str, now: datetime) -> None:
    """Put down where the reading stopped, with an audit line; the same again changes nothing."""
    standing = listed_ahead(session)
    if standing is not None and standing[0] == ahead:
        return
    line = AuditLine(
        at=now,
        actor=actor,
        action=ACTION,
        subject=ahead.number,
        detail=f"{ahead.day.isoformat()}{_BETWEEN}{ahead.centre}",
    )
    session.add(line)
    session.flush()
    raise_to(session, _STOPPED, line.line_id)


def go_on(session: Session) -> None:
    """Put down that the list was read on."""
    line = _standing(session)
    if line is not None:
        raise_to(session, _SETTLED, line.line_id)


def _standing(session: Session) -> AuditLine | None:
    stopped = peek(session, _STOPPED, start=0)
    if stopped <= peek(session, _SETTLED, start=0):
        return None
    return session.get(AuditLine, stopped)
