"""The file of the site's receipt key: the 32 bytes of an Ed25519 private key (RFC 8032), 0600.

The site's working process alone reads it, which has no passphrase to open a key ring with. Whoever
takes that host over can sign receipts until the office revokes the key, and nothing else.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys.errors import KeyFileBroken
from keys.model import OFFICE, Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.sealed import read_private
from keys.signer import Signer, software_signer

if TYPE_CHECKING:
    from pathlib import Path

ReceiptKey: TypeAlias = Signer
"""Signs receipts; see `signing.receipt.sign_receipt`."""

SEED_BYTES: Final = 32


def read_receipt_key(file: Path) -> ReceiptKey:
    """Read the key. Raises KeyFileExposed, KeyFileBroken, or OSError where there is none.

    Its validity is what the trust folder announces (`keys.trust_site`), not said here.
    """
    seed = read_private(file)
    if len(seed) != SEED_BYTES:
        raise KeyFileBroken(f"{file} must hold exactly {SEED_BYTES} bytes: run `certreg site key`")
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public = private.public_key().public_bytes_raw()
    info = KeyInfo(
        key_id=key_id_of(Algorithm.ED25519, public),
        algorithm=Algorithm.ED25519,
        purpose=Purpose.CHECK,
        issuer=OFFICE,
        not_before=datetime(1970, 1, 1, tzinfo=UTC),
        not_after=datetime(9999, 1, 1, tzinfo=UTC),
        state=KeyState.ACTIVE,
        public_key=public,
    )
    return software_signer(info, private)
