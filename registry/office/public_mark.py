"""What the published lists rest on (公开名单的依据), as one digest: equal, and nothing has changed.

The directory is read out of sealed forms, the draws' files out of sealed ledger entries. Whether
any of them has become another is seen from numbers, states and versions alone, in a thousandth of
the time; every step of a case and every change of a company makes another version.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from registry.office.cases import CaseKind
from registry.office.published import PUBLISHED
from registry.office.supervising import Kind
from registry.store.prepared import Prepared
from registry.store.procedure import Case, Company
from registry.store.registers import Draw, Supervision

FORM: Final = "1"
"""Another number once the files are written in another form: they are then written anew."""

_COMPANIES: Final = Prepared(
    select(Company.company_id, Company.version, Company.state, Company.listed_on).order_by(
        Company.company_id
    )
)
_CASES: Final = Prepared(
    select(Case.case_id, Case.version)
    .where(
        or_(Case.kind == CaseKind.FILING.value, Case.kind == CaseKind.SCHEME.value),
        or_(Case.state == "approved", Case.state == PUBLISHED),
    )
    .order_by(Case.case_id)
)
_DRAWS: Final = Prepared(select(Draw.draw_id, Draw.result_group).order_by(Draw.draw_id))
_VISITS: Final = Prepared(
    select(Supervision.supervision_id, Supervision.state, Supervision.result)
    .where(Supervision.kind == Kind.VISIT.value)
    .order_by(Supervision.supervision_id)
)


def public_mark(session: Session, *, on: date) -> str:
    """Return the digest (SHA-256, hex) of all that the lists of a day would be made from."""
    digest = hashlib.sha256(f"{FORM} {on.isoformat()}".encode())
    for statement in (_COMPANIES, _CASES, _DRAWS, _VISITS):
        digest.update(f"\n{statement.all(session)!r}".encode())
    return digest.hexdigest()
