"""Keeping packages at rest: sealed piece by piece, each bound to its upload and its place.

A package holds ID numbers and the openings of commitments, so it never lies in the home in clear.
A file is written beside its name and renamed when it is whole and synced; a crash leaves a
``.part`` that the next freezing of the same upload replaces.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from registry.store.fields import NONCE_LENGTH, TAG_LENGTH, FieldCipher, FieldDamaged
from registry.upload.errors import PackageLost

PIECE_BYTES: Final = 1 << 20
"""Clear bytes of a piece; the last one may be shorter, and tells by its place that it is last."""

_SEALED_BYTES: Final = PIECE_BYTES + NONCE_LENGTH + TAG_LENGTH
_PLACE: Final = "uploads.package"


def sealed_file(folder: Path, upload_id: str, digest: str) -> Path:
    """Return where the package of this SHA-256 lies; another attempt has another name."""
    return folder / f"{upload_id}-{digest[:16]}.sealed"


def seal_package(
    source: Path, target: Path, digest: str, *, key: bytes, random: Callable[[int], bytes]
) -> None:
    """Seal ``source`` (of SHA-256 ``digest``) to ``target``, durably; an existing one is replaced.

    ``random(12)`` gives each piece's nonce.
    """
    cipher = FieldCipher(key, f"{_PLACE}.{digest}")
    part = target.with_suffix(".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out, source.open("rb") as clear:
        for place, piece in enumerate(iter(lambda: clear.read(PIECE_BYTES), b"")):
            out.write(cipher.seal(place, random(NONCE_LENGTH), piece))
        out.flush()
        os.fsync(out.fileno())
    part.replace(target)
    sync_folder(target.parent)


def open_pieces(file: Path, digest: str, *, key: bytes) -> Iterator[bytes]:
    """Yield the package's clear bytes; the last is given only if the whole has this SHA-256.

    Raises ``PackageLost`` where the file is missing, damaged or another upload's.
    """
    cipher = FieldCipher(key, f"{_PLACE}.{digest}")
    seen = hashlib.sha256()
    held = b""
    try:
        with file.open("rb") as sealed:
            for place, piece in enumerate(iter(lambda: sealed.read(_SEALED_BYTES), b"")):
                yield from (held,) if held else ()
                held = cipher.open(place, piece)
                seen.update(held)
    except FileNotFoundError:
        raise PackageLost(f"{file.name} is missing from the uploads folder") from None
    except FieldDamaged:
        raise _damaged(file) from None
    if seen.hexdigest() != digest:
        raise _damaged(file)
    yield held


def is_whole(file: Path, digest: str, *, key: bytes) -> bool:
    """Say whether the package lies there and opens to its last byte."""
    try:
        for _ in open_pieces(file, digest, key=key):
            pass
    except PackageLost:
        return False
    return True


def _damaged(file: Path) -> PackageLost:
    return PackageLost(f"{file.name} is damaged: restore the uploads folder from a backup")


def copy_package(file: Path, digest: str, out: BinaryIO, *, key: bytes) -> None:
    """Write the clear package to ``out``; raises ``PackageLost`` as `open_pieces` does."""
    out.writelines(open_pieces(file, digest, key=key))


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
