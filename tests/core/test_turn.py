"""One sequencer at a time on SQLite: within a process, between processes, after a kill."""

from __future__ import annotations

import os
import signal
import threading
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from registry.errors import RegistryError
from registry.ledger.sequencer import Anchored
from registry.ledger.storage import LogBusy
from registry.ledger.turn import lock_key, turn

fork = get_context("fork")


def busy(office: Any) -> bool:
    try:
        with turn(office.engine, office.log):
            return False
    except LogBusy:
        return True


def test_a_second_one_is_told_at_once_and_the_first_goes_on(office: Any) -> None:
    with turn(office.engine, office.log):
        for _ in range(3):
            with (
                pytest.raises(LogBusy, match="another sequencer is at work"),
                turn(office.engine, office.log),
            ):
                raise AssertionError
        assert busy(office)
    assert not busy(office)


def test_a_turn_that_ends_in_an_error_is_given_back(office: Any) -> None:
    with pytest.raises(ZeroDivisionError), turn(office.engine, office.log):
        raise ZeroDivisionError
    assert not busy(office)


def test_the_lock_is_the_databases_whatever_its_path_is_called(office: Any, tmp_path: Any) -> None:
    other = tmp_path / "other name"
    other.mkdir()
    (other / "link.db").symlink_to(office.home / "registry.db")
    engine = create_engine(f"sqlite:///{other}/link.db")
    with turn(office.engine, office.log), pytest.raises(LogBusy), turn(engine, office.log):
        raise AssertionError
    assert [file.name for file in other.iterdir()] == ["link.db"]


def test_another_database_has_a_turn_of_its_own(office: Any, tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/registry.db")
    with turn(office.engine, office.log), turn(engine, office.log):
        assert busy(office)


def test_a_database_without_a_file_has_no_turn(office: Any) -> None:
    with pytest.raises(AssertionError), turn(create_engine("sqlite://"), office.log):
        pass


def test_a_killed_holder_gives_the_turn_back(office: Any) -> None:
    office.close()
    held, told = os.pipe()

    def hold() -> None:
        with turn(office.engine, office.log):
            os.write(told, b"x")
            signal.pause()

    holder = fork.Process(target=hold)
    holder.start()
    assert os.read(held, 1) == b"x"
    assert busy(office)
    holder.kill()
    holder.join(20)
    assert holder.exitcode == -signal.SIGKILL
    assert not busy(office)
    os.close(held)
    os.close(told)


def test_two_started_at_once_are_harmless(office: Any) -> None:
    office.issue(office.people(300))
    gate, answers = threading.Barrier(4), []

    def run() -> None:
        gate.wait(20)
        try:
            answers.append(office.anchor())
        except RegistryError as error:
            answers.append(error.code)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rounds = [done for done in answers if isinstance(done, Anchored) and done.size > done.old_size]
    assert len(rounds) == 1
    assert {done for done in answers if isinstance(done, str)} <= {"log-busy", "head-moved"}
    office.run()
    office.audit()


def test_the_advisory_locks_number_is_a_bigint_and_the_logs_own() -> None:
    keys = {lock_key(f"log-{place}.example/log") for place in range(200)}
    assert len(keys) == 200
    assert min(keys) < 0 < max(keys)
    assert all(-(2**63) <= key < 2**63 for key in keys)
    assert lock_key("registry.example/log") == lock_key("registry.example/log")
