"""A small real log in memory: issuer, checkpoint and witness keys, five certificates."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.policy import Policy, PolicyLog, PolicyWitness
from keys.signer import PrivateKeySigner, public_bytes, software_signer
from keys.trust import Trust, TrustedIssuer, TrustedKey
from keys.vkey import SignatureType, VerifierKey
from signing.bundle import Evidence
from signing.envelope import Envelope, sign_record
from signing.record import IdType, Record, canonical, commitment
from signing.statusfile import StatusFile, status_file_of
from signing.tlog.checkpoint import Checkpoint, cosign_checkpoint, sign_checkpoint
from signing.tlog.entry import (
    BatchClose,
    Issue,
    Milestone,
    State,
    Status,
    StatusChange,
    encode_entry,
)
from signing.tlog.merkle import leaf_hashes, root_of
from signing.tlog.note import format_note, parse_note
from signing.tlog.paths import HashLevels, inclusion_path
from signing.tlog.proof import TlogProof
from signing.tlog.status import StatusPages, StatusStaple, blank_pages, set_state

NOW = datetime(2026, 11, 24, 2, 0, 0, tzinfo=UTC)
PREFIX = "Y000044999001"
OTHER_PREFIX = "Y000044999002"
ORIGIN = "zs.example.cn/log"
WITNESS = "witness.example.org"


def _record(**change: Any) -> Record:
    base = Record(
        admission="2026112300017",
        direction="数控车",
        edition=1,
        id_number="440300199001010011",
        id_type=IdType.RESIDENT,
        issued="2026-11-23",
        issuer="深圳市示例精密制造有限公司",
        level="3",
        name="张示例",
        number=f"{PREFIX}263000001",
        occupation="车工",
        occupation_code="6-18-01-01",
        prefix=PREFIX,
        previous="",
    )
    return msgspec.structs.replace(base, **change)


def _signer(seed: int, purpose: Purpose, issuer: str) -> PrivateKeySigner:
    private_key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    public_key = public_bytes(private_key)
    info = KeyInfo(
        key_id=key_id_of(Algorithm.ED25519, public_key),
        algorithm=Algorithm.ED25519,
        purpose=purpose,
        issuer=issuer,
        not_before=datetime(2026, 1, 1, tzinfo=UTC),
        not_after=datetime(2028, 1, 1, tzinfo=UTC),
        state=KeyState.ACTIVE,
        public_key=public_key,
    )
    return software_signer(info, private_key)


@pytest.fixture(scope="session")
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def make_record() -> Callable[..., Record]:
    """A synthetic record, with the given fields changed and nothing checked."""
    return _record


@pytest.fixture(scope="session")
def make_signer() -> Callable[[int, Purpose, str], PrivateKeySigner]:
    """An Ed25519 signer from a one-byte seed."""
    return _signer


@pytest.fixture(scope="session")
def record_signer() -> PrivateKeySigner:
    return _signer(1, Purpose.RECORD, PREFIX)


@dataclass(kw_only=True)
class SmallLog:
    """What an office publishes after one batch, and what it keeps of each certificate."""

    records: list[Record]
    record_signer: PrivateKeySigner
    log_signer: PrivateKeySigner
    witness_signer: PrivateKeySigner
    states: dict[int, State] = field(default_factory=dict)
    status_time: str = "2026-11-24T01:00:00Z"
    status_changes: dict[str, Any] = field(default_factory=dict)
    leaves: list[bytes] = field(init=False)
    status_index: int = field(init=False)
    pages: StatusPages = field(init=False)
    note: bytes = field(init=False)

    def __post_init__(self) -> None:
        states = blank_pages(len(self.records))
        for index, state in self.states.items():
            set_state(states, index, state)
        self.pages = StatusPages(bytes(states))
        self.leaves = [encode_entry(self.milestone(0))]
        self.leaves += [encode_entry(self.issue(at)) for at in range(len(self.records))]
        self.leaves.append(encode_entry(self.close()))
        self.status_index = len(self.leaves)
        self.leaves.append(encode_entry(self.status()))
        self.leaves += [encode_entry(self.milestone(at)) for at in range(1, 5)]
        self.note = self.sign()

    def tree(self) -> HashLevels:
        return HashLevels(leaf_hashes(self.leaves))

    def opening(self, at: int) -> bytes:
        return bytes([100 + at]) * 32

    def envelope(self, at: int) -> Envelope:
        return sign_record(canonical(self.records[at]), self.record_signer)

    def issue(self, at: int) -> Issue:
        record = self.records[at]
        return Issue(
            batch="B-2026-000001",
            commit=commitment(self.opening(at), canonical(record)).hex(),
            edition=record.edition,
            number=record.number,
            prefix=record.prefix,
            status=at,
        )

    def close(self) -> BatchClose:
        issued = leaf_hashes(self.leaves[1:])
        return BatchClose(
            batch="B-2026-000001",
            count=len(issued),
            filing="深职鉴备〔2026〕001",
            first=1,
            last=len(issued),
            root=root_of(issued).hex(),
        )

    def status(self) -> Status:
        usual = Status(
            before=self.status_index,
            count=len(self.records),
            root=self.pages.root().hex(),
            time=self.status_time,
        )
        return msgspec.structs.replace(usual, **self.status_changes)

    def milestone(self, at: int) -> Milestone:
        return Milestone(
            commit=f"{at:064x}", kind="plan", subject=f"P-{at}", time="2026-11-20T00:00:00Z"
        )

    def sign(self, *, origin: str = ORIGIN, witnessed: bool = True, **change: Any) -> bytes:
        tree = self.tree()
        head = {"origin": origin, "size": tree.size, "root": tree.root()} | change
        note = parse_note(sign_checkpoint(Checkpoint(**head), [self.log_signer]))
        if witnessed:
            cosigned = cosign_checkpoint(note.text, WITNESS, self.witness_signer, now=NOW)
            note = replace(note, signatures=(*note.signatures, cosigned))
        return format_note(note)

    def path(self, index: int) -> tuple[bytes, ...]:
        tree = self.tree()
        return tuple(inclusion_path(index, tree.size, tree))

    def staple(self, at: int) -> StatusStaple:
        return self.pages.staple(
            at,
            entry=self.leaves[self.status_index],
            entry_index=self.status_index,
            entry_path=self.path(self.status_index),
        )

    def evidence(self, at: int = 2) -> Evidence:
        return Evidence(
            envelope=self.envelope(at),
            opening=self.opening(at),
            entry=self.leaves[1 + at],
            proof=TlogProof(index=1 + at, path=self.path(1 + at), checkpoint_note=self.note),
            staple=self.staple(at),
        )


def _trusted(signer: PrivateKeySigner, **change: Any) -> TrustedKey:
    info = signer.info
    key = TrustedKey(
        key_id=info.key_id,
        algorithm=info.algorithm,
        purpose=info.purpose,
        public_key=info.public_key,
        not_before=info.not_before,
        not_after=info.not_after,
        state=info.state,
    )
    return replace(key, **change)


@pytest.fixture(scope="session")
def trusted_key() -> Callable[..., TrustedKey]:
    """The trust file's entry of a signer's key, with the given facts changed."""
    return _trusted


@pytest.fixture(scope="session")
def log_signer() -> PrivateKeySigner:
    return _signer(2, Purpose.CHECKPOINT, "office")


@pytest.fixture(scope="session")
def other_signer() -> PrivateKeySigner:
    """The record key of another company the office knows."""
    return _signer(4, Purpose.RECORD, OTHER_PREFIX)


@pytest.fixture(scope="session")
def make_log(
    record_signer: PrivateKeySigner, log_signer: PrivateKeySigner
) -> Callable[..., SmallLog]:
    """A log of five certificates, with the given things changed."""
    records = [_record(number=f"{PREFIX}26300000{at}", name=f"张示例{at}") for at in range(1, 6)]

    def make(**change: Any) -> SmallLog:
        usual: dict[str, Any] = {
            "records": records,
            "record_signer": record_signer,
            "log_signer": log_signer,
            "witness_signer": _signer(3, Purpose.CHECKPOINT, "office"),
        }
        return SmallLog(**usual | change)

    return make


@pytest.fixture(scope="session")
def log(make_log: Callable[..., SmallLog]) -> SmallLog:
    return make_log()


@pytest.fixture(scope="session")
def trust(log: SmallLog, record_signer: PrivateKeySigner, other_signer: PrivateKeySigner) -> Trust:
    log_key = VerifierKey(
        name=ORIGIN, type=SignatureType.ED25519, public_key=log.log_signer.info.public_key
    )
    witness_key = VerifierKey(
        name=WITNESS,
        type=SignatureType.ED25519_COSIGNATURE,
        public_key=log.witness_signer.info.public_key,
    )
    issuers = (
        TrustedIssuer(
            prefix=PREFIX,
            name="深圳市示例精密制造有限公司",
            uscc="91440300EXAMPLE001",
            keys=(_trusted(record_signer),),
        ),
        TrustedIssuer(
            prefix=OTHER_PREFIX,
            name="深圳市另一示例有限公司",
            uscc="91440300EXAMPLE002",
            keys=(_trusted(other_signer),),
        ),
    )
    return Trust(
        policy=Policy(
            logs=(PolicyLog(key=log_key),),
            witnesses=(PolicyWitness(name="w1", key=witness_key),),
            quorum="w1",
        ),
        issuers={issuer.prefix: issuer for issuer in issuers},
        seal_root=None,
        base_url="https://zs.example.cn",
        issued_at=NOW,
    )


def go_on(log: Any, states: dict[int, State], time: str, count: int = 5) -> Any:
    """Return the log with changes to `states` and a status entry of this time at its end."""
    later = copy.copy(log)
    later.leaves = list(log.leaves)
    for index, state in states.items():
        change = StatusChange(index=index, link="", reason="test", state=state)
        later.leaves.append(encode_entry(change))
    pages = blank_pages(count)
    for index, state in states.items():
        set_state(pages, index, state)
    later.pages = StatusPages(bytes(pages))
    later.status_index = len(later.leaves)
    entry = Status(before=later.status_index, count=count, root=later.pages.root().hex(), time=time)
    later.leaves.append(encode_entry(entry))
    later.note = later.sign()
    return later


@pytest.fixture(scope="session")
def make_later() -> Callable[..., Any]:
    """The log gone on; see `go_on`."""
    return go_on


@pytest.fixture(scope="session")
def file_of() -> Callable[..., StatusFile]:
    """The status file that a log publishes now; `note` stands in for its checkpoint."""

    def make(log: Any, note: bytes = b"", page: int = 0) -> StatusFile:
        return status_file_of(log.staple(4096 * page), note or log.note)

    return make
