"""Dates in cells: real dates, three written forms, Excel day numbers; the issue date's bounds.

Bounds: the unified code begins with 人社鉴发〔2019〕2号; subsidies are claimed within 12 months of
the issue date (domain.md §3), so an older date is worth a warning.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Final

from registry.rules.findings import Fault, FindingCode
from registry.rules.text import Cell, cell_text, fold, shown

EARLIEST: Final = date(2019, 1, 1)
OLD_AFTER: Final = timedelta(days=365)

_EPOCH: Final = date(1899, 12, 30)  # day 0 of Excel's 1900 system, its false leap day included
_SERIALS: Final = range(44_000, 60_001)
_FORMS: Final = (
    re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})(?:[ T]0{1,2}:00(?::00)?)?"),
    re.compile(r"([0-9]{4})(年) ?([0-9]{1,2}) ?月 ?([0-9]{1,2}) ?日?"),
    re.compile(r"([0-9]{4})()([0-9]{2})([0-9]{2})"),
)
_FAMILIAR = "0123456789年月日"


def read_date(cell: Cell) -> date | Fault:
    """Read a date from a cell; a number counts as an Excel day number (44000-60000)."""
    text = fold(cell_text(cell))
    if not isinstance(cell, str) and text.isdecimal() and int(text) in _SERIALS:
        return _EPOCH + timedelta(days=int(text))
    for form in _FORMS:
        if match := form.fullmatch(text):
            year, _, month, day = match.groups()
            try:
                return date(int(year), int(month), int(day))
            except ValueError:
                return Fault(code=FindingCode.DATE_IMPOSSIBLE, facts={"value": text})
    facts = {"value": shown(text, _FAMILIAR)}
    return Fault(code=FindingCode.DATE_UNREADABLE, facts=facts)


def check_issue_date(issued: date, *, today: date) -> Fault | None:
    """Check the bounds of an issue date (发证日期); only the age is a warning."""
    facts = {"value": issued.isoformat()}
    if issued > today:
        return Fault(code=FindingCode.DATE_IN_FUTURE, facts=facts | {"today": today.isoformat()})
    if issued < EARLIEST:
        return Fault(
            code=FindingCode.DATE_TOO_EARLY, facts=facts | {"earliest": EARLIEST.isoformat()}
        )
    if issued < today - OLD_AFTER:
        return Fault(code=FindingCode.DATE_OLD, facts=facts)
    return None
