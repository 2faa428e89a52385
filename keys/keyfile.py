"""One key's file: its public facts in clear and bound to it, its private half sealed (PKCS #8).

{"public": {"algorithm", "certificate", "id", "issuer", "not_after", "not_before",
            "public", "purpose", "state", "v"}, "sealed": base64}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from keys import strict
from keys.errors import KeyRefused
from keys.model import Algorithm, KeyId, KeyInfo, KeyState, Purpose
from keys.sealed import open_sealed, public_part, seal
from keys.signer import PrivateKey, algorithm_of, public_bytes

_KIND = "key"


def new_private_key(algorithm: Algorithm) -> PrivateKey:
    """Make a private key. Raises KeyRefused where this machine's library cannot."""
    try:
        match algorithm:
            case Algorithm.ED25519:
                return Ed25519PrivateKey.generate()
            case Algorithm.ECDSA_P256:
                return generate_private_key(SECP256R1())
            case Algorithm.ML_DSA_44:
                return MLDSA44PrivateKey.generate()
            case _:
                assert_never(algorithm)
    except UnsupportedAlgorithm:
        raise KeyRefused(
            f"the cryptography package of this machine has no {algorithm}: install 48 or later"
        ) from None


def seal_key(file_key: bytes, info: KeyInfo, private_key: PrivateKey) -> bytes:
    """Write the file of one key, sealed under the ring's 32-byte `file_key`."""
    secret = private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return seal(file_key, _KIND, _to_json(info), secret)


def open_key(file_key: bytes, data: bytes) -> tuple[KeyInfo, PrivateKey]:
    """Read the file of one key. Raises ValueError or KeyRefused, saying what is wrong with it."""
    secret = open_sealed(file_key, _KIND, data)
    if secret is None:
        raise ValueError("it was edited, or belongs to another ring")
    info = _from_json(public_part(data))
    try:
        private_key = load_der_private_key(secret, None)
    except (UnsupportedAlgorithm, TypeError):
        raise ValueError("this machine cannot use a private key of this kind") from None
    if not isinstance(private_key, Ed25519PrivateKey | EllipticCurvePrivateKey | MLDSA44PrivateKey):
        raise ValueError("it holds a private key of another kind")  # noqa: TRY004 -- about the file
    if algorithm_of(private_key) is not info.algorithm or public_bytes(private_key) != (
        info.public_key
    ):
        raise ValueError("its private key is not that of its public key")
    return info, private_key


def _to_json(info: KeyInfo) -> dict[str, object]:
    return {
        "algorithm": info.algorithm.value,
        "certificate": strict.to_base64(info.certificate or b""),
        "id": info.key_id,
        "issuer": info.issuer,
        "not_after": strict.to_time(info.not_after),
        "not_before": strict.to_time(info.not_before),
        "public": strict.to_base64(info.public_key),
        "purpose": info.purpose.value,
        "state": info.state.value,
        "v": 1,
    }


def _from_json(public: Mapping[str, object]) -> KeyInfo:
    if public.get("v") != 1:
        raise ValueError("it was written by a later program: update this one")
    return KeyInfo(
        key_id=KeyId(strict.text_of(public, "id")),
        algorithm=Algorithm(strict.text_of(public, "algorithm")),
        purpose=Purpose(strict.text_of(public, "purpose")),
        issuer=strict.text_of(public, "issuer"),
        not_before=strict.time_of(public, "not_before"),
        not_after=strict.time_of(public, "not_after"),
        state=KeyState(strict.text_of(public, "state")),
        public_key=strict.bytes_of(public, "public"),
        certificate=strict.bytes_of(public, "certificate") or None,
    )
