"""Issuing (核发证书, notice §6.4): an approved batch becomes numbered, signed certificates.

One transaction holds number + record + signature + ledger event + upload row + audit line, so a
crash at any moment leaves either the whole batch or nothing, and no gap in the numbers. The same
list sent again is recognised by its meaning and not issued twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from keys.signer import Signer
from registry.errors import AlreadyHeld, NotFound, Refused, SerialsExhausted
from registry.office.batch_rows import open_batch, owe_uploads
from registry.office.context import Context
from registry.office.events import PAGE_COLUMNS, page_rows
from registry.office.issuer_keys import require_active
from registry.office.sealing import (
    CERTIFICATE_COLUMNS,
    CHUNK,
    Place,
    chunks,
    seal_chunk,
)
from registry.rules.candidate import Candidate
from registry.store.audit import AuditLine
from registry.store.bulk import insert_rows
from registry.store.certificates import Batch, Certificate
from registry.store.counters import batch_scope, number_scope, peek, take_range
from registry.store.log import EventPage
from registry.store.organisations import Issuer
from registry.store.outbox import UploadKind

FIRST_SERIAL = 1
LAST_SERIAL = 999_999
STATUS_SCOPE = "status"
_CERTIFICATES = Certificate.metadata.tables["certificates"]
_PAGES = EventPage.metadata.tables["event_pages"]

Tally = Mapping[tuple[int, str], int]
"""How many certificates of each (year, level) a list asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueOrder:
    """What is to be issued. ``candidates`` is read once, in order, and must match ``tally``.

    ``digest`` is the list's content digest (SHA-256, hex); ``approval`` the reference under which
    the office approved the results (结果备案).
    """

    prefix: str
    approval: str
    digest: str
    tally: Tally
    candidates: Iterable[Candidate]


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedBatch:
    """A batch as issued. ``recognised``: it had been issued before, nothing was issued now."""

    batch_id: str
    count: int
    ranges: tuple[tuple[str, str], ...]
    recognised: bool


def issue_batch(
    session: Session, order: IssueOrder, *, signer: Signer, context: Context
) -> IssuedBatch:
    """Issue the order in the session's transaction (one for all of it).

    Raises ``NotFound`` (unknown issuer), ``KeyNotActive``, ``SerialsExhausted``, ``AlreadyHeld``,
    ``Refused``.
    """
    # Locked: the same list sent twice at once must find the first one's batch, not collide with it.
    issuer = session.get(Issuer, order.prefix, with_for_update=True)
    if issuer is None:
        msg = f"no issuer with prefix {order.prefix}: add it with `certreg issuer add`"
        raise NotFound(msg)
    known = find_batch(session, prefix=order.prefix, digest=order.digest)
    if known is not None:
        return _recognised(session, known)
    count = sum(order.tally.values())
    if count == 0:
        msg = "the list holds no person to issue to: fill it in and send it again"
        raise Refused(msg)
    require_active(session, order.prefix, signer.info.key_id)
    now = context.clock.now()
    serials, ranges = _take_serials(session, order.prefix, order.tally)
    first_status = take_range(session, STATUS_SCOPE, count, start=0)
    year = now.year
    serial = take_range(session, batch_scope(order.prefix, year), 1, start=1)
    batch_id = f"{order.prefix}-{year}-{serial:04}"
    batch = Batch(
        batch_id=batch_id,
        prefix=order.prefix,
        content_digest=order.digest,
        approval=order.approval,
        first_status=first_status,
        count=count,
        issued_at=now,
    )
    group = open_batch(session, batch, "issue")
    session.add(
        AuditLine(
            at=now,
            actor=context.actor,
            action="issue",
            subject=batch_id,
            detail=f"{count} certificates; approval {order.approval}",
        )
    )
    session.flush()
    place = Place(
        prefix=order.prefix,
        issuer=issuer.name,
        batch_id=batch_id,
        group_id=group.group_id,
        first_status=first_status,
    )
    _insert(session, order, serials, place, signer=signer, context=context)
    return IssuedBatch(batch_id=batch_id, count=count, ranges=ranges, recognised=False)


def find_batch(session: Session, *, prefix: str, digest: str) -> Batch | None:
    """Return the batch that this issuer's list with this content was issued as, if any."""
    return session.scalars(
        select(Batch).where(Batch.prefix == prefix, Batch.content_digest == digest)
    ).one_or_none()


def free_serials(session: Session, prefix: str, year: int, level: str) -> int:
    """Return how many serials of (prefix, year, level) are still free."""
    return LAST_SERIAL + 1 - peek(session, number_scope(prefix, year, level), start=FIRST_SERIAL)


def _take_serials(
    session: Session, prefix: str, tally: Tally
) -> tuple[dict[tuple[int, str], Iterator[int]], tuple[tuple[str, str], ...]]:
    serials: dict[tuple[int, str], Iterator[int]] = {}
    ranges: list[tuple[str, str]] = []
    # Always in the same order: two offices that lock (prefix, year, level) rows in different
    # orders would wait for each other for ever.
    for (year, level), count in sorted(tally.items()):
        first = take_range(session, number_scope(prefix, year, level), count, start=FIRST_SERIAL)
        last = first + count - 1
        if last > LAST_SERIAL:
            free = max(0, LAST_SERIAL + 1 - first)
            msg = (
                f"level {level} of {year} has {free} serials left of the {count} wanted: ask the "
                "province for a further body code and issue the list under it"
            )
            raise SerialsExhausted(msg)
        serials[year, level] = iter(range(first, first + count))
        head = f"{prefix}{year % 100:02}{level}"
        ranges.append((f"{head}{first:06}", f"{head}{last:06}"))
    return serials, tuple(ranges)


def _insert(
    session: Session,
    order: IssueOrder,
    serials: Mapping[tuple[int, str], Iterator[int]],
    place: Place,
    *,
    signer: Signer,
    context: Context,
) -> None:
    connection = session.connection()
    done = 0
    count = sum(order.tally.values())
    for chunk in chunks(iter(order.candidates), CHUNK):
        here = Place(
            prefix=place.prefix,
            issuer=place.issuer,
            batch_id=place.batch_id,
            group_id=place.group_id,
            first_status=place.first_status + done,
        )
        try:
            certificates, leaves = seal_chunk(chunk, serials, here, signer, context)
        except (StopIteration, KeyError):
            raise _changed() from None
        try:
            insert_rows(connection, _CERTIFICATES, CERTIFICATE_COLUMNS, certificates)
        except IntegrityError:
            # The driver's message would carry the row's values: it is cut off here.
            msg = (
                "somebody in the list already holds a certificate of that occupation and level: "
                "run `certreg check` to see the rows, take them out, and send the list again"
            )
            raise AlreadyHeld(msg) from None
        pages = page_rows(place.group_id, done, leaves)
        insert_rows(connection, _PAGES, PAGE_COLUMNS, pages)
        done += len(chunk)
    if done != count:
        raise _changed()
    # The close leaf is the group's last; its bytes need the range root, which the sequencer knows.
    insert_rows(connection, _PAGES, PAGE_COLUMNS, page_rows(place.group_id, done, [b""]))
    owe_uploads(session, place, count, UploadKind.NEW)


def _changed() -> Refused:
    return Refused("the list changed while it was being issued: nothing was issued, send it again")


def _recognised(session: Session, batch: Batch) -> IssuedBatch:
    numbers = session.execute(
        text(
            "SELECT min(number), max(number) FROM certificates WHERE status_index >= :first "
            "AND status_index < :last GROUP BY substr(number, 1, 16) ORDER BY 1"
        ),
        {"first": batch.first_status, "last": batch.first_status + batch.count},
    ).all()
    return IssuedBatch(
        batch_id=batch.batch_id,
        count=batch.count,
        ranges=tuple((first, last) for first, last in numbers),
        recognised=True,
    )
