"""The monitor killed at any moment: at each answer it waits for, at each statement of its state."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from registry.ledger.monitor import reading
from registry.ledger.monitor import state as state_module
from registry.ledger.monitor.source import FolderSource
from registry.ledger.monitor.state import MonitorState

OTHER = "Y000044999002"
KILLED = 137


@pytest.fixture
def lying(make: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a log with findings in several parts, in a folder, and its size."""
    monkeypatch.setattr(reading, "PART", 256)
    book = make.honest(800)
    book.leaves[1] = make.key_event(OTHER, "add", "stranger")
    book.leaves[3] = book.leaves[2]
    book.leaves[600] = b"{}"
    return make.write(book.files(), tmp_path / "log"), len(book.leaves)


def in_a_child(work: Callable[[], object]) -> bool:
    """Do `work` in a process of its own; whether that was killed."""
    child = os.fork()
    if not child:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in {0, KILLED}
    return code == KILLED


def settled(eye: Any, source: Any, size: int) -> tuple[list[Any], list[Any]]:
    """Look again; give all that was found and all that is to be told."""
    found = eye.found(source=source, prefixes=frozenset({OTHER}))
    with MonitorState.open(eye.folder) as state:
        progress = state.progress()
        assert progress is not None
        assert progress.size == size
        return found, list(state.issued())


class Killer(FolderSource):
    """A folder whose nth file is the last that this process reads."""

    left = 0

    def read(self, path: str, limit: int) -> bytes:
        self.left -= 1
        if not self.left:
            os._exit(KILLED)
        return super().read(path, limit)


def test_at_each_answer(eye: Any, make: Any, lying: Any, tmp_path: Any) -> None:
    source, size = lying
    whole = settled(eye, source, size)
    assert len(whole[0]) > 3
    assert len(whole[1]) == 20
    for nth in count(1):
        cut = type(eye)(eye.folder.with_name(f"state-{nth}"), eye.url)
        killer = Killer(tmp_path / "log")
        killer.left = nth
        killed = in_a_child(lambda c=cut, k=killer: c.look(source=k, prefixes=frozenset({OTHER})))
        assert settled(cut, source, size) == whole
        if not killed:
            break
    assert nth > 15


def test_at_each_statement(
    eye: Any, make: Any, lying: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, size = lying
    whole = settled(eye, source, size)
    connect = sqlite3.connect
    for nth in count(1, 2):
        cut = type(eye)(eye.folder.with_name(f"state-{nth}"), eye.url)
        left = [nth]

        def traced(*args: Any, left: list[int] = left, **values: Any) -> sqlite3.Connection:
            def say(_statement: str) -> None:
                left[0] -= 1
                if not left[0]:
                    os._exit(KILLED)

            database = connect(*args, **values)
            database.set_trace_callback(say)
            return database

        with monkeypatch.context() as patched:
            patched.setattr(state_module.sqlite3, "connect", traced)
            killed = in_a_child(lambda c=cut: c.look(source=source, prefixes=frozenset({OTHER})))
        assert settled(cut, source, size) == whole
        if not killed:
            break
    assert nth > 15
