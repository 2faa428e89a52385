"""The next edition of a certificate: same number, its own record, leaf, opening and QR token.

The record names the digest of the edition before (`previous`); the leaf of the change names the
status index of the edition that follows. So the chain of editions can be walked from either end,
and nothing that was signed is rewritten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from keys.dsse import pae
from keys.signer import Signer
from registry.errors import AlreadyHeld
from registry.office.certificates import OpenedCertificate
from registry.office.context import Context
from registry.office.events import event_page
from registry.office.imported import imported_among
from registry.office.issuer_keys import require_active
from registry.office.issuing import STATUS_SCOPE
from registry.office.reasons import Reason
from registry.office.states import Revised, change_leaf, require_way
from registry.store.audit import AuditLine
from registry.store.certificates import Certificate, CertificateState
from registry.store.counters import take_range
from registry.store.fields import NONCE_LENGTH, blind_index
from registry.store.log import EventGroup
from signing.canonical import encode
from signing.envelope import RECORD_TYPE
from signing.qr import new_token
from signing.record import OPENING_BYTES, Record, commitment, edition_digest
from signing.tlog.entry import Import, Issue, encode_entry

CORRECT = "correct"
REISSUE = "reissue"
NEW_EDITION = frozenset({CORRECT, REISSUE})
"""The kinds of event group that hold a new edition and the end of the one before."""

CHANGE_ORDINAL = 1
"""Where in such a group the old edition's change stands: behind the new edition's leaf."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why there is a next edition: the use case (``CORRECT`` or ``REISSUE``), reason, remark."""

    action: str
    reason: Reason
    remark: str = ""


def next_record(old: OpenedCertificate, changes: Mapping[str, str]) -> Record:
    """Return the record of the edition after ``old`` with ``changes`` (field -> new value)."""
    return replace(
        old.record,
        **changes,
        edition=old.record.edition + 1,
        previous=edition_digest(old.envelope.payload),
    )


def put_in_place(
    session: Session,
    row: Certificate,
    record: Record,
    cause: Cause,
    *,
    signer: Signer,
    context: Context,
) -> Revised:
    """Put the edition of ``record`` in the place of the locked ``row``; rows, events, audit line.

    Raises ``Refused`` (the old edition is not valid), ``KeyNotActive`` or ``AlreadyHeld``.
    """
    require_way(row, CertificateState.SUPERSEDED)
    require_active(session, record.prefix, signer.info.key_id)
    now = context.clock.now()
    status = take_range(session, STATUS_SCOPE, 1, start=0)
    group = EventGroup(
        kind=cause.action,
        batch_id=row.batch_id,
        count=2,
        at=now,
        first_status=status,
        certificates=1,
    )
    session.add(group)
    row.state = CertificateState.SUPERSEDED
    row.superseded_by = status
    # The old edition must leave the holding index before the new one enters it.
    session.flush()
    fresh, leaf = _next_row(
        row,
        record,
        status=status,
        group_id=group.group_id,
        leaf_kind=_leaf_kind(session, row.batch_id),
        signer=signer,
        context=context,
    )
    session.add(fresh)
    try:
        session.flush()
    except IntegrityError:
        # The driver's message would carry the row's values: it is cut off here.
        msg = "the corrected person already holds this certificate: revoke one of the two instead"
        raise AlreadyHeld(msg) from None
    change = change_leaf(row, CertificateState.SUPERSEDED, cause.reason, str(status))
    detail = "; ".join(filter(None, (f"edition {record.edition}", cause.reason, cause.remark)))
    session.add_all(
        (
            # The new edition first: a change must not point to what is not there yet.
            event_page(group.group_id, leaf, change),
            AuditLine(
                at=now,
                actor=context.actor,
                action=cause.action,
                subject=row.number,
                detail=detail,
            ),
        )
    )
    return Revised(number=row.number, edition=record.edition, status_index=status)


def _leaf_kind(session: Session, batch_id: str) -> type[Issue]:
    """Give the kind of leaf: of an imported certificate (补录) a later edition says so too.

    Else a correction would wash off that the log knows nothing of the time before.
    """
    return Import if imported_among(session, (batch_id,)) else Issue


def _next_row(
    row: Certificate,
    record: Record,
    *,
    status: int,
    group_id: int,
    leaf_kind: type[Issue],
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
    leaf = leaf_kind(
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
    return fresh, encode_entry(leaf)
