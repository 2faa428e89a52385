"""Two imports that wait with the same numbers (待办补录之间的重号): each is told of the other.

Neither is refused for it, or the two would keep each other out for ever: a person looks at both
and lets one go. Whichever is carried out first makes the other one's numbers held.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.context import Context
from registry.office.importing_rows import open_rows
from registry.rules.findings import Fault, FindingCode, Findings
from registry.rules.imported import ImportRow
from registry.rules.importing import IMPORT
from registry.store.fields import FieldDamaged
from registry.store.imports import CertificateImport


def check_waiting(
    session: Session,
    row: CertificateImport,
    rows: Sequence[ImportRow],
    findings: Findings,
    context: Context,
) -> None:
    """Add to ``findings`` the numbers of these rows that another waiting import has too.

    One whose rows cannot be read is named: nothing was compared with it.
    """
    own = {one.number: one.candidate.row for one in rows}
    query = select(CertificateImport).where(
        CertificateImport.prefix == row.prefix,
        CertificateImport.state.not_in(sorted(IMPORT.final)),
        CertificateImport.import_id != row.import_id,
    )
    for other in session.scalars(query.order_by(CertificateImport.import_id)):
        facts = {"found": other.reference}
        try:
            theirs = open_rows(session, other, context)
        except (Refused, FieldDamaged):
            findings.add(Fault(code=FindingCode.IMPORT_UNREADABLE, facts=facts))
            continue
        for one in theirs:
            if one.number in own:
                fault = Fault(code=FindingCode.NUMBER_WAITING, facts={**facts, "value": one.number})
                findings.add(fault, row=own[one.number], column="number")
