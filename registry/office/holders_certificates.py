"""A holder's certificates, each with its chain (证书流转): 已发证 → 已备案 → … → 全国联网可查.

Newest editions only: what was corrected or reissued is seen in its successor. How far the reports
have come `registry.office.chain` says; what nobody recorded is an empty day (尚无记录).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.errors import NotFound
from registry.office.almanac import read_almanac
from registry.office.certificates import open_certificate
from registry.office.chain import chains_of
from registry.office.context import Context
from registry.rules.terms import Term
from registry.store.certificates import Certificate, CertificateState
from signing.holder_messages import HeldCertificate
from signing.mirror import Chain


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
    session: Session, rows: Sequence[Certificate], context: Context
) -> tuple[HeldCertificate, ...]:
    """Return certificates as the holder's page shows them."""
    chains = chains_of(session, rows)
    return tuple(_shown(session, row, chains[row.status_index], context) for row in rows)


def _shown(session: Session, row: Certificate, chain: Chain, context: Context) -> HeldCertificate:
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
        chain=chain,
        subsidy_until=_subsidy_until(session, row.issued),
    )


def _subsidy_until(session: Session, issued: date) -> str:
    last = read_almanac(session).deadline(Term.SUBSIDY_CLAIM, issued)
    return last.day.isoformat() if last else ""
