"""The status file (状态证明文件): one status page with its proof, fetched without naming anyone.

A C2SP `.tlog-proof` of the newest `status` entry: index and path lead from that entry to the
checkpoint, as in every such file. Its `extra` is canonical JSON that leads from the page to the
entry's root:

    {"entry":base64,"first":n,"page":base64,"pages":n,"path":[base64...]}

`entry` is the status entry, `first` the status index of the page's first certificate, `page` its
1,024 bytes, one of `pages`, with its `path`. It is the same for the 4,096 certificates of a page:
whoever fetches it does not tell which of them they hold. It stands in for an older staple.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Final

import msgspec

from signing.canonical import Canonical, decode, decoder_for, encode
from signing.errors import MalformedStatus, SigningError
from signing.tlog.entry import Status, parse_entry
from signing.tlog.merkle import HASH_BYTES
from signing.tlog.proof import MAX_PATH, MAX_PROOF, TlogProof, format_proof, parse_proof
from signing.tlog.status import (
    PAGE_BYTES,
    PAGE_CERTIFICATES,
    StatusStaple,
    page_count,
)

MAX_STATUS_FILE: Final = MAX_PROOF
"""Longest file read, in bytes: a page and entry take 3 KB, the rest are witnesses' signatures."""

_Hash = Annotated[bytes, msgspec.Meta(min_length=HASH_BYTES, max_length=HASH_BYTES)]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFile:
    """A parsed status file; see the module's text. `proof` is without its `extra`."""

    entry: bytes
    first: int
    page: bytes
    pages: int
    path: tuple[bytes, ...]
    proof: TlogProof

    def holds(self, index: int) -> bool:
        """Whether the certificate of this status index has its place on the page."""
        return self.first <= index < self.first + PAGE_CERTIFICATES

    def staple(self, index: int) -> StatusStaple:
        """Give the proof of one certificate's state, to be read with the file's checkpoint."""
        return StatusStaple(
            entry=self.entry,
            entry_index=self.proof.index,
            entry_path=self.proof.path,
            index=index,
            page=self.page,
            pages=self.pages,
            path=self.path,
        )

    def status(self) -> Status:
        """Give the status entry, which says as of when. Raises MalformedStatus."""
        return _status(self.entry)


class _Extra(Canonical, frozen=True, kw_only=True):
    entry: bytes
    first: Annotated[int, msgspec.Meta(ge=0)]
    page: Annotated[bytes, msgspec.Meta(min_length=PAGE_BYTES, max_length=PAGE_BYTES)]
    pages: Annotated[int, msgspec.Meta(ge=1)]
    path: Annotated[tuple[_Hash, ...], msgspec.Meta(max_length=MAX_PATH)]


_DECODER: Final = decoder_for(_Extra)


def status_file_name(page: int) -> str:
    """Name of the file of page number `page` in the public folder `status/`."""
    return f"{page}.tlog-proof"


def status_file_of(staple: StatusStaple, note: bytes) -> StatusFile:
    """Make the file of the page of `staple`, whose paths lead to the checkpoint in `note`."""
    return StatusFile(
        entry=staple.entry,
        first=staple.index // PAGE_CERTIFICATES * PAGE_CERTIFICATES,
        page=staple.page,
        pages=staple.pages,
        path=staple.path,
        proof=TlogProof(index=staple.entry_index, path=staple.entry_path, checkpoint_note=note),
    )


def format_status_file(file: StatusFile) -> bytes:
    """Write the file. Raises MalformedStatus if what is written would not be read back the same."""
    extra = _Extra(
        entry=file.entry, first=file.first, page=file.page, pages=file.pages, path=file.path
    )
    try:
        data = format_proof(replace(file.proof, extra=encode(extra)))
    except SigningError as error:
        raise MalformedStatus(f"the status file cannot be written: {error}") from None
    if parse_status_file(data) != file:
        raise MalformedStatus("the status file's parts do not belong together")
    return data


def parse_status_file(data: bytes) -> StatusFile:
    """Read a file of at most MAX_STATUS_FILE bytes. Raises MalformedStatus. Verifies nothing."""
    try:
        proof = parse_proof(data)
        extra = decode(proof.extra or b"", _DECODER, limit=MAX_STATUS_FILE)
    except SigningError as error:
        raise MalformedStatus(f"this is not a status file: {error}") from None
    status = _status(extra.entry)
    page, rest = divmod(extra.first, PAGE_CERTIFICATES)
    if rest or page >= extra.pages or extra.pages != page_count(status.count):
        raise MalformedStatus("the status file's page is none of those its entry speaks of")
    return StatusFile(
        entry=extra.entry,
        first=extra.first,
        page=extra.page,
        pages=extra.pages,
        path=extra.path,
        proof=replace(proof, extra=None),
    )


def is_status_file(data: bytes) -> bool:
    """Whether these bytes can be read as a status file; says nothing about its truth."""
    try:
        parse_status_file(data)
    except MalformedStatus:
        return False
    return True


def _status(entry: bytes) -> Status:
    try:
        found = parse_entry(entry)
    except SigningError:
        raise MalformedStatus("the status file's entry is damaged") from None
    if not isinstance(found, Status):
        raise MalformedStatus("the status file's entry is no status entry")
    return found
