"""The persons of a case as rows (名册、结果的逐行保存): sealed one by one, found by their tag.

A plan's roster and a batch's results are kept alike: a row's JSON is sealed and bound to its place
(case and row of the table), and what the office finds wrong with it when it returns the case stands
with it. What a row holds beside that is the business of `rosters` and `results`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import msgspec
from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.orm import Session

from registry.office.context import Context
from registry.office.kept import kept
from registry.store.among import among
from registry.store.fields import NONCE_LENGTH, FieldCipher, blind_index
from registry.store.prepared import Prepared
from registry.store.procedure import Case, CasePerson
from signing.canonical import Canonical, decode, decoder_for, encode

SEALED: Final = "case_persons.sealed"
_LARGEST: Final = 4096


R = TypeVar("R", bound=Canonical)

_COLUMNS: Final = CasePerson.case_id, CasePerson.row, CasePerson.sealed
_OF_CASE: Final = (
    select(*_COLUMNS).where(CasePerson.case_id == bindparam("case")).order_by(CasePerson.row)
)
_PAGE: Final = Prepared(_OF_CASE.limit(bindparam("limit")).offset(bindparam("offset")))
_SOME: Final = Prepared(_OF_CASE.where(among(CasePerson.row, "numbers")))
_COUNTED: Final = Prepared(
    select(func.count()).select_from(CasePerson).where(CasePerson.case_id == bindparam("case"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRow(Generic[R]):
    """One person to be kept: number in the table, ID number for the tag, and what is sealed."""

    number: int
    id_number: str
    held: R
    passed: bool = False


class SealedRows(Generic[R]):
    """Keeps and reads the rows of one kind."""

    def __init__(self, kind: type[R], finding: Callable[[R], str]) -> None:
        """``kind`` is what a row of a case holds; ``finding`` gives the office's finding of it."""
        self._decoder = decoder_for(kind)
        self._finding = finding

    def keep(
        self, session: Session, case: Case, people: Iterable[NewRow[R]], context: Context
    ) -> None:
        """Put these persons in the place of those kept before."""
        session.execute(delete(CasePerson).where(CasePerson.case_id == case.case_id))
        session.add_all(
            CasePerson(
                case_id=case.case_id,
                row=one.number,
                id_tag=blind_index(context.index_key, one.id_number),
                passed=one.passed,
                sealed=_seal(case.case_id, one.number, one.held, context),
            )
            for one in people
        )
        session.flush()

    def all(self, session: Session, case: Case, context: Context) -> Iterator[tuple[int, R]]:
        """Yield every row in clear, with its number, in order."""
        return self._opened(session.execute(_OF_CASE, {"case": case.case_id}), context)

    def page(
        self, session: Session, case: Case, context: Context, *, page: int, size: int
    ) -> Iterator[tuple[int, R]]:
        """Yield one page of them, from 1."""
        first = size * (max(page, 1) - 1)
        rows = _PAGE.all(session, case=case.case_id, limit=size, offset=first)
        return self._opened(rows, context)

    def with_findings(
        self, session: Session, case: Case, context: Context
    ) -> Iterator[tuple[int, R]]:
        """Yield those with which the office found something wrong."""

        def find() -> tuple[int, ...]:
            return tuple(n for n, row in self.all(session, case, context) if self._finding(row))

        numbers = kept(session, ("rows-found", case.case_id, case.version), find)
        if not numbers:
            return iter(())
        return self._opened(_SOME.all(session, case=case.case_id, numbers=numbers), context)

    def keep_findings(
        self, session: Session, case: Case, findings: Mapping[int, str], context: Context
    ) -> None:
        """Put findings beside their rows, and take away those of an earlier return."""

        def found(number: int, row: R) -> R:
            return msgspec.structs.replace(row, finding=findings.get(number, ""))

        self.change(session, case, found, context)

    def change(
        self, session: Session, case: Case, how: Callable[[int, R], R], context: Context
    ) -> None:
        """Change what rows hold; a row that stays as it was is not sealed anew."""
        for row in rows_of(session, case):
            held = self._open(row.case_id, row.row, row.sealed, _cipher(context))
            changed = how(row.row, held)
            if changed != held:
                row.sealed = _seal(case.case_id, row.row, changed, context)

    def _opened(self, rows: Iterable[Any], context: Context) -> Iterator[tuple[int, R]]:
        cipher = _cipher(context)
        return ((n, self._open(case_id, n, sealed, cipher)) for case_id, n, sealed in rows)

    def _open(self, case_id: int, number: int, sealed: bytes, cipher: FieldCipher) -> R:
        return decode(cipher.open(_place(case_id, number), sealed), self._decoder, limit=_LARGEST)


def rows_of(session: Session, case: Case) -> Iterable[CasePerson]:
    """Return the rows as the store has them, in order."""
    query = select(CasePerson).where(CasePerson.case_id == case.case_id)
    return session.scalars(query.order_by(CasePerson.row))


def count_rows(session: Session, case: Case) -> int:
    """Return how many persons a case has."""
    return _COUNTED.one(session, case=case.case_id)[0]


def _cipher(context: Context) -> FieldCipher:
    return FieldCipher(context.field_key, SEALED)


def _place(case_id: int, row: int) -> int:
    # The seal is bound to one number; case and row, 32 bits each, make one.
    return case_id << 32 | row


def _seal(case_id: int, row: int, held: Canonical, context: Context) -> bytes:
    nonce = context.random(NONCE_LENGTH)
    return _cipher(context).seal(_place(case_id, row), nonce, encode(held))
