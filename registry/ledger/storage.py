"""Durable files of the published log in a local directory (C2SP tlog-tiles layout).

Readers may look at any moment, also after a power cut: a path holds either nothing or whole bytes.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar

from registry.errors import RegistryError


class LogBusy(RegistryError):
    """Another sequencer of this home is at work."""

    code: ClassVar[str] = "log-busy"


class StorageFailed(RegistryError):
    """The disk refused: full, read-only or damaged."""

    code: ClassVar[str] = "storage-failed"


class LocalStorage:
    """Files below one directory; ``path`` is relative, with ``/`` between its parts."""

    __slots__ = ("_root",)

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, path: str) -> bytes:
        """Return the bytes at ``path``; ``FileNotFoundError`` if there are none."""
        return (self._root / path).read_bytes()

    def write_all(self, items: Iterable[tuple[str, bytes]]) -> int:
        """Write every item and return how many; durable when this returns, not before.

        Each file is written beside its place, fsynced and renamed over it, so a crash leaves old
        or new bytes and never a part. The directories are fsynced last, once each: until then a
        crash may lose the names, which is why nothing may refer to them before.
        Raises ``StorageFailed``.
        """
        touched: set[Path] = set()
        count = 0
        try:
            for path, data in items:
                target = self._root / path
                self._prepare(target.parent, touched)
                _write_file(target, data)
                count += 1
            for directory in touched:
                _sync_directory(directory)
        except OSError as error:
            msg = (
                f"the log's disk refused ({os.strerror(error.errno or 0)}): nothing was signed; "
                "make room or mend it, then run `certreg anchor` again"
            )
            raise StorageFailed(msg) from error
        return count

    def _prepare(self, directory: Path, touched: set[Path]) -> None:
        if directory in touched:
            return
        # A new directory's own name must become durable too, up to the first that was there.
        step = directory
        while not step.exists():
            step = step.parent
            touched.add(step)
        directory.mkdir(parents=True, exist_ok=True)
        touched.add(directory)

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the log's lock; ``LogBusy`` if another process does. A crash frees it."""
        self._root.mkdir(parents=True, exist_ok=True)
        # Its name too must be durable before a committed head refers to what lies in it.
        _sync_directory(self._root.parent)
        lock = os.open(self._root / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                msg = "another sequencer is at work on this log: wait for it, then run this again"
                raise LogBusy(msg) from None
            yield
        finally:
            os.close(lock)


def _write_file(target: Path, data: bytes) -> None:
    # Of this thread alone: two that write one path must not rename each other's half.
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    except OSError:
        # A disk that is full must not be filled further by each attempt.
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    temporary.replace(target)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
