"""The announced keys of the site: read back as written, and refused when anything was changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from keys.errors import KeyRefused, TrustBroken
from keys.model import KeyState, Purpose
from keys.policy import Policy, PolicyLog
from keys.trust_site import SITE_KEYS_FILE, SiteKey, load_site_keys, site_keys_json
from keys.vkey import SignatureType, VerifierKey


@pytest.fixture
def office(ring: Any, generate: Callable[..., Any], now: datetime) -> Any:
    generate(purpose=Purpose.CHECKPOINT, issuer="office")
    return ring.signer(Purpose.CHECKPOINT, "office", now)


@pytest.fixture
def policy(office: Any) -> Policy:
    key = office.info.public_key
    vkey = VerifierKey(name="zs.example.cn/log", type=SignatureType.ED25519, public_key=key)
    return Policy(logs=(PolicyLog(key=vkey),))


@pytest.fixture
def keys(ring: Any, generate: Callable[..., Any], now: datetime) -> list[SiteKey]:
    made = [generate(purpose=Purpose.CHECK, issuer="office") for _ in range(2)]
    states = (KeyState.REVOKED, KeyState.ACTIVE)
    return [
        SiteKey(
            key_id=key.key_id,
            public_key=key.public_key,
            not_before=key.not_before,
            not_after=key.not_after,
            state=state,
        )
        for key, state in zip(made, states, strict=True)
    ]


def test_they_are_read_back_as_written(
    tmp_path: Path, office: Any, policy: Policy, keys: list[SiteKey], now: datetime
) -> None:
    assert load_site_keys(tmp_path, policy) == ()
    (tmp_path / SITE_KEYS_FILE).write_bytes(site_keys_json(keys, issued_at=now, signer=office))
    assert load_site_keys(tmp_path, policy) == tuple(keys)
    assert not keys[0].signs(now)
    assert keys[1].signs(keys[1].not_before)
    assert not keys[1].signs(keys[1].not_after)
    assert not keys[1].signs(keys[1].not_before - timedelta(seconds=1))


def test_every_changed_byte_is_refused(
    tmp_path: Path, office: Any, policy: Policy, keys: list[SiteKey], now: datetime
) -> None:
    data = site_keys_json(keys, issued_at=now, signer=office)
    for at in range(0, len(data), 5):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        (tmp_path / SITE_KEYS_FILE).write_bytes(changed)
        with pytest.raises(TrustBroken):
            load_site_keys(tmp_path, policy)


def test_the_logs_key_alone_announces(
    *,
    tmp_path: Path,
    ring: Any,
    generate: Callable[..., Any],
    policy: Policy,
    keys: list[SiteKey],
    now: datetime,
) -> None:
    wrong = ring.signer(Purpose.CHECK, "office", now)
    with pytest.raises(KeyRefused):
        site_keys_json(keys, issued_at=now, signer=wrong)
    generate(purpose=Purpose.CHECKPOINT, issuer="office")
    strangers = [
        key
        for key in reversed(ring.keys())
        if key.purpose is Purpose.CHECKPOINT and key.public_key != policy.logs[0].key.public_key
    ]
    other = ring.signer(Purpose.CHECKPOINT, "office", now, only=strangers[0].key_id)
    (tmp_path / SITE_KEYS_FILE).write_bytes(site_keys_json(keys, issued_at=now, signer=other))
    with pytest.raises(TrustBroken, match="not signed by the log"):
        load_site_keys(tmp_path, policy)


def test_a_key_that_contradicts_itself_is_none(keys: list[SiteKey]) -> None:
    for change in (
        {"public_key": bytes(31)},
        {"public_key": bytes(32)},
        {"not_after": keys[0].not_before},
    ):
        with pytest.raises(ValueError, match="site key"):
            replace(keys[0], **change)
