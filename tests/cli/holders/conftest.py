"""A real home with two reachable holders, a worker's bench over it, and the site."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from registry.cli.holder_work import Bench, send_waiting, work_one
from registry.cli.holders import make_bench
from registry.cli.home import Home
from registry.cli.services import Services
from registry.office.certificates import open_certificate
from registry.office.channels import Letter
from registry.office.holders_contacts import put_contact
from registry.store.base import read_unit, write_unit
from registry.store.certificates import Certificate
from signing.holder_messages import Begin, Enter
from verify_web.app import create_app
from verify_web.config import SiteConfig
from verify_web.holder import desk as holder_desk

CONTACT = "holder@example.invalid"
SAME = {"Sec-Fetch-Site": "same-origin"}


@dataclass
class Clock:
    """The machine's clock, moved on by a test; mutable for that."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Letters:
    """A channel that keeps what it is given; mutable for that."""

    sent: list[Letter] = field(default_factory=list)

    def send(self, letter: Letter) -> None:
        self.sent.append(letter)

    def code(self) -> str:
        found = re.search("[0-9]{6}", self.sent[-1].text)
        assert found
        return found[0]


@dataclass
class Holders:
    """A home, a worker's bench over it and the site; mutable: threads come and go."""

    home: Home
    bench: Bench
    clock: Clock
    client: Any
    numbers: list[str]
    names: dict[str, str]
    ids: dict[str, str]
    letters: Letters = field(default_factory=Letters)

    @contextmanager
    def working(self) -> Iterator[None]:
        stop = threading.Event()

        def work() -> None:
            while not stop.is_set():
                if not work_one(self.bench):
                    stop.wait(0.01)
                send_waiting(self.bench, self.letters)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            # On a busy machine the first PDF takes longer than a visitor is kept waiting.
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(holder_desk, "WAIT_SECONDS", 60.0)
                yield
        finally:
            stop.set()
            thread.join()
            send_waiting(self.bench, self.letters)

    def post(self, path: str, **form: Any) -> Any:
        return self.client.post(path, data=form, headers=SAME, content_type="multipart/form-data")

    def begin(self, number: str, name: str | None = None) -> Any:
        return self.post("/holder/begin", number=number, name=name or self.names[number])

    def sign_in(self, number: str) -> None:
        page = self.begin(number).get_data(as_text=True)
        while not self.letters.sent:
            time.sleep(0.01)
        answer = self.post("/holder/enter", handle=self.handle(page), code=self.letters.code())
        assert answer.status_code == 303
        self.letters.sent.clear()

    def ask(self, ask: Any) -> Any:
        """Let one ask through exchange and worker."""
        exchange = self.bench.exchange
        ask_id = exchange.ask(ask, now=self.clock.now().timestamp())
        while work_one(self.bench):
            pass
        return exchange.collect(ask_id)

    def handle(self, page: str) -> str:
        found = re.search('name="handle" value="([0-9a-f]{32})"', page)
        assert found
        return found[1]

    def session(self, number: str) -> str:
        """Sign the holder of a certificate in, past the pages."""
        ask = Begin(facts={"number": number, "id-number": self.ids[number]}, network="")
        handle = self.ask(ask).handle
        send_waiting(self.bench, self.letters)
        return str(self.ask(Enter(handle=handle, code=self.letters.code(), network="")).session)

    def count(self, table: Any) -> int:
        with read_unit(self.bench.engine) as session:
            return session.scalar(select(func.count()).select_from(table)) or 0


@pytest.fixture
def holders(stock: Any) -> Iterator[Holders]:
    home = Home(path=stock.home, environ=os.environ)
    services, clock = Services.open(home), Clock()
    services = replace(services, context=replace(services.context, clock=clock))
    bench = make_bench(services)
    app = create_app(
        SiteConfig(
            public_dir=home.public,
            pepper=home.pepper(),
            base_url=services.settings.base_url,
            clock=clock,
            exchange_key=(home.path / "site" / "exchange.key").read_bytes(),
        )
    )
    with read_unit(services.engine) as session:
        records = [
            open_certificate(row, services.context).record
            for row in session.scalars(select(Certificate).order_by(Certificate.status_index))
        ]
    with write_unit(services.engine) as session:
        for record in records[:2]:
            put_contact(session, record.number, CONTACT, by=None, context=services.context)
    yield Holders(
        home=home,
        bench=bench,
        clock=clock,
        client=app.test_client(),
        numbers=[record.number for record in records],
        names={record.number: record.name for record in records},
        ids={record.number: record.id_number for record in records},
    )
    services.engine.dispose()
