"""Signers with fixed keys of no meaning, and trees in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.signer import Signer, public_bytes, software_signer

MakeSigner = Callable[..., Signer]


@pytest.fixture(scope="session")
def make_signer() -> MakeSigner:
    """Make a signer by a word that seeds its key."""

    def make(word: str, algorithm: Algorithm = Algorithm.ED25519) -> Signer:
        seed = hashlib.sha256(word.encode()).digest()
        private = (
            MLDSA44PrivateKey.from_seed_bytes(seed)
            if algorithm is Algorithm.ML_DSA_44
            else Ed25519PrivateKey.from_private_bytes(seed)
        )
        public = public_bytes(private)
        info = KeyInfo(
            key_id=key_id_of(algorithm, public),
            algorithm=algorithm,
            purpose=Purpose.CHECKPOINT,
            issuer="office",
            not_before=datetime(2026, 1, 1, tzinfo=UTC),
            not_after=datetime(2036, 1, 1, tzinfo=UTC),
            state=KeyState.ACTIVE,
            public_key=public,
        )
        return software_signer(info, private)

    return make
