"""A city and its provincial centre, joined by a wire that a test can spoil: both are the real ones.

The wire calls the centre's WSGI application in this process, so that what is dropped, cut off or
repeated is decided by the test and by nothing else.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import random
import secrets
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.office_keys import office_keys_json
from keys.policy import format_policy
from keys.ring import KeyRing
from keys.sealed import ScryptParams
from keys.signer import PrivateKeySigner, public_bytes, software_signer
from keys.trust import TrustedKey, issuers_json
from registry.centre.api import create_app
from registry.centre.cards import Office, make_receipt_key
from registry.centre.cities import add_city, load_city_trust
from registry.centre.home import SETTINGS, CentreHome, Settings, settings_text
from registry.centre.publish import publish_all
from registry.centre.rate import Buckets
from registry.centre.starting import Opened, open_centre
from registry.centre.store import StoredReceipt, make_database, open_database
from registry.centre.store import read_unit as read_centre
from registry.centre.store import write_unit as write_centre
from registry.centre.worker import Worker
from registry.office.milestones import add_milestone
from registry.store.base import read_unit, write_unit
from registry.store.outbox import UploadRow
from registry.store.uploads import Upload
from registry.upload.asking import Client, Raw
from registry.upload.receiving import Imported, Reception, import_receipt
from registry.upload.sending import Sender, Sent, send_due
from signing.milestone import MilestoneFacts, MilestoneKind
from signing.upload.centre_card import CENTRE_FILE, parse_centre
from signing.upload.centre_card import Centre as Card
from signing.upload.refusal import Refusal, sign_refusal

PASSPHRASE = "made-up"
CITY = "shizhou"


def trusted(signer: Any) -> TrustedKey:
    info = signer.info
    return TrustedKey(
        key_id=info.key_id,
        algorithm=info.algorithm,
        purpose=info.purpose,
        public_key=info.public_key,
        not_before=info.not_before,
        not_after=info.not_after,
        state=KeyState.ACTIVE,
    )


def write_trust(outbox: Any, folder: Path) -> Path:
    """Write the city's trust folder, as `certreg anchor` does."""
    office = outbox.office
    folder.mkdir(parents=True, exist_ok=True)
    now = office.clock.now()
    listed = issuers_json(
        issuers=list(office.trust.issuers.values()),
        seal_root=None,
        base_url="http://127.0.0.1:8000",
        issued_at=now,
        signer=office.log_key,
    )
    keys = office_keys_json([trusted(outbox.signer)], issued_at=now, signer=office.log_key)
    for name, data in (
        ("log.policy", format_policy(office.policy)),
        ("issuers.json", listed),
        ("office.json", keys),
    ):
        (folder / name).write_bytes(data)
    return folder


@dataclass(kw_only=True)
class Centre:
    """The centre and its application; mutable: it is stopped and opened again."""

    home: CentreHome
    clock: Any
    opened: Opened = field(init=False)
    app: Any = field(init=False)
    worker: Worker = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.opened = open_centre(self.home, clock=self.clock, random=secrets.token_bytes)
        self.worker = Worker(self.opened)
        self.worker.resume()
        self.app = create_app(self.opened, self.worker, buckets=Buckets(burst=10**6))

    def stop(self) -> None:
        self.worker.end()
        self.opened.engine.dispose()

    def card(self) -> Card:
        return parse_centre((self.home.public / CENTRE_FILE).read_bytes())

    def called(self, name: str) -> None:
        """Give the centre another name, as a person does: settings, then the program anew."""
        settings = replace(self.home.settings(), name=name)
        (self.home.path / SETTINGS).write_bytes(settings_text(settings))
        self.stop()
        self.start()

    def keys(self) -> Office:
        """Give what its keys are changed with, as a command beside the server has it."""
        engine = open_database(self.home.database)
        settings = self.home.settings()
        return Office(engine=engine, settings=settings, ring=self.home.ring(), who="test")

    def receipts(self) -> list[StoredReceipt]:
        with read_centre(self.opened.engine) as session:
            return list(session.scalars(select(StoredReceipt).order_by(StoredReceipt.place)))


@dataclass(kw_only=True)
class Wire:
    """A way to the centre; `spoil` may change or raise anything. Mutable: it is a test's hand."""

    centre: Centre
    spoil: Callable[[Callable[[], Raw], str, str], Raw] = lambda ask, _method, _target: ask()
    asked: list[tuple[str, str]] = field(default_factory=list)

    def ask(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Raw:
        self.asked.append((method, target))

        def once() -> Raw:
            client = self.centre.app.test_client()
            answer = client.open(target, method=method, headers=dict(headers), data=body or None)
            found = {name.lower(): value for name, value in answer.headers}
            return Raw(status=answer.status_code, headers=found, body=answer.data)

        return self.spoil(once, method, target)


@dataclass(kw_only=True)
class Exchange:
    """Both sides, and the sender between them; mutable, because they are."""

    outbox: Any
    centre: Centre
    wire: Wire
    chance: random.Random
    card: Any = None
    """The centre's card that the city holds; None: always the newest."""

    @property
    def office(self) -> Any:
        return self.outbox.office

    @property
    def reception(self) -> Reception:
        card = self.card or self.centre.card()

        def milestone(session: Any, upload: str, digest: str, day: Any) -> None:
            facts = MilestoneFacts(
                date=day.isoformat(),
                document=digest,
                kind=MilestoneKind.UPLOAD_RECEIPT,
                note="省中心回执",
                subject=upload,
            )
            add_milestone(session, facts, context=self.office.context)

        return Reception(centre=card, city=self.office.origin, milestone=milestone)

    @property
    def sender(self) -> Sender:
        client = Client(
            transport=self.wire,
            base="",
            signer=self.outbox.signer,
            random=secrets.token_bytes,
            now=self.office.clock.now,
        )
        return Sender(
            engine=self.office.engine,
            kit=self.outbox.kit(),
            client=client,
            reception=self.reception,
            random=self.chance,
            actor="test",
            now=self.office.clock.now,
        )

    def issue(self, count: int, offset: int = 0) -> None:
        self.office.issue(self.office.people(count, offset=offset))
        self.office.run()

    def frozen(self, count: int = 0, offset: int = 0, **values: Any) -> str:
        """Issue (if asked) and freeze the next upload; give its id."""
        if count:
            self.issue(count, offset)
        upload = self.outbox.prepare(**values)
        self.outbox.freeze(upload)
        return str(upload)

    def send(self, *, all_now: bool = True) -> list[Sent]:
        return send_due(self.sender, all_now=all_now)

    def receive(self, data: bytes, upload: str = "") -> Imported:
        with write_unit(self.office.engine) as session:
            return import_receipt(
                session, data, self.reception, self.outbox.doing, upload_id=upload
            )

    def upload(self, upload_id: str) -> Upload:
        with read_unit(self.office.engine) as session:
            return session.get_one(Upload, upload_id)

    def states(self) -> list[str]:
        rows: list[UploadRow] = self.office.rows(UploadRow)
        return [row.state for row in rows]

    def by_hand(self, upload_id: str) -> bytes:
        """Carry a package to the centre and give the receipt's bytes."""
        from registry.centre.intake import take

        data = self.outbox.package(upload_id)
        now = self.office.clock.now()
        return take(self.centre.opened.desk, CITY, data, who="test", now=now).envelope

    def later(self, **span: float) -> None:
        self.office.clock.moment += timedelta(**span)


@pytest.fixture
def exchange_of(
    outbox_of: Any, tmp_path: Path, chance: random.Random
) -> Iterator[Callable[[Any], Exchange]]:
    """Give the function that joins an office to a centre of its own."""
    made: list[Centre] = []
    counter = itertools.count()

    def make(office: Any) -> Exchange:
        outbox = outbox_of(office)
        office.run()
        folder = tmp_path / f"centre-{next(counter)}"
        home = CentreHome(path=folder, environ={"CERTREG_PASSPHRASE": PASSPHRASE})
        home.path.mkdir()
        settings = Settings(name="示例省技能服务指导中心", province="44", url="http://127.0.0.1:1")
        cheap = ScryptParams(n=1 << 4)
        ring = KeyRing.create(home.path / "keys", PASSPHRASE.encode(), scrypt=cheap)
        make_receipt_key(ring, office.clock.now() - timedelta(days=1))
        make_database(home.database)
        home.public.mkdir()
        (home.path / SETTINGS).write_bytes(settings_text(settings))
        engine = open_database(home.database)
        publish_all(engine, home.public)
        with write_centre(engine) as session:
            add_city(
                session,
                home.cities,
                CITY,
                write_trust(outbox, tmp_path / f"{folder.name}-trust"),
                title="示州市",
                who="test",
                now=office.clock.now(),
            )
        engine.dispose()
        centre = Centre(home=home, clock=office.clock)
        made.append(centre)
        return Exchange(outbox=outbox, centre=centre, wire=Wire(centre=centre), chance=chance)

    yield make
    for centre in made:
        centre.stop()
    load_city_trust.cache_clear()


@pytest.fixture
def exchange(office: Any, exchange_of: Callable[[Any], Exchange]) -> Exchange:
    return exchange_of(office)


@pytest.fixture
def receipt_signer(exchange: Exchange) -> Callable[[Exchange], Any]:
    """Give the function that returns the centre's own receipt key: for lies it might tell."""

    def signer(one: Exchange) -> Any:
        now = one.office.clock.now()
        return one.centre.home.ring().signer(Purpose.RECEIPT, "office", now)

    return signer


@pytest.fixture
def refusal_of(exchange: Exchange, receipt_signer: Any) -> Callable[..., Raw]:
    """Give the function that makes the centre's answer that refuses an upload; spoilt at will."""

    def make(upload_id: str, code: str, *, signer: Any = None, **change: Any) -> Raw:
        usual = Refusal(
            at=exchange.office.clock.now(),
            city=exchange.office.origin,
            code=code,
            package=exchange.upload(upload_id).package or "",
        )
        signed = sign_refusal(replace(usual, **change), signer or receipt_signer(exchange))
        body = {"code": code, "later": False, "refusal": b64encode(signed).decode()}
        headers = {"content-type": "application/problem+json"}
        return Raw(status=422, headers=headers, body=json.dumps(body).encode())

    return make


@pytest.fixture
def other_centre(exchange: Exchange) -> tuple[PrivateKeySigner, TrustedKey]:
    """Give the receipt key of a centre that is none of ours, with what would trust it."""
    private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"other centre").digest())
    public = public_bytes(private)
    now = exchange.office.clock.now()
    info = KeyInfo(
        key_id=key_id_of(Algorithm.ED25519, public),
        algorithm=Algorithm.ED25519,
        purpose=Purpose.RECEIPT,
        issuer="office",
        not_before=now - timedelta(days=1),
        not_after=now + timedelta(days=400),
        state=KeyState.ACTIVE,
        public_key=public,
    )
    signer = software_signer(info, private)
    return signer, trusted(signer)
