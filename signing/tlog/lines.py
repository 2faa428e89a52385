"""The small words of C2SP's line formats: strict base64, decimal numbers, hashes.

Each has one spelling only, so that no byte of a proof or note can change unnoticed.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

from signing.tlog.merkle import HASH_BYTES, MAX_SIZE

if TYPE_CHECKING:
    from signing.errors import SigningError

_DECIMAL = re.compile("0|[1-9][0-9]{0,18}")


def write_base64(data: bytes) -> str:
    """Write standard base64 with padding (RFC 4648 §4)."""
    return base64.b64encode(data).decode("ascii")


def read_base64(text: str, fault: type[SigningError]) -> bytes:
    """Read what `write_base64` writes, and nothing else; raises `fault`."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise fault("a line is not base64") from None
    if write_base64(data) != text:
        # Unused bits that are not zero would give one value two spellings.
        raise fault("a line is not base64 in its one proper form")
    return data


def read_hash(text: str, fault: type[SigningError]) -> bytes:
    """Read a base64 hash of 32 bytes; raises `fault`."""
    data = read_base64(text, fault)
    if len(data) != HASH_BYTES:
        raise fault("a hash is not 32 bytes long")
    return data


def read_decimal(text: str, fault: type[SigningError]) -> int:
    """Read a number from 0 to 2^63 - 1 in ASCII digits without leading zeroes; raises `fault`."""
    if not _DECIMAL.fullmatch(text) or int(text) > MAX_SIZE:
        raise fault("a number is not in plain digits, or too large")
    return int(text)
