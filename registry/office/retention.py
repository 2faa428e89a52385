"""What is past its term is erased (保存期限, 个人信息保护法第十九条、第四十七条), once a day.

The term is the dated rule 评价资料保存, counted from the day on which something ended. Then go:
documents that were removed, or of an application that was not granted; the roster of a plan that
came to nothing; the scores of a batch that came to nothing, and of those who failed in any other;
the rows of an import (补录) that nobody decided, which lapses. Fault reports of imports go sooner.
What leads to a certificate stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import ColumnElement, and_, delete, exists, not_, or_, select
from sqlalchemy.orm import Session

from registry.office.almanac import Almanac, read_almanac
from registry.office.cases import EDITABLE, CaseKind, audit
from registry.office.context import Context
from registry.office.document_vault import Paper, Vault
from registry.office.due import china_day
from registry.office.fault_reports import drop_old_import_reports
from registry.office.importing_lapsing import lapse_imports
from registry.rules.terms import Term, deadline
from registry.store.procedure import Case, CaseDocument, CasePerson

SUBJECT: Final = "retention"
_REFUSED: Final = ("rejected", "withdrawn")
"""Of a filing or a scheme: its documents served nothing else."""

_FAILED_PLANS: Final = ("cancelled", "stopped", "not-held", "lapsed")
_FAILED_BATCHES: Final = ("rejected", "lapsed")
_HELD_BATCHES: Final = ("issued", "closed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """How many were erased: documents, rows of rosters and of scores, imports, their reports."""

    documents: int = 0
    roster_rows: int = 0
    score_rows: int = 0
    imports: int = 0
    import_reports: int = 0


def kept_until(ended: date, almanac: Almanac) -> date:
    """Give the last day on which something is kept that came to its end on a day."""
    rule = almanac.rules.term(Term.EVIDENCE_KEPT, ended)
    return deadline(rule, ended, almanac.days).day


def erase_expired(session: Session, vault: Vault, context: Context) -> Erased:
    """Erase all that is past its term, and leave one line of counts if there was anything.

    A file goes before its row: a crash between leaves a row that the next run takes up again.
    """
    almanac, today = read_almanac(session), china_day(context.clock.now())
    erased = Erased(
        documents=_erase_documents(session, vault, almanac, today),
        roster_rows=_erase_persons(session, _is(CaseKind.PLAN, _FAILED_PLANS), almanac, today),
        score_rows=_erase_persons(session, _scores(), almanac, today),
        imports=lapse_imports(session, lambda day: kept_until(day, almanac) < today, context),
        import_reports=drop_old_import_reports(vault.folder, today=today),
    )
    if erased != Erased():
        line = audit("retention-erase", SUBJECT, None, context)
        line.detail = (
            f"documents {erased.documents}; roster rows {erased.roster_rows};"
            f" score rows {erased.score_rows}; imports {erased.imports};"
            f" import reports {erased.import_reports}"
        )
        session.add(line)
    return erased


def _erase_documents(session: Session, vault: Vault, almanac: Almanac, today: date) -> int:
    ended = Case.state.in_(_REFUSED)
    # While the company has the case it may send the same bytes in again: they wait for its end.
    removed = and_(CaseDocument.removed_at.is_not(None), Case.state.not_in(EDITABLE))
    query = (
        select(CaseDocument, Case)
        .join(Case, Case.case_id == CaseDocument.case_id)
        .where(or_(ended, removed))
        .where(or_(CaseDocument.kept_until.is_(None), CaseDocument.kept_until < today))
        .order_by(CaseDocument.document_id)
    )
    count = 0
    for row, case in session.execute(query).all():
        end = row.removed_at or case.changed_at
        row.kept_until = kept_until(china_day(end), almanac)
        if row.kept_until >= today:
            continue
        if not _is_shared(session, row):
            vault.place(Paper(case_id=row.case_id, sha256=row.sha256)).unlink(missing_ok=True)
        session.delete(row)
        session.flush()
        count += 1
    return count


def _is_shared(session: Session, row: CaseDocument) -> bool:
    others = select(CaseDocument.document_id).where(
        CaseDocument.case_id == row.case_id,
        CaseDocument.sha256 == row.sha256,
        CaseDocument.document_id != row.document_id,
    )
    return session.scalars(others).first() is not None


def _is(kind: CaseKind, states: tuple[str, ...]) -> ColumnElement[bool]:
    return and_(Case.kind == kind.value, Case.state.in_(states))


def _scores() -> ColumnElement[bool]:
    failed = and_(_is(CaseKind.BATCH, _HELD_BATCHES), not_(CasePerson.passed))
    return or_(_is(CaseKind.BATCH, _FAILED_BATCHES), failed)


def _erase_persons(
    session: Session, which: ColumnElement[bool], almanac: Almanac, today: date
) -> int:
    """Erase rows of persons of cases whose term is over; ``which`` looks at case and row."""
    some = exists().where(CasePerson.case_id == Case.case_id, which)
    count = 0
    cases = session.execute(select(Case.case_id, Case.changed_at).where(some)).all()
    for case_id, changed_at in cases:
        if kept_until(china_day(changed_at), almanac) >= today:
            continue
        mine = select(CasePerson.row).join(Case, Case.case_id == CasePerson.case_id).where(which)
        rows = session.scalars(mine.where(CasePerson.case_id == case_id)).all()
        session.execute(
            delete(CasePerson)
            .where(CasePerson.case_id == case_id, CasePerson.row.in_(rows))
            .execution_options(synchronize_session=False)
        )
        count += len(rows)
    return count
