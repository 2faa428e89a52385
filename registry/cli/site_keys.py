"""The public site's receipt key: made in the key ring, copied to the site, announced as trusted.

The ring keeps the private half as its backup and says in what state the key is; the site's working
process reads its own copy, `site/receipt.key`, and has no passphrase.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys.model import OFFICE, Algorithm, KeyInfo, KeyState, Purpose
from keys.ring import KeyRing
from keys.sealed import write_private
from keys.trust_site import SiteKey
from registry.cli.key_terms import LIFETIME, SKEW
from registry.errors import Refused

RECEIPT_KEY = "receipt.key"
_OURS = (Purpose.CHECK, OFFICE)


def receipt_key_file(site_folder: Path) -> Path:
    """Return where the site's copy of the key lies."""
    return site_folder / RECEIPT_KEY


def complete_receipt_key(ring: KeyRing, site_folder: Path, now: datetime) -> KeyInfo:
    """Make the receipt key if there is none in force, and the site's copy if it is missing."""
    active = [key for key in site_ring_keys(ring) if key.state is KeyState.ACTIVE]
    key = active[-1] if active else _generate(ring, now)
    file = receipt_key_file(site_folder)
    if not file.is_file():
        _hand_over(ring, key, file, now)
    return key


def change_receipt_key(
    ring: KeyRing, site_folder: Path, now: datetime, *, end: KeyState
) -> KeyInfo:
    """Make a new receipt key and end the others: retired, or revoked if others may have them."""
    key = _generate(ring, now)
    _hand_over(ring, key, receipt_key_file(site_folder), now)
    for old in site_ring_keys(ring):
        if old.key_id != key.key_id and old.state is not KeyState.REVOKED:
            ring.set_state(old.key_id, end)
    return key


def site_ring_keys(ring: KeyRing) -> list[KeyInfo]:
    """Return the ring's receipt keys, oldest first."""
    known = ring.keys()
    return [key for key in known if (key.purpose, key.issuer) == _OURS]


def announced(ring: KeyRing) -> list[SiteKey]:
    """Return the receipt keys as the trust folder announces them."""
    return [
        SiteKey(
            key_id=key.key_id,
            public_key=key.public_key,
            not_before=key.not_before,
            not_after=key.not_after,
            state=key.state,
        )
        for key in site_ring_keys(ring)
    ]


def _generate(ring: KeyRing, now: datetime) -> KeyInfo:
    return ring.generate(
        algorithm=Algorithm.ED25519,
        purpose=Purpose.CHECK,
        issuer=OFFICE,
        not_before=now - SKEW,
        not_after=now + LIFETIME,
    )


def _hand_over(ring: KeyRing, key: KeyInfo, file: Path, now: datetime) -> None:
    private = ring.signer(Purpose.CHECK, OFFICE, now, only=key.key_id).private_key
    if not isinstance(private, Ed25519PrivateKey):
        msg = f"key {key.key_id} is no Ed25519 key: run `certreg site key --change`"
        raise Refused(msg)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(file, private.private_bytes_raw(), replace=True)
