"""A crash at each step of anchoring and publishing: the next plain run makes all of it good.

Each step fails in two ways: nothing of it was done, and all of it was done and the caller never
heard (Sunlight's "failed but persisted").
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from registry import publish, publish_status
from registry.ledger import local_storage, sequencer
from registry.ledger import round as rounds
from registry.ledger.local_storage import LocalStorage
from registry.store.certificates import Certificate
from signing.tlog.tiles import TILE_WIDTH


class Crash(BaseException):
    """A crash is no Exception: nothing may catch it."""


WAYS = ["before", "halfway", "after"]


class Crashing(LocalStorage):
    """Files of which step number `at` crashes, counting each file that is staged or replaced."""

    __slots__ = ("at", "calls", "way")

    def _crash(self, whole: Any, half: Any) -> None:
        here, self.calls = self.calls, self.calls + 1
        if here != self.at:
            whole()
            return
        if self.way == "halfway":
            half()
        if self.way == "after":
            whole()
        raise Crash

    def stage(self, round_id: str, items: Any) -> None:
        stage = super().stage
        for path, data in items:

            def half(path: str = path, data: bytes = data) -> None:
                self._staged(round_id, path).write_bytes(data[: len(data) // 2])

            self._crash(partial(stage, round_id, [(path, data)]), half)

    def place(self, round_id: str) -> None:
        place = super().place

        def half() -> None:
            # Some names are given, and none of the staged ones are gone yet.
            names = sorted(local_storage._listed(self._staging))
            for name in names[: len(names) // 2]:
                path = local_storage._path_of(name)
                (self._root / path).parent.mkdir(parents=True, exist_ok=True)
                self._link(self._staging / name, path)

        self._crash(partial(place, round_id), half)

    def write_all(self, items: Any) -> int:
        listed = list(items)
        # A file that is replaced is old or new, whatever happens.
        self._crash(partial(super().write_all, listed), lambda: None)
        return len(listed)


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
    monkeypatch.setattr(rounds, "PAGES_AT_ONCE", 1)
    monkeypatch.setattr(rounds, "FILES_AT_ONCE", 1)
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


def files(office: Any) -> dict[str, bytes]:
    """Return what readers can find in the log's directory."""
    folder = office.site.public / "log"
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("[!.]*"))
        if file.is_file() and file.parent.name != ".staging"
    }


def count_writes(office: Any) -> int:
    log = crashing(office, -1, "")
    office.anchor(log)
    return log.storage.calls


def test_the_sweep_below_reaches_every_write(busy: Any) -> None:
    assert count_writes(busy) == len(STEPS)


# The first looks for something left to place; then each file is staged, then all are placed, and
# the public checkpoint comes last.
STEPS = range(8)
PLACE, PUBLISH = STEPS[-2:]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("at", STEPS)
def test_a_crash_at_any_write_of_the_log(busy: Any, at: int, way: str) -> None:
    old, public = busy.head(), files(busy)
    with pytest.raises(Crash):
        busy.anchor(crashing(busy, at, way))
    # Before the commit nobody sees anything; after it nothing but the rest is left to do.
    assert (busy.head() != old) == (at >= PLACE)
    if at < PLACE:
        assert files(busy) == public
    assert (busy.checkpoint() == busy.seen[0]) == ((at, way) != (PUBLISH, "after"))
    recover(busy)
    assert not any((busy.site.public / "log" / ".staging").iterdir())


@pytest.mark.parametrize("at", [0, 1, 3, PLACE - 1, PLACE, PUBLISH])
def test_a_crash_and_then_more_events_before_the_next_run(busy: Any, at: int) -> None:
    with pytest.raises(Crash):
        busy.anchor(crashing(busy, at, "after"))
    # The next round has other leaves: what was staged and not committed must not meet it.
    busy.clock.moment = busy.clock.moment.replace(hour=9)
    busy.revoke(f"{busy.prefix}263000001")
    recover(busy)


def test_crashes_one_after_another(busy: Any, chance: Any) -> None:
    for _ in range(12):
        busy.clock.moment = busy.clock.moment.replace(second=chance.randrange(60))
        with pytest.raises(Crash):
            busy.anchor(crashing(busy, chance.randrange(PLACE), chance.choice(WAYS)))
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
@pytest.mark.parametrize(
    ("module", "step"),
    [
        (rounds, "start"),
        (rounds, "close_round"),
        (rounds, "check"),
        (sequencer, "settle"),
        (sequencer, "build"),
        (sequencer, "swap_head"),
        (sequencer, "_commit"),
    ],
)
def test_a_crash_around_each_step_of_the_round(
    busy: Any, monkeypatch: Any, module: Any, step: str, way: str
) -> None:
    old = busy.contents()
    wrapped = fails(getattr(module, step), way)
    crash_in(monkeypatch, busy.anchor, module, step, wrapped)
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


@pytest.mark.parametrize("way", ["before", "after"])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_crash_between_the_status_pages_their_pointer_and_the_proofs(
    busy: Any, monkeypatch: Any, at: int, way: str
) -> None:
    busy.anchor()

    def storage(root: Any) -> Any:
        made = Crashing(root)
        made.at, made.way, made.calls = at, way, 0
        return made

    crash_in(monkeypatch, busy.publish, publish_status, "LocalStorage", storage)
    recover(busy)
