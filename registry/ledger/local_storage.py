"""The log's files in a local directory (`storage.LogStorage`).

Bytes reach the disk before a name does (write, fsync, then rename or link), and names before
anything refers to them (fsync of their directory). After an fsync that failed Linux forgets what
was not yet written, and the next one "succeeds" without writing it: so nothing here tries again
with the same file, and a directory is changed anew before it is synced again.

Staged files lie in ``.staging/<round>.<path with + for />``: one directory, so that one fsync
makes all names of a call durable.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from registry.ledger.directories import Directories
from registry.ledger.storage import LogBusy, StorageFailed, conflict

STAGING: Final = ".staging"
PROBE: Final = ".probe"
OPEN_AT_MOST: Final = 64
"""Files open at a time."""


class LocalStorage:
    """Files below one directory, on a file system with fsync, locks and hard links."""

    __slots__ = ("_fresh", "_prepared", "_root", "_rooted", "_staging")

    def __init__(self, root: Path) -> None:
        self._root = root
        self._staging = root / STAGING
        self._rooted = self._prepared = False
        # The round that this object has staged and not yet tried to place.
        self._fresh = ""

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the directory's lock; ``LogBusy`` if another process does. A crash frees it."""
        with _refusals():
            self._make_root()
            lock = os.open(self._root / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(lock)
            yield
        finally:
            os.close(lock)

    def read(self, path: str) -> bytes:
        """Return the bytes at ``path``; ``FileNotFoundError`` if there are none."""
        return _read(self._root / path)

    def names(self, folder: str) -> frozenset[str]:
        """Return the names of the files in ``folder``, those being written left out."""
        with _refusals():
            found = _listed(self._root / folder)
        return frozenset(name for name in found if not name.startswith("."))

    def stage(self, round_id: str, items: Iterable[tuple[str, bytes]]) -> None:
        """Keep files for the round: written, fsynced, then their directory fsynced."""
        with _refusals():
            self._prepare_staging()
            waiting = iter(items)
            with Directories() as names:
                names.hold(self._staging)
                while some := list(islice(waiting, OPEN_AT_MOST)):
                    for path, data in some:
                        _compare(path, self._root / path, data)
                    _write_new((self._staged(round_id, path), data) for path, data in some)
                names.sync()
            self._fresh = round_id

    def read_staged(self, round_id: str, path: str) -> bytes:
        """Return staged bytes; ``FileNotFoundError`` if the round has none for ``path``."""
        return _read(self._staged(round_id, path))

    def place(self, round_id: str) -> None:
        """Link every staged file to its path, fsync the directories, then end the staged names.

        A link is there whole or not at all and takes no other file's place. The staged name goes
        last: a power cut may lose the new name as long as its directory is not synced.
        """
        with _refusals():
            # What an earlier process or attempt did may stand in memory alone, although it can
            # be read: its directories are changed and synced anew.
            anew, self._fresh = self._fresh != round_id, ""
            names = sorted(name for name in _listed(self._staging) if _round_of(name) == round_id)
            with Directories(anew_below=self._root if anew else None) as directories:
                for name in names:
                    path = _path_of(name)
                    directories.make(self._root / Path(path).parent)
                    self._link(self._staging / name, path)
                directories.sync()
            for name in names:
                (self._staging / name).unlink(missing_ok=True)

    def rounds(self) -> frozenset[str]:
        """Return the rounds of which something is staged."""
        with _refusals():
            return frozenset(_round_of(name) for name in _listed(self._staging)) - {""}

    def discard(self, round_ids: Iterable[str]) -> None:
        """Delete what these rounds staged; a power cut may bring it back."""
        ended = frozenset(round_ids)
        with _refusals():
            for name in _listed(self._staging):
                if _round_of(name) in ended:
                    (self._staging / name).unlink(missing_ok=True)

    def replace(self, path: str, data: bytes) -> None:
        """Put ``data`` at ``path``, over what is there; durable when this returns."""
        self.write_all([(path, data)])

    def write_all(self, items: Iterable[tuple[str, bytes]]) -> int:
        """Put every item at its path, over what is there, and return how many; then durable.

        Each is written beside its place, fsynced and renamed over it, so a crash leaves old or
        new bytes and never a part. The directories are fsynced last, once each: until then a
        crash may lose the names. Raises ``StorageFailed``.
        """
        count = 0
        with _refusals(), Directories() as directories:
            for path, data in items:
                target = self._root / path
                directories.make(target.parent)
                _write_over(target, data)
                count += 1
            directories.sync()
        return count

    def _make_root(self) -> None:
        if self._rooted:
            return
        with Directories() as directories:
            directories.make(self._root.parent)
            self._root.mkdir(exist_ok=True)
            directories.sync()
        self._rooted = True

    def _prepare_staging(self) -> None:
        """Make the staging folder's name durable, and learn in time whether links work here."""
        if self._prepared:
            return
        self._make_root()
        with Directories() as directories:
            directories.hold(self._root)
            # Others' eyes see what is signed, nothing else.
            self._staging.mkdir(mode=0o700, exist_ok=True)
            probe, linked = self._staging / PROBE, self._root / PROBE
            for left in (probe, linked):
                left.unlink(missing_ok=True)
            probe.touch()
            # Also changes the root, so that its fsync writes a name that an earlier process may
            # have left in memory alone.
            with contextlib.suppress(FileExistsError):
                linked.hardlink_to(probe)
            for left in (probe, linked):
                left.unlink(missing_ok=True)
            directories.sync()
        self._prepared = True

    def _staged(self, round_id: str, path: str) -> Path:
        return self._staging / f"{round_id}.{path.replace('/', '+')}"

    def _link(self, staged: Path, path: str) -> None:
        target = self._root / path
        try:
            target.hardlink_to(staged)
        except FileExistsError:
            _compare(path, target, staged.read_bytes())
        except FileNotFoundError:
            # Another process that holds the same committed head has placed it meanwhile.
            if not target.exists():
                raise


def _listed(folder: Path) -> list[str]:
    try:
        return [file.name for file in folder.iterdir()]
    except FileNotFoundError:
        return []


def _round_of(name: str) -> str:
    return name.partition(".")[0]


def _path_of(name: str) -> str:
    return name.partition(".")[2].replace("+", "/")


def _lock(descriptor: int) -> None:
    with _refusals():
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            msg = "another sequencer is at work on this log: wait for it, then run this again"
            raise LogBusy(msg) from None


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _refused(error) from error


def _refused(error: OSError) -> StorageFailed:
    return StorageFailed(
        f"the log's disk refused ({os.strerror(error.errno or 0)}): what was committed stays, "
        "nothing else was signed; make room or mend it, then run `certreg anchor` again"
    )


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _refused(error) from error


def _compare(path: str, target: Path, data: bytes) -> None:
    """Raise ``StorageConflict`` if other bytes than ``data`` stand at ``target``."""
    with contextlib.suppress(FileNotFoundError):
        if target.read_bytes() != data:
            raise conflict(path)


def _write_new(files: Iterable[tuple[Path, bytes]]) -> None:
    """Write files that are not there yet, then fsync them all.

    In this order the first fsync takes most of the others' work along. A file that an earlier
    attempt left is refused: what of it reached the disk cannot be known.
    """
    with contextlib.ExitStack() as stack:
        opened = []
        for file, data in files:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            stack.callback(os.close, descriptor)
            _write(descriptor, data)
            opened.append(descriptor)
        for descriptor in opened:
            os.fsync(descriptor)


def _write_over(target: Path, data: bytes) -> None:
    # Of this thread alone: two that write one path must not rename each other's half.
    mine = f"{os.getpid()}-{threading.get_ident()}"
    temporary = target.with_name(f".{target.name}.{mine}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        try:
            _write(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(target)
    except OSError:
        # A disk that is full must not be filled further by each attempt.
        temporary.unlink(missing_ok=True)
        raise


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
