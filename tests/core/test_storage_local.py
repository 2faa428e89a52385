"""The local directory as the log's storage: what a disk refuses, and what is never believed."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from registry.ledger import directories, local_storage
from registry.ledger.directories import Directories
from registry.ledger.local_storage import LocalStorage
from registry.ledger.storage import StorageFailed

TILE = "tile/0/000.p/5"


def refuse(number: int) -> Any:
    def refused(*_args: Any, **_options: Any) -> None:
        raise OSError(number, os.strerror(number))

    return refused


def test_a_staged_file_is_never_written_a_second_time(tmp_path: Path, monkeypatch: Any) -> None:
    """After an fsync that failed, a second one of the same file would say yes to anything."""
    disk = LocalStorage(tmp_path)
    disk.stage("r0", [])
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse(errno.EIO))
        with pytest.raises(StorageFailed, match="Input/output error"):
            disk.stage("r1", [(TILE, b"tile")])
    with pytest.raises(StorageFailed, match="File exists"):
        disk.stage("r1", [(TILE, b"tile")])
    disk.discard(["r1"])
    disk.stage("r2", [(TILE, b"tile")])
    disk.place("r2")
    assert disk.read(TILE) == b"tile"


def test_directories_are_held_open_from_before_the_change(tmp_path: Path, monkeypatch: Any) -> None:
    order: list[tuple[str, str]] = []
    opened, link, made = os.open, Path.hardlink_to, Path.mkdir

    def noted_open(path: Any, flags: int, *args: Any) -> int:
        if flags & os.O_DIRECTORY:
            order.append(("held", Path(path).name))
        return opened(path, flags, *args)

    def noted_link(path: Path, target: Path) -> None:
        order.append(("change", path.parent.name))
        link(path, target)

    def noted_mkdir(path: Path, *args: Any, **options: Any) -> None:
        order.append(("change", path.parent.name))
        made(path, *args, **options)

    disk = LocalStorage(tmp_path / "log")
    disk.stage("r1", [(TILE, b"tile")])
    monkeypatch.setattr(directories.os, "open", noted_open)
    monkeypatch.setattr(Path, "hardlink_to", noted_link)
    monkeypatch.setattr(Path, "mkdir", noted_mkdir)
    disk.place("r1")
    changed = [name for what, name in order if what == "change"]
    assert changed == ["log", "tile", "0", "000.p"]
    for name in changed:
        assert order.index(("held", name)) < order.index(("change", name))


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK])
def test_a_file_system_without_links_is_refused_before_anything_is_signed(
    office: Any, monkeypatch: Any, number: int
) -> None:
    office.issue(office.people(2))
    before = office.contents()
    with monkeypatch.context() as patched:
        patched.setattr(os, "link", refuse(number))
        with pytest.raises(StorageFailed):
            office.anchor()
    assert office.contents() == before
    office.run()
    office.audit()


def test_what_cannot_be_read_is_no_missing_file(tmp_path: Path, monkeypatch: Any) -> None:
    disk = LocalStorage(tmp_path)
    disk.replace("checkpoint", b"note")
    monkeypatch.setattr(Path, "read_bytes", refuse(errno.EIO))
    for read in (lambda: disk.read("checkpoint"), lambda: disk.read_staged("r1", TILE)):
        with pytest.raises(StorageFailed, match="Input/output error"):
            read()


def test_no_more_handles_are_open_than_promised(tmp_path: Path, monkeypatch: Any) -> None:
    """A round over very many folders must not run out of file descriptors."""
    most = [0]
    fsync = os.fsync

    def counted(descriptor: int) -> None:
        most[0] = max(most[0], len(list(Path("/proc/self/fd").iterdir())))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", counted)
    monkeypatch.setattr(directories, "OPEN_AT_MOST", 4)
    monkeypatch.setattr(local_storage, "OPEN_AT_MOST", 4)
    before = len(list(Path("/proc/self/fd").iterdir()))
    disk = LocalStorage(tmp_path / "log")
    items = [(f"tile/0/x{place:03}/000", b"") for place in range(60)]
    disk.stage("r1", items)
    disk.place("r1")
    assert all(disk.read(path) == b"" for path, _data in items)
    # The listing's own handle, and a folder's parents beside it.
    assert most[0] - before <= 4 + 4


def test_handles_are_closed_whatever_happens(tmp_path: Path) -> None:
    before = sorted(Path("/proc/self/fd").iterdir())
    with suppress(ZeroDivisionError), Directories() as held:
        held.make(tmp_path / "a" / "b")
        assert sorted(Path("/proc/self/fd").iterdir()) != before
        raise ZeroDivisionError
    assert sorted(Path("/proc/self/fd").iterdir()) == before


def test_the_staging_folder_is_for_its_owner_only(tmp_path: Path) -> None:
    disk = LocalStorage(tmp_path)
    disk.stage("r1", [(TILE, b"tile")])
    assert (tmp_path / ".staging").stat().st_mode & 0o777 == 0o700
    disk.place("r1")
    # What is placed is for everybody, as far as the operator's umask allows.
    assert (tmp_path / TILE).stat().st_mode & 0o600 == 0o600
    assert (tmp_path / TILE).stat().st_nlink == 1
