"""What the site keeps of persons over a restart is sealed: AES-256-GCM under a key of its own.

The key is derived from the site's one secret, which lies outside the state file: who steals that
file alone reads nothing. The place of each text is authenticated with it, so that no text can be
put into another's place.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from verify_web.errors import ServiceTrouble

if TYPE_CHECKING:
    from collections.abc import Callable

NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
"""Of the keyed tags by which an address is found again."""


class Sealer:
    """Seals and opens texts; `random` gives unpredictable bytes (`secrets.token_bytes`)."""

    def __init__(self, pepper: bytes, random: Callable[[int], bytes]) -> None:
        self._aead = AESGCM(hmac.digest(pepper, b"certreg/site-sealed/v1", "sha256"))
        self._tags = hmac.digest(pepper, b"certreg/site-tags/v1", "sha256")
        self._random = random

    def seal(self, place: str, plain: bytes) -> bytes:
        """Encrypt; random nonces of 96 bits are safe for some 2^32 texts."""
        nonce = self._random(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain, place.encode())

    def open(self, place: str, sealed: bytes) -> bytes:
        """Decrypt. Raises ServiceTrouble for what was not sealed here, for this place."""
        try:
            return self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.encode())
        except (InvalidTag, ValueError):
            raise ServiceTrouble("a sealed text of the site's state does not open") from None

    def tag(self, kind: str, value: str) -> bytes:
        """Give 16 bytes by which a value is found again, and which tell nothing without the key."""
        text = f"{kind}\0{value}".encode("utf-8", "replace")
        return hmac.digest(self._tags, text, "sha256")[:TAG_BYTES]
