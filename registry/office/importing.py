"""Importing existing certificates (补录): preview, prepare, decide, carry out; four eyes.

A clerk of the city office prepares a checked table, another person approves it, and what was
approved is carried out once, after everything was checked against the registry again. In a home
for direct filing the operator at the machine does it at once, as they issue there. Each function
is one transaction with one audit line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, TypeAlias

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from registry.errors import NotFound, Refused
from registry.office.cases import Doing, audit
from registry.office.change_deciding import Tools
from registry.office.context import Context
from registry.office.due import china_day
from registry.office.identity import Identity, NotAllowed, Role, require
from registry.office.importing_checks import CheckedImport, check_against_registry
from registry.office.importing_rows import forget_rows, open_rows, seal_rows
from registry.office.importing_steps import PREPARE, add_event, take_step
from registry.office.importing_waiting import check_waiting
from registry.office.importing_writing import (
    ImportOrder,
    audit_line,
    locked_issuer,
    number_ranges,
    write_import,
    written_words,
)
from registry.office.issuing import IssuedBatch, find_batch
from registry.rules.findings import Findings
from registry.rules.imported import ImportRow
from registry.rules.importing import IMPORT
from registry.rules.workflow import Actor, Guard
from registry.store.counters import take_range
from registry.store.imports import CertificateImport

ImportRecord: TypeAlias = CertificateImport
"""An import as pages are handed it: they do not import the store."""

PLAIN: Final = frozenset({"reject", "withdraw", "withdraw-approval"})
"""Steps that take a remark alone."""

_OPEN: Final = ("prepared", "approved")


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedImport:
    """What came of handing a table in; with errors among ``findings`` nothing was stored.

    ``recognised``: this very table waits already, or was imported; ``reference`` is that one's.
    """

    import_id: int | None
    reference: str
    findings: Findings
    recognised: bool


def preview(session: Session, checked: CheckedImport, *, today: date, context: Context) -> str:
    """Add to a table's findings what the registry knows; writes nothing.

    Returns the reference of the import by which this very table came before, "" for a new one:
    what was imported is not checked further, for every number of it is held.
    """
    known = find_same(session, checked) if checked.acceptable else None
    if known is not None and known.state not in _OPEN:
        return known.reference
    check_against_registry(
        session, checked.rows, checked.prefix, checked.values, today=today, context=context
    )
    return known.reference if known else ""


def find_same(session: Session, checked: CheckedImport) -> CertificateImport | None:
    """Return the import of this very table that waits or was carried out, if there is one."""
    query = select(CertificateImport).where(
        CertificateImport.prefix == checked.prefix,
        CertificateImport.digest == checked.digest,
        CertificateImport.state.in_((*_OPEN, "carried-out")),
    )
    return session.scalars(query.order_by(CertificateImport.import_id).limit(1)).first()


def prepare(
    session: Session, checked: CheckedImport, *, by: Identity, today: date, context: Context
) -> PreparedImport:
    """Store a table that has no error, sealed, for another person's decision.

    The same table sent twice is recognised. Raises ``NotAllowed`` (it is the city's matter),
    ``NotFound`` for an unknown prefix.
    """
    require_city(by, Role.CLERK)
    locked_issuer(session, checked.prefix)
    known = preview(session, checked, today=today, context=context)
    if known:
        same = find_same(session, checked)
        import_id = same.import_id if same else None
        return PreparedImport(
            import_id=import_id, reference=known, findings=checked.findings, recognised=True
        )
    if not checked.acceptable:
        return PreparedImport(
            import_id=None, reference="", findings=checked.findings, recognised=False
        )
    row = _add(session, checked, "prepared", by=by, context=context)
    seal_rows(row, checked.rows, context)
    add_event(
        session,
        row,
        PREPARE,
        row.state,
        actor=Actor.CLERK.value,
        by=by,
        note="",
        context=context,
    )
    line = audit("import-prepare", row.reference, by, context)
    line.detail = f"{row.count} certificates of {row.prefix}"
    session.add(line)
    return PreparedImport(
        import_id=row.import_id,
        reference=row.reference,
        findings=checked.findings,
        recognised=False,
    )


def approve(
    session: Session, import_id: int, doing: Doing, tools: Tools, *, now: bool = True
) -> IssuedBatch | None:
    """Approve a prepared import and, if ``now``, carry it out in this very transaction.

    Raises ``GuardsFailed`` for whoever prepared it, and for a table that is no longer sound; what
    the engine raises, and what `carry_out` raises: then nothing was approved either.
    """
    require_city(doing.by, Role.APPROVER)
    row = get_import(session, import_id, doing.by, lock=True)
    context = tools.context
    held = _guards(session, row, tools)
    take_step(session, row, "approve", held=held, doing=doing, context=context)
    row.decided_by, row.decided_at = doing.by.account_id, context.clock.now()
    if not now:
        return None
    return _carry_out(session, row, replace(doing, version=row.version, note=""), tools)


def take(session: Session, import_id: int, event: str, doing: Doing, *, context: Context) -> None:
    """Take a step that needs a remark alone: refuse, withdraw, take an approval back.

    Raises ``Refused``, and what the engine raises.
    """
    if event not in PLAIN:
        raise Refused("此步骤不能在本页直接办理")
    row = get_import(session, import_id, doing.by, lock=True)
    take_step(session, row, event, doing=doing, context=context)
    if row.state == "refused":
        row.decided_by, row.decided_at = doing.by.account_id, context.clock.now()
    if event == "withdraw-approval":
        row.decided_by = row.decided_at = None
    if row.state in IMPORT.final:
        forget_rows(row)


def carry_out(session: Session, import_id: int, doing: Doing, tools: Tools) -> IssuedBatch:
    """Carry an approved import out, by somebody of the office.

    Raises what `approve` raises, ``KeyNotActive``, ``KeyTooYoung``, ``NumbersHeld`` and
    ``AlreadyHeld``.
    """
    require_city(doing.by, Role.CLERK, Role.APPROVER)
    return _carry_out(session, get_import(session, import_id, doing.by, lock=True), doing, tools)


def carry_out_at_machine(session: Session, reference: str, tools: Tools) -> IssuedBatch:
    """Carry an approved import out from the command line, which decides nothing itself."""
    return _carry_out(session, find_import(session, reference, lock=True), None, tools)


def import_directly(session: Session, checked: CheckedImport, tools: Tools) -> IssuedBatch | None:
    """Import a table at once, in a home for direct filing; None if it has an error.

    The caller has made sure that the home is one (`direct.demand_direct_filing`). The very table
    that was imported before is recognised. Raises what `write_import` raises.
    """
    context = tools.context
    if not checked.acceptable:
        # The digest is over the faultless rows: of some of them it could be another table's.
        return None
    locked_issuer(session, checked.prefix)
    known = find_batch(session, prefix=checked.prefix, digest=checked.digest)
    if known is not None:
        return IssuedBatch(
            batch_id=known.batch_id,
            count=known.count,
            ranges=number_ranges(checked.rows),
            recognised=True,
        )
    preview(session, checked, today=tools.today, context=context)
    if checked.findings.errors:
        return None
    tools.before_signing()
    row = _add(session, checked, "carried-out", by=None, context=context)
    order = _order(row, checked.rows)
    done = write_import(session, order, signer=tools.signer(row.prefix), context=context)
    row.batch_id = done.batch_id
    add_event(
        session,
        row,
        "carry-out",
        row.state,
        actor=Actor.SYSTEM.value,
        by=None,
        note="",
        context=context,
    )
    session.add(audit_line(order, done, action="import-direct", context=context))
    return done


def get_import(
    session: Session, import_id: int, by: Identity, *, lock: bool = False
) -> CertificateImport:
    """Return an import that the person may see. Raises ``NotAllowed``, ``NotFound``."""
    require_city(by, Role.CLERK, Role.APPROVER)
    return _one(session, CertificateImport.import_id == import_id, lock=lock)


def find_import(session: Session, reference: str, *, lock: bool = False) -> CertificateImport:
    """Return an import by its reference, whoever asks. Raises ``NotFound``."""
    wanted = reference.strip().upper()
    return _one(session, CertificateImport.reference == wanted, lock=lock)


def look_again(
    session: Session, row: CertificateImport, *, today: date, context: Context
) -> tuple[tuple[ImportRow, ...], Findings]:
    """Open a waiting import's rows and check them against the registry and the other ones.

    Raises ``Refused`` for one that has ended, ``FieldDamaged``.
    """
    rows, findings = _look(session, row, today=today, context=context)
    check_waiting(session, row, rows, findings, context)
    return rows, findings


def require_city(by: Identity, *roles: Role) -> None:
    """Raise ``NotAllowed`` unless the person has one of the roles, in the city office."""
    require(by, *roles)
    if by.district:
        raise NotAllowed("既有证书补录由市级办公室办理")


def _one(session: Session, where: ColumnElement[bool], *, lock: bool) -> CertificateImport:
    query = select(CertificateImport).where(where)
    row = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound("没有这件补录：补录编号如 I-2026-0001")
    return row


def _add(
    session: Session,
    checked: CheckedImport,
    state: str,
    *,
    by: Identity | None,
    context: Context,
) -> CertificateImport:
    now = context.clock.now()
    year = china_day(now).year
    serial = take_range(session, f"import:{year}", 1, start=1)
    row = CertificateImport(
        reference=f"I-{year}-{serial:04}",
        prefix=checked.prefix,
        digest=checked.digest,
        count=len(checked.rows),
        state=state,
        version=1,
        prepared_by=by.account_id if by else None,
        prepared_at=now,
        decided_by=None,
        decided_at=None,
        batch_id=None,
        sealed=b"",
    )
    session.add(row)
    session.flush()
    return row


def _guards(session: Session, row: CertificateImport, tools: Tools) -> tuple[Guard, ...]:
    if row.state in IMPORT.final:
        # It has no rows left to be looked at: the engine says that somebody was first.
        return ()
    # Under the issuer's lock: what is found free here is free until the commit.
    locked_issuer(session, row.prefix)
    _rows, findings = _look(session, row, today=tools.today, context=tools.context)
    return () if findings.errors else (Guard.IMPORT_SOUND,)


def _look(
    session: Session, row: CertificateImport, *, today: date, context: Context
) -> tuple[tuple[ImportRow, ...], Findings]:
    rows, findings = open_rows(session, row, context), Findings()
    check_against_registry(session, rows, row.prefix, findings, today=today, context=context)
    return rows, findings


def _carry_out(
    session: Session, row: CertificateImport, doing: Doing | None, tools: Tools
) -> IssuedBatch:
    context = tools.context
    held = _guards(session, row, tools)
    line = take_step(session, row, "carry-out", held=held, doing=doing, context=context)
    tools.before_signing()
    rows = open_rows(session, row, context)
    signer = tools.signer(row.prefix)
    done = write_import(session, _order(row, rows), signer=signer, context=context)
    row.batch_id = done.batch_id
    forget_rows(row)
    line.detail = written_words(done)
    return done


def _order(row: CertificateImport, rows: Sequence[ImportRow]) -> ImportOrder:
    return ImportOrder(prefix=row.prefix, reference=row.reference, digest=row.digest, rows=rows)
