"""Reading one certificate back: the sealed record, its signature and its opening.

Only these functions open the sealed column; what they return holds a person's name and ID number
and must not reach a log line, a URL or an error.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from keys.model import KeyId
from registry.errors import NotFound
from registry.office.context import Context
from registry.store.certificates import Certificate
from signing.envelope import RECORD_TYPE, Envelope
from signing.record import OPENING_BYTES, Record, parse_record


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedCertificate:
    """One edition with its secrets: ``opening`` is the 32-byte key of the ledger commitment."""

    row: Certificate
    record: Record
    opening: bytes
    envelope: Envelope


def current_edition(session: Session, number: str, *, lock: bool = False) -> Certificate:
    """Return the newest edition of ``number``; ``NotFound`` if there is none.

    ``lock`` makes whoever else would revise it wait until this transaction ends.
    """
    query = (
        select(Certificate)
        .where(Certificate.number == number)
        .order_by(Certificate.edition.desc())
        .limit(1)
    )
    row = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        msg = "no certificate with this number: compare it with the paper, digit by digit"
        raise NotFound(msg)
    return row


def editions(session: Session, number: str) -> tuple[Certificate, ...]:
    """Return all editions of ``number``, oldest first (empty if there are none)."""
    return tuple(
        session.scalars(
            select(Certificate).where(Certificate.number == number).order_by(Certificate.edition)
        )
    )


def open_certificate(row: Certificate, context: Context) -> OpenedCertificate:
    """Open the sealed record of ``row``; ``FieldDamaged`` if it was changed or moved."""
    plain = context.sealed_records().open(row.status_index, row.sealed)
    opening, rest = plain[:OPENING_BYTES], plain[OPENING_BYTES:]
    signed = 2 + int.from_bytes(rest[:2])
    signature, payload = rest[2:signed], rest[signed:]
    return OpenedCertificate(
        row=row,
        record=parse_record(payload),
        opening=opening,
        envelope=Envelope(
            payload_type=RECORD_TYPE,
            payload=payload,
            key_id=KeyId(row.key_id),
            signature=signature,
        ),
    )
