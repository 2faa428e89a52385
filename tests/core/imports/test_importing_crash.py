"""A failure at any point of an import leaves nothing: no row, no counter moved, no number taken."""

from __future__ import annotations

from typing import Any

import pytest

from registry.office import importing_writing as writing

ROWS, CHUNK = 12, 5
CHUNKS = range(3)


class Fault(Exception):
    """What a test throws in."""


def failing(function: Any, at: int, *, done: bool) -> Any:
    """Wrap `function`: its call number `at` fails, before it does its work or after."""
    calls = iter(range(1000))

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        here = next(calls) == at
        if here and not done:
            raise Fault
        result = function(*args, **kwargs)
        if here:
            raise Fault
        return result

    return wrapped


@pytest.fixture
def fails(office: Any, importing: Any, monkeypatch: Any) -> Any:
    """Give the function that imports with a fault, and shows that it left nothing."""
    monkeypatch.setattr(writing, "CHUNK", CHUNK)
    office.issue(office.people(3))
    before = office.contents()

    def run() -> None:
        rows = importing.rows([10 * n for n in range(1, ROWS + 1)])
        with pytest.raises(Fault):
            importing.run(rows)
        assert office.contents() == before
        monkeypatch.undo()
        # The very same table goes through afterwards.
        done = importing.run(rows)
        assert (done.count, done.recognised) == (ROWS, False)
        office.run()
        assert office.fsck().faults == ()

    return run


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("at", range(2 * len(CHUNKS) + 1))
def test_a_failure_while_inserting_leaves_nothing(
    monkeypatch: Any, fails: Any, at: int, done: bool
) -> None:
    monkeypatch.setattr(writing, "insert_rows", failing(writing.insert_rows, at, done=done))
    fails()


@pytest.mark.parametrize("name", ["raise_to", "take_range", "require_unheld", "require_active"])
def test_a_failure_while_taking_numbers_leaves_nothing(
    monkeypatch: Any, fails: Any, name: str
) -> None:
    monkeypatch.setattr(writing, name, failing(getattr(writing, name), 0, done=True))
    fails()


@pytest.mark.parametrize("at", [0, ROWS - 1])
def test_a_failure_while_signing_leaves_nothing(monkeypatch: Any, fails: Any, at: int) -> None:
    monkeypatch.setattr(writing, "_require_good", failing(writing._require_good, at, done=False))
    fails()


def test_a_failed_commit_leaves_nothing(office: Any, monkeypatch: Any, fails: Any) -> None:
    def no_commit(_connection: object) -> None:
        raise Fault

    monkeypatch.setattr(office.engine.dialect, "do_commit", no_commit)
    fails()
