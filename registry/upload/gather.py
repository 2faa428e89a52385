"""From the database to an upload's rows: in the log's order, each with its record and its leaf.

A certificate's leaf stands in its event group by its status index; a revocation's leaf is looked
for among the groups of its batch that revoke. Rows are read in pages, so that twenty thousand
cost no more memory than a thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from msgspec import UNSET, UnsetType
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.store.among import among
from registry.store.certificates import Certificate
from registry.store.log import EventGroup, EventPage
from registry.store.outbox import UploadKind, UploadRow
from registry.upload.errors import NotInLog
from registry.upload.kit import Opened
from signing.envelope import to_object
from signing.tlog.entry import State, StatusChange, parse_entry
from signing.tlog.tiles import decode_bundle
from signing.upload.rows import IssuedLeaf, Row, RowKind

_PAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """Where a leaf stands: its index in the log, and its place in the database."""

    index: int
    group_id: int
    ordinal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One row of an upload: what it is about, its leaf, and that of the certificate's issue."""

    status_index: int
    kind: UploadKind
    leaf: Leaf
    issue: Leaf


def members_of(session: Session, upload_id: str) -> list[Member]:
    """Return an upload's rows in the order of their leaves in the log.

    Raises ``NotInLog`` if one of them has no leaf yet.
    """
    query = (
        select(
            UploadRow.status_index,
            UploadRow.kind,
            UploadRow.batch_id,
            EventGroup.group_id,
            EventGroup.first_index,
            EventGroup.first_status,
        )
        .join(Certificate, Certificate.status_index == UploadRow.status_index)
        .join(EventGroup, EventGroup.group_id == Certificate.group_id)
        .where(UploadRow.upload_id == upload_id)
    )
    found = session.execute(query).all()
    batches = {row.batch_id for row in found if row.kind == UploadKind.WITHDRAWAL.value}
    ends = _revocations(session, batches)
    members = []
    for row in found:
        if row.first_index is None or row.first_status is None:
            raise _not_in_log()
        ordinal = row.status_index - row.first_status
        issue = Leaf(index=row.first_index + ordinal, group_id=row.group_id, ordinal=ordinal)
        kind, leaf = UploadKind(row.kind), issue
        if kind is UploadKind.WITHDRAWAL:
            if row.status_index not in ends:
                raise _not_in_log()
            leaf = ends[row.status_index]
        members.append(Member(status_index=row.status_index, kind=kind, leaf=leaf, issue=issue))
    return sorted(members, key=lambda member: member.leaf.index)


def rows_of(
    session: Session, members: Sequence[Member], opened_by: Callable[[Certificate], Opened]
) -> Iterator[tuple[Row, Opened]]:
    """Yield the rows in the members' order, numbered from 1, each with its opened certificate."""
    entries = _Entries(session)
    query = select(Certificate).where(among(Certificate.status_index, "wanted"))
    number = 0
    for start in range(0, len(members), _PAGE):
        page = members[start : start + _PAGE]
        wanted = [member.status_index for member in page]
        certificates = {row.status_index: row for row in session.scalars(query, {"wanted": wanted})}
        for member in page:
            number += 1
            opened = opened_by(certificates[member.status_index])
            yield _row(number, member, opened, entries), opened
        # Or the session would hold every sealed record of the upload.
        session.expunge_all()


def _row(number: int, member: Member, opened: Opened, entries: _Entries) -> Row:
    entry = entries.at(member.leaf)
    issued: IssuedLeaf | UnsetType = UNSET
    reason = ""
    match member.kind:
        case UploadKind.WITHDRAWAL:
            issued = IssuedLeaf(entry=entries.at(member.issue), index=member.issue.index)
            reason = _reason(entry)
        case UploadKind.CORRECTION:
            # Behind the new edition's leaf stands the one that ends the old, with the reason.
            leaf = member.leaf
            behind = Leaf(index=leaf.index + 1, group_id=leaf.group_id, ordinal=leaf.ordinal + 1)
            reason = _reason(entries.at(behind))
        case UploadKind.NEW | UploadKind.SUPPLEMENT:
            pass
    return Row(
        edition=opened.record.edition,
        entry=entry,
        index=member.leaf.index,
        issued=issued,
        kind=RowKind(member.kind.value),
        number=opened.record.number,
        opening=opened.opening,
        reason=reason,
        record=to_object(opened.envelope),
        row=number,
    )


def _reason(entry: bytes) -> str:
    change = parse_entry(entry)
    return change.reason if isinstance(change, StatusChange) else ""


def _revocations(session: Session, batches: set[str]) -> dict[int, Leaf]:
    """Find where the revocations of these batches stand, by status index."""
    if not batches:
        return {}
    query = (
        select(EventGroup.group_id, EventGroup.first_index, EventPage.entries, EventPage.width)
        .join(EventPage, EventPage.group_id == EventGroup.group_id)
        .where(EventGroup.kind == "revoke", EventGroup.batch_id.in_(sorted(batches)))
    )
    found = {}
    for group_id, first_index, entries, width in session.execute(query):
        change = parse_entry(decode_bundle(entries, width)[0])
        ends = isinstance(change, StatusChange) and change.state == State.REVOKED
        if isinstance(change, StatusChange) and ends and first_index is not None:
            found[change.index] = Leaf(index=first_index, group_id=group_id, ordinal=0)
    return found


class _Entries:
    """Leaves' bytes by their place; the page last read is kept, for most rows are neighbours."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._group, self._first = -1, 0
        self._entries: list[bytes] = []

    def at(self, leaf: Leaf) -> bytes:
        """Return the bytes of one leaf, which its group has."""
        known = leaf.group_id == self._group
        if not known or not 0 <= leaf.ordinal - self._first < len(self._entries):
            self._load(leaf)
        return self._entries[leaf.ordinal - self._first]

    def _load(self, leaf: Leaf) -> None:
        query = (
            select(EventPage.first_ordinal, EventPage.width, EventPage.entries)
            .where(EventPage.group_id == leaf.group_id, EventPage.first_ordinal <= leaf.ordinal)
            .order_by(EventPage.first_ordinal.desc())
            .limit(1)
        )
        self._first, width, entries = self._session.execute(query).one()
        self._group, self._entries = leaf.group_id, decode_bundle(entries, width)


def _not_in_log() -> NotInLog:
    msg = (
        "有证书还没有写入公开日志，不能定稿：请先运行 `certreg anchor`，再办理一次 "
        "(a row has no leaf in the log yet)"
    )
    return NotInLog(msg)
