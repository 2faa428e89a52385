"""A province in small: a centre with its own clock, and cities with real logs and honest rows."""

from __future__ import annotations

import hashlib
import io
import itertools
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.office_keys import office_keys_json
from keys.policy import Policy, PolicyLog, format_policy
from keys.ring import KeyRing
from keys.sealed import ScryptParams
from keys.signer import PrivateKeySigner, public_bytes, software_signer
from keys.trust import TrustedIssuer, TrustedKey, issuers_json
from keys.vkey import SignatureType, VerifierKey
from registry.centre.cards import make_receipt_key
from registry.centre.cities import add_city, load_city_trust
from registry.centre.home import SETTINGS, CentreHome, Settings, settings_text
from registry.centre.intake import take
from registry.centre.publish import publish_all
from registry.centre.starting import Opened, open_centre
from registry.centre.store import StoredReceipt, make_database, read_unit, write_unit
from signing.envelope import sign_record, to_json, to_object
from signing.record import IdType, Record, canonical, commitment
from signing.tlog.checkpoint import Checkpoint, sign_checkpoint
from signing.tlog.entry import Issue, Milestone, State, StatusChange, encode_entry, format_time
from signing.tlog.merkle import leaf_hash, leaf_hashes, root_of
from signing.tlog.paths import HashLevels, consistency_path
from signing.tlog.ranges import prove_range
from signing.upload.centre_card import CENTRE_FILE, parse_centre
from signing.upload.manifest import (
    Counts,
    FileFacts,
    Files,
    History,
    Manifest,
    Range,
    sign_manifest,
)
from signing.upload.package import MANIFEST_NAME, write_package
from signing.upload.receipt import Receipt, open_receipt
from signing.upload.rows import IssuedLeaf, Row, RowKind, encode_row

NOW = datetime(2026, 11, 24, 2, 0, 0, tzinfo=UTC)
PASSPHRASE = "made-up"
PREFIXES = {"shizhou": "Y000044999001", "lizhou": "Y000044999002"}
_CODES = {RowKind.NEW: "新增", RowKind.CORRECTION: "更正", RowKind.SUPPLEMENT: "补录"}


@dataclass
class TestClock:
    """A clock that stands until it is moved; mutable for that."""

    __test__ = False
    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment


def make_signer(seed: str, purpose: Purpose, issuer: str) -> PrivateKeySigner:
    private_key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed.encode()).digest())
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


def trusted(signer: PrivateKeySigner, **change: Any) -> TrustedKey:
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


@dataclass(kw_only=True)
class City:
    """What a city signs and sends; mutable, so that a test can spoil any part of it."""

    name: str
    folder: Path
    prefix: str
    leaves: list[bytes] = field(default_factory=list)
    sequence: int = 0
    previous: str = ""
    reported: int = 0
    """Leaves of the log in the checkpoint of the last package."""
    issuers: dict[str, PrivateKeySigner] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.log_signer = make_signer(f"{self.name} log", Purpose.CHECKPOINT, "office")
        self.upload_signer = make_signer(f"{self.name} upload", Purpose.UPLOAD, "office")
        self.origin = f"{self.name}.example.cn/log"
        begun = Milestone(commit="0" * 64, kind="plan", subject="P-1", time=format_time(NOW))
        self.leaves.append(encode_entry(begun))
        self.lists(self.prefix)
        self.folder.mkdir(parents=True)

    def lists(self, prefix: str) -> None:
        """Take an organisation into the city's list of issuers."""
        self.issuers[prefix] = make_signer(f"{self.name} {prefix}", Purpose.RECORD, prefix)

    def trust(self, *, issued_at: datetime = NOW, **change: Any) -> Path:
        """Write the trust folder; `change` is of the upload key's entry."""
        known = {"name": self.origin, "public_key": self.log_signer.info.public_key}
        vkey = VerifierKey(type=SignatureType.ED25519, **known)
        policy = Policy(logs=(PolicyLog(key=vkey),), witnesses=(), quorum="none")
        code, named = "91449999MA5DEM", {"name": "示例精密制造有限公司"}
        issuers = [
            TrustedIssuer(prefix=one, uscc=f"{code}{at:04d}", keys=(trusted(signer),), **named)
            for at, (one, signer) in enumerate(self.issuers.items())
        ]
        listed = issuers_json(
            issuers=issuers,
            seal_root=None,
            base_url=f"https://{self.name}.example.cn",
            issued_at=issued_at,
            signer=self.log_signer,
        )
        office = office_keys_json(
            [trusted(self.upload_signer, **change)], issued_at=issued_at, signer=self.log_signer
        )
        files = {"log.policy": format_policy(policy), "issuers.json": listed, "office.json": office}
        for name, data in files.items():
            (self.folder / name).write_bytes(data)
        return self.folder

    def issue(
        self, serial: int, *, kind: RowKind = RowKind.NEW, prefix: str = "", **change: Any
    ) -> Row:
        """Issue an edition into the log and give its row, numbered when it is packed."""
        chosen = prefix or self.prefix
        usual: dict[str, Any] = {
            "admission": "",
            "direction": "数控车",
            "edition": 1,
            "id_number": "440300199001010011",
            "id_type": IdType.RESIDENT,
            "issued": "2026-11-23",
            "issuer": "示例精密制造有限公司",
            "level": "3",
            "name": "张示例",
            "number": f"{chosen}263{serial:06d}",
            "occupation": "车工",
            "occupation_code": "6-18-01-01",
            "prefix": chosen,
            "previous": "",
        }
        record = Record(**usual | change)
        opening = hashlib.sha256(f"{self.name} {len(self.leaves)}".encode()).digest()
        leaf = Issue(
            batch="B-2026-000001",
            commit=commitment(opening, canonical(record)).hex(),
            edition=record.edition,
            number=record.number,
            prefix=record.prefix,
            status=len(self.leaves),
        )
        self.leaves.append(encode_entry(leaf))
        codes = {"id_type": "201", "kind": _CODES[kind], "level": record.level}
        return Row(
            code=codes,
            edition=record.edition,
            entry=self.leaves[-1],
            index=len(self.leaves) - 1,
            kind=kind,
            number=record.number,
            opening=opening,
            reason="",
            record=to_object(sign_record(canonical(record), self.issuers[chosen])),
            row=1,
        )

    def correct(self, before: Row, **change: Any) -> Row:
        """Give the row of the edition after `before`."""
        named = {
            "edition": before.edition + 1,
            "previous": hashlib.sha256(before.record.payload).hexdigest(),
            "kind": RowKind.CORRECTION,
            "name": "张示范",
            "prefix": before.number[:13],
        }
        return self.issue(int(before.number[16:]), **named | change)

    def withdraw(self, before: Row) -> Row:
        """Revoke an edition in the log and give the row."""
        issued = IssuedLeaf(entry=before.entry, index=before.index)
        change = StatusChange(index=before.index, link="", reason="fraud", state=State.REVOKED)
        self.leaves.append(encode_entry(change))
        return msgspec.structs.replace(
            before,
            code={},
            kind=RowKind.WITHDRAWAL,
            issued=issued,
            entry=self.leaves[-1],
            index=len(self.leaves) - 1,
            reason="fraud",
        )

    def ranges(self, rows: Sequence[Row]) -> tuple[Range, ...]:
        known = {index: leaf_hash(entry) for row in rows for index, entry in row.leaves}
        tree = HashLevels(leaf_hashes(self.leaves))
        left = sorted(known)
        found = []
        while left:
            first = end = left[0]
            while end in known:
                end += 1
            left = [index for index in left if index >= end]
            hashes = [known[index] for index in range(first, end)]
            proof = tuple(item.hex() for item in prove_range(first, end, tree.size, tree))
            found.append(Range(end=end, first=first, proof=proof, root=root_of(hashes).hex()))
        return tuple(found)

    def history(self, old: int | None = None) -> Any:
        """Prove that the log goes on from its first `old` leaves; as reported last if not said."""
        hashes, size = leaf_hashes(self.leaves), self.reported if old is None else old
        if not self.sequence or not 0 < size <= len(hashes):
            return msgspec.UNSET
        proof = tuple(one.hex() for one in consistency_path(size, len(hashes), HashLevels(hashes)))
        return History(proof=proof, root=root_of(hashes[:size]).hex(), size=size)

    def manifest(self, rows: Sequence[Row], lines: bytes, **change: Any) -> Manifest:
        tree = HashLevels(leaf_hashes(self.leaves))
        head = Checkpoint(origin=self.origin, size=tree.size, root=tree.root())
        facts = {
            name: FileFacts(sha256=hashlib.sha256(data).hexdigest(), size=len(data))
            for name, data in self.files(lines).items()
        }
        kinds = [row.kind for row in rows]
        usual: dict[str, Any] = {
            "batch": "GD-2026-0001",
            "checkpoint": sign_checkpoint(head, [self.log_signer]).decode(),
            "city": self.origin,
            "consistency": self.history(),
            "counts": Counts(
                withdrawal=kinds.count(RowKind.WITHDRAWAL),
                new=kinds.count(RowKind.NEW),
                correction=kinds.count(RowKind.CORRECTION),
                supplement=kinds.count(RowKind.SUPPLEMENT),
            ),
            "created": format_time(NOW),
            "files": Files(
                rows=facts["rows.jsonl"],
                summary=facts["summary.pdf"],
                csv=facts["table.csv"],
                xlsx=facts["table.xlsx"],
            ),
            "key": self.upload_signer.info.key_id,
            "organisation": self.prefix,
            "previous": self.previous,
            "ranges": self.ranges(rows),
            "rows": len(rows),
            "sequence": self.sequence + 1,
            "snapshot": facts["rows.jsonl"].sha256,
            "upload": f"U{self.sequence + 1:08d}",
        }
        return Manifest(**usual | change)

    def files(self, lines: bytes) -> dict[str, bytes]:
        fixed = {"summary.pdf": b"%PDF-1.7 summary", "table.csv": b"csv", "table.xlsx": b"PK"}
        return {"rows.jsonl": lines, **fixed}

    def package(self, *rows: Row, spoil: dict[str, bytes] | None = None, **change: Any) -> bytes:
        """Pack rows as the city's next upload; `spoil` puts other files under the manifest."""
        numbered = [msgspec.structs.replace(row, row=at) for at, row in enumerate(rows, 1)]
        lines = b"".join(encode_row(row) for row in numbered)
        signed = sign_manifest(self.manifest(numbered, lines, **change), self.upload_signer)
        self.sequence, self.reported = self.sequence + 1, len(self.leaves)
        self.previous = hashlib.sha256(signed.payload).hexdigest()
        files = {MANIFEST_NAME: to_json(signed), **self.files(lines), **(spoil or {})}
        paths = {name: self.folder / name for name in files}
        for name, data in files.items():
            paths[name].write_bytes(data)
        out = io.BytesIO()
        write_package(out, paths)
        return out.getvalue()


@dataclass(kw_only=True)
class Province:
    """A centre and its cities; mutable, because they go on."""

    folder: Path
    centre: Opened
    clock: TestClock
    cities: dict[str, City] = field(default_factory=dict)

    def add(self, city: City, **trust: Any) -> None:
        """Take a city in, or its newer trust folder."""
        folder = city.trust(**trust)
        with write_unit(self.centre.engine) as session:
            add_city(
                session,
                self.centre.home.cities,
                city.name,
                folder,
                title=f"{city.name}市",
                who="test",
                now=self.clock.now(),
            )
        self.cities[city.name] = city

    def take(self, city: City, data: bytes) -> StoredReceipt:
        return take(self.centre.desk, city.name, data, who="test", now=self.clock.now())

    def answered(self, city: City, *rows: Row, **change: Any) -> Receipt:
        """Pack, take, and give the receipt."""
        return open_receipt(self.take(city, city.package(*rows, **change)).envelope).receipt

    def reasons(self, city: City, *rows: Row, **change: Any) -> list[str]:
        return [row.reason for row in self.answered(city, *rows, **change).rows]

    def count(self, table: Any) -> int:
        with read_unit(self.centre.engine) as session:
            return session.query(table).count()

    def keys(self) -> tuple[TrustedKey, ...]:
        data = (self.centre.home.public / CENTRE_FILE).read_bytes()
        return parse_centre(data).keys

    def again(self) -> Opened:
        """Open the centre anew, as after a crash."""
        self.centre.engine.dispose()
        self.centre = opened(self.centre.home, self.clock)
        return self.centre


def opened(home: CentreHome, clock: TestClock) -> Opened:
    return open_centre(home, clock=clock, random=secrets.token_bytes)


@pytest.fixture
def make_city(tmp_path: Path) -> Callable[[str], City]:
    """Give the function that founds a city; its prefix is in PREFIXES."""
    counter = itertools.count()

    def make(name: str, prefix: str = "") -> City:
        folder = tmp_path / f"city-{next(counter)}"
        return City(name=name, folder=folder, prefix=prefix or PREFIXES[name])

    return make


@pytest.fixture
def province(tmp_path: Path, make_city: Callable[[str], City]) -> Iterator[Province]:
    """Give a centre with two cities."""
    home = CentreHome(path=tmp_path / "centre", environ={"CERTREG_PASSPHRASE": PASSPHRASE})
    home.path.mkdir()
    settings = Settings(name="示例省职业技能鉴定指导中心", province="44", url="")
    cheap = ScryptParams(n=1 << 4)
    ring = KeyRing.create(home.path / "keys", PASSPHRASE.encode(), scrypt=cheap)
    make_receipt_key(ring, NOW - timedelta(days=1))
    make_database(home.database)
    home.public.mkdir()
    (home.path / SETTINGS).write_bytes(settings_text(settings))
    clock = TestClock()
    one = Province(folder=tmp_path, centre=opened(home, clock), clock=clock)
    publish_all(one.centre.engine, home.public)
    for name in PREFIXES:
        one.add(make_city(name))
    yield one
    one.centre.engine.dispose()
    load_city_trust.cache_clear()


@pytest.fixture
def shizhou(province: Province) -> City:
    return province.cities["shizhou"]


@pytest.fixture
def lizhou(province: Province) -> City:
    return province.cities["lizhou"]
