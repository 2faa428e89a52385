"""Checking a table of existing certificates (补录核对): the same for preview, import and approval.

Row checks are `registry.rules.imported`; added here is what only the registry knows: whether a
number or a person's qualification is held already, what the catalogue of occupations has, how far
the numbers minted here will have to go on, and whether it is history at all
(`registry.office.importing_history`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.checking import ASKED_AT_ONCE, check_people
from registry.office.context import Context
from registry.office.importing_history import check_body
from registry.office.issuing import FIRST_SERIAL, LAST_SERIAL
from registry.rules.findings import CheckedTable, Fault, FindingCode, Findings
from registry.rules.imported import ImportChecker, ImportRow, import_digest
from registry.rules.text import Cell, squeeze
from registry.store.among import among
from registry.store.certificates import Certificate
from registry.store.counters import number_scope, peek
from registry.store.registers import Occupation

FARTHEST_JUMP: Final = 50_000
"""Numbers that an import may skip in a series that goes on: no organisation certifies as many of
one level in a year, so a longer jump is a mistyped number."""

LEAST_FREE: Final = 10_000
"""Numbers that an import which jumps must leave: a whole year of a large organisation's. What a
series loses is lost for good, for a number is never given from a gap."""

T = TypeVar("T")
_HELD: Final = select(Certificate.number).where(
    among(Certificate.number, "numbers"), Certificate.edition == 1
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedImport(CheckedTable):
    """A table after the row checks. ``digest`` is over the faultless rows (SHA-256, hex).

    ``form`` are the findings on the file itself, ``values`` those on its rows; to the latter
    `check_against_registry` adds what the registry knows.
    """

    prefix: str
    rows: Sequence[ImportRow]
    digest: str


def check_table(
    rows: Iterable[tuple[int, Mapping[str, Cell]]],
    prefix: str,
    *,
    today: date,
    drawable: Callable[[str], bool],
    form: Findings,
) -> CheckedImport:
    """Run the row checks; ``form`` are the findings on the file itself. Reads no database."""
    checker = ImportChecker(prefix=prefix, today=today, drawable=drawable)
    found = [row for number, cells in rows if (row := checker.row(number, cells)) is not None]
    return CheckedImport(
        prefix=prefix,
        rows=found,
        digest=import_digest(prefix, found),
        form=form,
        values=checker.finish(),
    )


def check_against_registry(
    session: Session,
    rows: Sequence[ImportRow],
    prefix: str,
    findings: Findings,
    *,
    today: date,
    context: Context,
) -> None:
    """Add to ``findings`` what the registry has against these rows; writes nothing."""
    check_body(session, rows, prefix, findings)
    _check_catalogue(session, rows, findings)
    for piece in _pieces(rows, ASKED_AT_ONCE):
        _check_numbers(session, piece, findings)
        check_people(session, [row.candidate for row in piece], findings, context)
    _tell_jumps(session, rows, prefix, findings, today=today)


def highest_serials(rows: Iterable[ImportRow]) -> dict[tuple[int, str], int]:
    """Return the highest serial of each (year, level) among these rows."""
    return {series: row.serial for series, row in _last_rows(rows).items()}


class NumbersHeld(Refused):
    """Numbers of the table stand in the registry already."""

    code = "numbers-held"


def require_unheld(session: Session, rows: Sequence[ImportRow]) -> None:
    """Raise ``NumbersHeld`` if a number of these rows stands in the registry.

    The last look, under the issuer's lock: nobody else gives these numbers away meanwhile.
    """
    findings = Findings()
    for piece in _pieces(rows, ASKED_AT_ONCE):
        _check_numbers(session, piece, findings)
    if findings.errors:
        msg = (
            f"有 {findings.errors} 个证书编号已在本系统登记，没有补录：请重新核对补录表。"
            f"{findings.errors} of the numbers are registered here already, nothing was imported: "
            "check the table again to see the rows"
        )
        raise NumbersHeld(msg)


def _check_numbers(session: Session, rows: Sequence[ImportRow], findings: Findings) -> None:
    numbers = {row.number: row for row in rows}
    for number in session.scalars(_HELD, {"numbers": list(numbers)}):
        fault = Fault(code=FindingCode.NUMBER_HELD, facts={"value": number})
        findings.add(fault, row=numbers[number].candidate.row, column="number")


def _check_catalogue(session: Session, rows: Sequence[ImportRow], findings: Findings) -> None:
    """Hold codes, names and levels against every edition: an old certificate is of an old one."""
    levels: dict[str, set[str]] = {}
    names: dict[str, dict[str, str]] = {}
    query = select(Occupation.code, Occupation.name, Occupation.levels).order_by(Occupation.edition)
    for code, name, symbols in session.execute(query):
        levels.setdefault(code, set()).update(symbols)
        names.setdefault(code, {})[squeeze(name)] = name
    if not levels:
        findings.add(Fault(code=FindingCode.CATALOGUE_ABSENT))
        return
    for row in rows:
        code, level = row.candidate.occupation_code, row.candidate.level
        if code not in levels:
            fault = Fault(code=FindingCode.OCCUPATION_UNLISTED, facts={"value": code})
            findings.add(fault, row=row.candidate.row, column="occupation_code")
            continue
        # Only told: a certificate may have been printed with a standard's name of the occupation.
        if squeeze(row.candidate.occupation) not in names[code]:
            facts = {"value": code, "expected": "”或者“".join(names[code].values())}
            fault = Fault(code=FindingCode.OCCUPATION_NAME_DIFFERS, facts=facts)
            findings.add(fault, row=row.candidate.row, column="occupation")
        if level not in levels[code]:
            fault = Fault(code=FindingCode.LEVEL_UNLISTED, facts={"value": code, "level": level})
            findings.add(fault, row=row.candidate.row, column="level")


def _tell_jumps(
    session: Session,
    rows: Sequence[ImportRow],
    prefix: str,
    findings: Findings,
    *,
    today: date,
) -> None:
    """Say what the numbers that are still given lose; refuse what would use a level up.

    New certificates are of this year, and of the last one while its batches are being filed.
    """
    for (year, level), last in sorted(_last_rows(rows).items()):
        if year < today.year - 1:
            continue
        due = peek(session, number_scope(prefix, year, level), start=FIRST_SERIAL)
        own = {row.serial for row in rows if _series(row) == (year, level)}
        skipped = last.serial + 1 - due - sum(serial >= due for serial in own)
        if skipped <= 0:
            continue
        facts = {"year": str(year), "level": level, "count": str(skipped)}
        free = LAST_SERIAL - last.serial
        if skipped > FARTHEST_JUMP or free < LEAST_FREE:
            facts |= {"value": last.number, "free": str(free)}
            fault = Fault(code=FindingCode.NUMBER_JUMP_FAR, facts=facts)
            findings.add(fault, row=last.candidate.row, column="number")
        else:
            facts["number"] = f"{last.serial + 1:06}"
            findings.add(Fault(code=FindingCode.NUMBER_JUMP, facts=facts))


def _last_rows(rows: Iterable[ImportRow]) -> dict[tuple[int, str], ImportRow]:
    """Return the row with the highest serial of each (year, level)."""
    last: dict[tuple[int, str], ImportRow] = {}
    for row in rows:
        known = last.setdefault(_series(row), row)
        if row.serial > known.serial:
            last[_series(row)] = row
    return last


def _series(row: ImportRow) -> tuple[int, str]:
    return row.candidate.issued.year, row.candidate.level


def _pieces(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
