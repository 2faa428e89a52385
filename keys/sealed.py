"""Encrypted files for one owner: scrypt (RFC 7914), AES-256-GCM, mode 0600, durable writes.

Metadata is the associated data of the encryption, so a file whose purpose, issuer, validity,
state or public key was edited no longer opens. Whoever may write in the folder can still delete
files, or put an older copy of the same file back; see keys/ring.py for what that gains.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from keys.errors import KeyFileBroken, KeyFileExposed, KeyRefused
from keys.strict import bytes_of, decode, encode, object_of, to_base64

KEY_BYTES: Final = 32
SALT_BYTES: Final = 16
MAX_FILE: Final = 1 << 16
"""Longest file read here, in bytes; the longest written (an ML-DSA key) has about 3,000."""

_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_MAX_MEMORY: Final = 1 << 28
_MAX_PARALLEL: Final = 16
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True, kw_only=True)
class ScryptParams:
    """The cost of one guess at the passphrase; the default takes 32 MiB and about 0.1 s.

    Bounded above (256 MiB), because an edited ring.json must not exhaust the machine. Not
    bounded below: an attacker who writes lower costs there only makes the ring refuse to open,
    since nothing sealed under the cheaper key exists.
    """

    n: int = 1 << 15
    r: int = 8
    p: int = 1

    def __post_init__(self) -> None:
        costly = 128 * self.n * self.r > _MAX_MEMORY or self.p > _MAX_PARALLEL
        power_of_two = self.n > 1 and not self.n & (self.n - 1)
        if not power_of_two or self.r < 1 or self.p < 1 or costly:
            raise KeyRefused("the scrypt parameters are not usable (n a power of 2, <= 256 MiB)")


def stretch(passphrase: bytes, salt: bytes, params: ScryptParams) -> bytes:
    """Derive the 32-byte key-encryption key from the passphrase."""
    return Scrypt(salt=salt, length=KEY_BYTES, n=params.n, r=params.r, p=params.p).derive(
        passphrase
    )


def subkey(root: bytes, label: str) -> bytes:
    """Derive 32 bytes for one use from a uniform 32-byte root (HKDF-SHA256, RFC 5869)."""
    info = b"certreg/subkey/v1\n" + label.encode()
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(root)


def seal(key: bytes, kind: str, public: Mapping[str, object], secret: bytes) -> bytes:
    """Encrypt `secret` into a file that shows `public` in clear and is bound to it and `kind`.

    The nonce is random: a ring seals some thousand times in its life, far from 2^32.
    """
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = nonce + AESGCM(key).encrypt(nonce, secret, _associated(kind, public))
    return encode({"public": public, "sealed": to_base64(sealed)})


def public_part(data: bytes) -> dict[str, object]:
    """Read the clear part of a sealed file, which nothing vouches for yet. Raises ValueError."""
    return object_of(decode(data), "public")


def open_sealed(key: bytes, kind: str, data: bytes) -> bytes | None:
    """Decrypt a sealed file, or None if the key or anything in the file is not the sealed one.

    Raises ValueError if it is no sealed file at all.
    """
    public = public_part(data)
    sealed = bytes_of(decode(data), "sealed")
    if encode({"public": public, "sealed": to_base64(sealed)}) != data:
        raise ValueError("the file is not in the form it was written in")
    if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
        raise ValueError("the file is cut short")
    nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, text, _associated(kind, public))
    except InvalidTag:
        return None


def _associated(kind: str, public: Mapping[str, object]) -> bytes:
    return b"certreg/" + kind.encode() + b"/v1\n" + encode(public)


def read_private(file: Path, *, limit: int = MAX_FILE) -> bytes:
    """Read a file that only its owner may touch.

    Raises KeyFileExposed if group or others may, KeyFileBroken if it is too long or no plain
    file, and OSError as `open` does.
    """
    # Not blocking, or a FIFO put here would hold the program for ever.
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as handle:
        # Asked of the open file, not of its name: the name may be pointed elsewhere meanwhile.
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise KeyFileBroken(f"{file} is not a plain file")
        if mode & _OTHERS:
            raise KeyFileExposed(
                f"{file} can be read by other users of this machine. Run: chmod 600 {file}  "
                "If others have used this machine, change what the file protects"
            )
        data = handle.read(limit + 1)
    if len(data) > limit:
        raise KeyFileBroken(f"{file} is longer than {limit} bytes: it is not the file written here")
    return data


def refuse_shared_folder(directory: Path) -> None:
    """Raise KeyFileExposed if other users may replace files in `directory`."""
    if directory.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise KeyFileExposed(
            f"other users of this machine can replace files in {directory}. "
            f"Run: chmod 700 {directory}"
        )


def write_private(file: Path, data: bytes, *, replace: bool) -> None:
    """Write `file` (0600) so that after a crash at any moment it is the old or the new one.

    With `replace` false an existing file is left alone and FileExistsError raised, also when
    another process makes it at the same moment. A crash can leave a `.tmp` file behind, which
    holds nothing but sealed bytes and is never read.
    """
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(8)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        if replace:
            temporary.replace(file)
        else:
            file.hardlink_to(temporary)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
    # Until the folder itself is on disk, a power cut may undo the new name.
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
