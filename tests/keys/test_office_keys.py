"""office.json: what is signed is read back; anything else is TrustBroken and no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from keys import strict
from keys.dsse import pae
from keys.errors import KeyRefused, TrustBroken
from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.office_keys import (
    MAX_OFFICE_KEYS,
    OFFICE_KEYS_FILE,
    OFFICE_KEYS_TYPE,
    load_office_keys,
    office_keys_json,
)
from keys.policy import Policy, PolicyLog
from keys.signer import PrivateKeySigner, software_signer
from keys.trust import TrustedKey
from keys.vkey import SignatureType, VerifierKey

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)


def signer_of(seed: int, purpose: Purpose) -> PrivateKeySigner:
    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    public = private.public_key().public_bytes_raw()
    info = KeyInfo(
        key_id=key_id_of(Algorithm.ED25519, public),
        algorithm=Algorithm.ED25519,
        purpose=purpose,
        issuer="office",
        not_before=START,
        not_after=END,
        state=KeyState.ACTIVE,
        public_key=public,
    )
    return software_signer(info, private)


def trusted(seed: int) -> TrustedKey:
    info = signer_of(seed, Purpose.UPLOAD).info
    return TrustedKey(
        key_id=info.key_id,
        algorithm=info.algorithm,
        purpose=info.purpose,
        public_key=info.public_key,
        not_before=START,
        not_after=END,
        state=KeyState.ACTIVE,
    )


LOG = signer_of(1, Purpose.CHECKPOINT)
KEYS = (
    replace(trusted(2), state=KeyState.REVOKED, revoked_at=NOW, added_leaf=0, ended_leaf=7),
    replace(trusted(3), state=KeyState.RETIRED, added_leaf=5),
    trusted(4),
)


def policy_of(signer: PrivateKeySigner) -> Policy:
    public = signer.info.public_key
    key = VerifierKey(name="example.cn/log", type=SignatureType.ED25519, public_key=public)
    return Policy(logs=(PolicyLog(key=key),))


def read(folder: Path, data: bytes, signer: PrivateKeySigner = LOG) -> tuple[TrustedKey, ...]:
    (folder / OFFICE_KEYS_FILE).write_bytes(data)
    return load_office_keys(folder, policy_of(signer))


@pytest.mark.parametrize("keys", [(), KEYS[:1], KEYS])
def test_what_is_written_is_read_back(tmp_path: Path, keys: tuple[TrustedKey, ...]) -> None:
    data = office_keys_json(keys, issued_at=NOW, signer=LOG)
    assert read(tmp_path, data) == keys


def test_another_log_s_list_is_refused(tmp_path: Path) -> None:
    data = office_keys_json(KEYS, issued_at=NOW, signer=LOG)
    with pytest.raises(TrustBroken, match=r"not signed by the log of log\.policy"):
        read(tmp_path, data, signer_of(9, Purpose.CHECKPOINT))


def test_only_the_log_s_key_signs_it() -> None:
    with pytest.raises(KeyRefused):
        office_keys_json(KEYS, issued_at=NOW, signer=signer_of(2, Purpose.UPLOAD))


def test_a_missing_or_long_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrustBroken, match="get the trust folder again"):
        load_office_keys(tmp_path, policy_of(LOG))
    with pytest.raises(TrustBroken, match="longer than"):
        read(tmp_path, b" " * (MAX_OFFICE_KEYS + 1))


@given(st.data())
def test_any_changed_byte_is_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    good = office_keys_json(KEYS, issued_at=NOW, signer=LOG)
    at = data.draw(st.integers(0, len(good) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda n: n != good[at]))
    with pytest.raises(TrustBroken):
        read(tmp_path_factory.mktemp("k"), good[:at] + bytes([byte]) + good[at + 1 :])


@pytest.mark.parametrize(
    "change",
    [
        {"added": "07"},
        {"added": "-1"},
        {"added": 1},
        {"ended": "1"},
        {"state": "gone"},
        {"id": "0" * 16},
        {"revoked_at": "2026-11-23T01:02:03Z"},
        {"extra": ""},
    ],
)
def test_a_signed_list_out_of_form_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    """Even the log's own signature carries no key that contradicts itself."""
    data = office_keys_json(KEYS[2:], issued_at=NOW, signer=LOG)
    payload = strict.decode(strict.bytes_of(strict.decode(data), "payload"))
    key = strict.objects_of(payload, "keys")[0] | change
    spoiled = strict.encode({**payload, "keys": [key]})
    signature = LOG.sign(pae(OFFICE_KEYS_TYPE, spoiled))
    signatures = [{"keyid": LOG.info.key_id, "sig": strict.to_base64(signature)}]
    envelope = {
        "payload": strict.to_base64(spoiled),
        "payloadType": OFFICE_KEYS_TYPE,
        "signatures": signatures,
    }
    with pytest.raises(TrustBroken):
        read(tmp_path, strict.encode(envelope))


def test_the_same_key_twice_is_refused(tmp_path: Path) -> None:
    data = office_keys_json((KEYS[2], KEYS[2]), issued_at=NOW, signer=LOG)
    with pytest.raises(TrustBroken, match="twice"):
        read(tmp_path, data)
