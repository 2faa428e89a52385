"""Files that were let out, as the public mirror keeps them: found by their SHA-256 alone.

Whoever has the file can find its row, and nobody else can open it: the key comes from the file's
digest and the site's pepper, as those of the other rows come from what the asker must know.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from signing.envelope import Envelope
from signing.errors import MalformedMirror
from signing.mirror import KEY_BYTES, PEPPER_BYTES, TAG_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

FILES_SCHEMA: Final = """\
CREATE TABLE IF NOT EXISTS files (
    tag BLOB PRIMARY KEY,
    sealed BLOB NOT NULL
) WITHOUT ROWID;
"""
"""One row for each file let out. A row that is lost costs a reading of the file, no more."""

MAX_SEALED_FILE: Final = 8192

_DOMAIN: Final = b"certreg/mirror/v1\0file|"
_NONCE_BYTES: Final = 12


class ReleasedFile(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What is kept of a file: the page of its certificate and the issuer's statement."""

    token: str
    statement: Envelope
    """A signed `signing.release.Release`; nothing is believed on the mirror's word."""


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(ReleasedFile, strict=True)


def file_tag_and_key(pepper: bytes, digest: bytes) -> tuple[bytes, bytes]:
    """Tag (16 bytes) and key (32 bytes) of the file with this SHA-256 (32 bytes)."""
    if len(pepper) != PEPPER_BYTES:
        raise MalformedMirror("the mirror's pepper must be 32 bytes")
    mac = hmac.digest(pepper, _DOMAIN + digest, "sha512")
    return mac[:TAG_BYTES], mac[TAG_BYTES : TAG_BYTES + KEY_BYTES]


def seal_file(
    pepper: bytes, digest: bytes, file: ReleasedFile, random: Callable[[int], bytes]
) -> tuple[bytes, bytes]:
    """Make the row of a file: tag and sealed. `random` gives that many unpredictable bytes."""
    tag, key = file_tag_and_key(pepper, digest)
    nonce = random(_NONCE_BYTES)
    return tag, nonce + AESGCM(key).encrypt(nonce, _ENCODER.encode(file), tag)


def open_file(key: bytes, tag: bytes, sealed: bytes) -> ReleasedFile:
    """Open a row of `files`; raises MalformedMirror."""
    if len(sealed) > MAX_SEALED_FILE:
        raise MalformedMirror("a file's row of the public mirror is too long")
    nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return _DECODER.decode(AESGCM(key).decrypt(nonce, body, tag))
    except (InvalidTag, ValueError, msgspec.MsgspecError):
        raise MalformedMirror("a file's row of the public mirror does not open") from None
