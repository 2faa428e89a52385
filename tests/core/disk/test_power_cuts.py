"""A round of the log may end at any call, and the power be cut then or later: nothing is lost."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from registry.errors import RegistryError
from registry.ledger import local_storage
from registry.ledger.directories import Directories
from registry.ledger.local_storage import LocalStorage
from registry.ledger.storage import StorageFailed


def fail(number: int) -> None:
    raise OSError(number, os.strerror(number))


@pytest.fixture
def sweep(template: Path, office: Any, simulation: Any) -> Any:
    """Give the function that ends a round at each of its calls, and lets something follow.

    Each `every`-th, that is, from `first` on; it returns how many calls there are.
    """

    def swept(way: str, follow: Callable[[Any], None], every: int = 1, first: int = 0) -> int:
        for at in count(first, every):
            simulation.put_back(office, template)
            with pytest.MonkeyPatch.context() as patched:
                world = simulation.World(office, patched)
                plan = world.disk.after if way == "after" else world.disk.plan
                plan[at] = partial(fail, errno.EIO) if way == "fails" else world.disk.crash
                with suppress(simulation.Crash, StorageFailed):
                    world.office.anchor()
                if at in plan:
                    return world.disk.calls
                follow(world)
        raise AssertionError

    return swept


WAYS = ["before", "after", "fails"]


def lose_power(world: Any) -> None:
    """Lose every name that was not synced, start again, and hold all of it against the rules."""
    world.disk.power_cut(lambda change: change.name == "REMOVED")
    world.restart()
    world.anchor_and_verify()


def go_on_and_lose_power(world: Any) -> None:
    """Start again with all that was written still in memory; only then the power is cut."""
    world.restart()
    world.anchor_and_verify()
    world.issue(1)
    world.anchor_and_verify()
    lose_power(world)


FOLLOWS = [lose_power, go_on_and_lose_power]


@pytest.mark.parametrize("follow", FOLLOWS)
@pytest.mark.parametrize("way", WAYS)
def test_a_round_may_end_at_some_calls(sweep: Any, chance: Any, way: str, follow: Any) -> None:
    assert sweep(way, follow, every=5, first=chance.randrange(5)) >= 40


@pytest.mark.soak
@pytest.mark.parametrize("follow", FOLLOWS)
@pytest.mark.parametrize("way", WAYS)
def test_a_round_may_end_at_any_call(sweep: Any, way: str, follow: Any) -> None:
    assert sweep(way, follow) >= 40


class Unsynced(Directories):
    """Directories that are not synced."""

    def sync(self) -> None:
        pass


class Believing(Directories):
    """Directories that are synced as they are found."""

    def _stir(self, directory: Path) -> None:
        pass


def linked_and_ended(disk: LocalStorage, round_id: str) -> None:
    """Place files, and end each staged name before the other one is safe."""
    names = [name for name in local_storage._listed(disk._staging) if name.startswith(round_id)]
    with Directories() as held:
        for name in names:
            path = local_storage._path_of(name)
            held.make(disk._root / Path(path).parent)
            disk._link(disk._staging / name, path)
            (disk._staging / name).unlink()
        held.sync()


def written_only(files: Any) -> None:
    for file, data in files:
        file.write_bytes(data)


FLAWS = [
    (local_storage, "Directories", Unsynced, "before", lose_power),
    (local_storage, "Directories", Believing, "fails", go_on_and_lose_power),
    (LocalStorage, "place", linked_and_ended, "after", lose_power),
    (local_storage, "_write_new", written_only, "before", lose_power),
]


@pytest.mark.parametrize("flaw", FLAWS, ids=["unsynced", "believing", "ended-early", "unwritten"])
def test_a_flaw_in_the_storage_would_be_found(sweep: Any, monkeypatch: Any, flaw: Any) -> None:
    where, name, wrong, way, follow = flaw
    monkeypatch.setattr(where, name, wrong)
    with pytest.raises((AssertionError, RegistryError)):
        sweep(way, follow)
