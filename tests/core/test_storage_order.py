"""Files of the log are durable in an order that no power cut can turn into a lie."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from registry.ledger import local_storage, sequencer, storage
from registry.ledger.local_storage import LocalStorage
from registry.ledger.storage import LogBusy


class Recorder:
    """Notes what reaches the disk, in order: (what, path)."""

    def __init__(self, monkeypatch: Any, top: Path) -> None:
        self.events: list[tuple[str, str]] = []
        self.top = top
        fsync, replace, commit = os.fsync, Path.replace, sequencer._commit
        link, unlink = Path.hardlink_to, Path.unlink

        def recorded_fsync(descriptor: int) -> None:
            fsync(descriptor)
            self.note("fsync", Path(f"/proc/self/fd/{descriptor}").readlink())

        def recorded_replace(path: Path, target: Path) -> Path:
            self.note("rename", Path(target))
            return replace(path, target)

        def recorded_link(path: Path, target: Path) -> None:
            link(path, target)
            self.note("link", path)

        def recorded_unlink(path: Path, **how: Any) -> None:
            unlink(path, **how)
            self.note("unlink", path)

        def recorded_commit(*args: Any, **kwargs: Any) -> None:
            commit(*args, **kwargs)
            self.events.append(("commit", ""))

        monkeypatch.setattr(local_storage.os, "fsync", recorded_fsync)
        monkeypatch.setattr(Path, "replace", recorded_replace)
        monkeypatch.setattr(Path, "hardlink_to", recorded_link)
        monkeypatch.setattr(Path, "unlink", recorded_unlink)
        monkeypatch.setattr(sequencer, "_commit", recorded_commit)

    def note(self, what: str, path: Path) -> None:
        if path.is_relative_to(self.top):
            # Temporary names carry process and thread, staged ones their round.
            plain = re.sub(r"\.[0-9]+-[0-9]+", "", str(path.relative_to(self.top)))
            self.events.append((what, re.sub(r"[0-9a-f]{32}", "R", plain)))

    def last(self, event: tuple[str, str]) -> int:
        return max(place for place, found in enumerate(self.events) if found == event)


@pytest.fixture
def top(tmp_path: Path) -> Path:
    top = tmp_path / "top"
    top.mkdir()
    return top


def test_bytes_are_synced_before_the_name_and_the_directories_last(
    top: Path, monkeypatch: Any
) -> None:
    seen = Recorder(monkeypatch, top)
    items = [("a/b/one", b"1"), ("a/two", b"2"), ("three", b"3")]
    assert LocalStorage(top).write_all(items) == 3
    writes = seen.events[:6]
    assert writes == [
        ("fsync", "a/b/.one.tmp"),
        ("rename", "a/b/one"),
        ("fsync", "a/.two.tmp"),
        ("rename", "a/two"),
        ("fsync", ".three.tmp"),
        ("rename", "three"),
    ]
    # Every directory that got a name, the new ones' own names included.
    assert sorted(seen.events[6:]) == [("fsync", "."), ("fsync", "a"), ("fsync", "a/b")]
    assert sorted(file.name for file in top.rglob("*") if file.is_file()) == ["one", "three", "two"]


def test_new_directories_above_the_root_become_durable_too(top: Path, monkeypatch: Any) -> None:
    seen = Recorder(monkeypatch, top)
    LocalStorage(top / "x" / "y").write_all([("z/file", b"")])
    synced = {path for what, path in seen.events if what == "fsync"}
    assert synced >= {"x/y/z", "x/y", "x", "."}
    with LocalStorage(top / "log").exclusive():
        assert seen.events[-1] == ("fsync", ".")
    # Also when another process made it, which may have died before it was synced.
    seen.events.clear()
    with LocalStorage(top / "log").exclusive():
        assert seen.events == [("fsync", ".")]


def test_files_are_staged_before_the_commit_and_placed_and_published_after(
    office: Any, monkeypatch: Any
) -> None:
    office.issue(office.people(300))
    seen = Recorder(monkeypatch, office.site.public / "log")
    office.anchor()
    at = seen.events.index(("commit", ""))
    before, after = seen.events[:at], seen.events[at + 1 :]
    paths = {"tile/0/000", "tile/0/001.p/48", "tile/1/000.p/1"}
    paths |= {"tile/entries/000", "tile/entries/001.p/48"}
    staged = {f".staging/R.{path.replace('/', '+')}" for path in paths}
    # Bytes, then the names of all of them at once; nobody sees any of it. The one link made
    # before the commit only asks whether links work here.
    assert {path for what, path in before if what == "fsync"} == staged | {".staging", "."}
    assert before[-1] == ("fsync", ".staging")
    assert [event for event in before if event[0] in {"rename", "link"}] == [("link", ".probe")]
    placed = [path for what, path in after if what == "link"]
    assert set(placed) == paths
    assert len(placed) == len(paths)
    for path in placed:
        for folder in Path(path).parents:
            assert seen.last(("fsync", str(folder))) > seen.last(("link", path))
    # The staged names go when the others are safe, and the checkpoint comes when all are.
    first_end = min(seen.last(("unlink", name)) for name in staged)
    assert seen.last(("fsync", "tile/0/001.p")) < first_end
    assert seen.last(("fsync", "tile/entries")) < first_end
    assert after[-3:] == [("fsync", ".checkpoint.tmp"), ("rename", "checkpoint"), ("fsync", ".")]
    assert max(seen.last(("unlink", name)) for name in staged) < len(seen.events) - 3


@pytest.mark.parametrize(("people", "tile"), [(1, "000.p+7"), (300, "001.p+50")])
def test_a_small_round_waits_for_the_disk_seven_times(
    office: Any, monkeypatch: Any, people: int, tile: str
) -> None:
    """However large the log is: what does not change above is not written again."""
    issued = office.issue(office.people(people))
    office.anchor()
    seen = Recorder(monkeypatch, office.site.public / "log")
    office.revoke(issued.ranges[0][0])
    office.anchor()
    folder = tile.partition("+")[0]
    assert [event for event in seen.events if event[0] in {"fsync", "commit"}] == [
        ("fsync", f".staging/R.tile+0+{tile}"),
        ("fsync", f".staging/R.tile+entries+{tile}"),
        ("fsync", ".staging"),
        ("commit", ""),
        ("fsync", f"tile/0/{folder}"),
        ("fsync", f"tile/entries/{folder}"),
        ("fsync", ".checkpoint.tmp"),
        ("fsync", "."),
    ]


def test_a_write_that_fails_halfway_leaves_the_old_bytes(top: Path, monkeypatch: Any) -> None:
    disk = LocalStorage(top)
    disk.write_all([("file", b"old bytes")])

    def cut(descriptor: int, data: bytes) -> int:
        os.pwrite(descriptor, data[:2], 0)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(local_storage.os, "write", cut)
        with pytest.raises(storage.StorageFailed):
            disk.write_all([("file", b"new bytes")])
    assert disk.read("file") == b"old bytes"
    assert [file.name for file in top.iterdir()] == ["file"]
    disk.write_all([("file", b"new bytes")])
    assert disk.read("file") == b"new bytes"


def test_short_writes_are_gone_on_with(top: Path, monkeypatch: Any) -> None:
    real = os.write
    monkeypatch.setattr(local_storage.os, "write", lambda fd, data: real(fd, data[:7]))
    LocalStorage(top).write_all([("file", bytes(range(100)))])
    assert (top / "file").read_bytes() == bytes(range(100))


def test_a_missing_file_is_missing_and_a_lock_is_given_back(top: Path) -> None:
    disk = LocalStorage(top / "log")
    with pytest.raises(FileNotFoundError):
        disk.read("checkpoint")
    for _ in range(2):
        with disk.exclusive():
            with pytest.raises(LogBusy), disk.exclusive():
                pass
            # The lock's file lies among what is served: it holds nothing and is nobody's to read.
            (lock,) = (top / "log").iterdir()
            assert (lock.stat().st_size, lock.stat().st_mode & 0o777) == (0, 0o600)
