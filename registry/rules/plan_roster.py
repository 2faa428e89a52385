"""Checks of a plan's roster (评价员工名册): who may be assessed, all faults at once (notice 三).

Own insured staff; insured staff of a local company that is affiliated; staff dispatched to the
company for at least the months the rule of the day demands, counted to the first day of the
assessment. The same checker reads an uploaded table and what was kept of it: a roster is checked
again whenever the plan's days, levels or assessors have changed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from registry.rules.dates import read_date
from registry.rules.findings import LISTED_AT_MOST, Fault, FindingCode, Findings
from registry.rules.levels import BY_SYMBOL, read_level
from registry.rules.names import NameReader, is_short
from registry.rules.people import (
    ID_TYPE_NAMES,
    IdType,
    check_character,
    read_id_number,
    read_id_type,
)
from registry.rules.terms import months_later
from registry.rules.text import Cell, cell_text, fold, mask_id, shown, squeeze, tidy

LONGEST_EMPLOYER: Final = 80
LONGEST_REMARK: Final = 60
_DOMAIN: Final = b"certreg/plan-roster/v1\n"
_ID_NUMBER: Final = re.compile(r"(?<![0-9])([0-9]{17})([0-9Xx])(?![0-9])", re.ASCII)
_LATIN_ALLOWED: Final = frozenset(IdType) - {IdType.RESIDENT_ID}
_KEYS: Final = (
    *("name", "id_type", "id_number", "employment", "employer"),
    *("dispatched_since", "applied_level", "remark"),
)


class Employment(StrEnum):
    """How a person belongs to the company (用工性质)."""

    OWN = "own"
    """三（一）在本企业参保的在职职工"""
    AFFILIATED = "affiliated"
    """三（二）具有隶属关系或关联关系的我市其他企业参保在职职工"""
    DISPATCHED = "dispatched"
    """三（三）劳务派遣单位派遣至本企业工作1年以上的派遣职工"""


EMPLOYMENT_NAMES: Final = {
    Employment.OWN: "本企业",
    Employment.AFFILIATED: "关联企业",
    Employment.DISPATCHED: "劳务派遣",
}
_SPELLINGS: Final = {
    **{name: kind for kind, name in EMPLOYMENT_NAMES.items()},
    "本单位": Employment.OWN,
    "本企业职工": Employment.OWN,
    "隶属企业": Employment.AFFILIATED,
    "关联企业职工": Employment.AFFILIATED,
    "派遣": Employment.DISPATCHED,
    "劳务派遣职工": Employment.DISPATCHED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterBounds:
    """What a roster is held against: the company's registered name, the plan, the rule's months.

    ``levels`` are the plan's level symbols, ``dispatched_months`` the threshold in force on
    ``first_day``.
    """

    company: str
    levels: frozenset[str]
    first_day: date
    dispatched_months: int
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPerson:
    """A faultless row, normalised. ``row`` is the spreadsheet's; "" stands for none given."""

    row: int
    name: str
    id_type: str
    id_number: str
    employment: Employment
    employer: str
    dispatched_since: date | None
    level: str
    remark: str


def cells_of(person: PlannedPerson) -> dict[str, Cell]:
    """Write a person as the cells they came from, for another check."""
    since = person.dispatched_since
    return {
        "name": person.name,
        "id_type": ID_TYPE_NAMES[IdType(person.id_type)],
        "id_number": person.id_number,
        "employment": EMPLOYMENT_NAMES[person.employment],
        "employer": person.employer,
        "dispatched_since": since.isoformat() if since else "",
        "applied_level": person.level,
        "remark": person.remark,
    }


def roster_digest(people: Iterable[PlannedPerson]) -> str:
    """SHA-256 (hex) over what a roster says, in row order; each field carries its length."""
    digest = hashlib.sha256(_DOMAIN)
    for person in people:
        texts = [str(cell) for cell in cells_of(person).values()]
        digest.update("".join([f"{len(text)}:{text}" for text in texts]).encode())
    return digest.hexdigest()


class PlanRosterChecker:
    """Checks the rows of one roster in order, then, by ``finish``, the roster as a whole."""

    def __init__(self, bounds: RosterBounds, *, limit: int = LISTED_AT_MOST) -> None:
        """Begin a roster; at most ``limit`` errors and as many warnings are listed."""
        self.findings = Findings(limit)
        self._bounds = bounds
        # Whether a certificate's fonts have a character is asked when results come: names are
        # corrected until then, and the plan's own papers print from the system's fonts.
        self._names = NameReader(lambda _char: True)
        self._seen: dict[str, tuple[int, str]] = {}
        self._rows = 0

    def row(self, number: int, cells: Mapping[str, Cell]) -> PlannedPerson | None:
        """Check one row; None when it has an error, or is blank and so skipped.

        A column that the sheet lacks altogether is absent from ``cells``: the header's finding
        has told so, and no row repeats it.
        """
        if not any(squeeze(cell_text(cells.get(key))) for key in _KEYS):
            return None
        self._rows += 1
        before = self.findings.errors
        kind = self._id_type(number, cells.get("id_type"))
        id_number = self._id_number(number, cells.get("id_number"), kind)
        name = self._name(number, cells.get("name"), kind)
        employment = self._employment(number, cells.get("employment"))
        employer = self._employer(number, cells.get("employer"), employment)
        since = self._since(number, cells.get("dispatched_since"), employment)
        level = self._level(number, cells.get("applied_level"))
        remark = self._remark(number, cells.get("remark"))
        self._note_person(number, id_number, name)
        if self.findings.errors > before or kind is None or employment is None or not level:
            return None
        if not name or not id_number:
            return None
        return PlannedPerson(
            row=number,
            name=name,
            id_type=kind.value,
            id_number=id_number,
            employment=employment,
            employer=employer,
            dispatched_since=since,
            level=level,
            remark=remark,
        )

    def finish(self) -> Findings:
        """Check the roster as a whole, after its last row; give all findings."""
        if not self._rows:
            self.findings.add(Fault(code=FindingCode.PLANNED_NOBODY))
        return self.findings

    def _id_type(self, row: int, cell: Cell) -> IdType | None:
        text = squeeze(cell_text(cell))
        if not text:
            self._missing(row, "id_type", cell)
            return None
        kind = read_id_type(text)
        if isinstance(kind, Fault):
            self.findings.add(kind, row=row, column="id_type")
            return None
        return kind

    def _id_number(self, row: int, cell: Cell, kind: IdType | None) -> str:
        if not squeeze(cell_text(cell)):
            self._missing(row, "id_number", cell)
            return ""
        if kind is None:  # the form depends on the kind, which has its own fault
            return ""
        number = read_id_number(cell, kind, today=self._bounds.today)
        if isinstance(number, str):
            return number
        self.findings.add(number, row=row, column="id_number")
        return ""

    def _name(self, row: int, cell: Cell, kind: IdType | None) -> str:
        name = self._names.read(cell_text(cell), latin=kind in _LATIN_ALLOWED)
        if isinstance(name, Fault):
            self.findings.add(name, row=row, column="name")
            return ""
        if not name:
            self._missing(row, "name", cell)
        elif is_short(name):
            self._fault(row, "name", FindingCode.NAME_SHORT)
        return name

    def _employment(self, row: int, cell: Cell) -> Employment | None:
        text = squeeze(cell_text(cell))
        if not text:
            self._missing(row, "employment", cell)
            return None
        found = _SPELLINGS.get(text)
        if found is None:
            value = shown(text, "本企业单位关联劳务派遣职工")
            self._fault(row, "employment", FindingCode.EMPLOYMENT_UNKNOWN, value=value)
        return found

    def _employer(self, row: int, cell: Cell, employment: Employment | None) -> str:
        text = fold(cell_text(cell))
        if len(text) > LONGEST_EMPLOYER:
            self._too_long(row, "employer", text, LONGEST_EMPLOYER)
        own = _organisation(text) == _organisation(self._bounds.company)
        match employment:
            case Employment.OWN:
                if text and not own:
                    expected = self._bounds.company
                    code = FindingCode.EMPLOYER_NOT_COMPANY
                    self._fault(row, "employer", code, expected=expected)
                return ""
            case Employment.AFFILIATED | Employment.DISPATCHED:
                if not text:
                    # Optional in the header, so an absent column is told row by row here.
                    self._fault(row, "employer", FindingCode.VALUE_MISSING)
                elif own:
                    value = EMPLOYMENT_NAMES[employment]
                    self._fault(row, "employer", FindingCode.EMPLOYER_IS_COMPANY, value=value)
                return text
            case None:
                return text

    def _since(self, row: int, cell: Cell, employment: Employment | None) -> date | None:
        text = squeeze(cell_text(cell))
        if employment is not Employment.DISPATCHED:
            if text and employment is not None:
                self._fault(row, "dispatched_since", FindingCode.DISPATCH_UNEXPECTED)
            return None
        if not text:
            self._fault(row, "dispatched_since", FindingCode.VALUE_MISSING)
            return None
        since = read_date(cell)
        if isinstance(since, Fault):
            self.findings.add(since, row=row, column="dispatched_since")
            return None
        self._check_since(row, since)
        return since

    def _check_since(self, row: int, since: date) -> None:
        bounds = self._bounds
        if since > bounds.today:
            code = FindingCode.DISPATCH_IN_FUTURE
            today = bounds.today.isoformat()
            self._fault(row, "dispatched_since", code, value=since.isoformat(), today=today)
        elif months_later(since, bounds.dispatched_months) > bounds.first_day:
            self._fault(
                row,
                "dispatched_since",
                FindingCode.DISPATCH_TOO_SHORT,
                value=since.isoformat(),
                found=bounds.first_day.isoformat(),
                wanted=str(bounds.dispatched_months),
                expected=_months_before(bounds.first_day, bounds.dispatched_months).isoformat(),
            )

    def _level(self, row: int, cell: Cell) -> str:
        text = squeeze(cell_text(cell))
        if not text:
            self._missing(row, "applied_level", cell)
            return ""
        level = read_level(text)
        if isinstance(level, Fault):
            self.findings.add(level, row=row, column="applied_level")
            return ""
        if level.symbol not in self._bounds.levels:
            planned = sorted(self._bounds.levels, reverse=True)
            expected = "、".join(BY_SYMBOL[symbol].printed for symbol in planned)
            code = FindingCode.LEVEL_NOT_IN_PLAN
            self._fault(row, "applied_level", code, value=level.printed, expected=expected)
        return level.symbol

    def _remark(self, row: int, cell: Cell) -> str:
        text = tidy(cell_text(cell))
        if len(text) > LONGEST_REMARK:
            self._too_long(row, "remark", text, LONGEST_REMARK)
        if any(check_character(first) == last.upper() for first, last in _ID_NUMBER.findall(text)):
            self._fault(row, "remark", FindingCode.REMARK_ID_NUMBER)
        return text

    def _note_person(self, row: int, id_number: str, name: str) -> None:
        """Fault a person who stands there already: nobody is assessed for two levels at one go."""
        if not id_number:
            return
        first_row, first_name = self._seen.setdefault(id_number, (row, name))
        if first_row == row:
            return
        if name and first_name and name != first_name:
            self._fault(row, "name", FindingCode.PERSON_OTHER_NAME, other_row=str(first_row))
        self._fault(row, "id_number", FindingCode.PLANNED_TWICE, other_row=str(first_row))

    def _missing(self, row: int, column: str, cell: Cell) -> None:
        if cell is not None:
            self._fault(row, column, FindingCode.VALUE_MISSING)

    def _too_long(self, row: int, column: str, text: str, limit: int) -> None:
        facts = {"length": str(len(text)), "limit": str(limit)}
        self._fault(row, column, FindingCode.VALUE_TOO_LONG, **facts)

    def _fault(self, row: int, column: str, code: FindingCode, **facts: str) -> None:
        self.findings.add(Fault(code=code, facts=facts), row=row, column=column)


def assessor_fault(id_number: str) -> Fault:
    """Fault a person on the roster who assesses in the same plan (notice 七（三）: no conflict)."""
    return Fault(code=FindingCode.PLANNED_ASSESSOR, facts={"value": mask_id(id_number)})


def _organisation(name: str) -> str:
    """Make names of companies comparable: brackets differ by the keyboard they were typed on."""
    return squeeze(name).casefold()


def _months_before(day: date, months: int) -> date:
    """Give the latest day from which `months` months have passed on `day`."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    for number in range(31, 0, -1):
        try:
            begun = date(year, month + 1, number)
        except ValueError:
            continue
        if months_later(begun, months) <= day:
            return begun
    raise AssertionError  # the first of the month is always early enough
