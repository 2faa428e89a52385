"""Rows of existing certificates (补录): issued before they were here, under finished numbers.

Numbers are minted here or come finished from the province; both exist in practice (统一编码规则,
人社鉴发〔2019〕2号). A finished number must say what its row says: the organisation's prefix, the
year of issue, the level. What a results list demands of persons and qualifications holds here too;
an old date of issue is what this table is for, and no fault.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from registry.rules.candidate import Candidate
from registry.rules.errors import NumberError
from registry.rules.findings import LISTED_AT_MOST, Fault, FindingCode, Findings
from registry.rules.levels import MINTED
from registry.rules.numbers import CertificateNumber, check_number, parse_number
from registry.rules.roster import RosterChecker
from registry.rules.shared_cells import PASSED, missing
from registry.rules.text import Cell, cell_text, squeeze, tidy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

MOST_ROWS: Final = 20_000
"""Rows of one table: as many as one upload to the provincial centre takes."""

LONGEST_ASSESSOR: Final = 100
_DOMAIN: Final = b"certreg/import/v1\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """One faultless row: the person and qualification, the finished number (22 characters).

    ``assessor`` is the name of the assessing body (评价机构) as the certificate has it, "" for the
    organisation's present one.
    """

    candidate: Candidate
    number: str
    assessor: str

    @property
    def serial(self) -> int:
        """The number's last six digits."""
        return int(self.number[-6:])


class ImportChecker:
    """Checks the rows of one table in order, then, by ``finish``, the table as a whole.

    ``prefix`` is the organisation's (13 characters); any level that has a symbol is taken, for an
    organisation may be filed for fewer now than it was. Raises PrefixError for a malformed prefix.
    """

    def __init__(
        self,
        *,
        prefix: str,
        today: date,
        drawable: Callable[[str], bool],
        limit: int = LISTED_AT_MOST,
    ) -> None:
        """Begin a table."""
        self._roster = RosterChecker(
            prefix=prefix, levels=MINTED, today=today, drawable=drawable, limit=limit, history=True
        )
        self.findings = self._roster.findings
        self._prefix = self._roster.prefix
        self._drawable = drawable
        self._first: dict[str, int] = {}
        self._rows = 0

    def row(self, number: int, cells: Mapping[str, Cell]) -> ImportRow | None:
        """Check one row; None when it has an error, or is blank and so skipped."""
        if not any(squeeze(cell_text(cell)) for cell in cells.values()):
            return None
        self._rows += 1
        # The table has no column of conclusions: nobody has a certificate who did not pass.
        candidate = self._roster.row(number, {**cells, "conclusion": PASSED})
        finished = self._number(number, cells.get("number"), candidate)
        assessor = self._assessor(number, cells.get("assessor"))
        if candidate is None or finished is None or assessor is None:
            return None
        return ImportRow(candidate=candidate, number=finished, assessor=assessor)

    def finish(self) -> Findings:
        """Check the table as a whole, after its last row; give all findings."""
        if self._rows > MOST_ROWS:
            facts = {"limit": str(MOST_ROWS)}
            self.findings.add(Fault(code=FindingCode.FILE_TOO_MANY_ROWS, facts=facts))
        return self._roster.finish()

    def _number(self, row: int, cell: Cell, candidate: Candidate | None) -> str | None:
        text = cell_text(cell)
        if not squeeze(text):
            for column, fault in missing("number", cell):
                self.findings.add(fault, row=row, column=column)
            return None
        try:
            number = parse_number(text)
        except NumberError as error:
            self.findings.add(error.fault, row=row, column="number")
            return None
        faults = [*_disagreements(number, self._prefix, candidate), *self._again(row, str(number))]
        for fault in faults:
            self.findings.add(fault, row=row, column="number")
        return None if faults else str(number)

    def _again(self, row: int, number: str) -> Iterable[Fault]:
        first = self._first.setdefault(number, row)
        if first != row:
            facts = {"value": number, "other_row": str(first)}
            yield Fault(code=FindingCode.NUMBER_REPEATED, facts=facts)

    def _assessor(self, row: int, cell: Cell) -> str | None:
        name = tidy(cell_text(cell))
        if len(name) > LONGEST_ASSESSOR:
            facts = {"length": str(len(name)), "limit": str(LONGEST_ASSESSOR)}
            self.findings.add(
                Fault(code=FindingCode.VALUE_TOO_LONG, facts=facts), row=row, column="assessor"
            )
            return None
        for place, char in enumerate(name, 1):
            if char != " " and not self._drawable(char):
                facts = {"position": str(place), "codepoint": f"U+{ord(char):04X}"}
                fault = Fault(code=FindingCode.TEXT_NOT_DRAWABLE, facts=facts)
                self.findings.add(fault, row=row, column="assessor")
                return None
        return name


def _disagreements(
    number: CertificateNumber, prefix: str, candidate: Candidate | None
) -> tuple[Fault, ...]:
    """Compare a number with its row; with the prefix alone where the row has faults of its own."""
    if candidate is None:
        issued, level = date(2000 + int(number.year), 1, 1), number.level
    else:
        issued, level = candidate.issued, candidate.level
    return check_number(number, prefix=prefix, issued=issued, level=level)


def import_digest(prefix: str, rows: Iterable[ImportRow]) -> str:
    """Digest a table's content (SHA-256, 64 hexadecimal digits): known again when sent again.

    As `candidate.ContentDigest`, each field with its length; with number and assessing body. The
    rows are taken by number, so that the same ones in another order are the same table.
    """
    digest = hashlib.sha256(_DOMAIN + prefix.encode())
    for row in sorted(rows, key=lambda one: one.number):
        person = row.candidate
        fields = (
            row.number,
            row.assessor,
            person.name,
            person.id_type,
            person.id_number,
            person.admission,
            person.occupation,
            person.occupation_code,
            person.direction,
            person.level,
            person.issued.isoformat(),
        )
        digest.update("".join([f"{len(text)}:{text}" for text in fields]).encode())
    return digest.hexdigest()
