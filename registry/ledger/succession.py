"""Ending a log and starting the next one (日志冻结与接续): a forked or lost log is never repaired.

A log whose history has split, or whose newest part only the public has, cannot be made good: any
repair would be one more version of the past. So it is *frozen* (nothing is signed or issued under
it any more; its files stay online), and a *successor* with a new origin takes up every event the
database holds, in their order. Cross-links say it to both sides: the successor's first leaf names
the frozen log's last checkpoint, and the frozen log's ``successor`` file names the new log.

Both steps are one transaction each, taken while no round and no publication is under way. A crash
after the second leaves a successor without its first checkpoint: the next `certreg anchor` makes
it, as it does for every log.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from registry.errors import RegistryError
from registry.store.audit import AuditLine
from registry.store.counters import batch_scope, number_scope, raise_to
from registry.store.log import EventGroup, EventPage, LogEra, LogHead, StatusPageRow
from signing.canonical import encode
from signing.tlog.entry import Issue, Succession, format_time, parse_entry
from signing.tlog.merkle import EMPTY_ROOT
from signing.tlog.note import parse_note
from signing.tlog.tiles import encode_bundle
from signing.tlog.treehead import Checkpoint, parse_checkpoint

SUCCESSOR_FILE: Final = "successor"
"""Beside the frozen log's checkpoint; a note signed by the frozen log's keys."""

_NUMBER = re.compile(r"([A-Z][0-9]{12})([0-9]{2})([0-9A-Z])([0-9]{6})", re.ASCII)
_BATCH = re.compile(r"([A-Z][0-9]{12})-([0-9]{4})(?:[0-9]{4})?-([0-9]{4,})", re.ASCII)
"""An import's reference has the whole day in the year's place (`signing.tlog.entry`)."""


class SuccessionRefused(RegistryError):
    """A log can only be frozen while open, and only be succeeded once frozen."""

    code: ClassVar[str] = "succession-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Era:
    """The newest log: its number (1, 2, …), its origin, and whether it is frozen."""

    number: int
    origin: str
    frozen: bool


def current_era(session: Session, first_origin: str) -> Era:
    """Return the newest log; number 1 under ``first_origin`` as long as none was frozen."""
    row = session.scalars(select(LogEra).order_by(LogEra.number.desc()).limit(1)).one_or_none()
    if row is None:
        return Era(number=1, origin=first_origin, frozen=False)
    return Era(number=row.number, origin=row.origin, frozen=row.frozen_at is not None)


def predecessors(session: Session, origin: str) -> tuple[str, ...]:
    """Return the origins of the logs before ``origin``, oldest first."""
    rows = session.scalars(
        select(LogEra.origin).where(LogEra.frozen_at.is_not(None)).order_by(LogEra.number)
    )
    return tuple(found for found in rows if found != origin)


def freeze(
    session: Session, era: Era, reason: str, *, final_note: bytes, actor: str, now: datetime
) -> None:
    """Freeze the newest log for ever. Raises ``SuccessionRefused`` if it is frozen already.

    ``final_note`` is the last checkpoint that the office stands by, as signed: the public one,
    which of a database that lost its newest part is ahead. ``reason`` is for the audit line and
    the operator: it must not name a person.
    """
    if era.frozen:
        raise SuccessionRefused(
            f"{era.origin} is frozen already: start its successor with `certreg log succeed`"
        )
    # A round that is just committing swaps this row: it is done before, or finds the log frozen.
    session.get(LogHead, era.origin, with_for_update=True)
    row = session.get(LogEra, era.number)
    if row is None:
        row = LogEra(number=era.number, origin=era.origin, started_at=now)
        session.add(row)
    row.frozen_at, row.reason, row.final_note = now, reason, final_note
    detail = f"{_final(row).size} entries; {reason}"
    session.add(
        AuditLine(at=now, actor=actor, action="log-freeze", subject=era.origin[:80], detail=detail)
    )


def succeed(
    session: Session, era: Era, origin: str, *, given: dict[str, int], actor: str, now: datetime
) -> Era:
    """Start the log that follows ``era``: every event is pending again, under ``origin``.

    ``given`` says, for each counter scope, up to which serial numbers were seen given away in
    the frozen log's public files (`serials_given`): a database that lost its newest part must
    not give them a second time. Raises ``SuccessionRefused`` unless ``era`` is frozen.
    """
    frozen = session.get(LogEra, era.number)
    if frozen is None or not era.frozen:
        raise SuccessionRefused(
            f"the log {era.origin} is still open: freeze it first with `certreg log freeze`"
        )
    last = _final(frozen)
    # Status leaves and the link spoke of the frozen log's tree; the successor makes its own.
    own = EventGroup.kind.in_(("status", "succession"))
    old = select(EventGroup.group_id).where(own)
    session.execute(delete(EventPage).where(EventPage.group_id.in_(old)))
    session.execute(delete(EventGroup).where(own))
    session.execute(delete(StatusPageRow))
    session.execute(update(EventGroup).values(first_index=None, published=False))
    for scope, serial in sorted(given.items()):
        raise_to(session, scope, serial + 1)
    number = era.number + 1
    # Groups are sequenced in the order of their ids: below all others, so that it comes first.
    group = EventGroup(group_id=-number, kind="succession", count=1, at=now, certificates=0)
    session.add_all((LogEra(number=number, origin=origin, started_at=now), group))
    session.flush()
    leaf = Succession(
        origin=era.origin,
        root=last.root.hex(),
        size=last.size,
        time=format_time(now),
    )
    session.add(
        EventPage(
            group_id=group.group_id,
            first_ordinal=0,
            width=1,
            entries=encode_bundle([encode(leaf)]),
        )
    )
    detail = f"after {era.origin}, {last.size} entries"
    session.add(
        AuditLine(at=now, actor=actor, action="log-succeed", subject=origin[:80], detail=detail)
    )
    return Era(number=number, origin=origin, frozen=False)


def _final(row: LogEra) -> Checkpoint:
    if not row.final_note:
        return Checkpoint(origin=row.origin, size=0, root=EMPTY_ROOT)
    return parse_checkpoint(parse_note(row.final_note).text)


def final_checkpoint(session: Session, era: Era) -> Checkpoint:
    """Return the last checkpoint of a frozen log; ``SuccessionRefused`` if it is not frozen."""
    row = session.get(LogEra, era.number)
    if row is None or row.frozen_at is None:
        raise SuccessionRefused(f"the log {era.origin} is not frozen")
    return _final(row)


def serials_given(entries: Iterator[bytes]) -> dict[str, int]:
    """Return the highest serial of each counter scope that the entries of a log gave away."""
    highest: dict[str, int] = {}
    for data in entries:
        if b'"t":"issue"' not in data and b'"t":"import"' not in data:
            continue
        entry = parse_entry(data)
        if isinstance(entry, Issue):
            for scope, serial in _scopes(entry):
                highest[scope] = max(highest.get(scope, 0), serial)
    return highest


def _scopes(entry: Issue) -> Iterator[tuple[str, int]]:
    number, batch = _NUMBER.fullmatch(entry.number), _BATCH.fullmatch(entry.batch)
    if number is not None:
        prefix, year, level, serial = number.groups()
        yield number_scope(prefix, 2000 + int(year), level), int(serial)
    if batch is not None:
        prefix, year, serial = batch.groups()
        yield batch_scope(prefix, int(year)), int(serial)
