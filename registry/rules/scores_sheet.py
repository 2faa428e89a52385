"""Reading a table of scores (评价成绩): every roster person once, every part a mark (notice 五).

The table was made for the very plan, so whatever differs from its roster is a fault with row and
column. Pass or fail is computed by the scheme's parts and never read from the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from registry.rules.findings import Fault, FindingCode, Findings
from registry.rules.levels import BY_SYMBOL, read_level
from registry.rules.names import NameReader, normalise_name
from registry.rules.people import IdType
from registry.rules.plan_roster import PlannedPerson
from registry.rules.scheme import PartKind, Scheme
from registry.rules.scores import Outcome, Unread, outcome, read_mark
from registry.rules.shared_cells import read_admission
from registry.rules.text import (
    EXACT_BELOW,
    Cell,
    cell_text,
    mask_id,
    mask_name,
    shown,
    squeeze,
)

NONE: Final = "无"
SERIOUS: Final = "严重违反"
_SAFETY: Final = {
    **dict.fromkeys((NONE, "否", "没有"), False),
    **dict.fromkeys((SERIOUS, "有", "是", "有严重违反"), True),
}
_UNREAD: Final = {
    Unread.MISSING: FindingCode.SCORE_MISSING,
    Unread.FORM: FindingCode.SCORE_FORM,
    Unread.RANGE: FindingCode.SCORE_RANGE,
}
_DIGITS: Final = "0123456789.分缺考席"


def mark_key(kind: PartKind) -> str:
    """Give the column key of a part's marks."""
    return f"mark_{kind.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredPerson:
    """One person with marks in tenths of a point; a part that is not in ``marks`` was missed."""

    row: int
    name: str
    id_type: str
    id_number: str
    admission: str
    level: str
    marks: Mapping[PartKind, int]
    unsafe: bool

    def outcome(self, scheme: Scheme) -> Outcome:
        """Compute the result by the scheme of the person's level."""
        return outcome(scheme, self.marks, unsafe=self.unsafe)


def template_rows(
    people: Iterable[PlannedPerson], *, plan: str, occupation: str
) -> Iterator[dict[str, str]]:
    """Give the rows of a plan's own table: persons, admission numbers, occupation and level."""
    for number, person in enumerate(people, 1):
        yield {
            "sequence": str(number),
            "name": person.name,
            "id_number": person.id_number,
            "admission": f"{plan}-{number:04}",
            "planned_occupation": occupation,
            "planned_level": BY_SYMBOL[person.level].printed,
        }


class ScoresChecker:
    """Checks the rows of one table in order, then, by ``finish``, the table as a whole.

    ``schemes`` are the parts by level symbol; ``drawable`` says of one character whether the
    certificate's fonts have it: a name it cannot show is found before anybody is in publicity.
    """

    def __init__(
        self,
        people: Iterable[PlannedPerson],
        schemes: Mapping[str, Scheme],
        *,
        drawable: Callable[[str], bool],
    ) -> None:
        self.findings = Findings()
        self.scored: list[ScoredPerson] = []
        self._people = {person.id_number: person for person in people}
        self._schemes = schemes
        self._names = NameReader(drawable)
        self._rows: dict[str, int] = {}
        self._admissions: dict[str, int] = {}
        self._missing_columns: set[str] = set()

    def row(self, number: int, cells: Mapping[str, Cell]) -> None:
        """Check one row; a blank one is skipped, a faultless one joins ``scored``."""
        if not any(squeeze(cell_text(cell)) for cell in cells.values()):
            return
        before = self.findings.errors
        person = self._person(number, cells.get("id_number"))
        if person is None:
            return
        scheme = self._schemes[person.level]
        self._name(number, cells.get("name"), person)
        self._level(number, cells.get("planned_level"), person)
        admission = self._admission(number, cells.get("admission"))
        marks = self._marks(number, cells, scheme)
        unsafe = self._safety(number, cells.get("safety_record"))
        if self.findings.errors > before:
            return
        self.scored.append(
            ScoredPerson(
                row=number,
                name=person.name,
                id_type=person.id_type,
                id_number=person.id_number,
                admission=admission,
                level=person.level,
                marks=marks,
                unsafe=unsafe,
            )
        )

    def finish(self) -> Findings:
        """Name who of the roster has no row; give all findings."""
        for person in self._people.values():
            if person.id_number not in self._rows:
                value = f"{mask_name(person.name)}（{mask_id(person.id_number)}）"
                facts = {"value": value, "other_row": str(person.row)}
                self.findings.add(Fault(code=FindingCode.RESULT_ABSENT, facts=facts))
        return self.findings

    def _person(self, row: int, cell: Cell) -> PlannedPerson | None:
        text = squeeze(cell_text(cell)).upper()
        if not text:
            self._fault(row, "id_number", FindingCode.VALUE_MISSING)
            return None
        if not isinstance(cell, str) and abs(cell or 0) >= EXACT_BELOW:
            self._fault(row, "id_number", FindingCode.ID_AS_NUMBER)
            return None
        person = self._people.get(text)
        if person is None:
            self._fault(row, "id_number", FindingCode.RESULT_UNPLANNED, value=mask_id(text))
            return None
        first = self._rows.setdefault(text, row)
        if first != row:
            self._fault(row, "id_number", FindingCode.RESULT_TWICE, other_row=str(first))
            return None
        return person

    def _name(self, row: int, cell: Cell, person: PlannedPerson) -> None:
        if cell is None:
            return  # the header's finding has told so
        text = cell_text(cell)
        if not squeeze(text):
            self._fault(row, "name", FindingCode.VALUE_MISSING)
        elif normalise_name(text) != person.name:
            value = mask_id(person.id_number)
            self._fault(row, "name", FindingCode.RESULT_OTHER_NAME, value=value)
        else:
            latin = person.id_type != IdType.RESIDENT_ID.value
            name = self._names.read(person.name, latin=latin)
            if isinstance(name, Fault):
                self.findings.add(name, row=row, column="name")

    def _level(self, row: int, cell: Cell, person: PlannedPerson) -> None:
        text = squeeze(cell_text(cell))
        level = read_level(text) if text else None
        if isinstance(level, Fault):
            self.findings.add(level, row=row, column="planned_level")
        elif level is not None and level.symbol != person.level:
            expected = BY_SYMBOL[person.level].printed
            self._fault(row, "planned_level", FindingCode.RESULT_OTHER_LEVEL, expected=expected)

    def _admission(self, row: int, cell: Cell) -> str:
        if cell is None or cell == "":
            return ""
        admission = read_admission(cell)
        if isinstance(admission, Fault):
            self.findings.add(admission, row=row, column="admission")
            return ""
        first = self._admissions.setdefault(admission, row) if admission else row
        if first != row:
            self._fault(row, "admission", FindingCode.ADMISSION_TWICE, other_row=str(first))
        return admission

    def _marks(self, row: int, cells: Mapping[str, Cell], scheme: Scheme) -> dict[PartKind, int]:
        wanted = {part.kind for part in scheme.parts}
        marks = {}
        for kind in PartKind:
            key = mark_key(kind)
            text = squeeze(cell_text(cells.get(key)))
            if kind not in wanted:
                if text:
                    level = BY_SYMBOL[scheme.level].printed
                    self._fault(row, key, FindingCode.SCORE_UNEXPECTED, level=level)
                continue
            if key not in cells:
                if key not in self._missing_columns:
                    self._missing_columns.add(key)
                    self.findings.add(Fault(code=FindingCode.COLUMN_MISSING), column=key)
                continue
            mark = read_mark(text)
            if isinstance(mark, Unread):
                self._fault(row, key, _UNREAD[mark], value=shown(text, _DIGITS))
            elif mark is not None:
                marks[kind] = mark
        return marks

    def _safety(self, row: int, cell: Cell) -> bool:
        if cell is None:
            return False  # the header's finding has told so, and keeps the table out
        text = squeeze(cell_text(cell))
        if not text:
            self._fault(row, "safety_record", FindingCode.VALUE_MISSING)
        elif text not in _SAFETY:
            value = shown(text, "有无是否严重违反")
            self._fault(row, "safety_record", FindingCode.SAFETY_RECORD_UNKNOWN, value=value)
        return _SAFETY.get(text, False)

    def _fault(self, row: int, column: str, code: FindingCode, **facts: str) -> None:
        self.findings.add(Fault(code=code, facts=facts), row=row, column=column)
