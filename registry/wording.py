"""What a finding says to a clerk, in Chinese and English; the texts are in wording_texts.

A message names row and column as the clerk sees them, the masked value, and what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.sheets.layouts import COLUMN_OF
from registry.wording_texts import TEXTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry.rules.findings import Finding

_ENGLISH_COLUMNS = {
    "sequence": "No.",
    "name": "name",
    "id_type": "ID type",
    "id_number": "ID number",
    "admission": "admission number",
    "occupation": "occupation",
    "occupation_code": "occupation code",
    "direction": "trade or direction",
    "level": "level",
    "conclusion": "conclusion",
    "issued": "date of issue",
    "employment": "kind of employment",
    "employer": "employer",
    "dispatched_since": "dispatched since",
    "applied_level": "level applied for",
    "remark": "remark",
    "occupations": "occupations",
    "certificate": "certificate number",
    "valid_until": "valid until",
    "edition": "edition",
    "catalogue_code": "occupation code",
    "catalogue_name": "occupation",
    "directions": "trades",
    "levels": "levels",
    "national": "in the national catalogue",
    "planned_occupation": "occupation",
    "planned_level": "level applied for",
    "mark_theory": "theory",
    "mark_skill": "skill",
    "mark_safety": "safety",
    "mark_ethics": "ethics",
    "mark_performance": "performance",
    "mark_credits": "credits",
    "mark_review": "review",
    "safety_record": "safety record",
    "number": "certificate number",
    "assessor": "assessing body",
}


class _Facts(dict[str, str]):
    """A text may name a fact that this finding lacks; a gap is better than no message at all."""

    def __missing__(self, key: str) -> str:
        return "—"


def _fill(text: str, facts: Mapping[str, str], column: str) -> str:
    return text.format_map(_Facts({**facts, "column": column}))


def message(finding: Finding) -> str:
    """Say a finding in Chinese: ``第 5 行「证件号码」：校验位不符（440***********1234），…``."""
    where = finding.where
    header = COLUMN_OF[where.column].header if where.column in COLUMN_OF else ""
    row = f"第 {where.row} 行" if where.row else ""
    column = f"「{header}」" if header else ""
    place = f"{row}{column}：" if row or column else ""
    return place + _fill(TEXTS[finding.code][0], finding.facts, header)


def message_en(finding: Finding) -> str:
    """Say a finding in English."""
    where = finding.where
    name = _ENGLISH_COLUMNS.get(where.column or "", "")
    place = ", ".join(part for part in (f"row {where.row}" if where.row else "", name) if part)
    text = _fill(TEXTS[finding.code][1], finding.facts, name)
    return f"{place}: {text}" if place else text[0].upper() + text[1:]
