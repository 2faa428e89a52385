"""Checking a table of existing certificates (补录核对): the same for preview, import and approval.

Row checks are `registry.rules.imported`; added here is what only the registry knows: whether a
number or a person's qualification is held already, what the catalogue of occupations has, and how
far the numbers minted here will have to go on.
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
from registry.office.issuing import FIRST_SERIAL
from registry.rules.findings import Fault, FindingCode, Findings
from registry.rules.imported import ImportChecker, ImportRow, import_digest
from registry.rules.text import Cell
from registry.store.among import among
from registry.store.certificates import Certificate
from registry.store.counters import number_scope, peek
from registry.store.registers import Occupation

T = TypeVar("T")
_HELD: Final = select(Certificate.number).where(
    among(Certificate.number, "numbers"), Certificate.edition == 1
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedImport:
    """A table after the row checks. ``digest`` is over the faultless rows (SHA-256, hex).

    ``form`` are the findings on the file itself, ``values`` those on its rows; to the latter
    `check_against_registry` adds what the registry knows.
    """

    prefix: str
    rows: Sequence[ImportRow]
    digest: str
    form: Findings
    values: Findings

    @property
    def findings(self) -> Findings:
        """All findings together."""
        together = Findings()
        together.extend(self.form)
        together.extend(self.values)
        return together

    @property
    def acceptable(self) -> bool:
        """Whether the table has no error (warnings are for the clerk to weigh)."""
        return self.form.errors + self.values.errors == 0


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
    _check_catalogue(session, rows, findings)
    for piece in _pieces(rows, ASKED_AT_ONCE):
        _check_numbers(session, piece, findings)
        check_people(session, [row.candidate for row in piece], findings, context)
    _tell_jumps(session, rows, prefix, findings, today=today)


def highest_serials(rows: Iterable[ImportRow]) -> dict[tuple[int, str], int]:
    """Return the highest serial of each (year, level) among these rows."""
    highest: dict[tuple[int, str], int] = {}
    for row in rows:
        key = row.candidate.issued.year, row.candidate.level
        highest[key] = max(highest.get(key, 0), row.serial)
    return highest


def require_unheld(session: Session, rows: Sequence[ImportRow]) -> None:
    """Raise ``Refused`` if a number of these rows stands in the registry.

    The last look, under the issuer's lock: nobody else gives these numbers away meanwhile.
    """
    findings = Findings()
    for piece in _pieces(rows, ASKED_AT_ONCE):
        _check_numbers(session, piece, findings)
    if findings.errors:
        msg = (
            f"{findings.errors} of the numbers are registered here already, nothing was imported: "
            "check the table again to see the rows"
        )
        raise Refused(msg)


def _check_numbers(session: Session, rows: Sequence[ImportRow], findings: Findings) -> None:
    numbers = {row.number: row for row in rows}
    for number in session.scalars(_HELD, {"numbers": list(numbers)}):
        fault = Fault(code=FindingCode.NUMBER_HELD, facts={"value": number})
        findings.add(fault, row=numbers[number].candidate.row, column="number")


def _check_catalogue(session: Session, rows: Sequence[ImportRow], findings: Findings) -> None:
    """Hold codes and levels against every edition there is: an old certificate is of an old one."""
    levels: dict[str, set[str]] = {}
    for code, symbols in session.execute(select(Occupation.code, Occupation.levels)):
        levels.setdefault(code, set()).update(symbols)
    if not levels:
        findings.add(Fault(code=FindingCode.CATALOGUE_ABSENT))
        return
    for row in rows:
        code, level = row.candidate.occupation_code, row.candidate.level
        if code not in levels:
            fault = Fault(code=FindingCode.OCCUPATION_UNLISTED, facts={"value": code})
            findings.add(fault, row=row.candidate.row, column="occupation_code")
        elif level not in levels[code]:
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
    """Say what this year's numbers lose: one mistyped high serial would use up the level."""
    for (year, level), serial in sorted(highest_serials(rows).items()):
        due = peek(session, number_scope(prefix, year, level), start=FIRST_SERIAL)
        own = {
            row.serial
            for row in rows
            if (row.candidate.issued.year, row.candidate.level) == (year, level)
        }
        skipped = serial + 1 - due - sum(number >= due for number in own)
        if year == today.year and skipped > 0:
            facts = {
                "year": str(year),
                "level": level,
                "number": f"{serial + 1:06}",
                "count": str(skipped),
            }
            findings.add(Fault(code=FindingCode.NUMBER_JUMP, facts=facts))


def _pieces(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
