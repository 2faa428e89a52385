"""Commands cut off at any moment: what was begun is finished by the next run, exactly once.

Steps of `init` and `issuer add` are cut off one after another; `issue`, `anchor` and `demo` are
real processes that get SIGKILL at seeded moments.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from keys.ring import KeyRing
from keys.trust import load_trust
from registry.cli import setup
from registry.cli.demo_walk import Walk
from registry.cli.home import Home
from registry.cli.services import Services
from registry.store.base import read_unit
from registry.store.procedure import Case

COMPANY = ("--name", "甲公司", "--uscc", "91449999MA5DEM003B", "--prefix", "Y000044999003")


Step = tuple[Any, str, int, bool]


class Killed(BaseException):
    """The process ends here; no handler of errors may run on it."""


def cut_off(monkeypatch: Any, step: Step) -> None:
    """Let call number `at` of a function be the last thing that happens, or not happen."""
    owner, name, at, done = step
    function: Callable[..., Any] = getattr(owner, name)
    calls = iter(range(100))

    def last(*arguments: Any, **named: Any) -> Any:
        here = next(calls) == at
        if here and not done:
            raise Killed
        result = function(*arguments, **named)
        if here:
            raise Killed
        return result

    monkeypatch.setattr(owner, name, last)


INIT: list[Step] = [
    (os, "fsync", 0, False),  # the passphrase is written in part
    (setup, "write_private", 0, True),
    (setup, "write_private", 1, True),
    (KeyRing, "generate", 0, False),
    (KeyRing, "generate", 1, False),
    (KeyRing, "generate", 2, False),
    (KeyRing, "generate", 3, False),
    (setup, "migrate", 0, False),
    (setup, "write_settings", 0, False),
    (setup, "write_settings", 0, True),
]


@pytest.mark.parametrize("step", INIT, ids=range(len(INIT)))
def test_init_cut_off_goes_on(empty: Any, monkeypatch: Any, step: Step) -> None:
    with monkeypatch.context() as patched:
        cut_off(patched, step)
        with pytest.raises(Killed):
            empty("init")
    assert empty("init").status == 0
    kept = {file: file.read_bytes() for file in empty.home.rglob("*") if file.is_file()}
    assert len(list((empty.home / "keys").glob("*.key.json"))) == 5
    assert not list(empty.home.rglob("*.part"))
    # Once more, and not a key, a secret or a setting has changed.
    assert empty("init").status == 0
    for name in ("keys/*", "secrets/*", "site/*", "certreg.toml"):
        for file in empty.home.glob(name):
            assert file.read_bytes() == kept[file], file
    assert empty("issuer", "add", *COMPANY).status == 0
    assert empty("anchor").status == 0
    assert len(load_trust(empty.trust).issuers) == 1


ADD: list[Step] = [
    (KeyRing, "generate", 0, True),
    (KeyRing, "generate", 1, True),
    (setup, "add_issuer", 0, True),
    (Services, "write_trust", 0, False),
]


@pytest.mark.parametrize("step", ADD, ids=range(len(ADD)))
def test_a_company_half_added_is_added(desk: Any, monkeypatch: Any, step: Step) -> None:
    with monkeypatch.context() as patched:
        cut_off(patched, step)
        with pytest.raises(Killed):
            desk("issuer", "add", *COMPANY)
    again = desk("issuer", "add", *COMPANY)
    assert again.status == 0 or "recorded already" in again.line
    issuer = load_trust(desk.trust).issuers["Y000044999003"]
    assert sorted(key.purpose for key in issuer.keys) == ["pdf", "record"]
    number = desk.issued(desk.rows(1), "Y000044999003")[0]
    assert desk("anchor").status == 0
    pdf = desk.folder / "one.pdf"
    assert desk("pdf", number, "-o", str(pdf)).status == 0
    assert desk.verify(pdf).status == 0


class Office:
    """The runs of one test: each is killed at a moment of its own, then run again."""

    def __init__(self, desk: Any, chance: random.Random) -> None:
        self.desk, self.chance = desk, chance
        self.killed, self.takes = 0, 0.0

    def kill(self, *arguments: str) -> None:
        started = time.monotonic()
        process = self.desk.process(*arguments)
        # Half of what a run takes is starting up: nothing can be lost there.
        patience = self.takes * self.chance.uniform(0.45, 1.0)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            self.killed += 1
        else:
            # Other people's load is gone: what a run takes is less now.
            self.takes = time.monotonic() - started
        process.kill()
        process.communicate(timeout=60)

    def measure(self, *arguments: str) -> None:
        started = time.monotonic()
        process = self.desk.process(*arguments)
        process.communicate(timeout=120)
        assert process.returncode == 0
        self.takes = time.monotonic() - started


def _kill_often(desk: Any, people: int, turns: int, seed: int) -> None:
    office = Office(desk, random.Random(seed))
    words = ("--issuer", desk.prefix, "--approval", "深技鉴备〔2026〕第001号")
    office.measure("issue", str(desk.sheet(desk.rows(people, offset=900_000))), *words)
    total = people
    for turn in range(turns):
        file = desk.sheet(desk.rows(people, offset=turn * people))
        office.kill("issue", str(file), *words)
        held = len(desk.certificates())
        # All of the batch or nothing of it.
        assert held in {total, total + people}
        again = desk.issue(file)
        assert again.facts["recognised"] is (held > total)
        assert again.facts["certificates"] == people
        total += people
        office.kill("anchor")
        if office.chance.random() < 0.5:
            assert desk("anchor").status == 0
            assert desk("log", "fsck").status == 0
    anchored = desk("anchor", "--json").facts
    fsck = desk("log", "fsck", "--json").facts
    assert (fsck["faults"], fsck["size"]) == ("none", anchored["size"])
    assert desk("anchor", "--json").facts["entries published"] == 0
    rows = desk.certificates()
    assert [row.status_index for row in rows] == list(range(total))
    serials: defaultdict[str, list[int]] = defaultdict(list)
    for row in rows:
        serials[row.number[:16]].append(int(row.number[16:]))
    assert all(found == list(range(1, len(found) + 1)) for found in serials.values())
    assert Counter(row.batch_id for row in rows) == {
        f"{desk.prefix}-{rows[0].batch_id.split('-')[1]}-{turn:04}": people
        for turn in range(1, turns + 2)
    }
    for row in (rows[0], rows[-1]):
        proof = desk.folder / "some.tlog-proof"
        assert desk("prove", row.number, "-o", str(proof)).status == 0
        assert desk.verify(proof).status == 0
    assert office.killed > 1


def test_killed_while_issuing_and_anchoring(desk: Any) -> None:
    _kill_often(desk, people=400, turns=3, seed=1)


@pytest.mark.parametrize("people", [400, pytest.param(2_000, marks=pytest.mark.soak)])
def test_the_same_list_from_two_desks_at_once(desk: Any, people: int) -> None:
    file = desk.sheet(desk.rows(people))
    words = ("--issuer", desk.prefix, "--approval", "深技鉴备〔2026〕第001号", "--json")
    runs = [desk.process("issue", str(file), *words) for _ in range(2)]
    told = []
    for process in runs:
        out, err = process.communicate(timeout=120)
        assert (process.returncode, err) == (0, "")
        told.append(json.loads(out))
    assert sorted(facts["recognised"] for facts in told) == [False, True]
    assert told[0]["numbers"] == told[1]["numbers"]
    assert len(desk.certificates()) == people
    runs = [desk.process("anchor") for _ in range(2)]
    for process in runs:
        _, err = process.communicate(timeout=120)
        # The second one waits its turn or says that it is not its turn.
        assert process.returncode == 0 or (process.returncode == 2 and err.count("\n") == 1)
    assert desk("anchor", "--json").facts["entries published"] == 0
    # The people, their batch's close, the status, four company keys and the office's upload key.
    assert desk("log", "fsck", "--json").facts["size"] == people + 7


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(4))
def test_killed_many_times(desk: Any, seed: int) -> None:
    _kill_often(desk, people=2_000, turns=12, seed=seed)


@pytest.mark.soak
def test_a_demo_that_was_killed_is_begun_afresh(empty: Any) -> None:
    process = empty.process("demo", "--no-serve")
    while not (empty.home / "public" / "log" / "checkpoint").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.communicate(timeout=60)
    assert empty("demo", "--no-serve").status == 0
    assert empty("log", "fsck").status == 0


LEFT = {
    "filing": {"draft", "submitted", "returned", "site-review", "prepared", "approved"},
    "scheme": {"draft", "submitted", "assessed", "prepared", "published"},
    "plan": {"draft", "submitted", "returned", "recorded", "held", "closed"},
    "batch": {
        *("draft", "publicity", "submitted", "returned"),
        *("prepared", "approved", "issued"),
    },
}
"""What the demo leaves at the desks: a case in each state that somebody has to act on."""


def states_left(home: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    with read_unit(Home(path=home, environ={}).engine()) as session:
        for kind, state in session.execute(select(Case.kind, Case.state)):
            found[kind].add(state)
    return dict(found)


def played(empty: Any) -> list[str]:
    """Run the demo to its end, look at all it leaves, and give the names of its PDF files."""
    ran = empty("demo", "--no-serve", "--port", "8123")
    assert ran.status == 0
    assert ran.out.count("http://127.0.0.1:8123/v/") == 5
    for told in (
        "有效",
        "已更正",
        "已撤销",
        "/log",
        "/lookup",
        "refused, nothing issued",
        "449****",
    ):
        assert told in ran.out
    pdfs = [path for path in empty.home.rglob("*.pdf") if path.parent.name == "documents"]
    assert len(pdfs) == 1
    assert empty("log", "fsck").status == 0
    assert empty.verify(pdfs[0]).status == 0
    assert states_left(empty.home) == LEFT
    assert "U00000001: acknowledged by the centre" in ran.out
    assert empty("upload", "show", "U00000001", "--json").facts["state"] == "acknowledged"
    assert empty("centre", "check", "--home", str(empty.home / "centre")).status == 0
    assert "INSECURE DEMO ACCOUNTS" in ran.out
    logins = {line.split()[0] for line in ran.out.splitlines() if " TOTP " in line}
    assert {"admin", "clerk", "approver", "supervisor", "auditor", "head-jm", "head-dl"} < logins
    return [path.name for path in pdfs]


def test_a_demo_cut_off_in_its_middle_is_begun_afresh(empty: Any, monkeypatch: Any) -> None:
    """The same home a second time, in less than the time of two whole demos."""
    with monkeypatch.context() as patched:
        cut_off(patched, (Walk, "list_companies", 0, True))
        with pytest.raises(Killed):
            empty("demo", "--no-serve")
    stale = empty.home / "documents" / "stale.pdf"
    stale.touch()
    assert played(empty) != [stale.name]


@pytest.mark.soak
def test_the_demo_runs_twice(empty: Any) -> None:
    assert played(empty) == played(empty)


def test_a_demo_cut_off_while_it_clears_away(empty: Any, monkeypatch: Any) -> None:
    empty.home.mkdir()
    for name in (".certreg-demo", "certreg.toml"):
        (empty.home / name).touch()
    (empty.home / "keys").mkdir()
    with monkeypatch.context() as patched:
        cut_off(patched, (Path, "unlink", 0, True))
        with pytest.raises(Killed):
            empty("demo", "--no-serve")
    assert (empty.home / ".certreg-demo").is_file()


def test_the_demo_touches_no_folder_of_others(stock: Any) -> None:
    before = {file: file.stat().st_mtime_ns for file in stock.home.rglob("*")}
    ran = stock("demo", "--no-serve")
    assert ran.status == 1
    assert "holds something that is no demo" in ran.line
    assert {file: file.stat().st_mtime_ns for file in stock.home.rglob("*")} == before
