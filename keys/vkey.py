"""Verifier keys: the one-line public keys of logs and witnesses (C2SP signed-note).

A vkey is `name+hex8(key id)+base64(type byte ‖ public key)`. Its key id is recomputed when
it is read, so a mistyped name or key is refused instead of silently matching nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final, assert_never

from keys.errors import KeysError
from keys.model import Algorithm

MAX_VKEY: Final = 4096
"""Longest vkey read, in characters; an ML-DSA-44 key takes about 1,800 and a name."""

MAX_KEY_NAME: Final = 255
"""Longest key name in bytes of UTF-8: a cosignature gives its length one byte."""

_PARTS: Final = 3


class MalformedVerifierKey(KeysError):
    """A vkey that cannot be read, or whose key id does not belong to its name and key."""

    code: ClassVar[str] = "malformed-vkey"


class SignatureType(IntEnum):
    """The type byte of C2SP signed-note that says what a signature line signs, and how."""

    ED25519 = 0x01
    """Ed25519 over the note's text (logs)."""
    ED25519_COSIGNATURE = 0x04
    """Timestamped Ed25519 over `cosignature/v1` (witnesses)."""
    ML_DSA_44_COSIGNATURE = 0x06
    """Timestamped ML-DSA-44 over `subtree/v1` (logs and witnesses)."""

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm of such a signature."""
        match self:
            case SignatureType.ED25519 | SignatureType.ED25519_COSIGNATURE:
                return Algorithm.ED25519
            case SignatureType.ML_DSA_44_COSIGNATURE:
                return Algorithm.ML_DSA_44
            case _:
                assert_never(self)


PUBLIC_KEY_BYTES: Final = {
    SignatureType.ED25519: 32,
    SignatureType.ED25519_COSIGNATURE: 32,
    SignatureType.ML_DSA_44_COSIGNATURE: 1312,
}
"""Length of the raw public key by type."""


def is_key_name(name: str) -> bool:
    """Whether `name` may name a key: not empty, no space of any kind, no `+`, no control."""
    return (
        bool(name)
        and "+" not in name
        and not any(
            letter.isspace() or letter < " " or "\ud800" <= letter <= "\udfff" for letter in name
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """A public key with the name under which it signs notes.

    `name` is a schemeless URL (a log's is its origin); `public_key` is raw, 32 bytes for
    Ed25519 and 1,312 for ML-DSA-44. Raises MalformedVerifierKey when they do not fit.
    """

    name: str
    type: SignatureType
    public_key: bytes

    def __post_init__(self) -> None:
        if not is_key_name(self.name) or len(self.name.encode()) > MAX_KEY_NAME:
            raise MalformedVerifierKey(
                f"a key name has 1 to {MAX_KEY_NAME} bytes and holds neither spaces nor '+'"
            )
        if len(self.public_key) != PUBLIC_KEY_BYTES[self.type]:
            raise MalformedVerifierKey("the public key has the wrong length for its type")

    @property
    def key_id(self) -> bytes:
        """First 4 bytes of SHA-256(name ‖ newline ‖ type ‖ public key), as in signature lines."""
        material = b"%s\n%c%s" % (self.name.encode(), self.type, self.public_key)
        return hashlib.sha256(material).digest()[:4]

    def __str__(self) -> str:
        return format_vkey(self)


def format_vkey(key: VerifierKey) -> str:
    """Write `key` in its one-line form."""
    material = base64.b64encode(bytes([key.type]) + key.public_key).decode()
    return f"{key.name}+{key.key_id.hex()}+{material}"


def parse_vkey(text: str) -> VerifierKey:
    """Read a vkey. Raises MalformedVerifierKey; only the exact form `format_vkey` writes passes."""
    parts = text.split("+", _PARTS - 1)
    if len(text) > MAX_VKEY or len(parts) != _PARTS:
        raise MalformedVerifierKey("a verifier key has the form name+keyid+base64")
    try:
        material = base64.b64decode(parts[2], validate=True)
        kind = SignatureType(material[0])
    except (binascii.Error, ValueError, IndexError):
        raise MalformedVerifierKey(
            "the verifier key is not base64 of a type this program knows (1, 4 or 6)"
        ) from None
    key = VerifierKey(name=parts[0], type=kind, public_key=material[1:])
    if format_vkey(key) != text:
        raise MalformedVerifierKey(
            "the verifier key's id does not fit its name and key: copy it again from its owner"
        )
    return key
