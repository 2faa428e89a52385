"""A small published directory, made with the signing functions alone, and the site over it.

Certificates by name: `valid`, `revoked`, `old` and `new` (two editions of one number),
`suspended`, and `second`, another one of the person of `valid`. Nobody here exists: the
people were born in 1900.
"""

from __future__ import annotations

import base64
import functools
import importlib.util
import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from flask.testing import FlaskClient

from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.policy import Policy, PolicyLog, format_policy
from keys.signer import PrivateKeySigner, software_signer
from keys.trust import TrustedIssuer, TrustedKey, issuers_json
from keys.vkey import SignatureType, VerifierKey
from signing.bundle import Evidence
from signing.envelope import sign_record
from signing.mirror import SCHEMA, MirrorEntry, seal_rows
from signing.record import IdType, Record, canonical, commitment, edition_digest
from signing.tlog.appender import TileAppender
from signing.tlog.checkpoint import Checkpoint, sign_checkpoint
from signing.tlog.entry import (
    Issue,
    Milestone,
    State,
    Status,
    StatusChange,
    encode_entry,
    format_time,
)
from signing.tlog.paths import inclusion_path
from signing.tlog.proof import TlogProof
from signing.tlog.status import StatusPages, blank_pages, set_state
from signing.tlog.tiles import TileReader
from verify_web.app import create_app
from verify_web.config import SiteConfig

NOW = datetime(2026, 11, 23, 10, 2, tzinfo=UTC)
BASE_URL = "http://127.0.0.1:8155"
ORIGIN = "127.0.0.1:8155/log"
PREFIX = "Y000044999001"
PEPPER = bytes(range(32))
FILLERS = 300


class FixedClock:
    def __init__(self, now: datetime = NOW) -> None:
        self.moment = now

    def now(self) -> datetime:
        return self.moment


def make_signer(seed: int, purpose: Purpose, issuer: str) -> PrivateKeySigner:
    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    public = private.public_key().public_bytes_raw()
    info = KeyInfo(
        key_id=key_id_of(Algorithm.ED25519, public),
        algorithm=Algorithm.ED25519,
        purpose=purpose,
        issuer=issuer,
        not_before=datetime(2026, 1, 1, tzinfo=UTC),
        not_after=datetime(2031, 1, 1, tzinfo=UTC),
        state=KeyState.ACTIVE,
        public_key=public,
    )
    return software_signer(info, private)


VALID = Record(
    admission="2026110001",
    direction="维修电工",
    edition=1,
    id_number="440301190001010019",
    id_type=IdType.RESIDENT,
    issued="2026-11-20",
    issuer="示例精密制造有限公司",
    level="3",
    name="欧阳示例",
    number=f"{PREFIX}263000001",
    occupation="电工",
    occupation_code="6-31-01-03",
    prefix=PREFIX,
    previous="",
)
change = msgspec.structs.replace


def make_records() -> dict[str, Record]:
    old = change(
        VALID,
        name="示例·买买提",
        id_number="440301190002020025",
        admission="",
        number=f"{PREFIX}264000002",
        level="4",
        direction="",
    )
    return {
        "valid": VALID,
        "revoked": change(
            VALID,
            name="示例乙",
            id_number="440301190003030031",
            admission="2026110003",
            number=f"{PREFIX}263000003",
        ),
        "old": old,
        "new": change(
            old, direction="装配钳工", edition=2, previous=edition_digest(canonical(old))
        ),
        "suspended": change(
            VALID,
            name="示例丙",
            id_type=IdType.PASSPORT,
            id_number="X19000404",
            admission="",
            number=f"{PREFIX}261000004",
            level="1",
        ),
        "second": change(
            VALID,
            occupation="焊工",
            occupation_code="6-18-02-04",
            admission="2026110007",
            direction="",
            number=f"{PREFIX}262000005",
            level="2",
            issued="2026-11-21",
        ),
    }


STATES = {"revoked": State.REVOKED, "old": State.SUPERSEDED, "suspended": State.SUSPENDED}


@dataclass
class World:
    """The directory `public`, and all that is needed to publish it again with a lie in it."""

    public: Path
    office: object = field(default_factory=lambda: make_signer(1, Purpose.CHECKPOINT, "office"))
    issuer: object = field(default_factory=lambda: make_signer(2, Purpose.RECORD, PREFIX))
    stranger: object = field(default_factory=lambda: make_signer(3, Purpose.CHECKPOINT, "office"))
    records: dict[str, Record] = field(default_factory=make_records)
    leaves: list[bytes] = field(default_factory=list)
    entries: dict[str, MirrorEntry] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=lambda: dict(STATES))
    status_index: int = 0

    def build(self) -> None:
        self.public.mkdir(parents=True, exist_ok=True)
        self.leaves = [
            encode_entry(
                Milestone(
                    commit=f"{number:064x}",
                    kind="plan-filed",
                    subject=f"P-{number}",
                    time=format_time(NOW),
                )
            )
            for number in range(FILLERS)
        ]
        for place, (name, record) in enumerate(self.records.items()):
            self.issue(name, record, place)
        self.entries["old"] = change(self.entries["old"], superseded_by=self.entries["new"].token)
        for name, state in self.states.items():
            self.change_state(name, state)
        self.write_trust()
        self.write_log(status_time=NOW - timedelta(hours=2))
        self.write_mirror()

    def issue(self, name: str, record: Record, place: int) -> None:
        data = canonical(record)
        opening = bytes([100 + place]) * 32
        leaf = Issue(
            batch="B-1",
            commit=commitment(opening, data).hex(),
            edition=record.edition,
            number=record.number,
            prefix=record.prefix,
            status=place,
        )
        self.leaves.append(encode_entry(leaf))
        self.entries[name] = MirrorEntry(
            envelope=sign_record(data, self.issuer),
            opening=opening,
            entry=self.leaves[-1],
            index=len(self.leaves) - 1,
            status_index=place,
            token=base64.b32encode(bytes([place]) * 10).decode().lower(),
            superseded_by="",
            batch="B-1",
        )

    def change_state(self, name: str, state: State) -> None:
        place = list(self.records).index(name)
        entry = StatusChange(index=place, link="", reason="test", state=state)
        self.leaves.append(encode_entry(entry))
        self.states[name] = state

    def pages(self) -> bytes:
        pages = blank_pages(len(self.records))
        for name, state in self.states.items():
            set_state(pages, list(self.records).index(name), state)
        return bytes(pages)

    def write_trust(
        self, *, seal_root: bytes | None = None, seal_key: Any = None, **key_facts: Any
    ) -> None:
        trust = self.public / "trust"
        trust.mkdir(exist_ok=True)
        key = VerifierKey(
            name=ORIGIN, type=SignatureType.ED25519, public_key=self.office.info.public_key
        )
        policy = Policy(logs=(PolicyLog(key=key),))
        (trust / "log.policy").write_bytes(format_policy(policy))
        info = self.issuer.info
        trusted = TrustedKey(
            key_id=info.key_id,
            algorithm=info.algorithm,
            purpose=info.purpose,
            public_key=info.public_key,
            not_before=info.not_before,
            not_after=info.not_after,
            **{"state": info.state} | key_facts,
        )
        body = issuers_json(
            issuers=[
                TrustedIssuer(
                    prefix=PREFIX,
                    name=VALID.issuer,
                    uscc="91440300MA0000001X",
                    keys=(trusted, *([seal_key] if seal_key else [])),
                )
            ],
            seal_root=seal_root,
            base_url=BASE_URL,
            issued_at=NOW,
            signer=self.office,
        )
        (trust / "issuers.json").write_bytes(body)

    def write_log(self, *, status_time: datetime | None = None, signer: object = None) -> None:
        """Close the log with a status entry (unless no time is given), then publish it all."""
        if status_time is not None:
            self.write_status(status_time)
        files: dict[str, bytes] = {}
        appender = TileAppender(0, TileReader(files.__getitem__))
        files |= dict(appender.append(self.leaves).files)
        files |= dict(appender.finish())
        for path, data in files.items():
            target = self.public / "log" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        head = Checkpoint(origin=ORIGIN, size=appender.size, root=appender.root())
        note = sign_checkpoint(head, [signer or self.office])
        (self.public / "log" / "checkpoint").write_bytes(note)

    def write_status(self, time: datetime) -> None:
        pages = self.pages()
        entry = encode_entry(
            Status(
                before=len(self.leaves),
                count=len(self.records),
                root=StatusPages(pages).root().hex(),
                time=format_time(time),
            )
        )
        self.status_index = len(self.leaves)
        self.leaves.append(entry)
        self.write_status_files(entry, pages)

    def write_status_files(self, entry: bytes, pages: bytes) -> None:
        folder = self.public / "status"
        folder.mkdir(exist_ok=True)
        (folder / f"pages-{self.status_index}.bin").write_bytes(pages)
        latest = {"entry": base64.b64encode(entry).decode(), "entry_index": self.status_index}
        (folder / "latest.json").write_text(json.dumps(latest))

    def write_mirror(self, **instead: MirrorEntry) -> None:
        """Write mirror.db; `instead` puts another entry under a certificate's name."""
        counter = iter(range(1 << 20))

        def random(size: int) -> bytes:
            return next(counter).to_bytes(size)

        file = self.public / "mirror.db"
        file.unlink(missing_ok=True)
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.executescript(SCHEMA)
            for entry in {**self.entries, **instead}.values():
                rows = seal_rows(PEPPER, entry, random)
                connection.execute(
                    "INSERT INTO entries VALUES (?, ?)", (rows.entry_id, rows.sealed)
                )
                connection.executemany("INSERT INTO tags VALUES (?, ?)", rows.index_rows)

    def evidence(self, name: str) -> Evidence:
        """What a file made at this moment carries."""
        entry = self.entries[name]
        note = (self.public / "log" / "checkpoint").read_bytes()
        tree = TileReader(lambda path: (self.public / "log" / path).read_bytes()).at(
            len(self.leaves)
        )
        return Evidence(
            envelope=entry.envelope,
            opening=entry.opening,
            entry=entry.entry,
            proof=TlogProof(
                index=entry.index,
                path=tuple(inclusion_path(entry.index, tree.size, tree)),
                checkpoint_note=note,
            ),
            staple=StatusPages(self.pages()).staple(
                entry.status_index,
                entry=self.leaves[self.status_index],
                entry_index=self.status_index,
                entry_path=inclusion_path(self.status_index, tree.size, tree),
            ),
        )

    def app(self, **settings: object) -> Flask:
        return create_app(
            SiteConfig(
                **{
                    "public_dir": self.public,
                    "pepper": PEPPER,
                    "base_url": BASE_URL,
                    "clock": FixedClock(),
                    **settings,
                }
            )
        )

    def token(self, name: str) -> str:
        return self.entries[name].token


@functools.cache
def _template(directory: Path) -> World:
    world = World(directory / "template")
    world.build()
    return world


@pytest.fixture
def world(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A published directory of the test's own, which it may spoil."""
    template = _template(tmp_path_factory.getbasetemp())
    public = tmp_path / "public"
    shutil.copytree(template.public, public)
    return World(
        public,
        leaves=list(template.leaves),
        entries=dict(template.entries),
        states=dict(template.states),
        status_index=template.status_index,
    )


@pytest.fixture(scope="session")
def seals_of() -> Any:
    """Give the class `Seals`: a seal root with a company's seal, new for each call."""
    spec = importlib.util.spec_from_file_location("seals", Path(__file__).with_name("seals.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Seals


@pytest.fixture
def client(world: World) -> FlaskClient:
    return world.app().test_client()
