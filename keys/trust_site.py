"""The public site's own keys (查验凭证密钥), announced in the trust folder: `site-keys.json`.

The site signs the receipts of bulk checks with a key that signs nothing else. This file says
which keys those are; it is signed by the log's Ed25519 checkpoint key, as `issuers.json` is, so
`log.policy` alone has to be come by safely. A folder without the file knows no such key.

A retired key's receipts stay good. Of a revoked key none is believed, whatever day it names:
whoever has the key can write any day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from keys import strict
from keys.errors import KeyRefused, TrustBroken
from keys.log_signed import log_keys_of, sign_file, signed_payload
from keys.model import (
    PUBLIC_KEY_BYTES,
    Algorithm,
    KeyId,
    KeyState,
    Purpose,
    key_id_of,
)
from keys.policy import Policy
from keys.signer import Signer

SITE_KEYS_TYPE: Final = "application/vnd.certreg.site-keys.v1+json"
SITE_KEYS_FILE: Final = "site-keys.json"
MAX_SITE_KEYS: Final = 1 << 16
"""Longest file read, in bytes: some two hundred keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteKey:
    """An Ed25519 key of the site (32 bytes), valid from `not_before` until before `not_after`.

    Raises ValueError on disagreement.
    """

    key_id: KeyId
    public_key: bytes
    not_before: datetime
    not_after: datetime
    state: KeyState

    def __post_init__(self) -> None:
        if len(self.public_key) != PUBLIC_KEY_BYTES[Algorithm.ED25519]:
            raise ValueError("a site key has the wrong length")
        if self.key_id != key_id_of(Algorithm.ED25519, self.public_key):
            raise ValueError("a site key's id does not belong to it")
        if self.not_before >= self.not_after:
            raise ValueError("a site key's validity ends before it begins")

    def signs(self, at: datetime) -> bool:
        """Whether receipts of the moment `at` may be signed with it."""
        return self.state is KeyState.ACTIVE and self.not_before <= at < self.not_after


def site_keys_json(keys: Iterable[SiteKey], *, issued_at: datetime, signer: Signer) -> bytes:
    """Write the file, signed by the log's Ed25519 checkpoint key. Raises KeyRefused for another."""
    info = signer.info
    if (info.algorithm, info.purpose) != (Algorithm.ED25519, Purpose.CHECKPOINT):
        raise KeyRefused("site-keys.json is signed by the log's Ed25519 checkpoint key alone")
    payload = _write(tuple(keys), issued_at)
    return sign_file(payload, SITE_KEYS_TYPE, signer)


def load_site_keys(directory: Path, policy: Policy) -> tuple[SiteKey, ...]:
    """Read the file of a trust folder under its policy; none where there is no file.

    Raises TrustBroken, which says what to do.
    """
    file = directory / SITE_KEYS_FILE
    try:
        with file.open("rb") as handle:
            data = handle.read(MAX_SITE_KEYS + 1)
    except FileNotFoundError:
        return ()
    except OSError as fault:
        raise TrustBroken(f"cannot read {file} ({fault.strerror})") from None
    try:
        return _read(data, policy)
    except ValueError as fault:
        again = "get the trust folder again from the office, over a way you trust"
        raise TrustBroken(f"{file}: {fault}; {again}") from None


def _read(data: bytes, policy: Policy) -> tuple[SiteKey, ...]:
    if len(data) > MAX_SITE_KEYS:
        raise ValueError(f"longer than {MAX_SITE_KEYS} bytes")
    payload = signed_payload(data, SITE_KEYS_TYPE, log_keys_of(policy))
    found = strict.decode(payload)
    keys = tuple(map(_read_key, strict.objects_of(found, "keys")))
    if _write(keys, strict.time_of(found, "issued_at")) != payload:
        raise ValueError("the payload is not in the form it is written in")
    if len({key.key_id for key in keys}) != len(keys):
        raise ValueError("the same key stands in the list twice")
    return keys


def _write(keys: tuple[SiteKey, ...], issued_at: datetime) -> bytes:
    return strict.encode(
        {
            "issued_at": strict.to_time(issued_at),
            "keys": [
                {
                    "id": key.key_id,
                    "not_after": strict.to_time(key.not_after),
                    "not_before": strict.to_time(key.not_before),
                    "public": strict.to_base64(key.public_key),
                    "state": key.state.value,
                }
                for key in keys
            ],
            "v": 1,
        }
    )


def _read_key(value: Mapping[str, object]) -> SiteKey:
    return SiteKey(
        key_id=KeyId(strict.text_of(value, "id")),
        public_key=strict.bytes_of(value, "public"),
        not_before=strict.time_of(value, "not_before"),
        not_after=strict.time_of(value, "not_after"),
        state=KeyState(strict.text_of(value, "state")),
    )
