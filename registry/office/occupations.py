"""The catalogue of occupations (职业目录): looked up by code, searched, imported from a table.

Notice 二: what is assessed must stand in the classification and not in the national qualification
catalogue. An import adds and updates and removes nothing: a filing or certificate of long ago must
still find its occupation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, String, bindparam, func, or_, select
from sqlalchemy.orm import Session

from registry.office.cases import audit
from registry.office.context import Context
from registry.office.identity import Identity, NotAllowed, Role, require
from registry.rules.catalogue import CatalogueRow, check_catalogue
from registry.rules.findings import Findings
from registry.rules.text import Cell, fold
from registry.store.prepared import Prepared
from registry.store.registers import Occupation

_ESCAPE: Final = "/"
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


class Found(NamedTuple):
    """One occupation of a list."""

    edition: int
    code: str
    name: str
    directions: str
    levels: str
    national: bool


def search_occupations(
    session: Session, text: str = "", *, edition: int | None = None, page: int = 1
) -> tuple[tuple[Found, ...], int]:
    """Return one page of the occupations whose code, name or trade holds ``text``, and how many."""
    wanted = fold(text)
    for sign in (_ESCAPE, "%", "_"):
        wanted = wanted.replace(sign, _ESCAPE + sign)
    query = _search(
        ascii_folds=session.get_bind().dialect.name == "sqlite",
        by_text=bool(wanted),
        by_edition=edition is not None,
    )
    values: dict[str, object] = {"limit": PAGE, "offset": PAGE * (max(page, 1) - 1)}
    if wanted:
        values |= {"code": f"{wanted}%", "part": f"%{wanted}%"}
    if edition is not None:
        values["edition"] = edition
    rows = query.all(session, **values)
    total = int(rows[0][-1]) if rows else 0
    return tuple(Found._make(row[:-1]) for row in rows), total


@cache
def _search(*, ascii_folds: bool, by_text: bool, by_edition: bool) -> Prepared[*tuple[Any, ...]]:
    """Make the statement; the number of all that match stands in each row.

    ``ascii_folds``: the database's plain LIKE lets small letters match capitals, which asked for
    by name costs three times as much.
    """
    where: list[ColumnElement[bool]] = []
    if by_text:
        pairs = (
            (Occupation.code, bindparam("code", type_=String)),
            (Occupation.name, bindparam("part", type_=String)),
            (Occupation.directions, bindparam("part", type_=String)),
        )
        where.append(
            or_(
                *(
                    column.like(pattern, escape=_ESCAPE)
                    if ascii_folds
                    else column.ilike(pattern, escape=_ESCAPE)
                    for column, pattern in pairs
                )
            )
        )
    if by_edition:
        where.append(Occupation.edition == bindparam("edition"))
    # Without a text every row matches, and counting them beside their order would sort them all.
    counted = (
        func.count().over()
        if by_text
        else select(func.count())
        .select_from(Occupation)
        .where(*where)
        .correlate(None)
        .scalar_subquery()
    )
    columns = (getattr(Occupation, name) for name in Found._fields)
    return Prepared(
        select(*columns, counted)
        .where(*where)
        .order_by(Occupation.code, Occupation.edition.desc())
        .limit(bindparam("limit"))
        .offset(bindparam("offset"))
    )


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
