"""Review of a results batch (审核): the results list's validator over who would get a certificate.

What it finds rests on the batch, its links, the day, and on who holds which certificate; it is
worked out again when any of these has changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry.office.batch_form import BatchForm
from registry.office.batches import basis_of, check_batch, links_of, read_batch
from registry.office.checking import check_against_registry, check_roster
from registry.office.context import Context
from registry.office.form_faults import FieldFault
from registry.office.kept import kept
from registry.office.withholding import to_issue
from registry.rules.findings import Findings
from registry.rules.people import ID_TYPE_NAMES, IdType
from registry.rules.scores_sheet import ScoredPerson
from registry.rules.shared_cells import PASSED
from registry.rules.text import Cell
from registry.store.log import EventGroup
from registry.store.organisations import Issuer
from registry.store.prepared import Prepared
from registry.store.procedure import Case

_LAST_GROUP: Final = Prepared(select(func.max(EventGroup.group_id)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What a clerk weighs: ``faults`` of the batch as a whole, ``findings`` by row and column.

    ``passed`` is who would get a certificate, ``withheld`` who passed and would not; with nobody
    there is nothing to check.
    """

    passed: int
    withheld: int
    faults: tuple[FieldFault, ...]
    findings: Findings

    @property
    def sound(self) -> bool:
        """Whether the batch may go to the approver (warnings are for the clerk to weigh)."""
        return not self.faults and self.findings.errors == 0


def review(
    session: Session,
    case: Case,
    *,
    drawable: Callable[[str], bool],
    context: Context,
    today: date,
) -> Review:
    """Run the checks of a results list over who passed, as if certificates were issued today."""
    # Who holds what changes with each group of events; nothing else of the registry is asked.
    (last,) = _LAST_GROUP.one(session)
    key = ("batch-review", links_of(session, case), today, last)
    return kept(
        session, key, lambda: _review(session, case, drawable, context=context, today=today)
    )


def _review(
    session: Session,
    case: Case,
    drawable: Callable[[str], bool],
    *,
    context: Context,
    today: date,
) -> Review:
    basis, form = basis_of(session, case, context), read_batch(case, context)
    faults = list(check_batch(session, case, context))
    findings = Findings()
    passed = to_issue(session, case, basis, context)
    issuer = session.get(Issuer, basis.company.prefix) if basis.company.prefix else None
    if issuer is not None and passed:
        checked = check_roster(
            [(person.row, _cells(person, form, today)) for person in passed],
            issuer,
            today=today,
            drawable=drawable,
            form=Findings(),
        )
        if check_against_registry(session, checked, issuer, context):
            faults.append(FieldFault(field="scores", text="同一名单已经发证，不能再次备案"))
        findings = checked.findings
    return Review(
        passed=len(passed),
        withheld=form.passed - len(passed),
        faults=tuple(faults),
        findings=findings,
    )


def _cells(person: ScoredPerson, form: BatchForm, issued: date) -> dict[str, Cell]:
    return {
        "name": person.name,
        "id_type": ID_TYPE_NAMES[IdType(person.id_type)],
        "id_number": person.id_number,
        "admission": person.admission,
        "occupation": form.occupation,
        "occupation_code": form.occupation_code,
        "direction": form.direction,
        "level": person.level,
        "conclusion": PASSED,
        "issued": issued.isoformat(),
    }
