"""The list of imports (补录列表) and what one of them shows: nobody's name but on its own page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from registry.office.identity import Identity, Role
from registry.office.importing import require_city
from registry.office.kept import kept, last_line
from registry.rules.importing import IMPORT
from registry.store.accounts import Account
from registry.store.imports import CertificateImport
from registry.store.organisations import Issuer
from registry.store.prepared import Prepared

PAGE: Final = 50
WAITING_SHOWN: Final = 10
"""Waiting imports that the first page of the desk names."""

_FINAL: Final = sorted(IMPORT.final)
_TURN_WORDS: Final = {"prepared": "由办公室审批人办理", "approved": "由办公室执行"}
_OPEN: Final = or_(*(CertificateImport.state == state for state in _TURN_WORDS))
_WAITING: Final = Prepared(select(func.count()).where(_OPEN))
_Rows: TypeAlias = "Select[*tuple[Any, ...]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedImport:
    """One import as lists show it; ``batch_id`` is "" until it is carried out.

    ``prepared_by`` is the login of whoever prepared it; "" where ``at_machine`` says that the
    operator imported it without a desk, in a home for direct filing.
    """

    import_id: int
    reference: str
    prefix: str
    organisation: str
    count: int
    state: str
    state_word: str
    turn_word: str
    final: bool
    prepared_by: str
    prepared_at: datetime
    decided_at: datetime | None
    batch_id: str
    at_machine: bool
    version: int


def list_imports(
    session: Session, by: Identity, *, page: int = 1
) -> tuple[tuple[ListedImport, ...], int]:
    """Return a page of the imports, what waits first, and how many there are.

    Raises ``NotAllowed`` for an account that sees none.
    """
    require_city(by, Role.CLERK, Role.APPROVER)
    total = session.scalar(select(func.count(CertificateImport.import_id))) or 0
    query = _listing().order_by(
        CertificateImport.state.in_(_FINAL), CertificateImport.import_id.desc()
    )
    rows = session.execute(query.limit(PAGE).offset(PAGE * (max(page, 1) - 1)))
    return tuple(listed(*row) for row in rows), total


def one_listed(session: Session, row: CertificateImport) -> ListedImport:
    """Give one import as lists show it."""
    query = _listing().where(CertificateImport.import_id == row.import_id)
    return listed(*session.execute(query).one())


def waiting_imports(session: Session, by: Identity) -> tuple[tuple[ListedImport, ...], int]:
    """Return the imports that wait for this person, the oldest first, and how many there are.

    Whoever decides is given what others prepared, and both roles what was approved; a district's
    account and whoever has nothing to do with imports, nothing. Mostly none waits for anybody.
    """
    if by.district or by.role not in (Role.CLERK, Role.APPROVER):
        return (), 0
    waits = kept(session, ("imports-wait", last_line(session)), lambda: _WAITING.one(session)[0])
    if not waits:
        return (), 0
    mine = CertificateImport.state == "approved"
    if by.role is Role.APPROVER:
        others = CertificateImport.prepared_by != by.account_id
        mine |= (CertificateImport.state == "prepared") & others
    query = _listing().add_columns(func.count().over()).where(mine)
    rows = session.execute(query.order_by(CertificateImport.import_id).limit(WAITING_SHOWN)).all()
    return tuple(listed(*row[:-1]) for row in rows), rows[0][-1] if rows else 0


def _listing() -> _Rows:
    return (
        select(CertificateImport, Issuer.name, Account.login)
        .join(Issuer, Issuer.prefix == CertificateImport.prefix)
        .outerjoin(Account, Account.account_id == CertificateImport.prepared_by)
    )


def listed(row: CertificateImport, organisation: str, login: str | None) -> ListedImport:
    """Give an import as lists show it."""
    return ListedImport(
        import_id=row.import_id,
        reference=row.reference,
        prefix=row.prefix,
        organisation=organisation,
        count=row.count,
        state=row.state,
        state_word=IMPORT.words[row.state],
        turn_word=_TURN_WORDS.get(row.state, ""),
        final=row.state in IMPORT.final,
        prepared_by=login or "",
        prepared_at=row.prepared_at,
        decided_at=row.decided_at,
        batch_id=row.batch_id or "",
        at_machine=row.prepared_by is None,
        version=row.version,
    )
