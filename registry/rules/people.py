"""Persons' ID documents (证件类型, 证件号码): kinds, forms and the check digit of GB 11643.

Written out because the libraries are unfit (domain.md §5): one refuses most people born before
1980 and every residence permit, the other takes 30 ms a call. Residence permits of Hong Kong,
Macau and Taiwan residents and the foreigners' permanent-residence card of 2017 and later share
the 18-character form; the older foreigners' card has 3 letters and 12 digits.
"""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum
from functools import lru_cache
from operator import mul
from typing import Final

from registry.rules.findings import Fault, FindingCode
from registry.rules.regions import PERMIT_REGIONS, PROVINCES
from registry.rules.text import EXACT_BELOW, Cell, cell_text, mask_id, shown, squeeze

LONGEST: Final = 20
FIRST_BIRTH_YEAR: Final = 1900


class IdType(StrEnum):
    """Kinds of ID document a record can name; the values are the record's own."""

    RESIDENT_ID = "resident-id"
    RESIDENCE_PERMIT = "residence-permit"
    FOREIGN_PERMANENT_RESIDENT = "foreign-permanent-resident"
    PASSPORT = "passport"


ID_TYPE_NAMES: Final = {
    IdType.RESIDENT_ID: "居民身份证",
    IdType.RESIDENCE_PERMIT: "港澳台居民居住证",
    IdType.FOREIGN_PERMANENT_RESIDENT: "外国人永久居留身份证",
    IdType.PASSPORT: "护照",
}

# 201 is the one code of the provincial table whose meaning is known (domain.md §3).
_SPELLINGS: Final = {
    **{name: kind for kind, name in ID_TYPE_NAMES.items()},
    "201": IdType.RESIDENT_ID,
    "身份证": IdType.RESIDENT_ID,
    "中国居民身份证": IdType.RESIDENT_ID,
    "中华人民共和国居民身份证": IdType.RESIDENT_ID,
    "二代身份证": IdType.RESIDENT_ID,
    "港澳居民居住证": IdType.RESIDENCE_PERMIT,
    "台湾居民居住证": IdType.RESIDENCE_PERMIT,
    "外国人永久居留证": IdType.FOREIGN_PERMANENT_RESIDENT,
    "外国护照": IdType.PASSPORT,
    "普通护照": IdType.PASSPORT,
}

# [0-9], not \d: the wider class lets digits of other scripts through.
_EIGHTEEN: Final = re.compile(r"[1-9][0-9]{16}[0-9X]")
_OLD_FOREIGN: Final = re.compile(r"[A-Z]{3}[0-9]{12}")
_PASSPORT: Final = re.compile(r"[A-Z0-9]{5,20}")
_SCIENTIFIC: Final = re.compile(r"[0-9](?:\.[0-9]+)?E\+?[0-9]{2}")

# GB 11643 = ISO 7064 MOD 11-2: weights 2^(17-i) mod 11. Characters are summed as ASCII codes,
# 48 too high each; 48 * sum(weights) is folded into the table's starting point.
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_OFFSET: Final = 48 * sum(_WEIGHTS) % 11
_CHECKS: Final = "".join("10X98765432"[(rest - _OFFSET) % 11] for rest in range(11))


def read_id_type(text: str) -> IdType | Fault:
    """Read a kind by its name or provincial code."""
    plain = squeeze(text)
    try:
        return _SPELLINGS[plain]
    except KeyError:
        facts = {"value": shown(plain, "证照码本卡0123456789")}
        return Fault(code=FindingCode.ID_TYPE_UNKNOWN, facts=facts)


def check_character(first17: str) -> str:
    """Give the 18th character for 17 ASCII digits (GB 11643, ISO 7064 MOD 11-2)."""
    return _CHECKS[sum(map(mul, first17.encode("ascii"), _WEIGHTS)) % 11]


def normalise_id(text: str) -> str:
    """Fold full-width characters, drop blanks and invisible ones, raise ``x``."""
    return squeeze(text).upper()


def read_id_number(cell: Cell, kind: IdType, *, today: date) -> str | Fault:
    """Read an ID number of a kind from a cell; faults show it masked.

    A numeric cell is refused from 15 digits on: Excel keeps 15, so the last ones are lost for
    good, and retyping the shown number would put a stranger's ID into the record.
    """
    if type(cell) is str and _EIGHTEEN.fullmatch(cell):
        number = cell
    else:
        if not isinstance(cell, str) and abs(cell or 0) >= EXACT_BELOW:
            return Fault(code=FindingCode.ID_AS_NUMBER)
        number = normalise_id(cell_text(cell))
        if _SCIENTIFIC.fullmatch(number):
            return Fault(code=FindingCode.ID_AS_NUMBER)
    code = check_id_number(number, kind, today=today)
    if code is None:
        return number
    facts = {"value": mask_id(number[:LONGEST]), "length": str(len(number))}
    return Fault(code=code, facts=facts)


def check_id_number(number: str, kind: IdType, *, today: date) -> FindingCode | None:
    """Check a normalised ID number of a kind."""
    if kind is IdType.PASSPORT:
        return _check_passport(number)
    old_card = kind is IdType.FOREIGN_PERMANENT_RESIDENT and _OLD_FOREIGN.fullmatch(number)
    return None if old_card else _check_eighteen(number, kind, today)


def _check_eighteen(number: str, kind: IdType, today: date) -> FindingCode | None:
    if not _EIGHTEEN.fullmatch(number):
        wrong_length = len(number) != len("440301YYYYMMDDNNNC")
        return FindingCode.ID_LENGTH if wrong_length else FindingCode.ID_FORM
    if _kind_of(number) is not kind:
        return FindingCode.ID_TYPE_CONTRADICTS
    if kind is IdType.RESIDENT_ID and number[:2] not in PROVINCES:
        return FindingCode.ID_REGION
    born = _birth(number[6:14])
    if born is None or born > today:
        return FindingCode.ID_BIRTH
    right = check_character(number[:17]) == number[17]
    return None if right else FindingCode.ID_CHECK_DIGIT


def _check_passport(number: str) -> FindingCode | None:
    if not _PASSPORT.fullmatch(number):
        return FindingCode.ID_FORM
    # A resident ID entered as a passport would dodge its own check digit.
    if _EIGHTEEN.fullmatch(number) and check_character(number[:17]) == number[17]:
        return FindingCode.ID_TYPE_CONTRADICTS
    return None


def _kind_of(number: str) -> IdType:
    """Tell the kind of an 18-character number by its first digits."""
    if number[0] == "9":
        return IdType.FOREIGN_PERMANENT_RESIDENT
    permit = number[:6] in PERMIT_REGIONS
    return IdType.RESIDENCE_PERMIT if permit else IdType.RESIDENT_ID


@lru_cache(maxsize=65_536)  # more than the days from 1900 to now: no file can push others out
def _birth(digits: str) -> date | None:
    try:
        born = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
    return born if born.year >= FIRST_BIRTH_YEAR else None
