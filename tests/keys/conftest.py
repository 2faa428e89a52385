"""Shared by the tests of keys: one cheap cost for scrypt, one time, one policy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keys.model import Algorithm, KeyInfo, Purpose
from keys.ring import KeyRing
from keys.sealed import ScryptParams


@pytest.fixture(scope="session")
def cheap() -> ScryptParams:
    return ScryptParams(n=2, r=1, p=1)


@pytest.fixture(scope="session")
def now() -> datetime:
    return datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)


@pytest.fixture
def ring(tmp_path: Path, cheap: ScryptParams) -> KeyRing:
    return KeyRing.create(tmp_path / "keys", b"correct horse", scrypt=cheap)


@pytest.fixture
def reopen(tmp_path: Path) -> Callable[[], KeyRing]:
    return lambda: KeyRing.open(tmp_path / "keys", b"correct horse")


@pytest.fixture
def generate(ring: KeyRing, now: datetime) -> Callable[..., KeyInfo]:
    def make(
        purpose: Purpose = Purpose.RECORD,
        issuer: str = "Y000044999001",
        algorithm: Algorithm = Algorithm.ED25519,
        start: timedelta = timedelta(),
        days: int = 365,
    ) -> KeyInfo:
        return ring.generate(
            algorithm=algorithm,
            purpose=purpose,
            issuer=issuer,
            not_before=now + start,
            not_after=now + start + timedelta(days=days),
        )

    return make
