"""The rows of a prepared import, sealed as one field: who sees the row of the table sees nobody.

They are kept until the import has ended and no longer: then the persons stand in the certificates,
or, if it came to nothing, nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.context import Context
from registry.rules.candidate import Candidate
from registry.rules.imported import ImportRow, import_digest
from registry.store.fields import NONCE_LENGTH, FieldCipher
from registry.store.imports import CertificateImport
from signing.canonical import Canonical, decode, decoder_for, encode

SEALED: Final = "imports.sealed"
"""The place that binds the sealed rows to their column."""

_LARGEST: Final = 32 * 2**20
"""Bytes: 20,000 rows of the longest texts there may be."""


class _Row(Canonical, frozen=True, kw_only=True):
    admission: str
    assessor: str
    direction: str
    id_number: str
    id_type: str
    issued: str
    level: str
    name: str
    number: str
    occupation: str
    occupation_code: str
    row: int


class _Rows(Canonical, frozen=True, kw_only=True):
    rows: tuple[_Row, ...]


_DECODER: Final = decoder_for(_Rows)


def seal_rows(row: CertificateImport, rows: Sequence[ImportRow], context: Context) -> None:
    """Put the rows into the import, bound to its ``import_id``."""
    plain = encode(_Rows(rows=tuple(map(_held, rows))))
    cipher = FieldCipher(context.field_key, SEALED)
    row.sealed = cipher.seal(row.import_id, context.random(NONCE_LENGTH), plain)


def forget_rows(row: CertificateImport) -> None:
    """Delete the rows of an import that has ended."""
    row.sealed = b""


def open_rows(session: Session, row: CertificateImport, context: Context) -> tuple[ImportRow, ...]:
    """Return the rows as they were prepared, and no others.

    Raises ``Refused`` once they are deleted, ``FieldDamaged`` for other bytes than were sealed.
    """
    session.refresh(row, ["sealed"])
    if not row.sealed:
        raise Refused("该补录已办结，补录表不再保存；已补录的请在证书中查看")
    plain = FieldCipher(context.field_key, SEALED).open(row.import_id, row.sealed)
    rows = tuple(map(_opened, decode(plain, _DECODER, limit=_LARGEST).rows))
    if import_digest(row.prefix, rows) != row.digest:
        raise Refused("补录表与登记的摘要不一致，不能办理；请撤回后重新提交")
    return rows


def _held(row: ImportRow) -> _Row:
    person = row.candidate
    return _Row(
        admission=person.admission,
        assessor=row.assessor,
        direction=person.direction,
        id_number=person.id_number,
        id_type=person.id_type,
        issued=person.issued.isoformat(),
        level=person.level,
        name=person.name,
        number=row.number,
        occupation=person.occupation,
        occupation_code=person.occupation_code,
        row=person.row,
    )


def _opened(held: _Row) -> ImportRow:
    return ImportRow(
        candidate=Candidate(
            row=held.row,
            name=held.name,
            id_type=held.id_type,
            id_number=held.id_number,
            admission=held.admission,
            occupation=held.occupation,
            occupation_code=held.occupation_code,
            direction=held.direction,
            level=held.level,
            issued=date.fromisoformat(held.issued),
        ),
        number=held.number,
        assessor=held.assessor,
    )
