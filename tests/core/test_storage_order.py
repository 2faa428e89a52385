"""Files of the log are durable in an order that no power cut can turn into a lie."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from registry.ledger import sequencer, storage
from registry.ledger.storage import LocalStorage, LogBusy


class Recorder:
    """Notes what reaches the disk, in order: (what, path)."""

    def __init__(self, monkeypatch: Any, top: Path) -> None:
        self.events: list[tuple[str, str]] = []
        self.top = top
        fsync, replace, commit = os.fsync, Path.replace, sequencer._commit

        def recorded_fsync(descriptor: int) -> None:
            fsync(descriptor)
            self.note("fsync", Path(f"/proc/self/fd/{descriptor}").readlink())

        def recorded_replace(path: Path, target: Path) -> Path:
            self.note("rename", Path(target))
            return replace(path, target)

        def recorded_commit(*args: Any, **kwargs: Any) -> None:
            commit(*args, **kwargs)
            self.events.append(("commit", ""))

        monkeypatch.setattr(storage.os, "fsync", recorded_fsync)
        monkeypatch.setattr(Path, "replace", recorded_replace)
        monkeypatch.setattr(sequencer, "_commit", recorded_commit)

    def note(self, what: str, path: Path) -> None:
        if path.is_relative_to(self.top):
            # The temporary name carries process and thread.
            plain = re.sub(r"\.[0-9]+-[0-9]+\.tmp$", ".tmp", str(path.relative_to(self.top)))
            self.events.append((what, plain))


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


def test_tiles_are_durable_before_the_head_is_committed_and_the_checkpoint_after(
    office: Any, monkeypatch: Any
) -> None:
    office.issue(office.people(300))
    seen = Recorder(monkeypatch, office.site.public / "log")
    office.anchor()
    at = seen.events.index(("commit", ""))
    before, after = seen.events[:at], seen.events[at + 1 :]
    names = {path for what, path in before if what == "rename"}
    assert {"tile/0/000", "tile/entries/000", "tile/1/000.p/1", "tile/0/001.p/48"} <= names
    for name in names:
        folder = str(Path(name).parent)
        last = max(place for place, event in enumerate(before) if event == ("rename", name))
        assert ("fsync", folder) in before[last:]
    assert [event for event in after if event[0] == "rename"] == [("rename", "checkpoint")]
    assert after[-1] == ("fsync", ".")
    assert "checkpoint" not in names


def test_a_write_that_fails_halfway_leaves_the_old_bytes(top: Path, monkeypatch: Any) -> None:
    disk = LocalStorage(top)
    disk.write_all([("file", b"old bytes")])

    def cut(descriptor: int, data: bytes) -> int:
        os.pwrite(descriptor, data[:2], 0)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(storage.os, "write", cut)
        with pytest.raises(storage.StorageFailed):
            disk.write_all([("file", b"new bytes")])
    assert disk.read("file") == b"old bytes"
    assert [file.name for file in top.iterdir()] == ["file"]
    disk.write_all([("file", b"new bytes")])
    assert disk.read("file") == b"new bytes"


def test_short_writes_are_gone_on_with(top: Path, monkeypatch: Any) -> None:
    real = os.write
    monkeypatch.setattr(storage.os, "write", lambda fd, data: real(fd, data[:7]))
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
