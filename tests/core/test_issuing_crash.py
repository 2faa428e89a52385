"""A failure at any point of issuing leaves nothing behind: no row, no counter moved, no gap."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any

import pytest

from keys.model import KeyInfo
from registry.office import issuing, sealing
from registry.office.sealing import SigningFault
from registry.store.certificates import Certificate

PEOPLE, CHUNK = 22, 5
CHUNKS = range(5)


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
def fails(office: Any, monkeypatch: Any) -> Any:
    """Give the function that issues with a fault, and shows that it left nothing."""
    monkeypatch.setattr(issuing, "CHUNK", CHUNK)
    office.issue(office.people(7, offset=500))
    before = office.contents()

    def run(people: Any = None, error: type[Exception] = Fault) -> None:
        listed = office.people(PEOPLE)
        order = office.order(listed, candidates=listed if people is None else people)
        with pytest.raises(error):
            office.issue_order(order)
        assert office.contents() == before
        monkeypatch.undo()
        # The very same order goes through afterwards, with the numbers it would have had.
        batch = office.issue(office.people(PEOPLE))
        assert (batch.count, batch.recognised) == (PEOPLE, False)
        office.run()
        office.audit()

    return run


@pytest.mark.parametrize("at", CHUNKS)
@pytest.mark.parametrize("done", [False, True])
def test_a_failure_while_sealing_leaves_nothing(
    monkeypatch: Any, fails: Any, at: int, done: bool
) -> None:
    monkeypatch.setattr(issuing, "seal_chunk", failing(sealing.seal_chunk, at, done=done))
    fails()


@pytest.mark.parametrize(
    ("at", "done"),
    [*((at, False) for at in range(2 * len(CHUNKS) + 1)), (3, True), (2 * len(CHUNKS), True)],
)
def test_a_failure_while_inserting_leaves_nothing(
    monkeypatch: Any, fails: Any, at: int, done: bool
) -> None:
    monkeypatch.setattr(issuing, "insert_rows", failing(issuing.insert_rows, at, done=done))
    fails()


@pytest.mark.parametrize("at", range(8))
def test_a_failure_while_taking_numbers_leaves_nothing(
    monkeypatch: Any, fails: Any, at: int
) -> None:
    # Five levels, the status indices and the batch's own serial: seven ranges in all.
    monkeypatch.setattr(issuing, "take_range", failing(issuing.take_range, at, done=True))
    if at < 7:
        fails()
    else:
        with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
            fails()


def test_a_list_that_breaks_off_leaves_nothing(office: Any, fails: Any) -> None:
    def broken() -> Iterator[Any]:
        yield from office.people(PEOPLE - 4)
        raise OSError(errno.EIO, "the sheet's worker is gone")

    fails(broken(), OSError)


def test_a_failed_commit_leaves_nothing(office: Any, monkeypatch: Any, fails: Any) -> None:
    def no_commit(_connection: object) -> None:
        raise Fault

    monkeypatch.setattr(office.engine.dialect, "do_commit", no_commit)
    fails()


class WrongKey:
    """A signer whose signatures do not verify: a damaged key, or memory that flips."""

    def __init__(self, info: KeyInfo) -> None:
        self.info = info

    def sign(self, _message: bytes) -> bytes:
        return bytes(64)


def test_signatures_that_do_not_verify_are_never_committed(office: Any) -> None:
    before = office.contents()
    office.record_keys[office.prefix] = WrongKey(office.record_keys[office.prefix].info)
    with pytest.raises(SigningFault, match="stop issuing"):
        office.issue(office.people(3))
    assert office.contents() == before
    assert office.rows(Certificate) == []
