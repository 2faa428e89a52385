"""The log on a disk that forgets: whatever was not synced may be gone after a power cut.

The real `LocalStorage` works on real files; the simulation stands between it and `os`, knows what
a power cut would leave, and can make any call the last one, or fail it. Its disk is as unkind as
Linux: bytes without a name, names without bytes, and an fsync that says "done" after one failed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from enum import Enum, auto
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from registry.ledger.fsck import fsck
from registry.ledger.local_storage import LocalStorage
from registry.store.certificates import Certificate, CertificateState
from registry.store.log import EventGroup
from signing.tlog.checkpoint import open_checkpoint
from signing.tlog.merkle import verify_consistency
from signing.tlog.paths import consistency_path
from signing.tlog.tiles import TileReader

REAL_LINK, REAL_MKDIR = os.link, os.mkdir
PATIENCE = 10_000
"""Calls after which something must have gone wrong with the test itself."""


class Crash(BaseException):
    """The process ends here; no Exception, so that nothing catches it."""


class Change(Enum):
    """What was done and not synced."""

    ADDED = auto()
    REMOVED = auto()
    HALF = auto()


Keeps = Callable[[Change], bool]


class SimulatedDisk:
    """What stands below `root`, and what of it a power cut leaves."""

    def __init__(self, root: Path, monkeypatch: Any) -> None:
        self.root = root
        self.graves = root.parent.with_name("graves")
        self.graves.mkdir()
        self.grave = count()
        # By inode: bytes of a file, names of a directory, as they would be after a power cut.
        self.bytes: dict[int, bytes] = {}
        self.names: dict[int, dict[str, int]] = {}
        self.clean: set[int] = set()
        self.calls = 0
        self.plan: dict[int, Callable[[], None]] = {}
        self.after: dict[int, Callable[[], None]] = {}
        self.dead = False
        self.seen: list[bytes] = []
        self._settle()
        for name, around in (
            ("open", self._open),
            ("write", self._write),
            ("fsync", self._fsync),
            ("mkdir", self._on_names),
            ("link", self._on_names),
            ("unlink", self._on_names),
            ("replace", self._on_names),
        ):
            monkeypatch.setattr(os, name, partial(around, getattr(os, name)))

    def crash(self) -> None:
        self.dead = True
        raise Crash

    def _call(self, run: Callable[[], Any]) -> Any:
        if self.dead:
            raise Crash
        here, self.calls = self.calls, self.calls + 1
        assert here < PATIENCE
        self.plan.pop(here, lambda: None)()
        try:
            return run()
        finally:
            with suppress(FileNotFoundError):
                note = (self.root / "checkpoint").read_bytes()
                if note not in self.seen[-1:]:
                    self.seen.append(note)
            self.after.pop(here, lambda: None)()

    def _ours(self, path: Any) -> bool:
        return isinstance(path, str | Path) and Path(path).is_relative_to(self.root)

    def _touched(self, *paths: Any) -> None:
        for path in paths:
            if self._ours(path):
                self.clean.discard(Path(path).parent.stat().st_ino)

    def _open(self, real: Any, path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        if not self._ours(path) or not flags & os.O_CREAT or Path(path).exists():
            return int(real(path, flags, *args, **kwargs))

        def run() -> Any:
            made = real(path, flags, *args, **kwargs)
            self._touched(path)
            return made

        return int(self._call(run))

    def _write(self, real: Any, descriptor: int, data: Any) -> int:
        if not self._ours(Path(f"/proc/self/fd/{descriptor}").readlink()):
            return int(real(descriptor, data))
        self.clean.discard(os.fstat(descriptor).st_ino)
        return int(self._call(partial(real, descriptor, data)))

    def _on_names(self, real: Any, *paths: Any, **kwargs: Any) -> Any:
        last = paths[1] if real.__name__ in {"link", "replace"} else paths[0]
        if not self._ours(last):
            return real(*paths, **kwargs)

        def run() -> Any:
            if real.__name__ in {"unlink", "replace"} and Path(last).exists():
                # Its inode's number must not be given to another file.
                REAL_LINK(last, self.graves / str(next(self.grave)))
            real(*paths, **kwargs)
            self._touched(*(path for path in paths if isinstance(path, str | Path)))

        return self._call(run)

    def _fsync(self, real: Any, descriptor: int) -> None:
        place = Path(f"/proc/self/fd/{descriptor}").readlink()
        if not self._ours(place) and place != self.root.parent:
            return
        inode = os.fstat(descriptor).st_ino

        def run() -> None:
            if inode in self.clean:
                return
            if place.is_dir():
                self.names[inode] = {file.name: file.stat().st_ino for file in place.iterdir()}
            else:
                self.bytes[inode] = place.read_bytes()
            self.clean.add(inode)

        try:
            self._call(run)
        except OSError:
            # The kernel tells of it once, and holds the pages for written ever after.
            self.clean.add(inode)
            raise

    def power_cut(self, keeps: Keeps) -> None:
        """Leave what is durable, and of the rest what `keeps` says."""
        old = self.graves.with_name(f"before-{next(self.grave)}")
        known = {file.stat().st_ino: file for file in self.graves.iterdir()}
        top = self.names[self.root.parent.stat().st_ino]
        if self.root.exists():
            inode = self.root.stat().st_ino
            self.root.rename(old)
            for file in [old, *old.rglob("*")]:
                known[file.stat().st_ino] = file
            if self.root.name in top or keeps(Change.ADDED):
                self._rebuild(self.root, inode, known, keeps)
        self._settle()

    def _settle(self) -> None:
        """Take what is there for durable."""
        self.bytes, self.names, self.clean = {}, {}, set()
        for file in [self.root.parent, *self.root.parent.rglob("*")]:
            if file.is_dir():
                self.names[file.stat().st_ino] = {f.name: f.stat().st_ino for f in file.iterdir()}
            else:
                self.bytes[file.stat().st_ino] = file.read_bytes()

    def _rebuild(self, place: Path, inode: int, known: dict[int, Path], keeps: Keeps) -> None:
        if not known[inode].is_dir():
            volatile = known[inode].read_bytes()
            part = volatile[: len(volatile) // 2] if keeps(Change.HALF) else b""
            part = volatile if keeps(Change.ADDED) else part
            place.write_bytes(self.bytes.get(inode, part))
            return
        REAL_MKDIR(place)
        old = self.names.get(inode, {})
        new = {file.name: file.stat().st_ino for file in known[inode].iterdir()}
        for name in old.keys() | new.keys():
            change = Change.ADDED if name in new else Change.REMOVED
            chosen = new if old.get(name) == new.get(name) or keeps(change) else old
            if name in chosen:
                self._rebuild(place / name, chosen[name], known, keeps)


class World:
    """An office whose log lies on such a disk, and all that anybody ever saw of the log."""

    def __init__(self, office: Any, monkeypatch: Any) -> None:
        self.office = office
        (office.home / "public").mkdir(exist_ok=True)
        self.disk = SimulatedDisk(office.home / "public" / "log", monkeypatch)
        self.offset = count(0, 10)
        self.restart()

    def restart(self) -> None:
        """Begin a new process, as far as the log's files go."""
        self.disk.dead = False
        self.disk.plan.clear()
        self.disk.after.clear()
        self.office.log = replace(self.office.log, storage=LocalStorage(self.disk.root))

    def issue(self, people: int) -> None:
        self.office.issue(self.office.people(people, offset=next(self.offset)))

    def revoke(self, which: int) -> None:
        rows = self.office.rows(Certificate)
        valid = [row for row in rows if row.state == CertificateState.VALID]
        if valid:
            self.office.revoke(valid[which % len(valid)].number)

    def anchor_and_verify(self) -> None:
        self.office.anchor()
        self.verify()

    def verify(self) -> None:
        """Hold the whole log against its rules, the database and every checkpoint ever seen."""
        report = fsck(self.disk.root, self.office.policy)
        assert report.faults == ()
        head = self.office.head()
        assert (report.size, self.office.checkpoint().root) == (head.size, head.root)
        tree = TileReader(self.office.log.storage.read).at(head.size)
        for note in self.disk.seen:
            old = open_checkpoint(note, self.office.policy).checkpoint
            proof = consistency_path(old.size, head.size, tree)
            verify_consistency(old.size, head.size, old.root, head.root, proof)
        place = 0
        for group in sorted(self.office.rows(EventGroup), key=lambda row: row.first_index):
            assert group.first_index == place
            place += group.count
        assert place == head.size


@pytest.fixture(scope="module")
def template(founded: Path, tmp_path_factory: Any, open_office: Any) -> Path:
    """Give a home with a log of one round, and work for another."""
    home: Path = tmp_path_factory.mktemp("machine") / "home"
    shutil.copytree(founded, home)
    office = open_office(home)
    # Full tiles, new folders, and partial tiles in old and new ones come in the second round.
    office.issue(office.people(250, offset=5_000))
    office.anchor()
    office.issue(office.people(2, offset=6_000))
    office.close()
    return home


def put_back(office: Any, template: Path) -> None:
    """Make the office's home what the template is."""
    # The engine stays: to compile its statements again would cost more than the test.
    office.engine.dispose()
    shutil.rmtree(office.home)
    shutil.copytree(template, office.home)


@pytest.fixture(scope="session")
def simulation() -> SimpleNamespace:
    """Give what the tests of this folder share."""
    return SimpleNamespace(Crash=Crash, World=World, put_back=put_back)
