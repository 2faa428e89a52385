"""Who of a filed batch gets a certificate: who passed, less those the clerk names (六（四）).

Somebody who holds the certificate already, by another employer's assessment say, must not keep
everybody else from theirs. The clerk names such rows with the reason while the batch is under
review; the approver sees them, results and publicity stay as they were filed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy.orm import Session

from registry.office.batches import Basis, basis_of, links_of
from registry.office.cases import Doing, take_step
from registry.office.context import Context
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.kept import kept
from registry.office.results import keep_withheld, results_of, withheld_rows
from registry.rules.scores_sheet import ScoredPerson
from registry.store.procedure import Case


def to_issue(
    session: Session, case: Case, basis: Basis, context: Context
) -> tuple[ScoredPerson, ...]:
    """Return who gets a certificate: passed, and not named by the clerk."""
    named = withheld_rows(session, case, context)
    return tuple(
        person
        for person in results_of(session, case, context)
        if person.level in basis.schemes
        and person.outcome(basis.schemes[person.level]).passed
        and person.row not in named
    )


def count_to_issue(session: Session, case: Case, context: Context) -> int:
    """Return how many get a certificate, worked out once for each version of all it rests on."""
    key = ("batch-to-issue", links_of(session, case))
    return kept(
        session,
        key,
        lambda: len(to_issue(session, case, basis_of(session, case, context), context)),
    )


def withhold(
    session: Session, case: Case, reasons: Mapping[int, str], doing: Doing, context: Context
) -> None:
    """Name the rows that get no certificate, each with its reason; no row: everybody gets one.

    Raises ``FormFaults`` for a row that did not pass, and what the engine raises.
    """
    basis = basis_of(session, case, context)
    passed = {
        person.row
        for person in results_of(session, case, context)
        if person.level in basis.schemes and person.outcome(basis.schemes[person.level]).passed
    }
    wrong = sorted(set(reasons) - passed)
    if wrong:
        rows = "、".join(map(str, wrong))
        text = f"第 {rows} 行不合格，本来就不核发证书，请从名单中删去"
        raise FormFaults((FieldFault(field="rows", text=text),))
    named = "、".join(str(row) for row in sorted(reasons))
    note = f"不核发证书：第 {named} 行，共 {len(reasons)} 人" if reasons else "合格人员均核发证书"
    noted = replace(doing, note=note)
    take_step(session, case, "withhold", doing=noted, context=context)
    keep_withheld(session, case, reasons, context)
