"""Desk pages at 100,000 certificates and 500 companies, beside an empty Flask view, in one run.

The goals: each page under 50 KB, and the 95th percentile of its CPU time under ten times the empty
view's. Both sides are asked through WSGI alternately. A page's time has everything in it that a
request has: cookie, session from the database, gate, queries, template. ``first`` is the very first
opening of the page in this process; it is told and not held against the bar.
"""

from __future__ import annotations

import argparse
import os
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from desk_pages import LOGINS, OTHERS, find_places, pages
from desk_seed import Sizes, fill, play
from flask import Flask
from measure import today
from sqlalchemy import event, select
from werkzeug.test import Client

from registry.cli.desk_app import create_application, settle
from registry.cli.home import Home, Settings
from registry.cli.services import Services
from registry.cli.setup import init_home
from registry.office.sessions import token_hash
from registry.store.accounts import Account, WebSession
from registry.store.base import read_unit, write_unit

URL = "http://127.0.0.1:8001"
FULL = Sizes(companies=500, certificates=100_000, people=1_200, audit_lines=150_000)
QUICK = Sizes(companies=60, certificates=500, people=120, audit_lines=2_000)
ROUNDS, WARM = 60, 3
PAGE_BYTES = 50 * 1024
TIMES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One page: its size, its first opening and its p95 in CPU milliseconds, its statements."""

    login: str
    path: str
    size: int
    first: float
    upper: float
    lower: float
    statements: int

    @property
    def ratio(self) -> float:
        """How many empty views the page costs."""
        return self.upper / self.lower

    @property
    def met(self) -> bool:
        """Whether both goals are met."""
        return self.size < PAGE_BYTES and self.ratio < TIMES


def cpu(ask: Callable[[], object]) -> float:
    """Return the CPU milliseconds of one request."""
    before = time.process_time()
    ask()
    return (time.process_time() - before) * 1e3


def p95(values: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(values, n=20)[-1]


def sign_in(services: Services, app: Flask, login: str) -> Client:
    """Return a client with a live session of a login, as the sign-in leaves it."""
    token, now = secrets.token_urlsafe(32), today()
    with write_unit(services.engine) as session:
        account = session.scalars(select(Account).where(Account.login == login)).one()
        session.add(
            WebSession(
                token_hash=token_hash(token),
                account_id=account.account_id,
                # Long enough ago for the way in to be over.
                created_at=now - timedelta(hours=1),
                seen_at=now,
                strong=True,
            )
        )
    client = Client(app)
    with app.test_request_context():
        signer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
        client.set_cookie("desk", signer.dumps({"token": token}), domain="127.0.0.1")
    return client


def same_request(desk: Client, bare: Flask) -> Client:
    """Return a client that asks the empty view for what a desk is asked: with the same cookie."""
    cookie, empty = desk.get_cookie("desk", domain="127.0.0.1"), Client(bare)
    assert cookie is not None
    empty.set_cookie("desk", cookie.value, domain="127.0.0.1")
    return empty


@contextmanager
def counted(services: Services) -> Iterator[list[str]]:
    """Collect the statements that are run meanwhile."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        seen.append(statement)

    event.listen(services.engine, "before_cursor_execute", note)
    yield seen
    event.remove(services.engine, "before_cursor_execute", note)


def measure(services: Services, rounds: int) -> Iterator[Measured]:
    """Walk all pages."""
    app, bare = create_application(services, URL), Flask("bare")
    bare.add_url_rule("/", view_func=lambda: "")
    clients = {login: sign_in(services, app, login) for login in (*LOGINS, *OTHERS)}
    empty = same_request(clients["clerk"], bare)
    with read_unit(services.engine) as session:
        walk = list(pages(find_places(session)))
    settle()
    for login, path in walk:
        desk = clients[login]

        def ask(desk: Client = desk, path: str = path, login: str = login) -> bytes:
            answer = desk.get(path, base_url=URL)
            if answer.status_code != 200:
                raise SystemExit(f"{login} {path}: {answer.status_code}")
            return answer.get_data()

        first = cpu(ask)
        with counted(services) as statements:
            size = len(ask())
        upper, lower = [], []
        for _ in range(rounds):
            upper.append(cpu(ask))
            lower.append(cpu(lambda: empty.get("/", base_url=URL)))
        yield Measured(
            login=login,
            path=path,
            size=size,
            first=first,
            upper=p95(upper[WARM:]),
            lower=p95(lower[WARM:]),
            statements=len(statements),
        )


def seed(folder: Path, sizes: Sizes) -> Services:
    """Fill a home."""
    home = Home(path=folder / "home", environ={})
    settings = Settings(
        office="示例市鉴定办", base_url="http://127.0.0.1:8000", database="sqlite", direct=True
    )
    init_home(home, settings)
    services = Services.open(home)
    play(services, URL, sizes, folder)
    fill(services, sizes)
    return services


def tell(found: Iterator[Measured]) -> None:
    """Print a line a page, and what the goals came to."""
    print("| who | page | bytes | SQL | first ms | CPU p95 ms | empty view p95 ms | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    missed, worst, largest, count = [], 0.0, 0, 0
    for one in found:
        times = f"{one.first:.1f} | {one.upper:.2f} | {one.lower:.2f} | {one.ratio:.1f}"
        print(f"| {one.login} | {one.path} | {one.size:,} | {one.statements} | {times} |")
        count, worst, largest = count + 1, max(worst, one.ratio), max(largest, one.size)
        if not one.met:
            missed.append(f"{one.login} {one.path} {one.size:,} bytes, {one.ratio:.1f} ×")
    print(f"\n{count} pages, largest {largest:,} bytes, highest ratio {worst:.1f} (bar {TIMES})")
    print("\n".join(["a goal is NOT met:", *missed]) if missed else "goals met")


def main() -> int:
    """Fill a home and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as name:
        services = seed(Path(name), QUICK if quick else FULL)
        print(f"load average {os.getloadavg()[0]:.2f}\n")
        tell(measure(services, 20 if quick else ROUNDS))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
