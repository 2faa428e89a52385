"""The catalogue of occupations (职业目录): looked up by code, searched, imported from a table.

Notice 二: what is assessed must stand in the classification and not in the national qualification
catalogue. An import adds and updates and removes nothing: a filing or certificate of long ago must
still find its occupation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from registry.office.cases import audit
from registry.office.context import Context
from registry.office.identity import Identity, NotAllowed, Role, require
from registry.rules.catalogue import CatalogueRow, check_catalogue
from registry.rules.findings import Findings
from registry.rules.text import Cell, fold
from registry.store.registers import Occupation

PAGE: Final = 50
"""Rows of one page of the catalogue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came of an import; with errors among ``findings`` nothing was stored."""

    added: int
    updated: int
    findings: Findings

    @property
    def acceptable(self) -> bool:
        """Whether the table was stored."""
        return self.findings.errors == 0


def find_occupation(session: Session, code: str, edition: int | None = None) -> Occupation | None:
    """Return the occupation of a code: of an edition, or of the newest that has it."""
    query = select(Occupation).where(Occupation.code == code)
    if edition is not None:
        query = query.where(Occupation.edition == edition)
    return session.scalars(query.order_by(Occupation.edition.desc()).limit(1)).first()


def search_occupations(
    session: Session, text: str = "", *, edition: int | None = None, page: int = 1
) -> tuple[tuple[Occupation, ...], int]:
    """Return one page of the occupations whose code, name or trade holds ``text``, and how many."""
    query = select(Occupation)
    wanted = fold(text)
    if wanted:
        query = query.where(
            or_(
                Occupation.code.startswith(wanted, autoescape=True),
                Occupation.name.contains(wanted, autoescape=True),
                Occupation.directions.contains(wanted, autoescape=True),
            )
        )
    if edition is not None:
        query = query.where(Occupation.edition == edition)
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    ordered = query.order_by(Occupation.code, Occupation.edition.desc())
    rows = session.scalars(ordered.limit(PAGE).offset(PAGE * (max(page, 1) - 1)))
    return tuple(rows), total


def import_occupations(
    session: Session,
    rows: Iterable[tuple[int, Mapping[str, Cell]]],
    *,
    form: Findings,
    by: Identity | None,
    context: Context,
) -> Imported:
    """Check a table and, if it has no error, add and update its occupations.

    ``form`` are the findings on the file itself; ``by`` None: on this machine. Raises
    ``NotAllowed``: the catalogue is the city's.
    """
    if by is not None:
        require(by, Role.CLERK, Role.APPROVER)
        if by.district:
            raise NotAllowed("职业目录由市级办公室维护")
    findings = Findings()
    findings.extend(form)
    checked = check_catalogue(rows, findings)
    if findings.errors:
        return Imported(added=0, updated=0, findings=findings)
    added = updated = 0
    for row in checked:
        known = session.get(Occupation, (row.edition, row.code))
        if known is None:
            session.add(_occupation(row))
            added += 1
        elif _update(known, row):
            updated += 1
    line = audit("catalogue-import", f"{len(checked)}", by, context)
    line.detail = f"added {added}, updated {updated}"
    session.add(line)
    return Imported(added=added, updated=updated, findings=findings)


def _occupation(row: CatalogueRow) -> Occupation:
    return Occupation(
        edition=row.edition,
        code=row.code,
        name=row.name,
        directions=row.directions,
        levels=row.levels,
        national=row.national,
    )


def _update(known: Occupation, row: CatalogueRow) -> bool:
    before = (known.name, known.directions, known.levels, known.national)
    known.name, known.directions = row.name, row.directions
    known.levels, known.national = row.levels, row.national
    return before != (known.name, known.directions, known.levels, known.national)
