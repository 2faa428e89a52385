"""Organisations: the unified social credit code (统一社会信用代码) and the 13-character prefix."""

from __future__ import annotations

import re
from typing import Final

from registry.rules.errors import PrefixError
from registry.rules.regions import PROVINCES
from registry.rules.text import squeeze

# GB 32100-2015: 31 symbols (no I, O, S, V, Z), weights 3^i mod 31, check symbol closes the sum.
_SYMBOLS: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_VALUES: Final = {symbol: value for value, symbol in enumerate(_SYMBOLS)}
_FORM: Final = re.compile(r"[0-9A-HJ-NP-RTUW-Y]{2}[0-9]{6}[0-9A-HJ-NP-RTUW-Y]{10}")
_PREFIX: Final = re.compile(r"[A-Z][0-9]{12}")


def normalise_uscc(text: str) -> str:
    """Fold full-width characters, drop blanks, raise lower case."""
    return squeeze(text).upper()


def is_uscc(code: str) -> bool:
    """Say whether 18 characters are a well-formed code with the right check symbol (GB 32100)."""
    if not _FORM.fullmatch(code):
        return False
    total = sum(_VALUES[symbol] * pow(3, i, 31) for i, symbol in enumerate(code[:17]))
    return _SYMBOLS[-total % 31] == code[17]


def is_prefix(text: str) -> bool:
    """Say whether a text has the form of positions 1-13: letter, body code, province, serial."""
    return bool(_PREFIX.fullmatch(text)) and text[5:7] in PROVINCES


def check_prefix(text: str) -> str:
    """Give the prefix back; it comes from the authority with the filing and is never made here.

    Raises:
        PrefixError: not a class letter, 4 digits, a province's 2 digits and 6 digits.

    """
    if not is_prefix(text):
        raise PrefixError(
            "the prefix must be the 13 characters the authority assigned with the filing:"
            " a letter, 4 digits of the body, 2 of the province, 6 of its serial"
        )
    return text
