"""What a check says: a code, a place and masked facts. The words are in registry.wording.

A finding never holds a full name or ID number: findings are shown, stored and counted, and a
log that catches one by accident must not become a list of persons (PIPL art. 6, 28).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LISTED_AT_MOST = 1000


class Severity(StrEnum):
    """An error keeps the file out; a warning is for the clerk to weigh."""

    ERROR = "error"
    WARNING = "warning"


class FindingCode(StrEnum):
    """Every fault a roster (or a number) can have; stable, machine-readable."""

    FILE_EMPTY = "file-empty"
    FILE_OLD_XLS = "file-old-xls"
    FILE_ENCRYPTED = "file-encrypted"
    FILE_NOT_A_TABLE = "file-not-a-table"
    FILE_DAMAGED = "file-damaged"
    FILE_TOO_LARGE = "file-too-large"
    FILE_EXPANDS = "file-expands"
    FILE_ENCODING = "file-encoding"
    FILE_SEPARATOR = "file-separator"
    FILE_TOO_MANY_ROWS = "file-too-many-rows"
    SHEET_CHOICE = "sheet-choice"
    HEADER_NOT_FOUND = "header-not-found"
    COLUMN_MISSING = "column-missing"
    COLUMN_RENAMED = "column-renamed"
    COLUMN_TWICE = "column-twice"
    COLUMN_EXTRA = "column-extra"
    CELLS_MERGED = "cells-merged"
    CELL_FORMULA = "cell-formula"
    ROSTER_EMPTY = "roster-empty"
    VALUE_MISSING = "value-missing"
    VALUE_TOO_LONG = "value-too-long"
    TEXT_NOT_DRAWABLE = "text-not-drawable"
    NAME_DIGIT = "name-digit"
    NAME_PRIVATE_USE = "name-private-use"
    NAME_UNASSIGNED = "name-unassigned"
    NAME_NOT_DRAWABLE = "name-not-drawable"
    NAME_CHARACTER = "name-character"
    NAME_LATIN = "name-latin"
    NAME_SHORT = "name-short"
    ID_TYPE_UNKNOWN = "id-type-unknown"
    ID_TYPE_CONTRADICTS = "id-type-contradicts"
    ID_AS_NUMBER = "id-as-number"
    ID_LENGTH = "id-length"
    ID_FORM = "id-form"
    ID_REGION = "id-region"
    ID_BIRTH = "id-birth"
    ID_CHECK_DIGIT = "id-check-digit"
    ADMISSION_AS_NUMBER = "admission-as-number"
    ADMISSION_FORM = "admission-form"
    OCCUPATION_CODE_FORM = "occupation-code-form"
    OCCUPATION_CODE_GROUP = "occupation-code-group"
    OCCUPATION_TWO_NAMES = "occupation-two-names"
    LEVEL_UNKNOWN = "level-unknown"
    LEVEL_CONTRADICTS = "level-contradicts"
    LEVEL_WITHOUT_SYMBOL = "level-without-symbol"
    LEVEL_OUT_OF_SCOPE = "level-out-of-scope"
    CONCLUSION_NOT_PASSED = "conclusion-not-passed"
    DATE_UNREADABLE = "date-unreadable"
    DATE_IMPOSSIBLE = "date-impossible"
    DATE_IN_FUTURE = "date-in-future"
    DATE_TOO_EARLY = "date-too-early"
    DATE_OLD = "date-old"
    PERSON_TWICE = "person-twice"
    PERSON_OTHER_NAME = "person-other-name"
    PERSON_ON_FILE_OTHER_NAME = "person-on-file-other-name"
    ALREADY_HELD = "already-held"
    SERIALS_SHORT = "serials-short"
    NUMBER_LENGTH = "number-length"
    NUMBER_CHARACTER = "number-character"
    NUMBER_OLD_FORM = "number-old-form"
    NUMBER_SERIAL_ZERO = "number-serial-zero"
    NUMBER_PREFIX = "number-prefix"
    NUMBER_YEAR = "number-year"
    NUMBER_LEVEL = "number-level"
    NUMBER_REPEATED = "number-repeated"
    NUMBER_HELD = "number-held"
    NUMBER_JUMP = "number-jump"
    NUMBER_JUMP_FAR = "number-jump-far"
    NUMBER_WAITING = "number-waiting"
    IMPORT_UNREADABLE = "import-unreadable"
    DATE_SINCE_ISSUING = "date-since-issuing"
    ISSUER_UNLISTED = "issuer-unlisted"
    ASSESSOR_UNFILED = "assessor-unfiled"
    OCCUPATION_UNLISTED = "occupation-unlisted"
    OCCUPATION_NAME_DIFFERS = "occupation-name-differs"
    LEVEL_UNLISTED = "level-unlisted"
    CATALOGUE_ABSENT = "catalogue-absent"
    EMPLOYMENT_UNKNOWN = "employment-unknown"
    EMPLOYER_NOT_COMPANY = "employer-not-company"
    EMPLOYER_IS_COMPANY = "employer-is-company"
    DISPATCH_UNEXPECTED = "dispatch-unexpected"
    DISPATCH_IN_FUTURE = "dispatch-in-future"
    DISPATCH_TOO_SHORT = "dispatch-too-short"
    LEVEL_NOT_IN_PLAN = "level-not-in-plan"
    PLANNED_TWICE = "planned-twice"
    PLANNED_NOBODY = "planned-nobody"
    PLANNED_ASSESSOR = "planned-assessor"
    PLANNED_HOLDS = "planned-holds"
    REMARK_ID_NUMBER = "remark-id-number"
    CATALOGUE_EDITION = "catalogue-edition"
    CATALOGUE_YES_NO = "catalogue-yes-no"
    CATALOGUE_TWICE = "catalogue-twice"
    CATALOGUE_EMPTY = "catalogue-empty"
    SCORE_MISSING = "score-missing"
    SCORE_FORM = "score-form"
    SCORE_RANGE = "score-range"
    SCORE_UNEXPECTED = "score-unexpected"
    SAFETY_RECORD_UNKNOWN = "safety-record-unknown"
    ADMISSION_TWICE = "admission-twice"
    RESULT_UNPLANNED = "result-unplanned"
    RESULT_TWICE = "result-twice"
    RESULT_OTHER_NAME = "result-other-name"
    RESULT_OTHER_LEVEL = "result-other-level"
    RESULT_ABSENT = "result-absent"


WARNINGS = frozenset(
    {
        FindingCode.COLUMN_EXTRA,
        FindingCode.DATE_OLD,
        FindingCode.NAME_SHORT,
        FindingCode.OCCUPATION_TWO_NAMES,
        FindingCode.PLANNED_HOLDS,
        FindingCode.OCCUPATION_NAME_DIFFERS,
        FindingCode.NUMBER_JUMP,
        FindingCode.NUMBER_WAITING,
        FindingCode.IMPORT_UNREADABLE,
        FindingCode.ISSUER_UNLISTED,
        FindingCode.ASSESSOR_UNFILED,
        FindingCode.CATALOGUE_ABSENT,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Row as the spreadsheet numbers it (from 1) and column key; None means the whole file."""

    row: int | None = None
    column: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault before its place is known: what single-value checks return."""

    code: FindingCode
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault at one place. ``facts`` are short texts; persons' values in them are masked."""

    code: FindingCode
    where: Where
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        """Error or warning: a property of the code alone."""
        return Severity.WARNING if self.code in WARNINGS else Severity.ERROR


class Findings:
    """Collects findings: lists a bounded number of each severity, counts all of them.

    Errors and warnings are capped apart, so 50,000 warnings cannot hide one error, and a file
    made to fail in every cell cannot fill the memory.
    """

    def __init__(self, limit: int = LISTED_AT_MOST) -> None:
        """List at most ``limit`` errors and ``limit`` warnings."""
        self._limit = limit
        self._errors: list[Finding] = []
        self._warnings: list[Finding] = []
        self._counts: Counter[FindingCode] = Counter()

    def add(self, fault: Fault, *, row: int | None = None, column: str | None = None) -> None:
        """Count a fault and, while there is room, list it at its place."""
        self.count(fault.code)
        listed = self._warnings if fault.code in WARNINGS else self._errors
        if len(listed) < self._limit:
            where = Where(row=row, column=column)
            listed.append(Finding(code=fault.code, where=where, facts=fault.facts))

    def count(self, code: FindingCode, more: int = 1) -> None:
        """Count findings that are not listed one by one."""
        self._counts[code] += more

    def extend(self, other: Findings) -> None:
        """Take over another collection: its list as far as there is room, its counts wholly."""
        self._counts.update(other._counts)
        self._errors += other._errors[: max(0, self._limit - len(self._errors))]
        self._warnings += other._warnings[: max(0, self._limit - len(self._warnings))]

    @property
    def listed(self) -> tuple[Finding, ...]:
        """The listed findings: whole-file ones first, then by row."""
        return tuple(sorted(self._errors + self._warnings, key=lambda f: f.where.row or 0))

    @property
    def counts(self) -> Mapping[FindingCode, int]:
        """How often each code was found, listed or not."""
        return self._counts

    @property
    def errors(self) -> int:
        """The true number of errors, listed or not."""
        return self._counts.total() - self.warnings

    @property
    def warnings(self) -> int:
        """The true number of warnings, listed or not."""
        return sum(self._counts[code] for code in WARNINGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedTable:
    """What was found in a table: ``form`` on the file itself, ``values`` on its rows."""

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
