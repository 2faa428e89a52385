"""`office.json` in the trust folder: the office's upload keys (上报密钥), for the centre.

A DSSE envelope signed by the log's Ed25519 key, as `issuers.json` is; the key's leaves in the log
say where it came and went. Only who takes uploads needs it: a verifier of certificates does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from keys import strict
from keys.errors import KeyRefused, TrustBroken
from keys.log_signed import log_keys_of, sign_file, signed_payload
from keys.model import Algorithm, KeyId, KeyState, Purpose
from keys.policy import Policy
from keys.signer import Signer
from keys.trust import TrustedKey

OFFICE_KEYS_TYPE: Final = "application/vnd.certreg.office-keys.v1+json"
OFFICE_KEYS_FILE: Final = "office.json"
MAX_OFFICE_KEYS: Final = 1 << 20
"""Longest office.json read, in bytes; a key takes 350."""

_LEAF = re.compile("|0|[1-9][0-9]{0,15}", re.ASCII)


def office_keys_json(keys: Iterable[TrustedKey], *, issued_at: datetime, signer: Signer) -> bytes:
    """Write office.json, signed by the log's Ed25519 checkpoint key.

    Raises KeyRefused for another key.
    """
    info = signer.info
    if (info.algorithm, info.purpose) != (Algorithm.ED25519, Purpose.CHECKPOINT):
        raise KeyRefused("office.json is signed by the log's Ed25519 checkpoint key, by no other")
    payload = _payload(tuple(keys), strict.to_time(issued_at))
    return sign_file(payload, OFFICE_KEYS_TYPE, signer)


def load_office_keys(directory: Path, policy: Policy) -> tuple[TrustedKey, ...]:
    """Read and check office.json of a trust folder, under the log keys of its policy.

    Raises TrustBroken, also where there is none: an office of an older program sends no uploads.
    """
    file = directory / OFFICE_KEYS_FILE
    try:
        with file.open("rb") as handle:
            data = handle.read(MAX_OFFICE_KEYS + 1)
        return _read(data, policy)
    except (OSError, ValueError) as fault:
        raise TrustBroken(f"{file}: {fault}; get the trust folder again from the office") from None


def _read(data: bytes, policy: Policy) -> tuple[TrustedKey, ...]:
    if len(data) > MAX_OFFICE_KEYS:
        raise ValueError(f"longer than {MAX_OFFICE_KEYS} bytes")
    payload = signed_payload(data, OFFICE_KEYS_TYPE, log_keys_of(policy))
    found = strict.decode(payload)
    keys = tuple(map(_read_key, strict.objects_of(found, "keys")))
    if _payload(keys, strict.text_of(found, "issued_at")) != payload:
        raise ValueError("the payload is not in the form it is written in")
    strict.time_of(found, "issued_at")
    if len({key.key_id for key in keys}) != len(keys):
        raise ValueError("the same key stands in it twice")
    return keys


def _payload(keys: tuple[TrustedKey, ...], issued_at: str) -> bytes:
    listed = [_write_key(key) for key in keys]
    return strict.encode({"issued_at": issued_at, "keys": listed, "v": 1})


def _write_key(key: TrustedKey) -> dict[str, object]:
    return {
        "added": "" if key.added_leaf is None else str(key.added_leaf),
        "algorithm": key.algorithm.value,
        "ended": "" if key.ended_leaf is None else str(key.ended_leaf),
        "id": key.key_id,
        "not_after": strict.to_time(key.not_after),
        "not_before": strict.to_time(key.not_before),
        "public": strict.to_base64(key.public_key),
        "purpose": key.purpose.value,
        "revoked_at": strict.to_time(key.revoked_at) if key.revoked_at else "",
        "state": key.state.value,
    }


def _read_key(value: Mapping[str, object]) -> TrustedKey:
    places = [strict.text_of(value, name) for name in ("added", "ended")]
    if not all(map(_LEAF.fullmatch, places)):
        raise ValueError("a key's place in the log is no leaf index")
    added, ended = (int(text) if text else None for text in places)
    return TrustedKey(
        key_id=KeyId(strict.text_of(value, "id")),
        algorithm=Algorithm(strict.text_of(value, "algorithm")),
        purpose=Purpose(strict.text_of(value, "purpose")),
        public_key=strict.bytes_of(value, "public"),
        not_before=strict.time_of(value, "not_before"),
        not_after=strict.time_of(value, "not_after"),
        state=KeyState(strict.text_of(value, "state")),
        revoked_at=strict.time_of(value, "revoked_at") if value.get("revoked_at") != "" else None,
        added_leaf=added,
        ended_leaf=ended,
    )
