"""Desk pages at 100,000 certificates and 500 companies, beside an empty Flask view, in one run.

The goals: each page under 50 KB, and the 95th percentile of its CPU time under ten times the empty
view's. Both sides are asked through WSGI alternately; the sign-in is part of neither.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask
from measure import PREFIX, make_services
from sqlalchemy import insert
from werkzeug.test import Client

from registry.cli.batches import CHINA, check_file, issue_file
from registry.cli.demo_people import demo_people
from registry.cli.demo_sheets import row_of, write_csv
from registry.cli.desk_app import make_desk
from registry.cli.services import Services
from registry.office.identity import AccountId, Identity, Role
from registry.store.base import write_unit
from registry.store.procedure import Case, Company
from registry.web.app import create_desks

URL = "http://127.0.0.1:8001"
COMPANIES, CERTIFICATES, CASES_EACH = 500, 100_000, 4
ROUNDS, WARM = 60, 3
PAGE_BYTES = 50 * 1024
TIMES = 10
PAGES = (
    *("/", "/list/filing", "/list/scheme", "/list/plan", "/list/batch", "/companies"),
    *("/assessors", "/occupations", "/experts", "/rules", "/supervision"),
)
KINDS = (("filing", "submitted"), ("scheme", "draft"), ("plan", "submitted"), ("batch", "draft"))


def fill(services: Services, companies: int, certificates: int, folder: Path) -> None:
    """Put companies with cases of each kind, and certificates in lists of 20,000, into a home."""
    now = datetime.now(UTC)
    with write_unit(services.engine) as session:
        for number in range(1, companies + 1):
            session.add(_company(number, now))
        session.flush()
        rows = [
            _case(company, kind, state, serial, now)
            for company in range(1, companies + 1)
            for serial, (kind, state) in enumerate(KINDS)
        ]
        session.execute(insert(Case), rows)
    issued = now.astimezone(CHINA).date() - timedelta(days=3)
    for first in range(0, certificates, 20_000):
        people = demo_people(min(20_000, certificates - first), offset=first, issued=issued)
        file = folder / f"{first}.csv"
        write_csv(file, [row_of(number, person) for number, person in enumerate(people, 1)])
        checked = check_file(services, file, PREFIX, now)
        if issue_file(services, checked, f"{first}") is None:
            raise SystemExit("the list was refused")


def _company(number: int, now: datetime) -> Company:
    return Company(
        company_id=number,
        uscc=f"91449999{number:010}",
        name=f"深圳市示例第{number}制造有限公司",
        district="",
        state="listed",
        listed_on=now.date(),
        created_at=now,
    )


def _case(company: int, kind: str, state: str, serial: int, now: datetime) -> dict[str, object]:
    number = company * CASES_EACH + serial
    return {
        "kind": kind,
        "reference": f"BM-{now.year}-{number:05}",
        "company_id": company,
        "title": "车工（数控车工）",
        "state": state,
        "form": b"",
        "opened_at": now,
        "changed_at": now,
        "due_on": now.date() + timedelta(days=number % 30),
    }


def cpu(ask: Callable[[], object]) -> float:
    """Return the CPU seconds of one request."""
    before = time.process_time()
    ask()
    return time.process_time() - before


def p95(values: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(values, n=20)[-1]


def measure(services: Services, rounds: int) -> bool:
    """Print a line a page; say whether all goals were met."""
    clerk = Identity(account_id=AccountId(1), login="clerk", role=Role.CLERK)
    app = create_desks(
        make_desk(services, URL), secret=b"s" * 32, identify=lambda _token, _address: clerk
    )
    bare = Flask("bare")
    bare.add_url_rule("/", view_func=lambda: "")
    desk, empty = Client(app), Client(bare)
    with app.test_request_context():
        value = app.session_interface.get_signing_serializer(app).dumps({"token": "t"})
    desk.set_cookie("desk", value, domain="127.0.0.1")
    met = True
    print("| page | bytes | CPU p95 ms | empty view p95 ms | ratio |")
    print("| --- | --- | --- | --- | --- |")
    for path in PAGES:
        answer = desk.get(path, base_url=URL)
        if answer.status_code != 200:
            raise SystemExit(f"{path}: {answer.status_code}")
        size, pages, views = len(answer.get_data()), [], []
        for _ in range(rounds):
            pages.append(cpu(lambda path=path: desk.get(path, base_url=URL)))
            views.append(cpu(lambda: empty.get("/", base_url=URL)))
        upper, lower = p95(pages[WARM:]), p95(views[WARM:])
        met = met and size < PAGE_BYTES and upper < TIMES * lower
        line = f"{size:,} | {upper * 1e3:.2f} | {lower * 1e3:.2f} | {upper / lower:.1f}"
        print(f"| {path} | {line} |", flush=True)
    return met


def main() -> int:
    """Fill a home and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        services = make_services(folder)
        certificates = 2_000 if quick else CERTIFICATES
        fill(services, COMPANIES, certificates, folder)
        met = measure(services, 20 if quick else ROUNDS)
    print("\ngoals met" if met else "\na goal is NOT met")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
