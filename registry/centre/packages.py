"""Packages on the disk: appended piece by piece, each piece sealed where it stands.

    packages/<city>/<sha256>/000000000000   the piece that begins at byte 0
    packages/<city>/<sha256>/whole          all pieces are here and give the digest

A package names persons, so no byte of it lies in clear. A piece is linked to its name when it is
whole and synced, and a name is never taken twice: of two senders one appends, the other is told
where the package goes on. A crash leaves a `.part`, which goes when the package is whole.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from registry.centre.errors import (
    OtherDigest,
    PackageDamaged,
    PackageNotWhole,
    PackageTooLong,
    PieceRefused,
)
from signing.upload.package import MAX_PACKAGE_BYTES

MAX_PIECE: Final = 4 << 20
"""Longest piece, in bytes: what a request may hold in memory."""

MAX_PIECES: Final = 4096
"""Most pieces of a package; a sender whose pieces are shorter than 16 KiB comes to it."""

MAX_OPEN: Final = 16
"""Packages of a city that may be unfinished at once; beyond it the oldest is thrown away."""

_WHOLE: Final = "whole"
_NONCE: Final = 12
_SEAL: Final = _NONCE + 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """The packages of all cities. `key` has 32 bytes; `random` gives each piece its nonce."""

    folder: Path
    key: bytes
    random: Callable[[int], bytes]

    def kept(self, city: str, digest: str) -> tuple[int, bool]:
        """Return how many bytes of a package are here, and whether it is whole."""
        place = self._place(city, digest)
        pieces = self._pieces(place)
        size = int(pieces[-1].name) + pieces[-1].stat().st_size - _SEAL if pieces else 0
        return size, (place / _WHOLE).exists()

    def append(self, city: str, digest: str, at: int, piece: bytes) -> int:
        """Keep the piece that begins at byte `at`, durably; return the size now.

        Raises PieceRefused where the package does not go on there, PackageTooLong.
        """
        place = self._place(city, digest)
        size, whole = self.kept(city, digest)
        if at != size or whole:
            raise PieceRefused(size)
        if not piece:
            return size
        if size + len(piece) > MAX_PACKAGE_BYTES or len(self._pieces(place)) >= MAX_PIECES:
            raise PackageTooLong(f"上报包最长 {MAX_PACKAGE_BYTES} 字节 (the package is too long)")
        if size == 0:
            self._make_room(city, place)
        nonce = self.random(_NONCE)
        sealed = nonce + AESGCM(self.key).encrypt(nonce, piece, _bound(city, digest, at))
        if not _write_once(place / f"{at:012d}", sealed):
            raise PieceRefused(self.kept(city, digest)[0])
        return size + len(piece)

    def close(self, city: str, digest: str) -> None:
        """Say that the last piece has come; nothing changes if that was said before.

        Raises OtherDigest, and throws the package away, if it is another one.
        """
        place = self._place(city, digest)
        if (place / _WHOLE).exists():
            return
        if hashlib.sha256(self._join(city, digest)).hexdigest() != digest:
            shutil.rmtree(place, ignore_errors=True)
            raise OtherDigest(
                "上报包与其摘要不符，已丢弃，请从头再传 (another digest: start again)"
            )
        _write_once(place / _WHOLE, b"")
        for left in place.glob("*.part"):
            left.unlink(missing_ok=True)

    def read(self, city: str, digest: str) -> bytes:
        """Return a whole package. Raises PackageNotWhole, PackageDamaged."""
        if not (self._place(city, digest) / _WHOLE).exists():
            raise PackageNotWhole("上报包还没有传完 (the package is not whole yet)")
        data = self._join(city, digest)
        if hashlib.sha256(data).hexdigest() != digest:
            raise PackageDamaged("a piece of the package is missing: restore it from a backup")
        return data

    def drop(self, city: str, digest: str) -> None:
        """Throw a package away; its sender finds nothing kept."""
        place = self._place(city, digest)
        # First of all: half of it must never count as whole.
        (place / _WHOLE).unlink(missing_ok=True)
        shutil.rmtree(place, ignore_errors=True)

    def listed(self, city: str) -> list[str]:
        """Return the digests of the packages that are here whole, by when they became so."""
        since = []
        for file in (self.folder / city).glob(f"*/{_WHOLE}"):
            # One may be thrown away in this moment.
            with suppress(FileNotFoundError):
                since.append((file.stat().st_mtime_ns, file.parent.name))
        return [digest for _, digest in sorted(since)]

    def _join(self, city: str, digest: str) -> bytes:
        joined = bytearray()
        cipher = AESGCM(self.key)
        for file in self._pieces(self._place(city, digest)):
            sealed = file.read_bytes()
            bound = _bound(city, digest, len(joined))
            try:
                joined += cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], bound)
            except (InvalidTag, ValueError):
                msg = "a piece of the package is damaged: restore it from a backup"
                raise PackageDamaged(msg) from None
        return bytes(joined)

    def _place(self, city: str, digest: str) -> Path:
        return self.folder / city / digest

    def _pieces(self, place: Path) -> list[Path]:
        return sorted(file for file in place.glob("[0-9]*") if file.suffix != ".part")

    def _make_room(self, city: str, place: Path) -> None:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = [
            folder
            for folder in (self.folder / city).iterdir()
            if folder != place and not (folder / _WHOLE).exists()
        ]
        unfinished.sort(key=lambda folder: folder.stat().st_mtime_ns)
        # Its sender finds nothing kept, and begins anew.
        for folder in unfinished[: max(0, len(unfinished) + 1 - MAX_OPEN)]:
            shutil.rmtree(folder, ignore_errors=True)


def _bound(city: str, digest: str, at: int) -> bytes:
    return f"certreg/centre/package/v1|{city}|{digest}|{at}".encode()


def _write_once(file: Path, data: bytes) -> bool:
    """Write a file whole and durably; False if there is one of its name."""
    part = file.with_name(f"{file.name}.{os.getpid()}.{id(data):x}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        # A link appears whole or not at all, and takes no other file's place.
        try:
            file.hardlink_to(part)
        except FileExistsError:
            return False
    finally:
        part.unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True
