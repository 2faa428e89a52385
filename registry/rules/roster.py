"""Roster checks (评价结果名单): every row of a results table against the rules, all faults at once.

Notice, part 6 (3)3: results are filed by batch. A fault found here costs the clerk a minute, one
found at the provincial centre costs weeks, and one found by an employer costs the holder a job.
Rows may come by the hundred thousand: what repeats is read once per spelling (shared_cells), and
a person is remembered as two short digests (persons_seen).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from registry.rules.candidate import Candidate
from registry.rules.findings import LISTED_AT_MOST, Fault, FindingCode, Findings
from registry.rules.names import NameReader, is_short
from registry.rules.organisations import check_prefix
from registry.rules.people import read_id_number
from registry.rules.persons_seen import PersonsSeen
from registry.rules.shared_cells import SharedCells, SharedReader, missing, read_admission
from registry.rules.text import Cell, cell_text, squeeze

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

_CODES_REMEMBERED_AT_MOST: Final = 2000


class RosterChecker:
    """Checks the rows of one roster in order, then, by ``finish``, the roster as a whole.

    ``prefix`` is the issuer's 13-character prefix and ``levels`` the level symbols it is filed
    for; ``drawable`` says of one character whether the certificate's fonts have it. At most
    ``limit`` errors and as many warnings are listed; all are counted. ``history`` says that what
    is listed was issued long ago: no old date is told then.

    Raises:
        PrefixError: the prefix is malformed.

    """

    def __init__(
        self,
        *,
        prefix: str,
        levels: frozenset[str],
        today: date,
        drawable: Callable[[str], bool],
        limit: int = LISTED_AT_MOST,
        history: bool = False,
    ) -> None:
        """Begin a roster."""
        self.prefix = check_prefix(prefix)
        self.findings = Findings(limit)
        self._today = today
        self._names = NameReader(drawable)
        self._shared = SharedReader(levels=levels, today=today, drawable=drawable, history=history)
        self._persons = PersonsSeen()
        self._occupations: dict[str, tuple[str, int]] = {}
        self._last_code = ("", "")
        self._rows = 0

    def row(self, number: int, cells: Mapping[str, Cell]) -> Candidate | None:
        """Check one row; None when it has an error, or is blank and so skipped.

        ``number`` is the row's in the spreadsheet. A column that the sheet lacks altogether is
        absent from ``cells``: the header's finding has told so, and no row repeats it.
        """
        get = cells.get
        shared = self._shared.read(
            (
                get("id_type"),
                get("occupation"),
                get("occupation_code"),
                get("direction"),
                get("level"),
                get("conclusion"),
                get("issued"),
            )
        )
        if shared.blank and not _has_person(cells):
            return None
        self._rows += 1
        id_number = self._id_number(number, get("id_number"), shared)
        name = self._name(number, get("name"), shared)
        admission = self._admission(number, get("admission"))
        if shared.faults:
            for column, fault in shared.faults:
                self.findings.add(fault, row=number, column=column)
        if id_number is None or name is None:
            return None
        known = self._known_person(number, id_number, name, shared)
        if known or admission is None or not shared.sound or shared.id_type is None:
            return None
        return Candidate(
            row=number,
            name=name,
            id_type=shared.id_type.value,
            id_number=id_number,
            admission=admission,
            occupation=shared.occupation,
            occupation_code=shared.occupation_code,
            direction=shared.direction,
            level=shared.level,
            issued=shared.issued,
        )

    def finish(self) -> Findings:
        """Check the roster as a whole, after its last row; give all findings."""
        if not self._rows:
            self.findings.add(Fault(code=FindingCode.ROSTER_EMPTY))
        return self.findings

    def _id_number(self, row: int, cell: Cell, shared: SharedCells) -> str | None:
        kind = shared.id_type
        if cell is None or kind is None:  # the form depends on the kind, which has its own fault
            if cell is not None and not squeeze(cell_text(cell)):
                self._add_all(row, missing("id_number", cell))
            return None
        number = read_id_number(cell, kind, today=self._today)
        if isinstance(number, str):
            return number
        if cell == "" or not squeeze(cell_text(cell)):
            self._add_all(row, missing("id_number", cell))
        else:
            self.findings.add(number, row=row, column="id_number")
        return None

    def _name(self, row: int, cell: Cell, shared: SharedCells) -> str | None:
        if cell is None:
            return None
        name = self._names.read(cell_text(cell), latin=shared.latin)
        if isinstance(name, Fault):
            self.findings.add(name, row=row, column="name")
            return None
        if not name:
            self._add_all(row, missing("name", cell))
            return None
        if is_short(name):
            self.findings.add(Fault(code=FindingCode.NAME_SHORT), row=row, column="name")
        return name

    def _admission(self, row: int, cell: Cell) -> str | None:
        if cell is None or cell == "":
            return ""
        admission = read_admission(cell)
        if isinstance(admission, Fault):
            self.findings.add(admission, row=row, column="admission")
            return None
        return admission

    def _known_person(self, row: int, id_number: str, name: str, shared: SharedCells) -> bool:
        """Note the person and qualification; say whether they contradict an earlier row."""
        code = shared.occupation_code
        if code and (code, shared.occupation) != self._last_code:
            self._note_occupation(row, code, shared.occupation)
        # What could not be read cannot be the same qualification as another row's.
        held = (code, shared.level) if code and shared.level else (str(row), "")
        faults = self._persons.add(row, id_number=id_number, name=name, qualification=held)
        for fault in faults:
            column = "name" if fault.code is FindingCode.PERSON_OTHER_NAME else "id_number"
            self.findings.add(fault, row=row, column=column)
        return bool(faults)

    def _note_occupation(self, row: int, code: str, occupation: str) -> None:
        """Warn when one occupation code comes with two names: one of them is mistyped."""
        self._last_code = (code, occupation)
        if len(self._occupations) < _CODES_REMEMBERED_AT_MOST:
            first_name, first_row = self._occupations.setdefault(code, (occupation, row))
            if first_name != occupation:
                facts = {"value": code, "other_row": str(first_row)}
                fault = Fault(code=FindingCode.OCCUPATION_TWO_NAMES, facts=facts)
                self.findings.add(fault, row=row, column="occupation")

    def _add_all(self, row: int, faults: list[tuple[str, Fault]]) -> None:
        for column, fault in faults:
            self.findings.add(fault, row=row, column=column)


def _has_person(cells: Mapping[str, Cell]) -> bool:
    person = (cells.get("name"), cells.get("id_number"), cells.get("admission"))
    return any(squeeze(cell_text(cell)) for cell in person)
