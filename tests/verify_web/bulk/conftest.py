"""The small world with an announced receipt key, a working bench over it, and employers."""

from __future__ import annotations

import io
import json
import os
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
import xlsxwriter
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys.model import Algorithm, KeyState, key_id_of
from keys.trust_site import SITE_KEYS_FILE, SiteKey, site_keys_json
from signing.receiptkey import read_receipt_key
from signing.tlog.entry import State
from verify_web.bulk.accounts import (
    add_organisation,
    employer_of_session,
    enter_code,
    send_code,
)
from verify_web.bulk.addresses import CallFault
from verify_web.bulk.jobs import Asked, Purpose, accept, read_file
from verify_web.bulk.quota import Employer, Kind
from verify_web.bulk.rows import AskedRow
from verify_web.bulk.telling import Postman
from verify_web.bulk.working import Bench
from verify_web.callout import NotTaken
from verify_web.channels import Message
from verify_web.config import SiteConfig
from verify_web.outbox import send_due
from verify_web.work import make_bench, work_once

# Read when this file is loaded: the settings of whoever runs the tests are forgotten afterwards.
SHOTS = os.environ.get("CERTREG_SHOTS")
NOW = datetime(2026, 11, 23, 10, 2, tzinfo=UTC)
SEED = bytes([77]) * 32
PEPPER = bytes(range(32))
ADDRESS = "https://hr.example.com/hooks"


class Clock:
    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> datetime:
        return self.moment


class Letters:
    """A channel that keeps what it is given."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def send(self, message: Message) -> None:
        self.messages.append(message)


class Receiver:
    """Stands in the place of the network: takes what is posted, or refuses it."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, dict[str, str], bytes]] = []
        self.fault: CallFault | None = None

    def post(self, address: str, headers: dict[str, str], body: bytes) -> None:
        self.posted.append((address, dict(headers), body))
        if self.fault:
            raise NotTaken(self.fault)

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, _, body in self.posted]


def site_key(state: KeyState = KeyState.ACTIVE, seed: bytes = SEED) -> SiteKey:
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return SiteKey(
        key_id=key_id_of(Algorithm.ED25519, public),
        public_key=public,
        not_before=datetime(2026, 1, 1, tzinfo=UTC),
        not_after=datetime(2031, 1, 1, tzinfo=UTC),
        state=state,
    )


@dataclass
class Bulk:
    world: Any
    bench: Bench
    clock: Clock
    letters: Letters

    @property
    def desk(self) -> Any:
        return self.bench.desk

    @property
    def key(self) -> SiteKey:
        return site_key()

    @property
    def trust(self) -> Path:
        return self.world.public / "trust"

    def announce(self, *keys: SiteKey) -> None:
        data = site_keys_json(keys, issued_at=NOW, signer=self.world.office)
        (self.trust / SITE_KEYS_FILE).write_bytes(data)

    def announce_changed(self, state: KeyState) -> None:
        """Announce another key as the one that signs, and this one in the state it has since."""
        self.announce(site_key(state), site_key(seed=bytes([78]) * 32))

    def organisation(self, name: str = "示例用人单位有限公司") -> tuple[Employer, str]:
        employer, key = add_organisation(self.desk, name)
        return Employer(employer=employer, kind=Kind.KEY), key

    def by_mail(self, address: str = "hr@example.com") -> Employer:
        """Sign in with a code sent to `address`; its account is made on the first time."""
        handle = send_code(self.desk, address)
        token = enter_code(self.desk, handle, address, self.code())
        found = employer_of_session(self.desk, token or "")
        assert found is not None
        return found

    def code(self) -> str:
        """Send what waits; give the code in the last letter."""
        send_due(self.desk, self.letters)
        found = re.search(r"验证码：(\d{8})", self.letters.messages[-1].text)
        assert found is not None
        return found[1]

    def enter_by_mail(self, client: Any, page: Any, code: str = "") -> Any:
        """Send the form on the page that asks for the code: with the last one, or with `code`."""
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
        return client.post("/bulk/enter", data=hidden | {"code": code or self.code()})

    def row(self, which: str, **instead: str) -> AskedRow:
        record = self.world.records[which]
        facts = {"number": record.number, "name": record.name, "last_six": "", **instead}
        return AskedRow(place=2, **facts)

    def ask(self, employer: Employer, *rows: AskedRow, request: bytes = b"") -> str:
        return accept(
            self.desk,
            employer,
            Asked(
                rows=rows,
                purpose=Purpose.HIRING,
                asker="示例用人单位有限公司",
                request=request or secrets.token_bytes(16),
            ),
        )

    def work(self) -> int:
        return work_once(self.bench, self.letters)

    def check(self, *rows: AskedRow) -> tuple[bytes, bytes]:
        """Have rows checked; give spreadsheet and receipt."""
        employer, _ = self.organisation()
        job = self.ask(employer, *rows)
        self.work()
        files = [read_file(self.desk, employer.employer, job, receipt=one) for one in (False, True)]
        return files[0], files[1]

    def subscribe(self, employer: Employer, *rows: AskedRow, to: str | None = ADDRESS) -> str:
        """Have rows checked, and later changes told to an address or, by "", by mail."""
        asked = Asked(
            rows=rows,
            purpose=Purpose.STAFF,
            asker="示例用人单位有限公司",
            request=secrets.token_bytes(16),
            webhook=to,
        )
        job = accept(self.desk, employer, asked)
        self.work()
        return job

    def publish(self, **states: State) -> None:
        """Publish new states, an hour later."""
        self.clock.moment += timedelta(hours=1)
        for name, state in states.items():
            self.world.change_state(name, state)
        self.world.write_log(status_time=self.clock.moment)

    def client(self) -> Any:
        settings = {"state_file": self.bench.site.config.state, "clock": self.clock}
        return self.world.app(**settings).test_client()


@pytest.fixture
def bulk(world: Any, tmp_path: Path) -> Bulk:
    key_file = tmp_path / "receipt.key"
    key_file.write_bytes(SEED)
    key_file.chmod(0o600)
    clock = Clock()
    config = SiteConfig(
        public_dir=world.public,
        pepper=PEPPER,
        base_url="http://127.0.0.1:8155",
        clock=clock,
        state_file=tmp_path / "site" / "site.db",
    )
    bench = make_bench(config, read_receipt_key(key_file))
    made = Bulk(world=world, bench=bench, clock=clock, letters=Letters())
    made.announce(site_key())
    return made


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def receivers() -> type[Receiver]:
    return Receiver


@pytest.fixture
def postman(bulk: Bulk, receiver: Any) -> Postman:
    return Postman(caller=receiver, channel=bulk.letters, jitter=Random(7))


@pytest.fixture(scope="session")
def sheet_of() -> Any:
    """Give a function that writes an xlsx of rows, the first of which are its headers."""

    def write(*rows: tuple[object, ...]) -> bytes:
        stream = io.BytesIO()
        workbook = xlsxwriter.Workbook(stream, {"in_memory": True})
        sheet = workbook.add_worksheet("批量查验")
        for at, row in enumerate(rows):
            sheet.write_row(at, 0, row)
        workbook.close()
        return stream.getvalue()

    return write


@pytest.fixture(scope="session")
def shots() -> str | None:
    """Give the folder for pictures of the pages, where one was named."""
    return SHOTS
