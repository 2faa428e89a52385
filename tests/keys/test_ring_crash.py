"""A crash at any step of a write leaves the old file or the new one, and a ring that opens."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from keys.model import KeyInfo, KeyState
from keys.ring import KeyRing
from keys.sealed import ScryptParams, write_private

STEPS = ("open", "fsync", "replace", "link", "unlink", "close")


class Crash(BaseException):
    """The machine stops here: nothing after it happens, cleaning up neither."""


@dataclass
class Machine:
    """Stops at the `at`-th step, before or after that step took effect."""

    at: int
    after: bool
    count: int = 0

    @contextmanager
    def running(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        with monkeypatch.context() as patch:
            for name in STEPS:
                patch.setattr(os, name, self._step(getattr(os, name)))
            try:
                yield
            except Crash:
                return

    def _step(self, real: Callable[..., object]) -> Callable[..., object]:
        def step(*args: object, **kwargs: object) -> object:
            self.count += 1
            if self.count > self.at or (self.count == self.at and not self.after):
                raise Crash
            result = real(*args, **kwargs)
            if self.count == self.at:
                raise Crash
            return result

        return step


def crashes(limit: int) -> Iterator[Machine]:
    for at in range(1, limit):
        yield Machine(at=at, after=False)
        yield Machine(at=at, after=True)


def test_making_a_ring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cheap: ScryptParams
) -> None:
    outcomes = set()
    for number, machine in enumerate(crashes(9)):
        folder = tmp_path / str(number)
        with machine.running(monkeypatch):
            KeyRing.create(folder, b"x", scrypt=cheap)
        made = (folder / "ring.json").exists()
        outcomes.add(made)
        # Either it stands whole, or the same command makes it.
        (KeyRing.open(folder, b"x") if made else KeyRing.create(folder, b"x", scrypt=cheap)).keys()
        KeyRing.open(folder, b"x")
    assert outcomes == {True, False}


def test_making_a_key(
    ring: KeyRing,
    generate: Callable[[], KeyInfo],
    reopen: Callable[[], KeyRing],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes = set()
    for machine in crashes(9):
        before = len(reopen().keys())
        with machine.running(monkeypatch):
            generate()
        sizes.add(len(reopen().keys()) - before)
    assert sizes == {0, 1}


def test_changing_a_state(
    ring: KeyRing,
    generate: Callable[[], KeyInfo],
    reopen: Callable[[], KeyRing],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    states = set()
    for machine in crashes(9):
        info = generate()
        with machine.running(monkeypatch):
            ring.set_state(info.key_id, KeyState.REVOKED)
        kept = reopen().keys()
        state = {key.key_id: key.state for key in kept}[info.key_id]
        states.add(state)
        # Nothing was promised unless the call returned: asking again finishes it.
        assert reopen().set_state(info.key_id, KeyState.REVOKED).state is KeyState.REVOKED
    assert states == {KeyState.ACTIVE, KeyState.REVOKED}


def test_a_finished_write_is_synced_before_it_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)

        def step(*args: object, name: str = name, real: Callable[..., None] = real) -> None:
            seen.append(name)
            real(*args)

        monkeypatch.setattr(os, name, step)
    write_private(tmp_path / "file", b"new", replace=True)
    assert seen == ["fsync", "replace", "fsync"]
    assert (tmp_path / "file").read_bytes() == b"new"


def test_an_exclusive_write_leaves_the_other_file_alone(tmp_path: Path) -> None:
    write_private(tmp_path / "file", b"first", replace=False)
    with pytest.raises(FileExistsError):
        write_private(tmp_path / "file", b"second", replace=False)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"first"


def test_a_file_left_by_a_crash_is_never_read(
    ring: KeyRing, generate: Callable[[], KeyInfo], reopen: Callable[[], KeyRing], tmp_path: Path
) -> None:
    info = generate()
    (tmp_path / "keys" / f".{info.key_id}.key.json.0011223344556677.tmp").write_bytes(b"half")
    assert reopen().keys() == (info,)
