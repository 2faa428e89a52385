"""A log that can grow and fork at will, and witnesses that watch it. Keys are made from seeds."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys import ring
from keys.model import OFFICE, Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.policy import Policy, PolicyLog
from keys.sealed import ScryptParams
from keys.signer import PrivateKeySigner, public_bytes, software_signer
from keys.vkey import SignatureType, VerifierKey
from registry.ledger.witness.cosigner import Witness
from registry.ledger.witness.evidence import Forks
from registry.ledger.witness.starting import Started, start_witness
from registry.ledger.witness.state import State
from registry.ledger.witness.wire import AddCheckpoint, format_request
from signing.tlog.checkpoint import Checkpoint, sign_checkpoint
from signing.tlog.merkle import leaf_hash
from signing.tlog.paths import HashLevels, consistency_path

NOW = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
ORIGIN = "log.example/ledger"
NAME = "witness.example/w1"


@dataclass
class Clock:
    """A clock that stands; mutable: a test moves it."""

    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment


def make_signer(seed: bytes) -> PrivateKeySigner:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public = public_bytes(private)
    info = KeyInfo(
        key_id=key_id_of(Algorithm.ED25519, public),
        algorithm=Algorithm.ED25519,
        purpose=Purpose.CHECKPOINT,
        issuer=OFFICE,
        not_before=NOW - timedelta(days=1),
        not_after=NOW + timedelta(days=1),
        state=KeyState.ACTIVE,
        public_key=public,
    )
    return software_signer(info, private)


@dataclass
class ToyLog:
    """A log in memory; mutable: it grows. `leaves` are its entries."""

    origin: str = ORIGIN
    seed: bytes = b"\x01" * 32
    leaves: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.signer = make_signer(self.seed)
        self.key = VerifierKey(
            name=self.origin,
            type=SignatureType.ED25519,
            public_key=self.signer.info.public_key,
        )

    @property
    def policy(self) -> Policy:
        return Policy(logs=(PolicyLog(key=self.key),))

    def grow(self, count: int, mark: str = "entry") -> ToyLog:
        """Append entries and give the log back."""
        start = len(self.leaves)
        self.leaves += [f"{mark} {index}".encode() for index in range(start, start + count)]
        return self

    def forked(self, size: int) -> ToyLog:
        """Give a log with the same key that shares the first `size` entries."""
        return ToyLog(origin=self.origin, seed=self.seed, leaves=self.leaves[:size])

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        size = len(self.leaves) if size is None else size
        tree = HashLevels([leaf_hash(entry) for entry in self.leaves[:size]])
        root = tree.root() if size else hashlib.sha256(b"").digest()
        return Checkpoint(origin=self.origin, size=size, root=root)

    def note(self, size: int | None = None) -> bytes:
        return sign_checkpoint(self.checkpoint(size), [self.signer])

    def proof(self, old: int, size: int | None = None) -> tuple[bytes, ...]:
        size = len(self.leaves) if size is None else size
        tree = HashLevels([leaf_hash(entry) for entry in self.leaves[:size]])
        return tuple(consistency_path(old, size, tree))

    def request(self, old: int, size: int | None = None) -> bytes:
        """Give the honest request from the tree of `old` entries."""
        request = AddCheckpoint(old_size=old, proof=self.proof(old, size), note=self.note(size))
        return format_request(request)


@pytest.fixture(autouse=True)
def _cheap_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring, "ScryptParams", partial(ScryptParams, n=1 << 4))


@pytest.fixture
def log() -> ToyLog:
    return ToyLog()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def told() -> list[str]:
    """Give what the witness told its operator."""
    return []


OpenWitness = Callable[..., Witness]


@pytest.fixture
def open_witness(tmp_path: Path, log: ToyLog, clock: Clock, told: list[str]) -> OpenWitness:
    """Give the function that opens a witness over this test's folder: each call is a restart."""

    def opened(folder: Path = tmp_path / "state", **values: object) -> Witness:
        folder.mkdir(exist_ok=True)
        facts = {
            "name": NAME,
            "logs": log.policy.logs,
            "signers": [make_signer(b"\x02" * 32)],
            "state": State.prepare(folder, NAME, new=not (folder / "witness.db").exists()),
            "forks": Forks(folder / "forks", told.append),
            "clock": clock,
        }
        return Witness(**{**facts, **values})  # type: ignore[arg-type]

    return opened


@pytest.fixture
def witness(open_witness: OpenWitness) -> Witness:
    return open_witness()


@pytest.fixture
def start(tmp_path: Path, log: ToyLog, clock: Clock, told: list[str]) -> Callable[..., Started]:
    """Give the function that starts a witness with a key ring of its own."""
    passphrase = secrets.token_bytes(16).hex().encode()

    def started(folder: Path = tmp_path / "state", **values: object) -> Started:
        facts = {
            "name": NAME,
            "policy": log.policy,
            "passphrase": passphrase,
            "clock": clock,
            "tell": told.append,
        }
        return start_witness(folder, **{**facts, **values})  # type: ignore[arg-type]

    return started
