"""Faults of a header row: columns missing, renamed, doubled or not wanted."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final

from registry.rules.findings import Fault, FindingCode
from registry.rules.text import tidy
from registry.sheets.columns import OUR_OWN, RESULTS, Layout, key_of, positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry.rules.findings import Findings
    from registry.sheets.columns import Column

_ALIKE_FROM: Final = 0.5
_SHOWN_AT_MOST: Final = 20


def check_header(
    headers: Sequence[str], row: int, findings: Findings, layout: Layout = RESULTS
) -> None:
    """Add the faults of a header row; a missing column suggests the unknown header next to it."""
    present = positions(headers, layout)
    unknown = []
    for place, header in enumerate(headers):
        text = tidy(header)[:_SHOWN_AT_MOST]
        key = key_of(header, layout)
        if key is None:
            if text and text not in OUR_OWN:
                unknown.append(text)
        elif present.get(key, place) != place:
            facts = {"found": text}
            findings.add(Fault(code=FindingCode.COLUMN_TWICE, facts=facts), row=row, column=key)
    for column in layout.columns:
        if column.required and column.key not in present:
            _miss(column, unknown, row, findings)
    for text in unknown:
        findings.add(Fault(code=FindingCode.COLUMN_EXTRA, facts={"found": text}), row=row)


def _miss(column: Column, unknown: list[str], row: int, findings: Findings) -> None:
    """Report a missing column, as renamed if an unknown header is like one of its names."""
    key = column.key
    names = (column.header, *column.aliases)
    rated = [
        (max(SequenceMatcher(None, text, name).ratio() for name in names), text) for text in unknown
    ]
    likeness, nearest = max(rated, default=(0.0, ""))
    if likeness < _ALIKE_FROM:
        findings.add(Fault(code=FindingCode.COLUMN_MISSING), row=row, column=key)
        return
    unknown.remove(nearest)
    fault = Fault(code=FindingCode.COLUMN_RENAMED, facts={"found": nearest})
    findings.add(fault, row=row, column=key)
