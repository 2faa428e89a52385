"""Between storing and answering anything may end, and many may ask at once: one history still.

A signature leaves the witness only once its memory is on the disk, whoever else is asking.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from registry.ledger.witness import cosigner
from registry.ledger.witness.errors import WitnessStateLost
from registry.ledger.witness.state import Heads, State
from registry.ledger.witness.wire import monitoring_path

FORK = get_context("fork")


def in_child(work: Any) -> int:
    """Run `work` in a process of its own that is killed at the end of it, or before."""
    process = FORK.Process(target=work)
    process.start()
    process.join()
    code = process.exitcode
    assert code is not None
    return code


def kill_self(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_killed_before_the_commit_it_has_signed_nothing(
    open_witness: Any, log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness, body = open_witness(), log.grow(3).request(0)
    store = Heads.store

    def stored_then_killed(self: Heads, origin: str, seen: Any) -> None:
        store(self, origin, seen)
        kill_self()

    with monkeypatch.context() as patched:
        patched.setattr(Heads, "store", stored_then_killed)
        assert in_child(lambda: witness.add_checkpoint(body)) == -signal.SIGKILL
    again = open_witness()
    assert again.latest(monitoring_path(log.origin)).status == 404
    lie = log.forked(0).grow(3, "lie")
    assert again.add_checkpoint(lie.request(0)).status == 200


def test_killed_between_commit_and_answer_it_stands_by_what_it_stored(
    open_witness: Any, log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness, body = open_witness(), log.grow(3).request(0)
    with monkeypatch.context() as patched:
        patched.setattr(cosigner, "format_lines", kill_self)
        assert in_child(lambda: witness.add_checkpoint(body)) == -signal.SIGKILL
    again = open_witness()
    lie = log.forked(0).grow(3, "lie")
    assert (again.add_checkpoint(body).status, again.add_checkpoint(body).body) == (409, b"3\n")
    assert again.add_checkpoint(lie.request(3)).status == 422
    assert again.add_checkpoint(log.request(3)).status == 200


def test_a_commit_that_fails_gives_no_signature(
    open_witness: Any, log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness, body = open_witness(), log.grow(3).request(0)
    connect = State._connect

    class Full:
        """A connection whose disk is full when it counts."""

        def __init__(self, inner: sqlite3.Connection) -> None:
            self.inner, self.close = inner, inner.close

        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            if statement == "COMMIT":
                raise sqlite3.OperationalError("database or disk is full")
            return self.inner.execute(statement, *values)

    with monkeypatch.context() as patched:
        patched.setattr(State, "_connect", lambda self, mode: Full(connect(self, mode)))
        with pytest.raises(sqlite3.OperationalError):
            witness.add_checkpoint(body)
    assert witness.add_checkpoint(log.forked(0).grow(3, "lie").request(0)).status == 200


def test_of_two_histories_asked_for_at_once_one_is_signed(open_witness: Any, log: Any) -> None:
    witness = open_witness()
    bodies = [log.forked(0).grow(3, f"history {n}").request(0) for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(witness.add_checkpoint, bodies))
    assert sorted(answer.status for answer in answers) == [200, *[409] * 7]


def test_two_processes_over_one_folder_are_one_witness(
    open_witness: Any, log: Any, tmp_path: Path
) -> None:
    open_witness()
    bodies = [log.forked(0).grow(3, f"history {n}").request(0) for n in range(4)]

    def ask(place: int) -> None:
        answer = open_witness().add_checkpoint(bodies[place])
        (tmp_path / f"{place}.status").write_text(str(answer.status.value))

    processes = [FORK.Process(target=ask, args=(place,)) for place in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    found = sorted((tmp_path / f"{place}.status").read_text() for place in range(4))
    assert found == ["200", "409", "409", "409"]


def test_a_state_that_is_taken_away_does_not_come_back_empty(
    open_witness: Any, log: Any, tmp_path: Path
) -> None:
    witness = open_witness()
    witness.add_checkpoint(log.grow(3).request(0))
    (tmp_path / "state" / "witness.db").unlink()
    with pytest.raises(sqlite3.OperationalError):
        witness.add_checkpoint(log.request(0))
    assert not (tmp_path / "state" / "witness.db").exists()
    with pytest.raises(WitnessStateLost, match="memory is lost"):
        State.prepare(tmp_path / "state", "witness.example/w1", new=False)


def test_the_disk_is_asked_to_keep_all_of_it(tmp_path: Path) -> None:
    state = State.prepare(tmp_path, "witness.example/w1", new=True)
    connection = state._connect("rw")
    pragmas = [
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous")
    ]
    connection.close()
    # 3 is EXTRA: FULL, and the folder synced once the journal is gone.
    assert pragmas == ["delete", 3]
