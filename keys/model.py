"""What a key is: id, algorithm, purpose, issuer, validity, state; and verifying by it.

Verifying uses `cryptography` alone. Any answer but a good signature is False, so that bytes
from outside can never raise here.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Final, NewType, assert_never

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from keys.errors import KeyRefused

KeyId = NewType("KeyId", str)
"""16 lowercase hex: the first 8 bytes of SHA-256(algorithm ‖ 0x00 ‖ public key)."""

OFFICE: Final = "office"
"""The `issuer` of the office's own keys (checkpoints, seal root, uploads)."""


_PREFIX = re.compile("[A-Z][0-9]{12}", re.ASCII)


class Algorithm(StrEnum):
    """Signature algorithm; the values stand in files and must not change."""

    ED25519 = "ed25519"
    """RFC 8032, signature 64 bytes."""
    ECDSA_P256 = "ecdsa-p256-sha256"
    """FIPS 186-5 on P-256 with SHA-256, signature in DER."""
    ML_DSA_44 = "ml-dsa-44"
    """FIPS 204, empty context, signature 2,420 bytes."""


class Purpose(StrEnum):
    """What a key may sign; a key has one purpose, so no signature passes for another kind."""

    RECORD = "record"
    CHECKPOINT = "checkpoint"
    PDF = "pdf"
    UPLOAD = "upload"
    CHECK = "check"
    """Receipts of the public site's bulk checks."""
    RECEIPT = "receipt"
    """A provincial centre's answers to uploads; no city has such a key."""


class KeyState(StrEnum):
    """Where a key stands in its life."""

    ACTIVE = "active"
    """Signs."""
    RETIRED = "retired"
    """Signs no more; what it signed stays good."""
    REVOKED = "revoked"
    """Signs no more; what it signed from the time of revocation on is not trusted."""


LATER: Final = {KeyState.ACTIVE: 0, KeyState.RETIRED: 1, KeyState.REVOKED: 2}
"""The order of a key's states: none is ever followed by an earlier one."""

PUBLIC_KEY_BYTES: Final = {
    Algorithm.ED25519: 32,
    Algorithm.ECDSA_P256: 65,
    Algorithm.ML_DSA_44: 1312,
}
"""Length of the public key: raw; SEC 1 uncompressed point for P-256."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyInfo:
    """The public facts of one key.

    `issuer` is the company's 13-character number prefix, or "office". The key is valid from
    `not_before` until just before `not_after` (aware UTC). `certificate` is the X.509
    certificate in DER of a PDF seal key, else None. Raises KeyRefused when they disagree.
    """

    key_id: KeyId
    algorithm: Algorithm
    purpose: Purpose
    issuer: str
    not_before: datetime
    not_after: datetime
    state: KeyState
    public_key: bytes
    certificate: bytes | None = None

    def __post_init__(self) -> None:
        if len(self.public_key) != PUBLIC_KEY_BYTES[self.algorithm]:
            raise KeyRefused("the public key has the wrong length for its algorithm")
        if self.key_id != key_id_of(self.algorithm, self.public_key):
            raise KeyRefused("the key id does not belong to the public key")
        if self.not_before.tzinfo is None or self.not_after.tzinfo is None:
            raise KeyRefused("a key's validity needs times with a time zone")
        if self.not_before >= self.not_after:
            raise KeyRefused("a key's validity must end after it begins")

        if not is_issuer(self.issuer):
            raise KeyRefused("a key's issuer is a 13-character number prefix, or `office`")

    def valid_at(self, at: datetime) -> bool:
        """Whether `at` falls in the validity; says nothing of the state."""
        return self.not_before <= at < self.not_after


def is_prefix(text: str) -> bool:
    """Whether `text` has the form of a company's 13-character certificate number prefix."""
    return _PREFIX.fullmatch(text) is not None


def is_issuer(text: str) -> bool:
    """Whether `text` may be a key's issuer: a company's prefix, or the office."""
    return text == OFFICE or is_prefix(text)


def key_id_of(algorithm: Algorithm, public_key: bytes) -> KeyId:
    """Derive the id of a key: 16 lowercase hex."""
    material = algorithm.value.encode() + b"\0" + public_key
    return KeyId(hashlib.sha256(material).hexdigest()[:16])


@cache
def can_verify(algorithm: Algorithm) -> bool:
    """Whether this machine can verify such signatures at all: its OpenSSL may lack the algorithm.

    Where it cannot, `verify_signature` is False of good signatures too: ask here before a False
    is held against anybody.
    """
    blank = bytes(PUBLIC_KEY_BYTES[algorithm])
    try:
        match algorithm:
            case Algorithm.ED25519:
                Ed25519PublicKey.from_public_bytes(blank)
            case Algorithm.ECDSA_P256:
                EllipticCurvePublicKey.from_encoded_point(SECP256R1(), blank)
            case Algorithm.ML_DSA_44:
                MLDSA44PublicKey.from_public_bytes(blank)
            case _:
                assert_never(algorithm)
    except UnsupportedAlgorithm:
        return False
    except ValueError:
        # The algorithm is there, and says that a blank key is none.
        return True
    return True


def verify_signature(
    algorithm: Algorithm, public_key: bytes, message: bytes, signature: bytes
) -> bool:
    """Whether `signature` over `message` is good under `public_key`; never raises.

    A key or signature of the wrong length, or off the curve, is simply not good.
    """
    if len(public_key) != PUBLIC_KEY_BYTES[algorithm]:
        return False
    try:
        match algorithm:
            case Algorithm.ED25519:
                Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
            case Algorithm.ECDSA_P256:
                EllipticCurvePublicKey.from_encoded_point(SECP256R1(), public_key).verify(
                    signature, message, ECDSA(SHA256())
                )
            case Algorithm.ML_DSA_44:
                MLDSA44PublicKey.from_public_bytes(public_key).verify(signature, message)
            case _:
                assert_never(algorithm)
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return False
    return True
