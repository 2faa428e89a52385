"""A bulk check of 20,000 rows beside its floor: the bare lookups and verifications it consists of.

The floor opens each row's mirror entry by its two facts, makes the evidence from the published log
and verifies it: no quota, no table, no state, no signature. The product does the whole job: rows
taken from the sealed queue, charged and put back, answered, written as a coloured workbook,
digested, signed, verified against itself and stored durably. Both answer the same rows; the
product's answers are compared before anything is told.
"""

from __future__ import annotations

import argparse
import os
import secrets
import statistics
import tempfile
from pathlib import Path

from measure import Spent, ratio, timed
from page import fill
from sqlalchemy import select

from registry.cli.services import Services
from registry.cli.site_keys import receipt_key_file
from registry.office.certificates import open_certificate
from registry.store.base import read_unit
from registry.store.certificates import Certificate
from signing.receiptkey import read_receipt_key
from verify_web.bulk.accounts import add_organisation
from verify_web.bulk.checker import Checker, answer_row
from verify_web.bulk.jobs import Asked, Purpose, accept, find_job
from verify_web.bulk.quota import Employer, Kind
from verify_web.bulk.rows import AskedRow
from verify_web.bulk.working import Bench, work_one
from verify_web.config import SiteConfig
from verify_web.work import make_bench

ROUNDS = 5


def main() -> None:
    """Measure both sides in turn, then one whole job."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    piece = 200 if parser.parse_args().quick else 4_000
    with tempfile.TemporaryDirectory() as name:
        services, _tokens = fill(Path(name), piece * ROUNDS)
        run(services, piece)


def run(services: Services, piece: int) -> None:
    """Take the rounds and print the table."""
    home = services.home
    config = SiteConfig(
        public_dir=home.public,
        pepper=home.pepper(),
        base_url=services.settings.base_url,
        state_file=home.pepper_file.with_name("site.db"),
    )
    bench = make_bench(config, read_receipt_key(receipt_key_file(home.pepper_file.parent)))
    rows = rows_of(services)
    sides: dict[str, list[Spent]] = {"floor": [], "product": []}
    for turn in range(ROUNDS):
        some = rows[piece * turn : piece * (turn + 1)]
        for side in sides if turn % 2 else reversed(sides):
            work = floor if side == "floor" else product
            sides[side].append(timed(lambda work=work, some=some: work(bench, some)))
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    print(f"{piece} rows a round, {ROUNDS} rounds, load average {load}")
    print(f"{'side':<10}{'µs CPU a row':>14}{'µs wall':>10}")
    for side, spent in sides.items():
        cpu = statistics.median(one.cpu for one in spent) / piece * 1e6
        wall = statistics.median(one.wall for one in spent) / piece * 1e6
        print(f"{side:<10}{cpu:>14.0f}{wall:>10.0f}")
    cpus = {side: [one.cpu for one in spent] for side, spent in sides.items()}
    print(f"floor / product                   {ratio(cpus['floor'], cpus['product'])}")
    whole = timed(lambda: product(bench, rows))
    print(f"one job of {len(rows):,} rows: {whole.cpu:.1f} s CPU, {whole.wall:.1f} s wall")


def rows_of(services: Services) -> list[AskedRow]:
    """Ask by name and by the last six in turn."""
    with read_unit(services.engine) as session:
        found = [
            open_certificate(each, services.context).record
            for each in session.scalars(select(Certificate))
        ]
    return [
        AskedRow(
            place=at,
            number=one.number,
            name=one.name if at % 2 else "",
            last_six="" if at % 2 else one.id_number[-6:],
        )
        for at, one in enumerate(found, 2)
    ]


def floor(bench: Bench, rows: list[AskedRow]) -> None:
    """Look up and verify each row, and no more."""
    site = bench.site
    checker = Checker(
        snapshot=site.public.snapshot(),
        mirror=site.mirror,
        allowance=site.allowance,
        desk=bench.desk,
        employer=Employer(employer="", kind=Kind.KEY),
        now=site.config.clock.now(),
        max_age=site.config.max_age,
    )
    assert all(answer_row(checker, row).result == "V" for row in rows)


def product(bench: Bench, rows: list[AskedRow]) -> None:
    """Hand a job in and work it off."""
    employer, _key = add_organisation(bench.desk, "示例单位")
    asked = Asked(
        rows=rows, purpose=Purpose.STAFF, asker="示例单位", request=secrets.token_bytes(16)
    )
    job = accept(bench.desk, Employer(employer=employer, kind=Kind.KEY), asked)
    assert work_one(bench)
    assert find_job(bench.desk, employer, job).counts == {"V": len(rows)}


if __name__ == "__main__":
    main()
