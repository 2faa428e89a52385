"""Since when certificates are seen in the national lookup (全国联网可查): by the centre, by hand.

The centre tells what it was told; a clerk looks some up by hand, a random sample of what was
accepted and not seen yet (抽查), and ticks what was found with its day. Nothing is read off the
national site by a program. The first day that is known stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from registry.errors import NotFound, Refused
from registry.store.audit import AuditLine
from registry.store.certificates import Certificate, CertificateState
from registry.store.counters import peek, raise_to, take_range
from registry.store.listed_ahead import ListedAhead, go_on, listed_ahead, stop_at
from registry.store.outbox import RowState, UploadKind, UploadRow
from registry.store.uploads import SEEN_SCOPE, VisibilityCheck
from registry.upload.asking import Visibility
from registry.upload.chain_changes import certificates_changed
from registry.upload.outbox import Doing
from signing.upload.centre_card import Centre

SPOT_CHECK: Final = "spot-check"
CENTRE: Final = "centre"
_LONGEST: Final = 300
"""Characters of a centre's name in a line's detail."""

_KNOWN_THERE: Final = "already-accepted"
_CHINA: Final = ZoneInfo("Asia/Shanghai")
_STANDING: Final = (CertificateState.VALID, CertificateState.SUSPENDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """A certificate that the centre has accepted and nobody has seen nationally."""

    status_index: int
    number: str
    edition: int
    issued: date
    accepted_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What came of the centre's list: entries read, days that are new, numbers not ours."""

    read: int
    new: int
    unknown: int


def unseen_count(session: Session) -> int:
    """Count the certificates that were accepted and not seen yet."""
    return session.scalar(select(func.count()).select_from(_unseen().subquery())) or 0


def sample_unseen(session: Session, random: Random, *, size: int) -> list[Unseen]:
    """Draw at most ``size`` of the accepted, not yet seen certificates at random."""
    indices = list(session.scalars(_unseen()))
    chosen = random.sample(indices, min(size, len(indices)))
    return unseen_of(session, chosen)


def unseen_of(session: Session, indices: list[int]) -> list[Unseen]:
    """Return these certificates as far as they are still unseen, by number."""
    query = (
        select(Certificate, UploadRow.answered_on)
        .join(UploadRow, UploadRow.status_index == Certificate.status_index)
        .where(Certificate.status_index.in_(indices), *_accepted(), ~_seen())
        .order_by(Certificate.number)
    )
    return [
        Unseen(
            status_index=row.status_index,
            number=row.number,
            edition=row.edition,
            issued=row.issued,
            accepted_on=answered or row.issued,
        )
        for row, answered in session.execute(query)
    ]


def mark_seen(session: Session, number: str, day: date, doing: Doing) -> bool:
    """Tick that a number was seen in the national lookup on ``day`` (China); False if known.

    Raises ``NotFound`` for a number that is not here, ``Refused`` for a day that cannot be, or a
    certificate that the centre has not accepted.
    """
    certificate = _accepted_edition(session, number)
    if certificate is None:
        known = session.scalar(select(Certificate.number).where(Certificate.number == number))
        if known is None:
            raise NotFound("没有这个证书编号，请核对后再填 (no such number)")
        raise Refused("省中心尚未接收该证书，请先核对回执 (the centre has not accepted it)")
    if not certificate.issued <= day <= doing.now.astimezone(_CHINA).date():
        raise Refused("查得日期应在发证日期之后、今天之前 (the day cannot be)")
    if not _put_down(session, certificate.status_index, day, SPOT_CHECK, doing.actor):
        return False
    take_range(session, SEEN_SCOPE, 1, start=1)
    certificates_changed(session, (certificate.status_index,))
    session.add(
        AuditLine(
            at=doing.now,
            actor=doing.actor,
            action="visibility-seen",
            subject=number,
            detail=f"edition {certificate.edition} seen on {day}",
        )
    )
    return True


def visibility_cursor(session: Session, centre: Centre) -> int:
    """Return up to which entry this centre's list was read."""
    return peek(session, _scope(centre), start=0)


def stands_still(session: Session, today: date) -> ListedAhead | None:
    """Return the entry with a day to come at which the list is not read on; None if it goes on."""
    found = listed_ahead(session)
    # Once the day has come, the next reading takes it.
    return found[0] if found is not None and found[0].day > today else None


def load_visibility(session: Session, found: Visibility, centre: Centre, doing: Doing) -> Loaded:
    """Put the centre's days down, and how far its list was read.

    Numbers that are not here, or not accepted, are counted and left out. A day to come is left out
    and the list not read past it, so that it is asked for again; the first such day is put down
    once, for the desk to see, and nothing more of it unless another day is new.
    """
    today = doing.now.astimezone(_CHINA).date()
    fresh: list[int] = []
    unknown, to_come = 0, None
    for entry in found.visible:
        day = _day(entry.seen_on)
        certificate = _accepted_edition(session, entry.number)
        if certificate is None or day is None or not certificate.issued <= day <= today:
            unknown += 1
            if to_come is None and certificate is not None and day is not None and day > today:
                to_come = ListedAhead(number=entry.number, day=day, centre=centre.name[:_LONGEST])
        elif _put_down(session, certificate.status_index, day, CENTRE, centre.name[:80]):
            fresh.append(certificate.status_index)
    loaded = Loaded(read=len(found.visible), new=len(fresh), unknown=unknown)
    if to_come is None:
        raise_to(session, _scope(centre), found.next)
        go_on(session)
    else:
        stop_at(session, to_come, actor=doing.actor, now=doing.now)
        if not fresh:
            return loaded
    take_range(session, SEEN_SCOPE, len(fresh), start=1)
    certificates_changed(session, fresh)
    session.add(
        AuditLine(
            at=doing.now,
            actor=doing.actor,
            action="visibility-load",
            subject=f"after {found.next}",
            detail=f"{loaded.read} read, {loaded.new} new, {loaded.unknown} not taken",
        )
    )
    return loaded


def _put_down(session: Session, index: int, day: date, source: str, by: str) -> bool:
    known = session.get(VisibilityCheck, (index, source))
    if known is not None:
        return False
    session.add(VisibilityCheck(status_index=index, source=source, seen_on=day, seen_by=by))
    session.flush()
    return True


def _accepted_edition(session: Session, number: str) -> Certificate | None:
    """Return the newest edition that the centre has: what it does not have, nobody sees there."""
    # Refused as known already, and not reported any more for that: the centre has it too.
    known = and_(
        UploadRow.state == RowState.WITHDRAWN.value,
        UploadRow.kind != UploadKind.WITHDRAWAL.value,
        UploadRow.reason == _KNOWN_THERE,
    )
    query = (
        select(Certificate)
        .join(UploadRow, UploadRow.status_index == Certificate.status_index)
        .where(Certificate.number == number, or_(and_(*_accepted()), known))
        .order_by(Certificate.edition.desc())
    )
    return session.scalars(query.limit(1)).one_or_none()


def _accepted() -> tuple[ColumnElement[bool], ...]:
    return (
        UploadRow.state == RowState.ACCEPTED.value,
        UploadRow.kind != UploadKind.WITHDRAWAL.value,
    )


def _seen() -> ColumnElement[bool]:
    # By its own edition or by one before: the national lookup goes by the number, which stays.
    before = aliased(Certificate)
    own = exists().where(VisibilityCheck.status_index == Certificate.status_index)
    earlier = exists().where(
        VisibilityCheck.status_index == before.status_index,
        before.number == Certificate.number,
        before.edition < Certificate.edition,
    )
    return or_(own, and_(Certificate.edition > 1, earlier))


def _unseen() -> Select[int]:
    return (
        select(Certificate.status_index)
        .join(UploadRow, UploadRow.status_index == Certificate.status_index)
        .where(*_accepted(), Certificate.state.in_(_STANDING), ~_seen())
        .order_by(Certificate.status_index)
    )


def _scope(centre: Centre) -> str:
    # Its first key, which every later card keeps: a centre that is renamed is not read anew.
    return f"visible:{centre.first_key}"


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.isoformat() == text else None
