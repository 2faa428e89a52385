"""The persons of a results batch as the office keeps them: sealed, with marks, found by their tag.

A row is bound to its place (case and row of the scores table). What the office finds wrong with it
when it returns the batch stands with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from registry.office.context import Context
from registry.office.rosters import SEALED
from registry.rules.levels import BY_SYMBOL
from registry.rules.scheme import PartKind, Scheme
from registry.rules.scores import Outcome
from registry.rules.scores_sheet import ScoredPerson
from registry.rules.text import mask_id, mask_name
from registry.store.fields import NONCE_LENGTH, FieldCipher, blind_index
from registry.store.procedure import Case, CasePerson
from signing.canonical import Canonical, decode, decoder_for, encode

_LARGEST: Final = 4096


class _Mark(Canonical, frozen=True, kw_only=True):
    part: PartKind
    tenths: int


class _Kept(Canonical, frozen=True, kw_only=True):
    admission: str
    finding: str
    id_number: str
    id_type: str
    level: str
    marks: tuple[_Mark, ...]
    name: str
    unsafe: bool


_DECODER: Final = decoder_for(_Kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultLine:
    """One person's result as lists show it: masked; ``finding`` is the office's, "" if none."""

    row: int
    name: str
    id_number: str
    admission: str
    level: str
    marks: Mapping[PartKind, int]
    parts: tuple[PartKind, ...]
    unsafe: bool
    outcome: Outcome
    finding: str


def keep_results(
    session: Session,
    case: Case,
    people: Iterable[ScoredPerson],
    schemes: Mapping[str, Scheme],
    context: Context,
) -> None:
    """Put these persons in the place of those kept before."""
    session.execute(delete(CasePerson).where(CasePerson.case_id == case.case_id))
    session.add_all(
        CasePerson(
            case_id=case.case_id,
            row=person.row,
            id_tag=blind_index(context.index_key, person.id_number),
            passed=person.outcome(schemes[person.level]).passed,
            sealed=_seal(case.case_id, person.row, _kept(person), context),
        )
        for person in people
    )
    session.flush()


def results_of(session: Session, case: Case, context: Context) -> tuple[ScoredPerson, ...]:
    """Return all persons of a batch in clear, for the checks and for issuing."""
    return tuple(_person(row.row, _open(row, context)) for row in _rows(session, case))


def marked_passed(session: Session, case: Case) -> frozenset[int]:
    """Return the rows that the store marks as passed."""
    return frozenset(row.row for row in _rows(session, case) if row.passed)


def result_lines(
    session: Session, case: Case, schemes: Mapping[str, Scheme], context: Context
) -> tuple[ResultLine, ...]:
    """Return every person's result, masked."""
    return tuple(_line(row.row, _open(row, context), schemes) for row in _rows(session, case))


def keep_findings(
    session: Session, case: Case, findings: Mapping[int, str], context: Context
) -> None:
    """Put the office's findings beside their rows, and take away those of an earlier return."""
    for row in _rows(session, case):
        kept = _open(row, context)
        finding = findings.get(row.row, "")
        if finding != kept.finding:
            changed = msgspec.structs.replace(kept, finding=finding)
            row.sealed = _seal(case.case_id, row.row, changed, context)


def _rows(session: Session, case: Case) -> Iterable[CasePerson]:
    query = select(CasePerson).where(CasePerson.case_id == case.case_id)
    return session.scalars(query.order_by(CasePerson.row))


def _kept(person: ScoredPerson) -> _Kept:
    return _Kept(
        admission=person.admission,
        finding="",
        id_number=person.id_number,
        id_type=person.id_type,
        level=person.level,
        marks=tuple(_Mark(part=part, tenths=tenths) for part, tenths in person.marks.items()),
        name=person.name,
        unsafe=person.unsafe,
    )


def _person(row: int, kept: _Kept) -> ScoredPerson:
    return ScoredPerson(
        row=row,
        name=kept.name,
        id_type=kept.id_type,
        id_number=kept.id_number,
        admission=kept.admission,
        level=kept.level,
        marks={mark.part: mark.tenths for mark in kept.marks},
        unsafe=kept.unsafe,
    )


def _line(row: int, kept: _Kept, schemes: Mapping[str, Scheme]) -> ResultLine:
    person, scheme = _person(row, kept), schemes[kept.level]
    return ResultLine(
        row=row,
        name=mask_name(person.name),
        id_number=mask_id(person.id_number),
        admission=person.admission,
        level=BY_SYMBOL[person.level].printed,
        marks=person.marks,
        parts=tuple(part.kind for part in scheme.parts),
        unsafe=person.unsafe,
        outcome=person.outcome(scheme),
        finding=kept.finding,
    )


def _place(case_id: int, row: int) -> int:
    # The seal is bound to one number; case and row, 32 bits each, make one.
    return case_id << 32 | row


def _seal(case_id: int, row: int, kept: _Kept, context: Context) -> bytes:
    cipher = FieldCipher(context.field_key, SEALED)
    return cipher.seal(_place(case_id, row), context.random(NONCE_LENGTH), encode(kept))


def _open(row: CasePerson, context: Context) -> _Kept:
    cipher = FieldCipher(context.field_key, SEALED)
    plain = cipher.open(_place(row.case_id, row.row), row.sealed)
    return decode(plain, _DECODER, limit=_LARGEST)
