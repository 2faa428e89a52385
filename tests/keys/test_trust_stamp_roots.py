"""The roots of timestamp authorities in issuers.json: there when there are any, and only then."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys.ceremony import make_seal_root
from keys.errors import TrustBroken
from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.policy import Policy, PolicyLog, format_policy
from keys.signer import software_signer
from keys.trust import ISSUERS_FILE, POLICY_FILE, issuers_json, load_trust
from keys.vkey import SignatureType, VerifierKey

NOW = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
ROOTS = tuple(make_seal_root(generate_private_key(SECP256R1()), name, NOW) for name in "ab")


@pytest.fixture(scope="module")
def signer() -> Any:
    private = Ed25519PrivateKey.from_private_bytes(b"S" * 32)
    public = private.public_key().public_bytes_raw()
    info = KeyInfo(
        key_id=key_id_of(Algorithm.ED25519, public),
        algorithm=Algorithm.ED25519,
        purpose=Purpose.CHECKPOINT,
        issuer="office",
        not_before=NOW.replace(year=2025),
        not_after=NOW.replace(year=2030),
        state=KeyState.ACTIVE,
        public_key=public,
    )
    return software_signer(info, private)


def listed(signer: Any, *roots: bytes) -> bytes:
    return issuers_json(
        issuers=[],
        seal_root=None,
        base_url="http://127.0.0.1:8000",
        issued_at=NOW,
        signer=signer,
        stamp_roots=roots,
    )


@pytest.mark.parametrize("roots", [(), ROOTS[:1], ROOTS])
def test_they_are_read_as_written(signer: Any, tmp_path: Path, roots: tuple[bytes, ...]) -> None:
    key = VerifierKey(
        name="127.0.0.1:8000/log", type=SignatureType.ED25519, public_key=signer.info.public_key
    )
    (tmp_path / POLICY_FILE).write_bytes(format_policy(Policy(logs=(PolicyLog(key=key),))))
    (tmp_path / ISSUERS_FILE).write_bytes(listed(signer, *roots))
    assert load_trust(tmp_path).stamp_roots == roots


def test_a_list_without_any_does_not_mention_them(signer: Any) -> None:
    for roots, there in (((), False), (ROOTS, True)):
        payload = base64.b64decode(json.loads(listed(signer, *roots))["payload"])
        assert (b"stamp_roots" in payload) is there


@pytest.mark.parametrize("root", [b"", b"x", ROOTS[0][:-1]])
def test_what_is_no_certificate_is_not_written(signer: Any, root: bytes) -> None:
    with pytest.raises(TrustBroken):
        listed(signer, ROOTS[1], root)
