"""Persons' names (姓名): normalised, and refused at import when a certificate cannot show them.

A glyph missing at print time, or a private-use code point that only the company's own machines
can show, would spoil a certificate that is already signed; so it is found here (design.md §4).
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from registry.rules.findings import Fault, FindingCode
from registry.rules.text import fold, mask_name

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST: Final = 50
SHORTEST: Final = 2
MIDDLE_DOT: Final = "·"

_DOTS: Final = dict.fromkeys(map(ord, "•‧∙⋅・･●᛫⸱"), MIDDLE_DOT)
_RADICALS: Final = {
    code: unicodedata.normalize("NFKC", chr(code))  # typed by copying from PDF files
    for code in (0x2E9F, 0x2EF3, *range(0x2F00, 0x2FD6))
}
_FOLDS: Final[dict[int, str]] = _DOTS | _RADICALS
_LOOSE_BLANK: Final = re.compile(r"(?<![A-Za-z.,]) | (?![A-Za-z])")
_DOT_BLANKS: Final = re.compile(r" *· *")
_LATIN_SIGNS: Final = frozenset(" -'.,’")
_CASED: Final = frozenset({"Lu", "Ll", "Lt"})
_LETTERS_BY_USE: Final = frozenset({"〇", MIDDLE_DOT})  # a numeral and a sign by category
_NO_LETTER: Final = {
    "Nd": FindingCode.NAME_DIGIT,
    "Co": FindingCode.NAME_PRIVATE_USE,
    "Cn": FindingCode.NAME_UNASSIGNED,
    "Cs": FindingCode.NAME_UNASSIGNED,
    "Cc": FindingCode.NAME_UNASSIGNED,
}
_IDEOGRAPHIC_PLANES: Final = range(0x20000, 0x40000)


def normalise_name(text: str) -> str:
    """Fold widths and dots, compose (NFC), drop blanks that only align two-character names."""
    name = unicodedata.normalize("NFC", fold(text).translate(_FOLDS))
    return _DOT_BLANKS.sub(MIDDLE_DOT, _LOOSE_BLANK.sub("", name)).strip(MIDDLE_DOT)


def is_short(name: str) -> bool:
    """Say whether a name looks cut off: one character."""
    return len(name) < SHORTEST


class NameReader:
    """Reads names; ``drawable`` says of one character whether the certificate's fonts have it."""

    def __init__(self, drawable: Callable[[str], bool]) -> None:
        """Remember which characters were proved good: names repeat them."""
        self._drawable = drawable
        self._proved: set[str] = set()

    def read(self, text: str, *, latin: bool) -> str | Fault:
        """Normalise and check one name; ``latin``: the ID document may bear Latin letters."""
        # Proved characters are ideographs and unchanged by normalising: nothing is left to do.
        if self._proved.issuperset(text) and 0 < len(text) <= LONGEST:
            return text
        name = normalise_name(text)
        if len(name) > LONGEST:
            facts = {"length": str(len(name)), "limit": str(LONGEST)}
            return Fault(code=FindingCode.VALUE_TOO_LONG, facts=facts)
        for place, char in enumerate(name):
            code = self._fault_of(char, latin=latin)
            if code is not None:
                facts = {
                    "value": mask_name(name),
                    "position": str(place + 1),
                    "codepoint": f"U+{ord(char):04X}",
                }
                return Fault(code=code, facts=facts)
        self._proved.update(char for char in name if "一" <= char <= "鿿")
        return name

    def _fault_of(self, char: str, *, latin: bool) -> FindingCode | None:
        if char in self._proved:
            return None
        kind = unicodedata.category(char)
        # Ideographs newer than this Python's tables (Ext. H, I) are for the font to know.
        letter = kind[0] in "LM" or char in _LETTERS_BY_USE or ord(char) in _IDEOGRAPHIC_PLANES
        if char in _LATIN_SIGNS or kind in _CASED:
            if not latin:
                return FindingCode.NAME_LATIN
        elif not letter:
            return _NO_LETTER.get(kind, FindingCode.NAME_CHARACTER)
        drawn = char == " " or self._drawable(char)
        return None if drawn else FindingCode.NAME_NOT_DRAWABLE
