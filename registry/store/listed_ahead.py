"""The mark that the national list (全国联网清单) is not read on, since it names a day to come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy.orm import Session

from registry.store.standing import Mark, settle, stand, standing

_BETWEEN: Final = "; "


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedAhead:
    """The entry at which the reading stopped: its certificate number, its day, whose list it is."""

    number: str
    day: date
    centre: str


def listed_ahead(session: Session) -> tuple[ListedAhead, datetime] | None:
    """Return where the reading stands still, and since when; None if it does not."""
    line = standing(session, Mark.LISTED_AHEAD)
    if line is None:
        return None
    day, _, centre = line.detail.partition(_BETWEEN)
    found = ListedAhead(number=line.subject, day=date.fromisoformat(day), centre=centre)
    return found, line.at


def stop_at(session: Session, ahead: ListedAhead, *, actor: str, now: datetime) -> None:
    """Put down where the reading stopped, with an audit line; the same again changes nothing."""
    detail = f"{ahead.day.isoformat()}{_BETWEEN}{ahead.centre}"
    stand(session, Mark.LISTED_AHEAD, subject=ahead.number, detail=detail, actor=actor, now=now)


def go_on(session: Session) -> None:
    """Put down that the list was read on."""
    settle(session, Mark.LISTED_AHEAD)
