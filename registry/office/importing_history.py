"""What the registry knows of the body whose certificates are imported (补录的评价机构).

Only what is older than the registry's own issuing is history. From the day on which a company was
put on the list here, each of its certificates comes from an approved batch (notice 六), so an
import must not give it one that the procedure never saw. A company that has left the list keeps
its history: that it has is for a person to weigh. So is a name that the body was never filed under.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry.office.cases import CaseKind
from registry.office.companies import ON_THE_LIST
from registry.office.company_changes import Fact
from registry.office.due import china_day
from registry.rules.findings import Fault, FindingCode, Findings
from registry.rules.imported import ImportRow
from registry.rules.standing import COMPANY
from registry.rules.text import squeeze
from registry.store.certificates import Batch
from registry.store.imports import CertificateImport
from registry.store.organisations import Issuer
from registry.store.procedure import Case, CaseEvent, Company, CompanyChange

_NO_RECORD: Final = "没有备案记录"


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyCount:
    """Certificates that name a body in words; ``filed``: it is or was a filed name of the body."""

    name: str
    count: int
    filed: bool


def issuing_since(session: Session, prefix: str) -> date | None:
    """Return the day from which on this body's certificates are issued here and not imported.

    The earlier of its first listing and its first batch that was issued here; of a body that has
    neither, the day on which it was recorded with its keys. None for one that is not recorded.
    """
    days = [*_listing_days(session, prefix), *_first_batch(session, prefix)]
    if days:
        return min(days)
    issuer = session.get(Issuer, prefix)
    return china_day(issuer.added_at) if issuer else None


def check_body(
    session: Session, rows: Sequence[ImportRow], prefix: str, findings: Findings
) -> None:
    """Add to ``findings`` what speaks against these rows being this body's history."""
    since = issuing_since(session, prefix)
    for row in rows:
        issued = row.candidate.issued
        if since is not None and issued >= since:
            facts = {"value": issued.isoformat(), "limit": since.isoformat()}
            fault = Fault(code=FindingCode.DATE_SINCE_ISSUING, facts=facts)
            findings.add(fault, row=row.candidate.row, column="issued")
    state = session.scalar(select(Company.state).where(Company.prefix == prefix))
    if state not in ON_THE_LIST:
        word = COMPANY.words[state] if state else _NO_RECORD
        findings.add(Fault(code=FindingCode.ISSUER_UNLISTED, facts={"found": word}))
    filed = filed_names(session, prefix)
    for row in rows:
        if row.assessor and squeeze(row.assessor) not in filed:
            fault = Fault(code=FindingCode.ASSESSOR_UNFILED, facts={"value": row.assessor})
            findings.add(fault, row=row.candidate.row, column="assessor")


def filed_names(session: Session, prefix: str) -> frozenset[str]:
    """Return the names a body is and was filed under, without spaces."""
    company = Company.prefix == prefix
    named = (
        select(Issuer.name).where(Issuer.prefix == prefix),
        select(Company.name).where(company),
    )
    changed = (
        select(CompanyChange.before, CompanyChange.after)
        .join(Company, Company.company_id == CompanyChange.company_id)
        .where(company, CompanyChange.kind == Fact.NAME.value, CompanyChange.state == "adopted")
    )
    names = {name for query in named for name in session.scalars(query)}
    names |= {name for pair in session.execute(changed) for name in pair}
    return frozenset(map(squeeze, names))


def bodies_of(session: Session, rows: Iterable[ImportRow], prefix: str) -> tuple[BodyCount, ...]:
    """Count the rows by the body they name; those that name none are of the present one."""
    counts: dict[str, int] = {}
    for row in rows:
        if row.assessor:
            counts[row.assessor] = counts.get(row.assessor, 0) + 1
    filed = filed_names(session, prefix)
    return tuple(
        BodyCount(name=name, count=count, filed=squeeze(name) in filed)
        for name, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    )


def _listing_days(session: Session, prefix: str) -> Iterable[date]:
    """Give the day of the present listing, and that of the first filing that was approved.

    A delisting takes the former away and must not make later certificates history again.
    """
    company = Company.prefix == prefix
    listed_on = session.scalar(select(Company.listed_on).where(company))
    approved = session.scalar(
        select(func.min(CaseEvent.at))
        .join(Case, Case.case_id == CaseEvent.case_id)
        .join(Company, Company.company_id == Case.company_id)
        .where(company, Case.kind == CaseKind.FILING.value, CaseEvent.event == "approve")
    )
    if listed_on is not None:
        yield listed_on
    if approved is not None:
        yield china_day(approved)


def _first_batch(session: Session, prefix: str) -> Iterable[date]:
    imported = select(CertificateImport.batch_id).where(CertificateImport.batch_id.is_not(None))
    first = session.scalar(
        select(func.min(Batch.issued_at)).where(
            Batch.prefix == prefix, Batch.batch_id.not_in(imported)
        )
    )
    if first is not None:
        yield china_day(first)
