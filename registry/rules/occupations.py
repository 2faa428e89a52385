"""Occupation codes (职业编码) of the national classification: X-XX-XX-XX, main groups 3 to 6.

Notice, part 2: only skilled-worker occupations of 《职业分类大典》 or newly published ones may be
assessed; these lie in main groups 3, 4, 5 and 6 (domain.md §4).
"""

from __future__ import annotations

import re
from typing import Final

from registry.rules.findings import Fault, FindingCode
from registry.rules.text import shown, squeeze

WORKER_GROUPS: Final = frozenset("3456")

_DASHES: Final = dict.fromkeys(map(ord, "‐‑‒–—―−－─"), "-")
_FORM: Final = re.compile(r"[1-8]-[0-9]{2}-[0-9]{2}-[0-9]{2}")
_NO_DIRECTION: Final = frozenset({"", "-", "--", "---", "/", "无", "——", "—"})


def read_occupation_code(text: str) -> str | Fault:
    """Give the code with plain hyphens, or say what is wrong with it."""
    code = squeeze(text).translate(_DASHES)
    if not _FORM.fullmatch(code):
        facts = {"value": shown(code, "0123456789-")}
        return Fault(code=FindingCode.OCCUPATION_CODE_FORM, facts=facts)
    if code[0] not in WORKER_GROUPS:
        return Fault(code=FindingCode.OCCUPATION_CODE_GROUP, facts={"value": code})
    return code


def read_direction(text: str) -> str:
    """Give the trade or direction (工种/职业方向); the ways of writing "none" become empty."""
    return "" if squeeze(text) in _NO_DIRECTION else text
