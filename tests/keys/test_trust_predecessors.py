"""The frozen logs before this one, in issuers.json: there when there are any, and only then."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys.errors import TrustBroken
from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.policy import Policy, PolicyLog, format_policy
from keys.signer import software_signer
from keys.trust import ISSUERS_FILE, POLICY_FILE, issuers_json, load_trust
from keys.vkey import SignatureType, VerifierKey

NOW = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
BEFORE = ("127.0.0.1:8000/log", "127.0.0.1:8000/log2")


@pytest.fixture(scope="module")
def signer() -> Any:
    private = Ed25519PrivateKey.from_private_bytes(b"P" * 32)
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


def listed(signer: Any, *predecessors: str) -> bytes:
    return issuers_json(
        issuers=[],
        seal_root=None,
        base_url="http://127.0.0.1:8000",
        issued_at=NOW,
        signer=signer,
        predecessors=predecessors,
    )


def folder(signer: Any, path: Path, data: bytes) -> Path:
    key = VerifierKey(
        name="127.0.0.1:8000/log3",
        type=SignatureType.ED25519,
        public_key=signer.info.public_key,
    )
    (path / POLICY_FILE).write_bytes(format_policy(Policy(logs=(PolicyLog(key=key),))))
    (path / ISSUERS_FILE).write_bytes(data)
    return path


@pytest.mark.parametrize("before", [(), BEFORE[:1], BEFORE])
def test_they_are_read_as_written(signer: Any, tmp_path: Path, before: tuple[str, ...]) -> None:
    trust = load_trust(folder(signer, tmp_path, listed(signer, *before)))
    assert trust.predecessors == before


def test_a_log_without_any_does_not_mention_them(signer: Any) -> None:
    import base64

    payload = base64.b64decode(json.loads(listed(signer))["payload"])
    assert b"predecessors" not in payload


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\nb"])
def test_what_is_no_origin_is_not_written(signer: Any, origin: str) -> None:
    with pytest.raises(TrustBroken):
        listed(signer, BEFORE[0], origin)
