"""Stored files sealed at rest (存储加密): who copies the disk reads none of them.

A file is cut into chunks of 64 KiB, each sealed by AES-256-GCM under a key of the file's own:
HKDF-SHA256 (RFC 5869) of the field key, a random salt, and case and digest. The nonce is the
chunk's number and whether it is the last, so chunks cannot be left out, doubled, put in another
order or cut off (STREAM: Hoang, Reyhanitabar, Rogaway, Vizár 2015). A file moved to another case,
or called another document, does not open. Its name on the disk is an HMAC of case and digest:
nobody can ask the disk whether a known file is there.

Layout: magic (8 bytes) ‖ salt (32) ‖ chunks (ciphertext ‖ tag of 16), all but the last full.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from registry.errors import RegistryError
from registry.office.unit import Desk

MAGIC: Final = b"CRDOC\x00\x00\x01"
SALT_BYTES: Final = 32
CHUNK: Final = 64 * 1024
TAG: Final = 16
_DOMAIN: Final = b"certreg/documents/v1\n"


class DocumentDamaged(RegistryError):
    """A document's bytes are missing, or are no longer those that were stored for it."""

    code = "document-damaged"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("文件内容缺失或者与收到时不一致，请联系系统管理员从备份恢复")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """Which file: its case, and the SHA-256 (hex) of its plain bytes."""

    case_id: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    """The folder of sealed files, and the keys (32 bytes each) that seal and name them."""

    folder: Path
    field_key: bytes
    index_key: bytes
    random: Callable[[int], bytes]

    def place(self, paper: Paper) -> Path:
        """Give where a file stands."""
        name = hmac.digest(self.index_key, _DOMAIN + _bound(paper), "sha256").hex()
        return self.folder / name[:2] / name

    def seal(self, paper: Paper, source: IO[bytes], target: IO[bytes]) -> None:
        """Write the sealed file of a plain one; one chunk of each is in memory at a time."""
        salt = self.random(SALT_BYTES)
        aead = self._aead(paper, salt)
        target.write(MAGIC + salt)
        block = source.read(CHUNK)
        number = 0
        while True:
            # The next chunk is read first: the last one is sealed as the last.
            following = source.read(CHUNK)
            nonce = _nonce(number, last=not following)
            target.write(aead.encrypt(nonce, block, _bound(paper)))
            if not following:
                return
            block, number = following, number + 1

    def open(self, paper: Paper) -> Iterator[bytes]:
        """Give a file's plain bytes chunk by chunk, the whole file checked before the first.

        Raises ``DocumentDamaged`` unless they are those stored for this very case and digest.
        """
        digest = hashlib.sha256()
        for block in self._chunks(paper):
            digest.update(block)
        if not hmac.compare_digest(digest.hexdigest(), paper.sha256):
            raise DocumentDamaged
        return self._chunks(paper)

    def _chunks(self, paper: Paper) -> Iterator[bytes]:
        try:
            with self.place(paper).open("rb") as file:
                head = file.read(len(MAGIC) + SALT_BYTES)
                if not head.startswith(MAGIC) or len(head) != len(MAGIC) + SALT_BYTES:
                    raise DocumentDamaged
                aead = self._aead(paper, head[len(MAGIC) :])
                left = os.fstat(file.fileno()).st_size - len(head)
                number = 0
                while left > 0:
                    block = file.read(CHUNK + TAG)
                    left -= len(block)
                    nonce = _nonce(number, last=left <= 0)
                    yield aead.decrypt(nonce, block, _bound(paper))
                    number += 1
                if not number:
                    raise DocumentDamaged
        except (OSError, InvalidTag):
            raise DocumentDamaged from None

    def _aead(self, paper: Paper, salt: bytes) -> AESGCM:
        made = HKDF(algorithm=SHA256(), length=32, salt=salt, info=_DOMAIN + _bound(paper))
        return AESGCM(made.derive(self.field_key))


def vault_of(desk: Desk) -> Vault:
    """Give a desk's vault."""
    return Vault(
        folder=desk.documents,
        field_key=desk.field_key,
        index_key=desk.index_key,
        random=desk.random,
    )


def _bound(paper: Paper) -> bytes:
    return paper.case_id.to_bytes(8) + bytes.fromhex(paper.sha256)


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11) + bytes([last])
