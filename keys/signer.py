"""Signing: the `Signer` protocol, and software signers that hold a private key in memory.

Ed25519 signs through PyNaCl (libsodium) when it is installed: the same bytes, in 26 µs rather
than 42 µs. A library that computes wrongly could leak the private key by its signatures, so
it is compared with `cryptography` on one message before the signer is handed out.

Signers are safe to call from many threads: none of them changes after construction.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Final, Protocol, assert_never, cast, runtime_checkable

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keys.errors import KeyRefused, SignerUnsound
from keys.model import Algorithm, KeyInfo

PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey | MLDSA44PrivateKey
PublicKey = Ed25519PublicKey | EllipticCurvePublicKey | MLDSA44PublicKey

ED25519_SIGNATURE_BYTES: Final = 64

_TRIAL: Final = b"certreg/signer/trial/v1\n"


@runtime_checkable
class Signer(Protocol):
    """Signs with one key, wherever its private half lives."""

    @property
    def info(self) -> KeyInfo:
        """The key's public facts."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Sign `message`: 64 bytes (Ed25519), DER (P-256) or 2,420 bytes (ML-DSA-44)."""
        ...


class PrivateKeySigner:
    """A signer whose private key is in this process.

    `private_key` is there for the libraries that must hold it themselves (PAdES, X.509).
    Raises KeyRefused if the private key is not that of `info`.
    """

    __slots__ = ("_info", "_sign", "private_key")

    def __init__(self, info: KeyInfo, private_key: PrivateKey) -> None:
        if algorithm_of(private_key) is not info.algorithm:
            raise KeyRefused(f"key {info.key_id}: the private key is of another algorithm")
        if public_bytes(private_key) != info.public_key:
            raise KeyRefused(f"key {info.key_id}: the private key is not that of the public key")
        self._info = info
        self._sign = _signing_function(private_key)
        self.private_key = private_key

    @property
    def info(self) -> KeyInfo:
        """The key's public facts."""
        return self._info

    def sign(self, message: bytes) -> bytes:
        """Sign `message`."""
        return self._sign(message)

    def __repr__(self) -> str:
        return f"PrivateKeySigner({self._info.key_id})"


def software_signer(info: KeyInfo, private_key: PrivateKey) -> PrivateKeySigner:
    """Give a signer for `private_key`, whose public facts are `info`.

    Raises KeyRefused if they do not belong together, SignerUnsound if libraries disagree.
    """
    return PrivateKeySigner(info, private_key)


def algorithm_of(private_key: PrivateKey) -> Algorithm:
    """Tell a private key's algorithm. Raises KeyRefused on a curve other than P-256."""
    match private_key:
        case Ed25519PrivateKey():
            return Algorithm.ED25519
        case EllipticCurvePrivateKey():
            if not isinstance(private_key.curve, SECP256R1):
                raise KeyRefused("only the curve P-256 is used here")
            return Algorithm.ECDSA_P256
        case MLDSA44PrivateKey():
            return Algorithm.ML_DSA_44
        case _:
            assert_never(private_key)


def public_bytes(private_key: PrivateKey) -> bytes:
    """Give the public half: raw, or the 65-byte uncompressed point for P-256."""
    public = private_key.public_key()
    if isinstance(private_key, EllipticCurvePrivateKey):
        return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _signing_function(private_key: PrivateKey) -> Callable[[bytes], bytes]:
    match private_key:
        case Ed25519PrivateKey():
            return _accelerated(private_key) or private_key.sign
        case EllipticCurvePrivateKey():
            # RFC 6979: no bad random number can give the key away, and equal bytes get equal seals.
            algorithm = ECDSA(SHA256(), deterministic_signing=True)
            return lambda message: private_key.sign(message, algorithm)
        case MLDSA44PrivateKey():
            return private_key.sign
        case _:
            assert_never(private_key)


def _accelerated(private_key: Ed25519PrivateKey) -> Callable[[bytes], bytes] | None:
    """Sign by libsodium, or None where PyNaCl is not installed."""
    try:
        bindings = importlib.import_module("nacl.bindings")
    except ImportError:
        return None
    crypto_sign = cast("Callable[[bytes, bytes], bytes]", bindings.crypto_sign)
    # libsodium's secret key is seed ‖ public key. Signing with a foreign public key in it
    # would give the private key away, so the public half is derived, never passed in.
    secret = private_key.private_bytes_raw() + private_key.public_key().public_bytes_raw()

    def sign(message: bytes) -> bytes:
        return crypto_sign(message, secret)[:ED25519_SIGNATURE_BYTES]

    if sign(_TRIAL) != private_key.sign(_TRIAL):
        raise SignerUnsound(
            "PyNaCl and cryptography sign differently on this machine: reinstall both, or "
            "remove PyNaCl, and test the machine's memory before issuing anything"
        )
    return sign
