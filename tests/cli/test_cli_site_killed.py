"""The site's working process killed in the middle of a bulk check: one receipt, counted once."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from registry.cli.home import Home
from registry.cli.site import _desk
from verify_web.bulk.accounts import add_organisation, employer_of_key
from verify_web.bulk.jobs import (
    LEASE_SECONDS,
    Asked,
    Purpose,
    State,
    accept,
    find_job,
    read_file,
)
from verify_web.bulk.rows import AskedRow

if TYPE_CHECKING:
    import subprocess

    from verify_web.bulk.quota import Employer
    from verify_web.bulk.store import Desk

ROWS = 1500


@pytest.fixture
def site(stock: Any) -> Desk:
    return _desk(Home(path=stock.home, environ={}))


@pytest.fixture
def employer(site: Desk) -> Employer:
    found = employer_of_key(site, add_organisation(site, "示例用人单位")[1])
    assert found is not None
    return found


def asked_for(site: Desk, employer: Employer, numbers: list[str]) -> str:
    rows = [
        AskedRow(place=2 + at, number=numbers[at % len(numbers)], name="示例甲", last_six="")
        for at in range(ROWS)
    ]
    asked = Asked(rows=rows, purpose=Purpose.STAFF, asker="示例", request=secrets.token_bytes(16))
    return accept(site, employer, asked)


def killed_once(worker: subprocess.Popen[str], site: Desk, employer: Employer, job: str) -> int:
    """Kill the worker as soon as it has put rows down; return how many those were."""
    while not (now := find_job(site, employer.employer, job)).done:
        assert worker.poll() is None, worker.communicate()
        assert now.state is not State.FAILED
        time.sleep(0.01)
    worker.kill()
    worker.communicate()
    return now.done


def let_the_minute_pass(site: Desk, job: str) -> None:
    with site.state.transaction() as connection:
        changed = connection.execute(
            "UPDATE jobs SET lease = lease - ? WHERE job = ?", (LEASE_SECONDS + 1, job)
        ).rowcount
    assert changed == 1


def count(site: Desk, question: str) -> int:
    with site.state.transaction() as connection:
        (found,) = connection.execute(question).fetchone()
    return int(found)


def test_killed_twice_in_its_middle_the_third_gives_one_whole_receipt(
    stock: Any, site: Desk, employer: Employer, tmp_path: Path
) -> None:
    numbers = [each.number for each in stock.certificates()]
    job = asked_for(site, employer, numbers)
    for _ in range(2):
        worker = stock.process("site", "work", "--console")
        assert 0 < killed_once(worker, site, employer, job) < ROWS
        # Whoever comes at once finds it taken: two must not write one job's answers.
        assert find_job(site, employer.employer, job).state is State.WORKING
        let_the_minute_pass(site, job)
    ended = stock("site", "work", "--once", "--console")
    assert ended.status == 0

    done = find_job(site, employer.employer, job)
    assert (done.state, done.done, sum(done.counts.values())) == (State.DONE, ROWS, ROWS)
    assert count(site, "SELECT count(*) FROM jobs") == 1
    assert count(site, "SELECT count(*) FROM audit") == 1
    assert count(site, "SELECT sum(rows) FROM usage") == ROWS
    files = {}
    for name, receipt in (("receipt.json", True), ("result.xlsx", False)):
        files[name] = tmp_path / name
        files[name].write_bytes(read_file(site, employer.employer, job, receipt=receipt))
    said = stock.verify(files["receipt.json"], "--table", str(files["result.xlsx"]))
    assert said.status == 0, said
