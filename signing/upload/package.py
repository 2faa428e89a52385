"""The upload package (上报包): a zip of exactly five files, written and read in one form only.

Names in order, fixed times, no comments, no extra fields, one entry right behind the other: the
same files give the same bytes. The reader takes nothing else, so a bomb, a link, a second file of
one name or data between the entries is refused before anything is unpacked, and what is unpacked
is bounded by the lengths that were declared and checked.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, Final

from signing.upload.errors import MalformedPackage
from signing.upload.manifest import FILE_NAMES, MAX_FILE_BYTES, MAX_MANIFEST_BYTES

MANIFEST_NAME: Final = "manifest.json"
NAMES: Final = (MANIFEST_NAME, *FILE_NAMES)
"""The package's files, in the order in which they stand in it."""

MAX_PACKAGE_BYTES: Final = MAX_FILE_BYTES
"""Longest package, in bytes (64 MiB)."""

LIMITS: Final[Mapping[str, int]] = {
    MANIFEST_NAME: MAX_MANIFEST_BYTES,
    "rows.jsonl": MAX_FILE_BYTES,
    "summary.pdf": 4 * 1024 * 1024,
    "table.csv": 16 * 1024 * 1024,
    "table.xlsx": 16 * 1024 * 1024,
}
"""The longest each file may be when unpacked, in bytes."""

PIECE: Final = 1 << 16
"""Bytes read at once."""

_PACKED = dict.fromkeys((MANIFEST_NAME, "rows.jsonl", "table.csv"), zipfile.ZIP_DEFLATED)
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MODE = stat.S_IFREG | 0o600
_END = struct.Struct("<4s4H2LH")
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")


def write_package(out: BinaryIO, files: Mapping[str, Path]) -> None:
    """Write a package of `files` (name -> where it lies), which must be those of NAMES.

    Raises MalformedPackage for other names, or a file over its limit.
    """
    if set(files) != set(NAMES):
        raise MalformedPackage(f"a package holds {', '.join(NAMES)} and nothing else")
    with zipfile.ZipFile(out, "w", allowZip64=False) as archive:
        for name in NAMES:
            if files[name].stat().st_size > LIMITS[name]:
                raise MalformedPackage(f"{name} is longer than {LIMITS[name]} bytes")
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system, info.external_attr = 3, _MODE << 16
            info.compress_type = _PACKED.get(name, zipfile.ZIP_STORED)
            info.file_size = files[name].stat().st_size
            with files[name].open("rb") as source, archive.open(info, "w") as target:
                while piece := source.read(PIECE):
                    target.write(piece)


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """An open package whose container is sound; what is in the files is not looked at yet."""

    archive: zipfile.ZipFile

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading from its beginning; at most its limit comes out of it.

        Reading raises MalformedPackage where the data is damaged.
        """
        # Buffered, for lines; the reader below it ends at the length that was declared.
        return io.BufferedReader(_Guarded(self.archive.open(name)), PIECE)

    def size(self, name: str) -> int:
        """Return a file's length in bytes, as declared; the reader holds the data to it."""
        return self.archive.getinfo(name).file_size

    def read(self, name: str) -> bytes:
        """Return a whole file: for the manifest and other short ones."""
        with self.open(name) as file:
            return file.read()


@contextmanager
def open_package(source: Path | bytes) -> Iterator[Package]:
    """Open a package; raises MalformedPackage, or OSError where the file cannot be read."""
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        _check_end(file)
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error):
            raise MalformedPackage("the package is no zip file that can be read") from None
        with archive:
            _check_entries(archive, file)
            yield Package(archive=archive)


class _Guarded(io.RawIOBase):
    """A member of the zip whose damage ends in our own error, and whose end proves its CRC."""

    def __init__(self, member: IO[bytes]) -> None:
        super().__init__()
        self._member = member

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            piece = self._member.read(len(buffer))
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError):
            raise MalformedPackage("a file of the package is damaged") from None
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._member.close()
        super().close()


def _check_end(file: BinaryIO) -> None:
    """Look at the zip's last record before zipfile does, which would read any directory whole."""
    size = file.seek(0, io.SEEK_END)
    if not _END.size < size <= MAX_PACKAGE_BYTES:
        raise MalformedPackage(f"the package is empty or longer than {MAX_PACKAGE_BYTES} bytes")
    file.seek(size - _END.size)
    mark, disk, first_disk, here, total, length, start, comment = _END.unpack(file.read(_END.size))
    directory = sum(46 + len(name) for name in NAMES)
    plain = (mark, disk, first_disk, comment) == (b"PK\x05\x06", 0, 0, 0)
    if not plain or here != total or total != len(NAMES):
        raise MalformedPackage(f"the package is no zip of {len(NAMES)} files in its plain form")
    if length != directory or start + length + _END.size != size:
        raise MalformedPackage("the package's directory is not in its plain form")


def _check_entries(archive: zipfile.ZipFile, file: BinaryIO) -> None:
    at = 0
    entries = archive.infolist()
    if tuple(info.filename for info in entries) != NAMES:
        raise MalformedPackage(f"a package holds {', '.join(NAMES)}, in this order, no other file")
    for info in entries:
        name = info.filename
        method = _PACKED.get(name, zipfile.ZIP_STORED)
        usual = (info.external_attr >> 16, info.flag_bits, info.compress_type, info.date_time)
        if usual != (_MODE, 0, method, _EPOCH) or info.extra or info.comment:
            raise MalformedPackage(f"{name} is not stored as a plain file of a package")
        if info.file_size > LIMITS[name]:
            raise MalformedPackage(f"{name} is longer than {LIMITS[name]} bytes")
        file.seek(at)
        head = file.read(_LOCAL.size + len(name))
        if info.header_offset != at or head != _local_header(info):
            raise MalformedPackage(f"{name} is described in two ways")
        at += len(head) + info.compress_size
    if at != archive.start_dir:
        raise MalformedPackage("there is other data between the package's files")
    file.seek(at)
    directory = b"".join(map(_directory_entry, entries))
    if file.read(len(directory)) != directory:
        raise MalformedPackage("the package's directory is not in its plain form")


def _local_header(info: zipfile.ZipInfo) -> bytes:
    return _LOCAL.pack(b"PK\x03\x04", 20, *_shared(info)) + info.filename.encode()


def _directory_entry(info: zipfile.ZipInfo) -> bytes:
    # Made by Unix (3) under version 2.0, no comment, disk 0, no internal attributes.
    rest = (0, 0, 0, _MODE << 16, info.header_offset)
    head = _CENTRAL.pack(b"PK\x01\x02", 20 | 3 << 8, 20, *_shared(info), *rest)
    return head + info.filename.encode()


def _shared(info: zipfile.ZipInfo) -> tuple[int, ...]:
    """Return what both descriptions of a file say, from the flags on."""
    day = (1 << 5) | 1
    lengths = (info.CRC, info.compress_size, info.file_size, len(info.filename), 0)
    return (0, info.compress_type, 0, day, *lengths)
