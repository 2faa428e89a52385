"""A holder's certificates, each with its chain (证书流转): 已发证 → 已备案 → … → 全国联网可查.

Newest editions only: what was corrected or reissued is seen in its successor. How far the reports
have come is asked of a `ChainOf`; what nobody recorded is an empty day, and the page says 尚无记录.
"""

from __future__ import annotations

from datetime import date
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.errors import NotFound
from registry.office.almanac import read_almanac
from registry.office.certificates import open_certificate
from registry.office.context import Context
from registry.office.due import china_day
from registry.rules.terms import Term
from registry.store.certificates import Batch, Certificate, CertificateState
from signing.holder_messages import HeldCertificate
from signing.mirror import Chain


class ChainOf(Protocol):
    """Knows how far the reporting of a certificate has come."""

    def __call__(self, session: Session, row: Certificate) -> Chain:
        """Return the days that are on record; "" for those that are not."""
        ...


def recorded_chain(session: Session, row: Certificate) -> Chain:
    """Return what the registry itself has on record: the day on which the batch was filed.

    Issuing takes an approved batch, in the transaction that records it; what is owed to the
    provincial centre has no day until it was sent.
    """
    batch = session.get(Batch, row.batch_id)
    return Chain(filed=china_day(batch.issued_at).isoformat() if batch else "")


def certificates_of(session: Session, id_tag: bytes) -> tuple[Certificate, ...]:
    """Return a holder's certificates in their newest editions, the newest issue first."""
    # Two questions, since each is answered by an index of its states.
    held = session.scalars(
        select(Certificate).where(Certificate.id_tag == id_tag, Certificate.state.in_((0, 2)))
    ).all()
    revoked = session.scalars(
        select(Certificate).where(
            Certificate.id_tag == id_tag, Certificate.state == CertificateState.REVOKED
        )
    ).all()
    return tuple(sorted((*held, *revoked), key=lambda row: (row.issued, row.number), reverse=True))


def certificate_of_number(session: Session, number: str) -> tuple[Certificate, ...]:
    """Return the newest edition of a number, or nothing."""
    query = select(Certificate).where(
        Certificate.number == number, Certificate.state != CertificateState.SUPERSEDED
    )
    return tuple(session.scalars(query))


def own_certificate(session: Session, id_tag: bytes, number: str) -> Certificate:
    """Return a certificate of this holder; another's is ``NotFound`` like one that is not there."""
    for row in certificate_of_number(session, number):
        if row.id_tag == id_tag:
            return row
    raise NotFound("no such certificate of this holder")


def shown(
    session: Session, row: Certificate, *, chain_of: ChainOf, context: Context
) -> HeldCertificate:
    """Return a certificate as the holder's page shows it."""
    record = open_certificate(row, context).record
    return HeldCertificate(
        number=row.number,
        name=record.name,
        occupation=record.occupation,
        direction=record.direction,
        level=record.level,
        issuer=record.issuer,
        issued=row.issued.isoformat(),
        state=int(row.state),
        edition=row.edition,
        chain=chain_of(session, row),
        subsidy_until=_subsidy_until(session, row.issued),
    )


def _subsidy_until(session: Session, issued: date) -> str:
    last = read_almanac(session).deadline(Term.SUBSIDY_CLAIM, issued)
    return last.day.isoformat() if last else ""
