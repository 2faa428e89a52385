"""Encrypted fields and blind indexes (PIPL: ID numbers are sensitive personal information).

A field is sealed by AES-256-GCM-SIV with its place (table, column, row) as associated data, so a
ciphertext moved to another row does not open. A blind index is HMAC-SHA256 under a second key,
cut to 16 bytes: equal values can be found, none can be read or tried out without the key.
"""

from __future__ import annotations

import hmac
from typing import ClassVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from registry.errors import RegistryError

NONCE_LENGTH = 12
TAG_LENGTH = 16


class FieldDamaged(RegistryError):
    """A sealed field does not open: damaged, moved, or sealed under another key."""

    code: ClassVar[str] = "field-damaged"


class FieldCipher:
    """Seals and opens one column. ``key`` is 32 bytes; ``place`` names table and column."""

    __slots__ = ("_aead", "_place")

    def __init__(self, key: bytes, place: str) -> None:
        self._aead = AESGCMSIV(key)
        self._place = place.encode() + b"\0"

    def seal(self, row: int, nonce: bytes, plain: bytes) -> bytes:
        """Return nonce (12 bytes) ‖ ciphertext ‖ tag (16 bytes) bound to ``row``."""
        return nonce + self._aead.encrypt(nonce, plain, self._place + row.to_bytes(8))

    def open(self, row: int, sealed: bytes) -> bytes:
        """Return the plain bytes; ``FieldDamaged`` if they were not sealed for this place."""
        try:
            return self._aead.decrypt(
                sealed[:NONCE_LENGTH], sealed[NONCE_LENGTH:], self._place + row.to_bytes(8)
            )
        except (InvalidTag, ValueError):
            msg = f"the sealed field of row {row} does not open: restore it from a backup"
            raise FieldDamaged(msg) from None


def blind_index(key: bytes, value: str) -> bytes:
    """Return the 16-byte tag under which ``value`` can be found again."""
    return hmac.digest(key, value.encode(), "sha256")[:TAG_LENGTH]
