"""A small office with its database, log and public site, and the audit that every crash must pass.

One office is made once and copied for each test: the migrations alone would cost more than most
tests. Nobody here exists: ID numbers have an area code that was never assigned.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import secrets
import shutil
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, select

from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.policy import Policy, PolicyLog
from keys.signer import PrivateKeySigner, public_bytes, software_signer
from keys.trust import Trust, TrustedIssuer, TrustedKey
from keys.vkey import SignatureType, VerifierKey
from registry.cli.demo_people import demo_people
from registry.ledger.fsck import LogReport, fsck
from registry.ledger.head import Head, Log, load_head
from registry.ledger.local_storage import LocalStorage
from registry.ledger.sequencer import Anchored, anchor
from registry.office.context import Actor, Context
from registry.office.issuers import add_issuer
from registry.office.issuing import IssuedBatch, IssueOrder, issue_batch
from registry.office.revising import Reason, Revised, correct, revoke
from registry.publish import Site, publish
from registry.rules.candidate import Candidate, content_digest
from registry.store.base import open_engine, read_unit, write_unit
from registry.store.certificates import Batch, Certificate
from registry.store.log import EventGroup
from registry.store.organisations import Issuer
from registry.store.schema import METADATA, migrate
from signing.mirror import Factor, MirrorEntry, open_entry, open_index, tag_and_key
from signing.tlog.checkpoint import Checkpoint, open_checkpoint
from signing.tlog.entry import Issue, Status, parse_entry
from signing.tlog.merkle import verify_consistency
from signing.tlog.paths import consistency_path
from signing.tlog.status import StatusPages
from signing.tlog.tiles import TileReader

NOW = datetime(2026, 11, 23, 2, 3, 4, tzinfo=UTC)
ISSUED = date(2026, 11, 20)
ORIGIN = "127.0.0.1:8000/log"
PREFIXES = ("Y000044999001", "Y000044999002")


@dataclass
class Clock:
    """A clock that stands; mutable: a test moves it."""

    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment


def make_signer(purpose: Purpose, issuer: str) -> PrivateKeySigner:
    # Derived, so that every process of a test has the same keys.
    seed = hashlib.sha256(f"test key {purpose} {issuer}".encode()).digest()
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public = public_bytes(private)
    info = KeyInfo(
        key_id=key_id_of(Algorithm.ED25519, public),
        algorithm=Algorithm.ED25519,
        purpose=purpose,
        issuer=issuer,
        not_before=NOW - timedelta(days=400),
        not_after=NOW + timedelta(days=400),
        state=KeyState.ACTIVE,
        public_key=public,
    )
    return software_signer(info, private)


@dataclass
class Office:
    """One office; mutable: `seen` grows with every checkpoint it ever showed."""

    home: Path
    url: str
    clock: Clock = field(default_factory=Clock)
    seen: list[Checkpoint] = field(default_factory=list)

    prefix = PREFIXES[0]
    origin = ORIGIN
    issued = ISSUED

    def __post_init__(self) -> None:
        self.record_keys = {prefix: make_signer(Purpose.RECORD, prefix) for prefix in PREFIXES}
        self.log_key = make_signer(Purpose.CHECKPOINT, "office")
        key = VerifierKey(
            name=ORIGIN, type=SignatureType.ED25519, public_key=self.log_key.info.public_key
        )
        self.policy = Policy(logs=(PolicyLog(key=key),))
        self.site = Site(public=self.home / "public", pepper=bytes(range(32)))
        self.log = Log(
            origin=ORIGIN,
            storage=LocalStorage(self.site.public / "log"),
            signers=(self.log_key,),
            policy=self.policy,
        )
        self.context = Context(
            actor=Actor("test"),
            clock=self.clock,
            field_key=b"f" * 32,
            index_key=b"i" * 32,
            random=secrets.token_bytes,
        )

    @cached_property
    def engine(self) -> Engine:
        return open_engine(self.url)

    def close(self) -> None:
        """Leave no connection: a copied database and a forked process must not share one."""
        if "engine" in self.__dict__:
            self.engine.dispose()
            del self.__dict__["engine"]

    def set_up(self) -> None:
        migrate(self.engine)
        with write_unit(self.engine) as session:
            for place, prefix in enumerate(PREFIXES, 1):
                issuer = Issuer(
                    prefix=prefix,
                    name=f"深圳市示例精密制造第{place}有限公司",
                    uscc=f"{place:018}",
                    levels="54321",
                )
                keys = (self.record_keys[prefix].info,)
                add_issuer(session, issuer, keys=keys, context=self.context)

    def people(self, count: int, offset: int = 0, **values: Any) -> list[Candidate]:
        people = demo_people(count, offset=offset, issued=ISSUED)
        return [
            Candidate(
                **{
                    "row": row,
                    "name": person.name,
                    "id_type": "resident-id",
                    "id_number": person.id_number,
                    "admission": person.admission,
                    "occupation": person.occupation,
                    "occupation_code": person.occupation_code,
                    "direction": person.direction,
                    "level": person.level,
                    "issued": person.issued,
                    **values,
                }
            )
            for row, person in enumerate(people, 2)
        ]

    def order(self, people: list[Candidate], **values: Any) -> IssueOrder:
        order = IssueOrder(
            prefix=self.prefix,
            approval="深技鉴备〔2026〕1号",
            digest=content_digest(people),
            tally=Counter((person.issued.year, person.level) for person in people),
            candidates=people,
        )
        return replace(order, **values)

    def issue(self, people: list[Candidate], **values: Any) -> IssuedBatch:
        return self.issue_order(self.order(people, **values))

    def issue_order(self, order: IssueOrder) -> IssuedBatch:
        signer = self.record_keys[order.prefix]
        with write_unit(self.engine) as session:
            return issue_batch(session, order, signer=signer, context=self.context)

    def correct(
        self, number: str, changes: Mapping[str, str], reason: Reason = Reason.DATA_ERROR
    ) -> Revised:
        signer = self.record_keys[number[:13]]
        with write_unit(self.engine) as session:
            return correct(session, number, reason, changes, signer=signer, context=self.context)

    def revoke(self, number: str, reason: Reason = Reason.FRAUD) -> Revised:
        with write_unit(self.engine) as session:
            return revoke(session, number, reason, context=self.context)

    def anchor(self, log: Log | None = None) -> Anchored:
        return anchor(self.engine, log or self.log, clock=self.clock)

    def publish(self) -> int:
        return publish(self.engine, self.log, self.site, self.context)

    def run(self) -> tuple[Anchored, int]:
        done = self.anchor()
        return done, self.publish()

    def fsck(self) -> LogReport:
        return fsck(self.site.public / "log", self.policy)

    def head(self) -> Head:
        with read_unit(self.engine) as session:
            return load_head(session, ORIGIN)

    def rows(self, table: Any) -> list[Any]:
        key = table.__mapper__.primary_key
        with read_unit(self.engine) as session:
            return list(session.scalars(select(table).order_by(*key)))

    def contents(self) -> dict[str, list[Any]]:
        """Return every row of every table: equal before and after means nothing was left."""
        with read_unit(self.engine) as session:
            return {
                table.name: [tuple(row) for row in session.execute(select(table))]
                for table in METADATA.sorted_tables
            }

    def checkpoint(self) -> Checkpoint:
        return open_checkpoint(self.log.storage.read("checkpoint"), self.policy).checkpoint

    def note_checkpoint(self) -> None:
        """Remember the public checkpoint as a monitor would: `audit` holds the log to it."""
        if (self.site.public / "log" / "checkpoint").exists():
            self.seen.append(self.checkpoint())

    def entries(self) -> list[bytes]:
        return list(TileReader(self.log.storage.read).at(self.checkpoint().size).entries())

    @property
    def trust(self) -> Trust:
        issuers = {}
        for prefix, signer in self.record_keys.items():
            info = signer.info
            key = TrustedKey(
                key_id=info.key_id,
                algorithm=info.algorithm,
                purpose=info.purpose,
                public_key=info.public_key,
                not_before=info.not_before,
                not_after=info.not_after,
                state=info.state,
                revoked_at=None,
            )
            uscc = "91440300MA5EXAMPL0"
            issuers[prefix] = TrustedIssuer(prefix=prefix, name="示例", uscc=uscc, keys=(key,))
        return Trust(
            policy=self.policy,
            issuers=issuers,
            seal_root=None,
            base_url="http://127.0.0.1:8000",
            issued_at=NOW,
        )

    def look_up(self, factors: Mapping[Factor, str]) -> list[MirrorEntry]:
        """Return what the public site would find by these factors."""
        tag, wrapping = tag_and_key(self.site.pepper, factors)
        with closing(sqlite3.connect(self.site.mirror)) as mirror:
            return list(_opened(mirror, tag, wrapping))

    def audit(self) -> None:
        """Hold everything that anchoring and publishing promise against what is there."""
        report = self.fsck()
        assert report.faults == ()
        head = self.head()
        assert (report.size, report.entries) == (head.size, head.size)
        assert self.checkpoint() == Checkpoint(origin=ORIGIN, size=head.size, root=head.root)
        tree = TileReader(self.log.storage.read).at(head.size)
        for old in self.seen:
            proof = consistency_path(old.size, head.size, tree)
            verify_consistency(old.size, head.size, old.root, head.root, proof)
        groups = self.rows(EventGroup)
        assert all(group.first_index is not None and group.published for group in groups)
        assert sum(group.count for group in groups) == head.size
        certificates = self.rows(Certificate)
        entries = self.entries()
        self._audit_numbers(certificates, entries)
        self._audit_mirror(certificates, entries)
        self._audit_status(certificates)

    def _audit_numbers(self, certificates: list[Any], entries: list[bytes]) -> None:
        leaves = Counter(
            (entry.number, entry.edition, entry.status)
            for entry in map(parse_entry, entries)
            if isinstance(entry, Issue)
        )
        wanted = {(row.number, row.edition, row.status_index) for row in certificates}
        assert leaves == dict.fromkeys(wanted, 1)
        assert [row.status_index for row in certificates] == list(range(len(certificates)))
        serials: defaultdict[str, list[int]] = defaultdict(list)
        for row in certificates:
            if row.edition == 1:
                serials[row.number[:16]].append(int(row.number[16:]))
        for found in serials.values():
            assert found == list(range(1, len(found) + 1))
        sizes = Counter(row.batch_id for row in certificates if row.edition == 1)
        assert sizes == {batch.batch_id: batch.count for batch in self.rows(Batch)}

    def _audit_mirror(self, certificates: list[Any], entries: list[bytes]) -> None:
        if not certificates:
            return
        tokens = {row.status_index: row.token for row in certificates}
        with closing(sqlite3.connect(self.site.mirror)) as mirror:
            (count,) = mirror.execute("SELECT count(*) FROM entries").fetchone()
            assert count == len(certificates)
            for row in certificates:
                tag, wrapping = tag_and_key(self.site.pepper, {Factor.TOKEN: row.token})
                (entry,) = _opened(mirror, tag, wrapping)
                assert entry.entry == entries[entry.index]
                assert (entry.token, entry.status_index) == (row.token, row.status_index)
                assert entry.superseded_by == tokens.get(row.superseded_by, "")

    def _audit_status(self, certificates: list[Any]) -> None:
        latest = json.loads((self.site.public / "status" / "latest.json").read_bytes())
        leaf = base64.b64decode(latest["entry"])
        assert leaf == self.entries()[latest["entry_index"]]
        entry = parse_entry(leaf)
        assert isinstance(entry, Status)
        assert entry.count == len(certificates)
        file = self.site.public / "status" / f"pages-{latest['entry_index']}.bin"
        pages = StatusPages(file.read_bytes())
        assert pages.root().hex() == entry.root
        for row in certificates:
            assert pages.state(row.status_index) == int(row.state)


def _opened(mirror: sqlite3.Connection, tag: bytes, wrapping: bytes) -> Iterator[MirrorEntry]:
    rows = mirror.execute("SELECT wrapped FROM tags WHERE tag = ?", (tag,)).fetchall()
    for (wrapped,) in rows:
        entry_id, key = open_index(wrapping, tag, wrapped)
        query = "SELECT sealed FROM entries WHERE entry_id = ?"
        (sealed,) = mirror.execute(query, (entry_id,)).fetchone()
        yield open_entry(entry_id, key, sealed)


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the disk: a kill loses nothing unsynced. `test_storage_order` shows who syncs when."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a home with its issuers on file and nothing anchored, to be copied."""
    home = tmp_path_factory.mktemp("founded")
    office = Office(home=home, url=f"sqlite:///{home}/registry.db")
    office.set_up()
    office.close()
    return home


@pytest.fixture(scope="session")
def open_office() -> Callable[..., Office]:
    """Give the function that opens an office over a home, or another database."""

    def opened(home: Path, url: str = "") -> Office:
        return Office(home=home, url=url or f"sqlite:///{home}/registry.db")

    return opened


@pytest.fixture
def office(founded: Path, tmp_path: Path) -> Iterator[Office]:
    """Give an office of this test's own."""
    home = tmp_path / "home"
    shutil.copytree(founded, home)
    office = Office(home=home, url=f"sqlite:///{home}/registry.db")
    yield office
    office.close()


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Give a generator that is seeded by the test's own name: the same at every run."""
    return random.Random(request.node.name)
