"""Correction (信息修改) and revocation (撤销): new leaves linked to the old, nothing rewritten.

A correction keeps the number and makes the next edition; the old edition becomes 已更正 and points
on. A revoked number is never used again. Each is one transaction with its ledger events, its
upload row for the provincial centre and its audit line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from keys.dsse import pae
from keys.signer import Signer
from registry.errors import AlreadyHeld, Refused
from registry.office.certificates import OpenedCertificate, current_edition, open_certificate
from registry.office.context import Context
from registry.office.events import event_page
from registry.office.issuing import STATUS_SCOPE
from registry.store.audit import AuditLine
from registry.store.certificates import Certificate, CertificateState
from registry.store.counters import take_range
from registry.store.fields import NONCE_LENGTH, blind_index
from registry.store.log import EventGroup
from registry.store.outbox import UploadKind, UploadRow
from signing.canonical import encode
from signing.envelope import RECORD_TYPE
from signing.qr import new_token
from signing.record import OPENING_BYTES, Record, commitment, edition_digest
from signing.tlog.entry import Issue, StatusChange


class Reason(StrEnum):
    """Why a certificate is revoked or corrected; stands in the public leaf."""

    FRAUD = "fraud"
    ISSUED_IN_ERROR = "issued-in-error"
    HOLDER_REQUEST = "holder-request"
    DATA_ERROR = "data-error"
    NAME_CHANGED = "name-changed"

    @property
    def chinese(self) -> str:
        """The reason as an official writes it."""
        match self:
            case Reason.FRAUD:
                return "弄虚作假"
            case Reason.ISSUED_IN_ERROR:
                return "误发"
            case Reason.HOLDER_REQUEST:
                return "持证人申请"
            case Reason.DATA_ERROR:
                return "信息登记有误"
            case Reason.NAME_CHANGED:
                return "姓名变更"
            case _:
                assert_never(self)


REVOKING = frozenset({Reason.FRAUD, Reason.ISSUED_IN_ERROR, Reason.HOLDER_REQUEST})
CORRECTING = frozenset({Reason.DATA_ERROR, Reason.NAME_CHANGED})
CORRECTABLE = ("name", "id_type", "id_number", "admission", "occupation", "direction")
"""What a correction may change. Another level, date or occupation code is another certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revised:
    """What a revision did: the number, the edition now current, and its status index."""

    number: str
    edition: int
    status_index: int


def revoke(session: Session, number: str, reason: Reason, *, context: Context) -> Revised:
    """Revoke the current edition of ``number``.

    Raises ``NotFound``, or ``Refused`` if it is already revoked or the reason does not fit.
    """
    if reason not in REVOKING:
        msg = f"{reason} is no reason to revoke: use one of {', '.join(sorted(REVOKING))}"
        raise Refused(msg)
    row = current_edition(session, number, lock=True)
    _must_stand(row)
    now = context.clock.now()
    group = EventGroup(kind="revoke", batch_id=row.batch_id, count=1, at=now)
    session.add(group)
    session.flush()
    change = StatusChange(
        index=row.status_index,
        link="",
        reason=reason.value,
        state=CertificateState.REVOKED.value,
    )
    row.state = CertificateState.REVOKED
    session.add_all(
        (
            event_page(group.group_id, encode(change)),
            UploadRow(
                status_index=row.status_index,
                kind=UploadKind.WITHDRAWAL.value,
                batch_id=row.batch_id,
            ),
            AuditLine(
                at=now, actor=context.actor, action="revoke", subject=number, detail=reason.value
            ),
        )
    )
    return Revised(number=number, edition=row.edition, status_index=row.status_index)


def correct(
    session: Session,
    number: str,
    reason: Reason,
    changes: Mapping[str, str],
    *,
    signer: Signer,
    context: Context,
) -> Revised:
    """Make the next edition of ``number`` with ``changes`` (field -> new value) in its record.

    The values must have passed the row checks. Raises ``NotFound``, ``Refused``, ``AlreadyHeld``.
    """
    if reason not in CORRECTING:
        msg = f"{reason} is no reason to correct: use one of {', '.join(sorted(CORRECTING))}"
        raise Refused(msg)
    row = current_edition(session, number, lock=True)
    _must_stand(row)
    old = open_certificate(row, context)
    if not changes or set(changes) - set(CORRECTABLE):
        msg = f"a correction names one or more of {', '.join(CORRECTABLE)} and nothing else"
        raise Refused(msg)
    record = _next_record(old, changes)
    if record == replace(old.record, edition=record.edition, previous=record.previous):
        msg = "the correction changes nothing: give the values as they shall stand"
        raise Refused(msg)
    now = context.clock.now()
    status = take_range(session, STATUS_SCOPE, 1, start=0)
    group = EventGroup(
        kind="correct", batch_id=row.batch_id, count=2, at=now, first_status=status, certificates=1
    )
    session.add(group)
    row.state = CertificateState.SUPERSEDED
    row.superseded_by = status
    # The old edition must leave the holding index before the new one enters it.
    session.flush()
    fresh, leaf = _next_row(
        row, record, status=status, group_id=group.group_id, signer=signer, context=context
    )
    session.add(fresh)
    try:
        session.flush()
    except IntegrityError:
        msg = "the corrected person already holds this certificate: revoke one of the two instead"
        raise AlreadyHeld(msg) from None
    change = StatusChange(
        index=row.status_index,
        link=str(status),
        reason=reason.value,
        state=CertificateState.SUPERSEDED.value,
    )
    session.add_all(
        (
            event_page(group.group_id, leaf, encode(change)),
            UploadRow(status_index=status, kind=UploadKind.CORRECTION.value, batch_id=row.batch_id),
            AuditLine(
                at=now,
                actor=context.actor,
                action="correct",
                subject=number,
                detail=f"edition {record.edition}; {reason.value}; {', '.join(sorted(changes))}",
            ),
        )
    )
    return Revised(number=number, edition=record.edition, status_index=status)


def _must_stand(row: Certificate) -> None:
    if row.state != CertificateState.VALID:
        state = CertificateState(row.state).name.lower()
        msg = f"certificate {row.number} is {state}: only a valid one can be revised"
        raise Refused(msg)


def _next_record(old: OpenedCertificate, changes: Mapping[str, str]) -> Record:
    return replace(
        old.record,
        **changes,
        edition=old.record.edition + 1,
        previous=edition_digest(old.envelope.payload),
    )


def _next_row(
    row: Certificate,
    record: Record,
    *,
    status: int,
    group_id: int,
    signer: Signer,
    context: Context,
) -> tuple[Certificate, bytes]:
    payload = encode(record)
    opening = context.random(OPENING_BYTES)
    signature = signer.sign(pae(RECORD_TYPE, payload))
    sealed = context.sealed_records().seal(
        status,
        context.random(NONCE_LENGTH),
        opening + len(signature).to_bytes(2) + signature + payload,
    )
    leaf = Issue(
        batch=row.batch_id,
        commit=commitment(opening, payload).hex(),
        edition=record.edition,
        number=record.number,
        prefix=record.prefix,
        status=status,
    )
    fresh = Certificate(
        status_index=status,
        number=record.number,
        edition=record.edition,
        batch_id=row.batch_id,
        group_id=group_id,
        level=row.level,
        occupation_code=row.occupation_code,
        issued=row.issued,
        state=CertificateState.VALID,
        token=new_token(context.random),
        key_id=signer.info.key_id,
        id_tag=blind_index(context.index_key, record.id_number),
        sealed=sealed,
    )
    return fresh, encode(leaf)
