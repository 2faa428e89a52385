"""A crash at each step of anchoring and publishing: the next plain run makes all of it good.

Each step fails in two ways: nothing of it was done, and all of it was done and the caller never
heard (Sunlight's "failed but persisted").
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from registry import publish
from registry.ledger import sequencer
from registry.ledger.storage import LocalStorage
from registry.store.certificates import Certificate
from signing.tlog.tiles import TILE_WIDTH


class Crash(BaseException):
    """A crash is no Exception: nothing may catch it."""


WAYS = ["before", "halfway", "after"]


class Crashing(LocalStorage):
    """Files whose write number `at` crashes."""

    __slots__ = ("at", "calls", "way")

    def write_all(self, items: Any) -> int:
        here, self.calls = self.calls, self.calls + 1
        listed = list(items)
        if here != self.at:
            return super().write_all(listed)
        if self.way == "halfway":
            super().write_all(listed[: len(listed) // 2])
        if self.way == "after":
            super().write_all(listed)
        raise Crash


def crashing(office: Any, at: int, way: str) -> Any:
    storage = Crashing(office.site.public / "log")
    storage.at, storage.way, storage.calls = at, way, 0
    return replace(office.log, storage=storage)


@pytest.fixture(scope="module")
def template(founded: Path, tmp_path_factory: Any, open_office: Any) -> Path:
    """Give a home with a public log, and a batch, a correction and a revocation waiting."""
    home = tmp_path_factory.mktemp("busy") / "home"
    shutil.copytree(founded, home)
    office = open_office(home)
    first = office.issue(office.people(130))
    office.run()
    office.issue(office.people(130, offset=300))
    office.correct(first.ranges[0][0], {"name": "欧阳龑"})
    office.revoke(first.ranges[1][0])
    office.close()
    return home


@pytest.fixture
def busy(template: Path, tmp_path: Path, open_office: Any, monkeypatch: Any) -> Any:
    """Give a copy of it that works in small steps, so that there are many to crash at."""
    monkeypatch.setattr(sequencer, "PAGES_AT_ONCE", 1)
    monkeypatch.setattr(publish, "CHUNK", TILE_WIDTH)
    home = tmp_path / "home"
    shutil.copytree(template, home)
    office = open_office(home)
    office.note_checkpoint()
    yield office
    office.close()


def recover(office: Any) -> None:
    """Run plainly, then again: the second time must find nothing left to do."""
    if (office.site.public / "log" / "checkpoint").exists():
        office.note_checkpoint()
    office.run()
    office.audit()
    assert office.anchor().old_size == office.head().size
    assert office.publish() == 0
    assert len(office.rows(Certificate)) == 261


def count_writes(office: Any) -> int:
    log = crashing(office, -1, "")
    office.anchor(log)
    return log.storage.calls


def test_the_sweep_below_reaches_every_write(busy: Any) -> None:
    assert count_writes(busy) == len(WRITES)


WRITES = range(8)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("at", WRITES)
def test_a_crash_at_any_write_of_the_log(busy: Any, at: int, way: str) -> None:
    old = busy.head()
    with pytest.raises(Crash):
        busy.anchor(crashing(busy, at, way))
    committed = busy.head() != old
    # The last write is the public checkpoint, and the only one after the commit.
    assert committed == (at == WRITES[-1])
    recover(busy)


@pytest.mark.parametrize("at", [0, 4, 6, 7])
def test_a_crash_and_then_more_events_before_the_next_run(busy: Any, at: int) -> None:
    with pytest.raises(Crash):
        busy.anchor(crashing(busy, at, "after"))
    # What lies on disk beyond the head is now wrong for the next round, which has other leaves.
    busy.clock.moment = busy.clock.moment.replace(hour=9)
    busy.revoke(f"{busy.prefix}263000001")
    recover(busy)


def test_crashes_one_after_another(busy: Any, chance: Any) -> None:
    for _ in range(12):
        busy.clock.moment = busy.clock.moment.replace(second=chance.randrange(60))
        with pytest.raises(Crash):
            busy.anchor(crashing(busy, chance.randrange(len(WRITES) - 1), chance.choice(WAYS)))
    recover(busy)


def fails(function: Any, way: str, at: int = 0) -> Any:
    calls = iter(range(100))

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        here = next(calls) == at
        if here and way == "before":
            raise Crash
        result = function(*args, **kwargs)
        if here:
            raise Crash
        return result

    return wrapped


def crash_in(monkeypatch: Any, run: Any, module: Any, name: str, wrapped: Any) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(module, name, wrapped)
        with pytest.raises(Crash):
            run()


def crashing_unit(way: str, at: int = 0) -> Any:
    """Make a `write_unit` that crashes inside its transaction, or just after its commit."""
    calls = iter(range(100))

    @contextmanager
    def unit(engine: Any) -> Iterator[Any]:
        here = next(calls) == at
        with sequencer_write_unit(engine) as session:
            yield session
            if here and way == "before":
                raise Crash
        if here:
            raise Crash

    return unit


sequencer_write_unit = sequencer.write_unit


@pytest.mark.parametrize("way", ["before", "after"])
@pytest.mark.parametrize("step", ["_start", "_close_round", "_check", "swap_head", "_commit"])
def test_a_crash_around_each_step_of_the_round(
    busy: Any, monkeypatch: Any, step: str, way: str
) -> None:
    old = busy.contents()
    wrapped = fails(getattr(sequencer, step), way)
    crash_in(monkeypatch, busy.anchor, sequencer, step, wrapped)
    assert busy.contents() == old
    recover(busy)


@pytest.mark.parametrize("way", ["before", "after"])
def test_a_crash_in_the_commit_of_the_head(busy: Any, monkeypatch: Any, way: str) -> None:
    old = busy.head()
    crash_in(monkeypatch, busy.anchor, sequencer, "write_unit", crashing_unit(way))
    assert (busy.head() != old) == (way == "after")
    # In either case the world still sees the old checkpoint, and it stays true.
    assert busy.checkpoint() == busy.seen[0]
    recover(busy)


@pytest.mark.parametrize("way", ["before", "after"])
def test_a_crash_between_commit_and_public_checkpoint(
    busy: Any, monkeypatch: Any, way: str
) -> None:
    # The first call is the one that repairs, at the start; the second publishes the new head.
    wrapped = fails(sequencer.publish_head, way, at=1)
    crash_in(monkeypatch, busy.anchor, sequencer, "publish_head", wrapped)
    head = busy.head()
    assert head.size > busy.seen[0].size
    assert (busy.checkpoint().size == head.size) == (way == "after")
    busy.anchor()
    assert busy.head() == head
    recover(busy)


@pytest.mark.parametrize("way", ["before", "after"])
@pytest.mark.parametrize("at", range(5))
def test_a_crash_around_each_write_of_the_mirror(
    busy: Any, monkeypatch: Any, at: int, way: str
) -> None:
    busy.anchor()
    wrapped = fails(publish._store, way, at)
    crash_in(monkeypatch, busy.publish, publish, "_store", wrapped)
    recover(busy)


@pytest.mark.parametrize("way", ["before", "after"])
@pytest.mark.parametrize("at", range(3))
def test_a_crash_between_the_mirror_and_the_published_mark(
    busy: Any, monkeypatch: Any, at: int, way: str
) -> None:
    busy.anchor()
    crash_in(monkeypatch, busy.publish, publish, "write_unit", crashing_unit(way, at))
    recover(busy)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("at", [0, 1])
def test_a_crash_between_the_status_pages_and_their_pointer(
    busy: Any, monkeypatch: Any, at: int, way: str
) -> None:
    busy.anchor()

    def storage(root: Any) -> Any:
        made = Crashing(root)
        made.at, made.way, made.calls = at, way, 0
        return made

    crash_in(monkeypatch, busy.publish, publish, "LocalStorage", storage)
    recover(busy)
