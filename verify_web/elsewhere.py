"""Numbers that this register cannot hold: taken apart, and where to ask instead.

Old 16-digit numbers of the former national qualification certificates (职业资格证书), and numbers
of other provinces. What is said depends on the form of the number alone. The national lookup is
named for the visitor to go to; it is never asked from here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from signing.wording import Words, level_words
from verify_web.catalogue import NOTHING, both
from verify_web.numbers import NumberPart, explain, hint, year_words

if TYPE_CHECKING:
    from collections.abc import Collection

_OLD_NUMBER: Final = re.compile(
    r"(?P<year>\d\d)(?P<region>\d\d)(?P<city>\d\d)(?P<kind>\d)(?P<body>\d{3})(?P<level>\d)(?P<serial>\d{5})",
    re.ASCII,
)
_FIRST_OLD_YEAR: Final = 90
"""The old numbers begin in the nineties: `98` is 1998, `15` is 2015."""

_BY_OLD_TABLE: Final = both("按原编码表")


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """Why a typed number is not of this register, and its parts where it has a known form."""

    text: Words
    parts: tuple[NumberPart, ...]


def elsewhere(number: str, own_provinces: Collection[str]) -> Elsewhere | None:
    """Explain a typed, normalised number that cannot be held here; None if it might be."""
    text = hint(number, own_provinces)
    if text is None:
        return None
    return Elsewhere(text=text, parts=explain_old(number) or explain(number))


def explain_old(number: str) -> tuple[NumberPart, ...]:
    """Take a 16-digit number apart; empty for any other."""
    match = _OLD_NUMBER.fullmatch(number)
    if match is None:
        return ()
    year = int(match["year"])
    century = "19" if year >= _FIRST_OLD_YEAR else "20"
    level = level_words(match["level"]) if match["level"] in "12345" else NOTHING
    return tuple(
        NumberPart(text=match[group], name=name, value=value)
        for group, name, value in (
            ("year", both("发证年份"), year_words(f"{century}{match['year']}")),
            ("region", both("省份或者行业"), _BY_OLD_TABLE),
            ("city", both("地市"), _BY_OLD_TABLE),
            ("kind", both("鉴定机构类别"), _BY_OLD_TABLE),
            ("body", both("鉴定机构序号"), NOTHING),
            ("level", both("职业资格等级"), level),
            ("serial", both("证书序列号"), NOTHING),
        )
    )
