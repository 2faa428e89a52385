"""Uploaded files (上传文件): what is taken in, and how its bytes are kept outside the database.

At most 20 MiB of what `document_types` takes; what a reader would run (a PDF's scripts and
programs, files inside it) is refused. A file passes through memory in pieces; on the disk it is
plain only while it is examined, and is then sealed for its case (`document_vault`). A crash can
only leave sealed bytes that no row speaks of, or an unexamined file that a later upload clears
away.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import IO, Final

from registry.errors import RegistryError
from registry.office.document_types import DocumentRefused, Media, clean_name, media_of
from registry.office.document_vault import Paper, Vault

LARGEST: Final = 20 * 1024 * 1024
NOT_SCANNED: Final = "not-scanned"
CLEAN: Final = "clean"
_INFECTED_STATUS: Final = 1
_BLOCK: Final = 64 * 1024
_INCOMING: Final = "incoming-"
_LEFT_BEHIND: Final = 3600
"""Seconds after which a file being examined is taken for one that a crash left."""


Look = Callable[[Path], str]
"""Says what is wrong with a PDF, "" if nothing was found in the whole of it."""


class ScanFailed(RegistryError):
    """The virus scan gave no answer, so the file was not taken in."""

    code = "scan-failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanner:
    """The configured virus scan: a command that gets the file's path as its last argument.

    Its exit status says: 0 clean, 1 infected, anything else no answer.
    """

    command: tuple[str, ...]
    seconds: float = 60.0

    def scan(self, file: Path) -> str:
        """Return the word for clean. Raises ``DocumentRefused`` or ``ScanFailed``."""
        try:
            run = subprocess.run(  # noqa: S603 - the operator's own command, no shell
                [*self.command, str(file)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self.seconds,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            raise ScanFailed(_NO_ANSWER) from None
        if run.returncode == _INFECTED_STATUS:
            raise DocumentRefused("查毒发现文件带有恶意代码，未予接收。请清除后重新上传")
        if run.returncode != 0:
            raise ScanFailed(_NO_ANSWER)
        return CLEAN


_NO_ANSWER: Final = "暂时无法查毒，文件未予接收，请稍后再传；仍不行时请联系系统管理员"


@dataclass(frozen=True, slots=True, kw_only=True)
class Examiner:
    """What looks at a file beyond its type: into a PDF, and, if one is configured, for viruses."""

    look: Look
    scanner: Scanner | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A file whose bytes are stored for a case: clean name, type, bytes, digest, scan result."""

    case_id: int
    name: str
    media: Media
    size: int
    sha256: str
    scan: str


def receive(
    vault: Vault, case_id: int, name: str, stream: IO[bytes], *, examiner: Examiner, now: datetime
) -> Received:
    """Examine a file and store its bytes durably and sealed, before any row speaks of it.

    Raises ``DocumentRefused`` or ``ScanFailed``; then nothing is left behind.
    """
    with _waiting(vault.folder, now) as (plain, file):
        size, digest = _copy(stream, file)
        file.close()
        media, scan = _passed(plain, examiner)
        _store(vault, Paper(case_id=case_id, sha256=digest), plain)
    return Received(
        case_id=case_id,
        name=clean_name(name, media),
        media=media,
        size=size,
        sha256=digest,
        scan=scan,
    )


def examine(folder: Path, data: bytes, *, examiner: Examiner, now: datetime) -> None:
    """Examine bytes that are kept elsewhere; ``folder`` has them plain only meanwhile.

    Raises ``DocumentRefused`` or ``ScanFailed``.
    """
    with _waiting(folder, now) as (plain, file):
        _copy(BytesIO(data), file)
        file.close()
        _passed(plain, examiner)


@contextmanager
def _waiting(folder: Path, now: datetime) -> Iterator[tuple[Path, IO[bytes]]]:
    """Give a file of one's own for what is not examined yet; it goes, come what may."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _clear_away(folder, now)
    handle, waiting = tempfile.mkstemp(dir=folder, prefix=_INCOMING)
    plain = Path(waiting)
    try:
        with os.fdopen(handle, "wb") as file:
            yield plain, file
    finally:
        plain.unlink(missing_ok=True)


def _passed(plain: Path, examiner: Examiner) -> tuple[Media, str]:
    """Return a file's type and the scan's word. Raises ``DocumentRefused`` or ``ScanFailed``."""
    media = media_of(plain)
    if media is Media.PDF and (fault := examiner.look(plain)):
        raise DocumentRefused(fault)
    return media, examiner.scanner.scan(plain) if examiner.scanner else NOT_SCANNED


def _copy(stream: IO[bytes], target: IO[bytes]) -> tuple[int, str]:
    """Copy a file in pieces; return size and SHA-256. Raises ``DocumentRefused``."""
    digest, size = hashlib.sha256(), 0
    # One byte more than allowed tells too large from just right without reading 200 MB.
    while size <= LARGEST and (block := stream.read(min(_BLOCK, LARGEST + 1 - size))):
        size += len(block)
        digest.update(block)
        target.write(block)
    if not size:
        raise DocumentRefused("文件是空的，请确认选对了文件")
    if size > LARGEST:
        raise DocumentRefused("文件超过 20 MB，请压缩或者拆分后上传")
    return size, digest.hexdigest()


def _store(vault: Vault, paper: Paper, plain: Path) -> None:
    place = vault.place(paper)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, waiting = tempfile.mkstemp(dir=place.parent, prefix=_INCOMING)
    try:
        with os.fdopen(handle, "wb") as file, plain.open("rb") as source:
            vault.seal(paper, source, file)
            file.flush()
            os.fsync(file.fileno())
        Path(waiting).replace(place)
    except BaseException:
        Path(waiting).unlink(missing_ok=True)
        raise
    for directory in (place.parent, vault.folder):
        _sync(directory)


def _clear_away(folder: Path, now: datetime) -> None:
    # A plain file whose upload was cut off by a crash: it must not lie there for ever.
    for left in folder.glob(f"{_INCOMING}*"):
        try:
            if now.timestamp() - left.stat().st_mtime > _LEFT_BEHIND:
                left.unlink()
        except FileNotFoundError:
            continue


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
