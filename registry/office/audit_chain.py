"""The hash chain over the audit lines (审计记录链), and its head before the ledger.

Each line's link is SHA-256(link before ‖ canonical JSON of the line), the first from 32 zero
bytes. Whoever changes or takes out a line breaks every link after it; whoever makes the whole
chain anew, or cuts its end off, contradicts a head that the ledger holds as a milestone. What came
after the newest of these can still be changed by who owns the database: hence one a day.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, TypeAlias

from sqlalchemy import ColumnElement, func, insert, select, text
from sqlalchemy.orm import Session

from registry.office.context import Context
from registry.office.due import CHINA
from registry.office.milestones import Recorded, add_milestone, open_milestone
from registry.store.audit import AuditLine, AuditLink
from registry.store.milestones import MilestoneRow
from signing.canonical import Canonical, encode
from signing.milestone import MilestoneFacts, MilestoneKind, facts_bytes, facts_commitment

SUBJECT: Final = "AUDIT-"
"""Begins the subject of a head's milestone, before the number of its line."""

ANCHOR_EVERY: Final = timedelta(hours=20)
"""A daily run that comes a little early must still bring the day's head."""

_Read: TypeAlias = tuple[int, bytes, bytes | None]
"""A line's number, its canonical bytes, and its link."""

_COLUMNS: Final = (
    AuditLine.line_id,
    AuditLine.at,
    *(AuditLine.action, AuditLine.actor, AuditLine.detail),
    *(AuditLine.result, AuditLine.source, AuditLine.subject),
)
_START: Final = bytes(32)
_AT_ONCE: Final = 2000
"""Lines held at a time."""


class Verdict(StrEnum):
    """What a check of the chain found."""

    INTACT = "intact"
    BROKEN = "broken"
    CANNOT_SAY = "cannot-say"
    """Nothing has been linked yet, or the ledger could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The newest link: number of its line, and 32 bytes that stand for all lines up to it."""

    line_id: int
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A check's outcome. ``broken_at`` is the first line that is not as it was, with ``why``.

    ``linked`` lines were found whole; ``unlinked`` came after the newest link and were not
    checked. ``anchored`` is the newest line whose head the ledger holds, 0 if none.
    """

    verdict: Verdict
    linked: int = 0
    unlinked: int = 0
    anchored: int = 0
    broken_at: int | None = None
    why: str = ""


class _Line(Canonical, frozen=True, kw_only=True):
    action: str
    actor: str
    at: str
    detail: str
    line_id: int
    result: str
    source: str
    subject: str


def link_audit(session: Session) -> Head | None:
    """Link all lines that have no link yet, and return the head; None without any line.

    Harmless when run twice. Waits for writers: a line committed later than one of a higher number
    would else stay outside of the chain.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE audit_lines IN SHARE MODE"))
    head = audit_head(session)
    after, digest = (head.line_id, head.digest) if head else (0, _START)
    session.flush()
    while page := _page(session, after):
        links = []
        for after, canonical, _link in page:
            digest = _next(digest, canonical)
            links.append({"line_id": after, "digest": digest})
        session.execute(insert(AuditLink), links)
        head = Head(line_id=after, digest=digest)
    return head


def audit_head(session: Session) -> Head | None:
    """Return the newest link; None if there is none."""
    columns = select(AuditLink.line_id, AuditLink.digest)
    row = session.execute(columns.order_by(AuditLink.line_id.desc()).limit(1)).one_or_none()
    return Head(line_id=row.line_id, digest=row.digest) if row else None


def anchor_audit(session: Session, *, kind: MilestoneKind, context: Context) -> Recorded | None:
    """Link the lines and put the head before the ledger, once a day; None if it is too early.

    The head becomes a milestone of ``kind`` (subject AUDIT-<line>, document = the head): part of
    the next checkpoint, which others keep.
    """
    head, now = link_audit(session), context.clock.now()
    last = session.scalar(select(func.max(MilestoneRow.at)).where(_is_head()))
    if head is None or (last is not None and now - last < ANCHOR_EVERY):
        return None
    subject = f"{SUBJECT}{head.line_id}"
    session.add(
        AuditLine(
            at=now,
            actor=context.actor,
            action="audit-anchor",
            subject=subject,
            detail=f"head {head.digest.hex()}",
        )
    )
    facts = MilestoneFacts(
        date=now.astimezone(CHINA).date().isoformat(),
        document=head.digest.hex(),
        kind=kind,
        note="审计记录链",
        subject=subject,
    )
    return add_milestone(session, facts, context=context)


def verify_audit(
    session: Session, context: Context, logged: frozenset[tuple[int, str]] | None
) -> Checked:
    """Compute the chain again and compare it with its links and with the heads in the ledger.

    ``logged`` are (line, commitment) of the heads that the published logs hold: each must be
    known here, or the database was changed together with its milestones. Where the logs could
    not be read (None) nothing is called intact. Names the first line that was changed, put in, or
    follows one that was taken out; raises ``FieldDamaged`` if a head's milestone does not open.
    """
    heads, known = _anchored_heads(session, context)
    lost = min((line for line, commit in (logged or ()) if (line, commit) not in known), default=0)
    found = _check_lines(session, heads)
    if lost and (found.broken_at is None or lost <= found.broken_at):
        why = "公开日志中有以本条为链头的记录，数据库中的链头已被删除或者更换"
        return replace(found, verdict=Verdict.BROKEN, broken_at=lost, why=why)
    if logged is None and found.verdict is Verdict.INTACT:
        return replace(found, verdict=Verdict.CANNOT_SAY, why="公开日志读取失败，未能与之核对")
    return found


def _check_lines(session: Session, heads: dict[int, bytes]) -> Checked:
    head = audit_head(session)
    top, digest = (head.line_id if head else 0), _START
    found = Checked(verdict=Verdict.BROKEN, anchored=max(heads, default=0))
    linked, last = 0, 0
    for line_id, canonical, link in _all(session, top):
        digest = _next(digest, canonical)
        if link != digest or heads.pop(line_id, digest) != digest:
            why = "本条被改动或者补入，或者其前的记录被删除"
            return replace(found, linked=linked, broken_at=line_id, why=why)
        linked, last = linked + 1, line_id
    # Whoever cuts off the end takes lines and links together; the ledger remembers.
    gone = min((*heads, *([top] if last < top else [])), default=None)
    if gone is not None:
        why = "公开日志或者记录链中有本条，记录已不在"
        return replace(found, linked=linked, broken_at=gone, why=why)
    after = select(func.count()).select_from(AuditLine).where(AuditLine.line_id > top)
    verdict = Verdict.INTACT if linked else Verdict.CANNOT_SAY
    return replace(found, verdict=verdict, linked=linked, unlinked=session.scalar(after) or 0)


def _anchored_heads(
    session: Session, context: Context
) -> tuple[dict[int, bytes], frozenset[tuple[int, str]]]:
    """Return the heads by their line, and (line, commitment) as the ledger holds them."""
    heads, known = {}, set()
    for row in session.scalars(select(MilestoneRow).where(_is_head())):
        opened = open_milestone(row, context)
        line = int(opened.facts.subject.removeprefix(SUBJECT))
        heads[line] = bytes.fromhex(opened.facts.document)
        known.add((line, facts_commitment(opened.opening, facts_bytes(opened.facts)).hex()))
    return heads, frozenset(known)


def _is_head() -> ColumnElement[bool]:
    return MilestoneRow.subject.startswith(SUBJECT, autoescape=True)


def _all(session: Session, top: int) -> Iterator[_Read]:
    after = 0
    while page := _page(session, after):
        yield from (read for read in page if read[0] <= top)
        after = min(top, page[-1][0])
        if after == top:
            return


def _page(session: Session, after: int) -> list[_Read]:
    # Columns, no objects: a million lines must not stay in the session.
    query = (
        select(*_COLUMNS, AuditLink.digest)
        .outerjoin(AuditLink, AuditLink.line_id == AuditLine.line_id)
        .where(AuditLine.line_id > after)
        .order_by(AuditLine.line_id)
        .limit(_AT_ONCE)
    )
    return [
        (line_id, _canonical(line_id, at, *texts), link)
        for line_id, at, *texts, link in session.execute(query)
    ]


def _canonical(line_id: int, at: datetime, *texts: str) -> bytes:
    action, actor, detail, result, source, subject = texts
    return encode(
        _Line(
            action=action,
            actor=actor,
            at=at.astimezone(UTC).isoformat(timespec="microseconds"),
            detail=detail,
            line_id=line_id,
            result=result,
            source=source,
            subject=subject,
        )
    )


def _next(digest: bytes, canonical: bytes) -> bytes:
    return hashlib.sha256(digest + canonical).digest()
