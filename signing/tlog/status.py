"""Status pages (状态页): two bits a certificate, dense, provable page by page.

Certificate i of the log is bits 2·(i mod 4) and up of byte (i mod 4096) div 4 of page
i div 4096; a page is 1,024 bytes. The pages are the leaves of an RFC 6962 tree whose root
stands in a `status` entry of the log. A staple carries a page, its path, that entry and the
entry's own inclusion: it proves "valid as of", which no signature on a certificate can.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

from signing import canonical
from signing.errors import MalformedJson, MalformedStatus, ProofMismatch
from signing.tlog.entry import State, Status, parse_entry
from signing.tlog.merkle import leaf_hash, leaf_hashes, verify_inclusion
from signing.tlog.paths import HashLevels, inclusion_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from signing.tlog.treehead import Checkpoint

PAGE_BYTES: Final = 1024
"""Length of a page."""

PAGE_CERTIFICATES: Final = PAGE_BYTES * 4
"""Certificates on a page."""

MAX_STAPLE: Final = 1 << 16
"""Longest staple read, in bytes of JSON; at 10^8 certificates and leaves it takes 4,500."""


def page_count(count: int) -> int:
    """How many pages `count` certificates take; unused places are zero."""
    return -(-count // PAGE_CERTIFICATES)


def blank_pages(count: int) -> bytearray:
    """Pages for `count` certificates, all valid."""
    return bytearray(page_count(count) * PAGE_BYTES)


def get_state(pages: bytes | bytearray, index: int) -> State:
    """State of certificate `index` in consecutive pages. Raises MalformedStatus beyond them."""
    return State(pages[_place(pages, index)] >> 2 * (index % 4) & 3)


def set_state(pages: bytearray, index: int, state: State) -> None:
    """Write the state of certificate `index`. Raises MalformedStatus beyond the pages."""
    at, shift = _place(pages, index), 2 * (index % 4)
    pages[at] = pages[at] & ~(3 << shift) | state << shift


def _place(pages: bytes | bytearray, index: int) -> int:
    if not 0 <= index < len(pages) * 4:
        raise MalformedStatus("the status index lies beyond the status pages")
    return index // 4


def pages_root(pages: bytes | bytearray) -> bytes:
    """Root of the tree over consecutive pages. Raises MalformedStatus for a part of a page."""
    return StatusPages(bytes(pages)).root()


class StatusPages:
    """Consecutive pages with their tree: made once (a microsecond a page), asked often."""

    __slots__ = ("_made", "_pages", "_tree")

    def __init__(self, pages: bytes) -> None:
        if len(pages) % PAGE_BYTES:
            raise MalformedStatus("the status pages end in the middle of a page")
        self._pages = pages
        self._tree = HashLevels(leaf_hashes(list(_split(pages))))
        # Pages asked for, with their paths; never more than there are, and they do not change.
        self._made: dict[int, tuple[bytes, tuple[bytes, ...]]] = {}

    def root(self) -> bytes:
        """Root as it stands in the status entry."""
        return self._tree.root()

    def state(self, index: int) -> State:
        """State of certificate `index`. Raises MalformedStatus beyond the pages."""
        return get_state(self._pages, index)

    def staple(
        self, index: int, *, entry: bytes, entry_index: int, entry_path: Iterable[bytes]
    ) -> StatusStaple:
        """Staple for certificate `index`; `entry` is the log's status entry with this root.

        Raises MalformedStatus beyond the pages.
        """
        _place(self._pages, index)
        page = index // PAGE_CERTIFICATES
        if page not in self._made:
            data = self._pages[page * PAGE_BYTES : (page + 1) * PAGE_BYTES]
            self._made[page] = data, tuple(inclusion_path(page, self._tree.size, self._tree))
        data, path = self._made[page]
        return StatusStaple(
            entry=entry,
            entry_index=entry_index,
            entry_path=tuple(entry_path),
            index=index,
            page=data,
            pages=self._tree.size,
            path=path,
        )


def _split(pages: bytes) -> Iterable[bytes]:
    return (pages[at : at + PAGE_BYTES] for at in range(0, len(pages), PAGE_BYTES))


class StatusStaple(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Proof of a certificate's state (状态证明), to be read with a checkpoint.

    `index` is the certificate's place; `page` the 1,024 bytes that hold it, one of `pages`,
    with its `path`; `entry` the status entry, leaf `entry_index` of the checkpoint's tree by
    `entry_path`. In JSON bytes are base64; the fields are in key order.
    """

    entry: bytes
    entry_index: int
    entry_path: tuple[bytes, ...]
    index: int
    page: bytes
    pages: int
    path: tuple[bytes, ...]


_DECODER: Final = canonical.decoder_for(StatusStaple)


def format_staple(staple: StatusStaple) -> bytes:
    """Write the staple as canonical JSON. Raises MalformedJson."""
    return canonical.encode(staple)


def parse_staple(data: bytes) -> StatusStaple:
    """Read a staple of at most MAX_STAPLE bytes. Raises MalformedStatus. Verifies nothing."""
    try:
        return canonical.decode(data, _DECODER, limit=MAX_STAPLE)
    except MalformedJson:
        raise MalformedStatus("this is not a status staple") from None


def verify_staple(staple: StatusStaple, checkpoint: Checkpoint) -> tuple[State, Status]:
    """State of certificate `staple.index`, and the status entry that says as of when.

    The checkpoint is one already trusted. The caller judges the entry's age, and that
    `staple.index` is the one in the certificate's issue entry. Raises MalformedStatus,
    MalformedEntry, MalformedProof or ProofMismatch.
    """
    entry = _logged_status(
        staple.entry, staple.entry_index, staple.entry_path, checkpoint.size, checkpoint.root
    )
    if len(staple.page) != PAGE_BYTES or staple.pages != page_count(entry.count):
        raise MalformedStatus("the status pages do not fit the status entry")
    if not 0 <= staple.index < entry.count:
        raise MalformedStatus("the status entry is older than the certificate")
    page = staple.index // PAGE_CERTIFICATES
    page_hash, root = leaf_hash(staple.page), bytes.fromhex(entry.root)
    verify_inclusion(page_hash, page, staple.pages, staple.path, root)
    return get_state(staple.page, staple.index % PAGE_CERTIFICATES), entry


@lru_cache(maxsize=16)
def _logged_status(
    data: bytes, index: int, path: tuple[bytes, ...], size: int, root: bytes
) -> Status:
    """Read a status entry, and check that it is leaf `index` of the tree of `size` and `root`.

    All certificates of a checkpoint share one entry, so the last sixteen are kept. What is kept
    follows from these arguments alone, every byte of which is compared: it cannot grow stale, and
    what was not proven raises and is not kept. Nothing of a person is in it.
    """
    entry = parse_entry(data)
    if not isinstance(entry, Status):
        raise MalformedStatus("the log entry of the status staple is no status entry")
    if entry.before > index:
        raise ProofMismatch("the status entry claims to cover leaves that come after it")
    verify_inclusion(leaf_hash(data), index, size, path, root)
    return entry
