"""One sequencer at a time on PostgreSQL: between connections, after a kill, and when one dies."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

import pytest

from registry.errors import RegistryError
from registry.ledger.follow import follow, work_waits
from registry.ledger.head import HeadLost
from registry.ledger.storage import LogBusy
from registry.ledger.turn import turn

fork = get_context("fork")


def refused(office: Any) -> str:
    try:
        with turn(office.engine, office.log):
            return ""
    except RegistryError as error:
        return error.code


def test_the_turn_is_one_for_all_processes_on_postgresql(office: Any) -> None:
    with turn(office.engine, office.log):
        for _ in range(3):
            assert refused(office) == "log-busy"
        other = open_again(office)
        assert refused(other) == "log-busy"
        other.close()
    assert refused(office) == ""
    with pytest.raises(ZeroDivisionError), turn(office.engine, office.log):
        raise ZeroDivisionError
    assert refused(office) == ""


def open_again(office: Any) -> Any:
    return type(office)(home=office.home, url=office.url)


def test_two_logs_of_one_database_have_turns_of_their_own(office: Any) -> None:
    with turn(office.engine, office.log), turn(office.engine, replace(office.log, origin="b/log")):
        assert refused(office) == "log-busy"


def test_a_killed_holder_frees_the_turn_on_postgresql(office: Any) -> None:
    office.close()
    held, told = os.pipe()

    def hold() -> None:
        with turn(office.engine, office.log):
            os.write(told, b"x")
            signal.pause()

    holder = fork.Process(target=hold)
    holder.start()
    assert os.read(held, 1) == b"x"
    assert refused(office) == "log-busy"
    holder.kill()
    holder.join(20)
    end = time.monotonic() + 20
    # The server notices the closed socket in its own time.
    while refused(office) and time.monotonic() < end:
        time.sleep(0.01)
    assert refused(office) == ""
    os.close(held)
    os.close(told)


def cut_the_turn(office: Any) -> None:
    """End the connection that holds the turn, and no other."""
    with office.engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_locks"
            " WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
        )
    end = time.monotonic() + 20
    while refused(office) and time.monotonic() < end:
        time.sleep(0.01)


def test_a_connection_that_dies_gives_the_turn_away_and_does_no_harm(office: Any) -> None:
    """Two are then at work; the head's compare-and-swap lets one of them through."""
    office.issue(office.people(3))
    with turn(office.engine, office.log):
        cut_the_turn(office)
        assert not refused(office)
        office.run()
    assert not refused(office)
    office.audit()


def test_what_is_seen_after_the_turn_was_lost_is_no_alarm(office: Any) -> None:
    with pytest.raises(HeadLost, match="true"), turn(office.engine, office.log):
        raise HeadLost("true")

    def lose(error: Exception) -> None:
        with turn(office.engine, office.log):
            cut_the_turn(office)
            raise error

    with pytest.raises(LogBusy, match="lost with its database connection") as told:
        lose(HeadLost("seen by one who has no turn"))
    assert isinstance(told.value.__cause__, HeadLost)
    # A fault of this program stays what it is.
    with pytest.raises(ZeroDivisionError):
        lose(ZeroDivisionError())


def test_the_service_waits_for_a_database_that_is_away(office: Any) -> None:
    """All connections die between two rounds; the next round finds the server again."""
    told: list[Any] = []
    steps = iter([False, False, False, True])

    def wait(_seconds: float) -> bool:
        other = open_again(office)
        with other.engine.connect() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        other.close()
        return next(steps)

    work_waits(office.engine)
    follow(
        office.engine,
        lambda: {"size": office.run()[0].size},
        wait=wait,
        monotonic=time.monotonic,
        tell=told.append,
    )
    codes = [facts.get("code", facts["event"]) for facts in told]
    assert "database" in codes
    assert "round" in codes
    assert {"database", "recovered", "round"} >= set(codes)
    office.audit()
