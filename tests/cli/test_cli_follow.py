"""``certreg anchor --follow`` as a service, ``issue --wait``, and what the guards refuse."""

from __future__ import annotations

import json
import os
import select
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select as query
from sqlalchemy import update

from keys.trust import load_trust
from registry.cli import anchoring
from registry.cli.anchoring import Rounds
from registry.cli.home import Home
from registry.cli.services import Services
from registry.ledger.asking import Asked, Outcome
from registry.ledger.cosigning import WitnessAlarm
from registry.ledger.head import HeadLost
from registry.store.base import write_unit
from registry.store.log import LogEra, LogHead

ISSUE = ("--approval", "深技鉴备〔2026〕第001号", "--json")
COMPANY = ("--name", "甲公司", "--uscc", "91449999MA5DEM003B", "--prefix", "Y000044999003")
PATIENCE = 60.0

fork = get_context("fork")


class Service:
    """One running service, and what it tells."""

    def __init__(self, desk: Any) -> None:
        self.process = desk.process("anchor", "--follow")
        self.told: list[dict[str, Any]] = []

    def until(self, event: str) -> dict[str, Any]:
        """Read what it tells up to the next `event`."""
        while True:
            assert select.select([self.process.stdout], [], [], PATIENCE)[0]
            line = self.process.stdout.readline()
            assert line, self.process.stderr.read()
            self.told.append(json.loads(line))
            if self.told[-1]["event"] == event:
                return self.told[-1]

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE)
        self.told += [json.loads(line) for line in out.splitlines()]
        assert err == ""
        return int(self.process.returncode)


@pytest.fixture
def service(desk: Any) -> Iterator[Callable[[], Service]]:
    started: list[Service] = []

    def start() -> Service:
        started.append(Service(desk))
        started[-1].until("start")
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate(timeout=PATIENCE)


def issue(desk: Any, people: int, offset: int, *options: str) -> Any:
    file = desk.sheet(desk.rows(people, offset=offset))
    return desk("issue", str(file), "--issuer", desk.prefix, *ISSUE, *options)


def test_what_is_issued_is_published_while_the_service_runs(desk: Any, service: Any) -> None:
    running = service()
    assert running.until("round")["size"] > 0
    for offset in (0, 10):
        ran = issue(desk, 3, offset, "--wait", "60")
        assert ran.status == 0, ran
        assert ran.facts["first leaf"] + 4 <= ran.facts["log size"]
        assert ran.facts["next"] == "nothing: published"
    assert running.end() == 0
    assert running.told[-1]["event"] == "end"
    assert {facts["event"] for facts in running.told} == {"start", "round", "end"}
    assert [batch for facts in running.told for batch in facts.get("batches", [])] == [
        f"{desk.prefix}-{datetime.now(UTC).year}-{batch:04}" for batch in (1, 2)
    ]
    assert desk("log", "fsck").status == 0
    # Nothing was left for a plain run.
    plain = desk("anchor", "--json").facts
    assert (plain["size before"], plain["entries published"]) == (plain["size"], 0)


def test_two_services_and_a_plain_run_are_harmless(desk: Any, service: Any) -> None:
    running = [service(), service()]
    for offset in (0, 10):
        assert issue(desk, 2, offset, "--wait", "60").status == 0
        assert desk("anchor").status in {0, 2}
    assert [running[0].end(), running[1].end(signal.SIGINT)] == [0, 0]
    told = [facts for one in running for facts in one.told]
    assert {facts["event"] for facts in told} <= {"start", "round", "fault", "recovered", "end"}
    assert {facts["code"] for facts in told if facts["event"] == "fault"} <= {"log-busy"}
    assert desk("log", "fsck").status == 0
    assert len(desk.certificates()) == 4


def test_a_killed_service_leaves_nothing_that_the_next_does_not_mend(
    desk: Any, service: Any
) -> None:
    first = service()
    assert issue(desk, 2, 0, "--wait").status == 0
    first.process.kill()
    first.process.communicate(timeout=PATIENCE)
    assert issue(desk, 2, 10, "--wait", "0").status == 2
    second = service()
    assert issue(desk, 2, 20, "--wait").status == 0
    assert second.end() == 0
    assert desk("log", "fsck").status == 0


def test_waiting_in_vain_issues_all_the_same_and_cannot_say(desk: Any) -> None:
    ran = issue(desk, 2, 0, "--wait", "0")
    assert ran.status == 2
    assert ran.line.endswith("[not-published-yet]")
    assert "anchor --follow" in ran.line
    # The numbers are given away: they are told whatever became of the waiting.
    assert ran.facts["certificates"] == 2
    assert "first leaf" not in ran.facts
    again = issue(desk, 2, 0)
    assert (again.status, again.facts["recognised"]) == (0, True)
    assert desk("anchor").status == 0
    waited = issue(desk, 2, 0, "--wait", "0")
    assert (waited.status, waited.facts["recognised"]) == (0, True)
    assert waited.facts["log size"] == desk("log", "fsck", "--json").facts["size"]


@pytest.mark.parametrize("seconds", ["-1", "soon", "0.5", "99999999999"])
def test_a_wait_that_is_none_is_refused(desk: Any, seconds: str) -> None:
    assert issue(desk, 1, 0, "--wait", seconds).status == 1
    assert desk.certificates() == []


def test_the_round_under_way_is_finished(desk: Any, monkeypatch: Any) -> None:
    assert issue(desk, 2, 0).status == 0
    real = Services.anchor

    def interrupted(services: Any, **named: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return real(services, **named)

    monkeypatch.setattr(Services, "anchor", interrupted)
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    ran = desk("anchor", "--follow")
    assert ran.status == 0
    told = [json.loads(line) for line in ran.out.splitlines()]
    assert [facts["event"] for facts in told] == ["start", "round", "end"]
    assert told[1]["entries_published"] == 2
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == handlers


def test_a_second_signal_ends_it_at_once() -> None:
    def work() -> None:
        with anchoring.until_signalled():
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)

    process = fork.Process(target=work)
    process.start()
    process.join(PATIENCE)
    assert process.exitcode == -signal.SIGTERM


def alter(desk: Any, statement: Any) -> None:
    engine = Home(path=desk.home, environ=os.environ).engine()
    with write_unit(engine) as session:
        session.execute(statement) if not isinstance(statement, LogEra) else session.add(statement)
    engine.dispose()


def refused_everywhere(desk: Any, code: str) -> str:
    """Nothing is signed, issued or changed; return what is said."""
    number = desk.certificates()[0].number
    before = {
        file: file.read_bytes() for file in desk.home.rglob("public/log/**/*") if file.is_file()
    }
    runs = [
        desk("anchor"),
        desk("anchor", "--follow"),
        issue(desk, 2, 500),
        desk("revoke", number, "--reason", "fraud"),
    ]
    assert [ran.status for ran in runs] == [1] * len(runs)
    assert all(ran.line.endswith(f"[{code}]") for ran in runs)
    assert len(desk.certificates()) == 25
    assert {file: file.read_bytes() for file in before} == before
    return str(runs[0].line)


def test_a_clock_set_back_stops_everything(stock: Any) -> None:
    ahead = datetime.now(UTC) + timedelta(minutes=10)
    alter(stock, update(LogHead).values(signed_at=ahead))
    told = refused_everywhere(stock, "clock-behind")
    assert f"{ahead:%Y-%m-%dT%H:%M:%SZ}" in told
    assert "NTP" in told
    # Within a minute it goes on.
    alter(stock, update(LogHead).values(signed_at=datetime.now(UTC) + timedelta(seconds=50)))
    assert stock("anchor").status == 0


def test_a_frozen_log_stops_everything(stock: Any) -> None:
    engine = Home(path=stock.home, environ=os.environ).engine()
    with write_unit(engine) as session:
        origin = session.scalars(query(LogHead.origin)).one()
    engine.dispose()
    now = datetime.now(UTC)
    alter(stock, LogEra(number=1, origin=origin, started_at=now, frozen_at=now))
    assert origin in refused_everywhere(stock, "log-frozen")


@pytest.fixture
def rounds(desk: Any) -> Iterator[Rounds]:
    running = Rounds(Home(path=desk.home, environ=os.environ))
    yield running
    running.services.engine.dispose()


def trust_files(desk: Any) -> list[tuple[Path, bytes]]:
    return [(file, file.read_bytes()) for file in sorted(desk.trust.iterdir())]


def test_the_trust_folder_is_written_when_it_must_change_only(desk: Any, rounds: Rounds) -> None:
    before = trust_files(desk)
    assert rounds.run() is not None
    first = trust_files(desk)
    assert first != before
    assert rounds.run() is None
    for offset in (0, 10):
        assert issue(desk, 2, offset).status == 0
        facts = rounds.run()
        assert facts is not None
        assert facts["entries_published"] == 2
    assert trust_files(desk) == first
    services = rounds.services
    # A company more: a new key in the ring, a key leaf in the log.
    assert desk("issuer", "add", *COMPANY).status == 0
    added = trust_files(desk)
    assert rounds.run() is not None
    assert rounds.services is not services
    assert rounds.services.engine is services.engine
    assert trust_files(desk) != added
    assert len(load_trust(desk.trust).issuers) == 3
    number = desk.issued(desk.rows(1, offset=50), "Y000044999003")[0]
    assert rounds.run() is not None
    assert desk("prove", number, "-o", str(desk.folder / "one.tlog-proof")).status == 0


def test_a_key_leaf_brings_the_trust_folder_up_to_date(desk: Any, rounds: Rounds) -> None:
    """Also where the ring did not change since: the leaf's place in the log is new."""
    assert desk("issuer", "add", *COMPANY).status == 0
    rounds._stamp = anchoring._stamp(rounds.services.home)
    rounds._trust_due = False
    before = trust_files(desk)
    rounds.run()
    assert trust_files(desk) != before


def test_a_trust_folder_that_could_not_be_written_is_owed(
    desk: Any, rounds: Rounds, monkeypatch: Any
) -> None:
    rounds.run()
    assert desk("issuer", "add", *COMPANY).status == 0
    before = trust_files(desk)

    def full(_services: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Services, "write_trust", full)
        with pytest.raises(OSError, match="No space"):
            rounds.run()
    rounds.run()
    assert trust_files(desk) != before


def test_a_witness_that_alarms_is_told_of_and_asked_what_it_can_prove(
    desk: Any, rounds: Rounds, monkeypatch: Any, capsys: Any
) -> None:
    """Its word alone does not stop the office; a head that the log itself has signed does."""
    silent = Asked(witness="w", url="", outcome=Outcome.UNREACHABLE, detail="no answer in time")

    def alarming(_services: Any, *, trust: bool, tell: Any) -> Any:
        tell(replace(silent, outcome=Outcome.COSIGNED))
        tell(silent)
        raise WitnessAlarm("witness w has signed 99 entries")

    rounds.run()
    services = rounds.services
    with monkeypatch.context() as patched:
        patched.setattr(Services, "anchor", alarming)
        assert rounds.run() == {
            "alarm": "witness-alarm",
            "what": "witness w has signed 99 entries",
        }
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert (told["event"], told["witness"], told["what"]) == ("witness", "w", silent.detail)
    assert rounds.services is not services
    proven = [("w", 99, bytes(32))]
    monkeypatch.setattr("registry.cli.services.witnessed_heads", lambda *_a, **_n: proven)
    with pytest.raises(HeadLost, match="w has 99 entries"):
        rounds.run()
