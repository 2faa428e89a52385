"""Certificate numbers (证书编号): 22 characters by 统一编码规则, 人社鉴发〔2019〕2号.

    1 class | 2-5 body | 6-7 province | 8-13 body's serial | 14-15 year | 16 level | 17-22 serial

Positions 1-13 are the prefix, assigned by the authority; the registry mints 14-22. There is no
check digit: a mistyped number can look valid, so a lookup needs a second factor. A letter at
position 16 (special grades: two letters and 20 digits) parses but is never minted here.
The old 16-digit number (职业资格证书) is recognised and explained, never minted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from registry.rules.errors import NumberError
from registry.rules.findings import Fault, FindingCode
from registry.rules.levels import level_of
from registry.rules.organisations import check_prefix
from registry.rules.text import squeeze

LENGTH: Final = 22
PREFIX_LENGTH: Final = 13
LAST_SERIAL: Final = 999_999
FILED_WITH_PROVINCE: Final = "0000"

# [0-9], not \d: \d and str.isdigit accept digits of other scripts, which would mint look-alikes.
_FORM: Final = re.compile(r"[A-Z][0-9]{14}[0-9A-Z][0-9]{6}")
_OLD_FORM: Final = re.compile(r"[0-9]{16}")
_LETTER_PLACES: Final = (0, 15)


class PartKey(StrEnum):
    """What a run of positions stands for; the words are in registry.wording_numbers."""

    BODY_CLASS = "body-class"
    BODY_CODE = "body-code"
    PROVINCE = "province"
    BODY_SERIAL = "body-serial"
    YEAR = "year"
    LEVEL = "level"
    SERIAL = "serial"
    OLD_YEAR = "old-year"
    OLD_PROVINCE = "old-province"
    OLD_CITY = "old-city"
    OLD_BODY_KIND = "old-body-kind"
    OLD_BODY = "old-body"
    OLD_LEVEL = "old-level"
    OLD_SERIAL = "old-serial"


_LAYOUT: Final = (
    (PartKey.BODY_CLASS, 1),
    (PartKey.BODY_CODE, 4),
    (PartKey.PROVINCE, 2),
    (PartKey.BODY_SERIAL, 6),
    (PartKey.YEAR, 2),
    (PartKey.LEVEL, 1),
    (PartKey.SERIAL, 6),
)
_OLD_LAYOUT: Final = (
    (PartKey.OLD_YEAR, 2),
    (PartKey.OLD_PROVINCE, 2),
    (PartKey.OLD_CITY, 2),
    (PartKey.OLD_BODY_KIND, 1),
    (PartKey.OLD_BODY, 3),
    (PartKey.OLD_LEVEL, 1),
    (PartKey.OLD_SERIAL, 5),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a number: its meaning, first and last position (from 1), characters."""

    key: PartKey
    first: int
    last: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateNumber:
    """A parsed 22-character number: ``prefix`` (13), ``year`` (2 digits), ``level``, ``serial``."""

    prefix: str
    year: str
    level: str
    serial: int

    @property
    def body_class(self) -> str:
        """Class of the assessing body: ``Y`` employer, ``S`` social organisation."""
        return self.prefix[0]

    @property
    def province(self) -> str:
        """First two digits of GB/T 2260, e.g. ``44``."""
        return self.prefix[5:7]

    @property
    def filed_with_province(self) -> bool:
        """Whether the body filed first with a province (body code 0000), not the ministry."""
        return self.prefix[1:5] == FILED_WITH_PROVINCE

    @property
    def special_grade(self) -> bool:
        """Whether position 16 is a letter: a grade above the five."""
        return self.level.isalpha()

    def __str__(self) -> str:
        return f"{self.prefix}{self.year}{self.level}{self.serial:06d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OldNumber:
    """A 16-digit number of the former vocational qualification certificate (职业资格证书)."""

    text: str

    def __str__(self) -> str:
        return self.text


def normalise_number(text: str) -> str:
    """Fold full-width characters, drop blanks, raise lower case."""
    return squeeze(text).upper()


def recognise(text: str) -> CertificateNumber | OldNumber:
    """Read a number of either kind, after normalising it.

    Raises:
        NumberError: neither form; its ``fault`` says at which position.

    """
    number = normalise_number(text)
    if _OLD_FORM.fullmatch(number):
        return OldNumber(text=number)
    return _parse(number)


def parse_number(text: str) -> CertificateNumber:
    """Read a 22-character number, after normalising it.

    Raises:
        NumberError: any other text; an old 16-digit number has the fault NUMBER_OLD_FORM.

    """
    number = recognise(text)
    if isinstance(number, OldNumber):
        raise NumberError(Fault(code=FindingCode.NUMBER_OLD_FORM))
    return number


def _parse(number: str) -> CertificateNumber:
    if not _FORM.fullmatch(number):
        raise NumberError(_malformed(number)) from None
    serial = int(number[16:])
    if not serial:
        raise NumberError(Fault(code=FindingCode.NUMBER_SERIAL_ZERO))
    return CertificateNumber(
        prefix=number[:PREFIX_LENGTH], year=number[13:15], level=number[15], serial=serial
    )


def _malformed(number: str) -> Fault:
    """Name the first position that is wrong, so that a clerk can find one character in 22."""
    if len(number) != LENGTH:
        return Fault(code=FindingCode.NUMBER_LENGTH, facts={"length": str(len(number))})
    for place, char in enumerate(number):
        digit, letter = "0" <= char <= "9", "A" <= char <= "Z"
        if (
            not (digit or letter)
            or (place == 0 and digit)
            or (place not in _LETTER_PLACES and letter)
        ):
            break
    return Fault(code=FindingCode.NUMBER_CHARACTER, facts={"position": str(place + 1)})


def parts(number: CertificateNumber | OldNumber) -> tuple[Part, ...]:
    """Explain a number part by part, in order, covering every position once."""
    layout = _LAYOUT if isinstance(number, CertificateNumber) else _OLD_LAYOUT
    text, first, found = str(number), 1, []
    for key, length in layout:
        last = first + length - 1
        found.append(Part(key=key, first=first, last=last, text=text[first - 1 : last]))
        first = last + 1
    return tuple(found)


def format_number(*, prefix: str, issued: date, level: str, serial: int) -> str:
    """Mint positions 14-22 onto an assigned prefix.

    Raises:
        PrefixError: the prefix is malformed.
        LevelError: the level symbol is not one that is minted.
        NumberError: the serial is outside 1..999999.

    """
    if not 0 < serial <= LAST_SERIAL:
        raise NumberError(Fault(code=FindingCode.NUMBER_SERIAL_ZERO))
    symbol = level_of(level).symbol
    return f"{check_prefix(prefix)}{issued.year % 100:02d}{symbol}{serial:06d}"


def check_number(
    number: CertificateNumber, *, prefix: str, issued: date, level: str
) -> tuple[Fault, ...]:
    """Compare a finished number, as the province assigns them, with the record's facts."""
    faults = []
    if number.prefix != prefix:
        facts = {"expected": prefix, "value": number.prefix}
        faults.append(Fault(code=FindingCode.NUMBER_PREFIX, facts=facts))
    year = f"{issued.year % 100:02d}"
    if number.year != year:
        facts = {"expected": year, "value": number.year}
        faults.append(Fault(code=FindingCode.NUMBER_YEAR, facts=facts))
    if number.level != level:
        facts = {"expected": level, "value": number.level}
        faults.append(Fault(code=FindingCode.NUMBER_LEVEL, facts=facts))
    return tuple(faults)
