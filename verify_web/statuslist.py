"""The published status list (状态清单), taken only with proof that it is whole and the newest.

Pages that do not hash to the root in their status entry are refused. So is a list that lags:
the log itself is read from where the list stops covering it to its end, and a certificate
whose state changed there gets no staple. A publisher who puts back an old list, entry and
pages alike, cannot hide a revocation that is in the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from signing.errors import MalformedStatus, ProofMismatch
from signing.tlog.entry import Status, StatusChange, parse_entry
from signing.tlog.merkle import CompactRange, leaf_hash, verify_inclusion
from signing.tlog.paths import inclusion_path, range_nodes
from signing.tlog.status import StatusPages, StatusStaple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from signing.tlog.tiles import TreeReader
    from signing.tlog.treehead import Checkpoint

MAX_LAG: Final = 1 << 17
"""Leaves read behind the list, 0.3 s; a list that lags more proves nothing."""

MAX_HEAD_BYTES: Final = 1 << 17

_CHANGE: Final = b'"t":"status-change"'
"""Canonical JSON writes it in this one way; everything else need not be parsed."""


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    entry: bytes
    entry_index: Annotated[int, msgspec.Meta(ge=0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusList:
    """The pages, their status entry with its place and path, and what has changed since."""

    pages: StatusPages
    facts: Status
    entry: bytes
    entry_index: int
    entry_path: tuple[bytes, ...]
    changed_since: frozenset[int]

    def staple(self, index: int) -> StatusStaple | None:
        """Proof of the state of certificate `index`; None where the list cannot tell."""
        if not 0 <= index < self.facts.count or index in self.changed_since:
            return None
        return self.pages.staple(
            index, entry=self.entry, entry_index=self.entry_index, entry_path=self.entry_path
        )


def read_status_list(directory: Path, head: Checkpoint, tree: TreeReader) -> StatusList:
    """Read latest.json and its pages. Raises SigningError or OSError when not to be used."""
    try:
        latest = msgspec.json.decode(
            (directory / "latest.json").read_bytes()[: MAX_HEAD_BYTES + 1], type=_Head
        )
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise MalformedStatus("status/latest.json is damaged") from None
    facts = parse_entry(latest.entry)
    if not isinstance(facts, Status):
        raise MalformedStatus("status/latest.json does not name a status entry")
    pages = StatusPages((directory / f"pages-{latest.entry_index}.bin").read_bytes())
    if pages.root().hex() != facts.root:
        raise ProofMismatch("the status pages are not those of their status entry")
    path = tuple(inclusion_path(latest.entry_index, head.size, tree))
    verify_inclusion(leaf_hash(latest.entry), latest.entry_index, head.size, path, head.root)
    return StatusList(
        pages=pages,
        facts=facts,
        entry=latest.entry,
        entry_index=latest.entry_index,
        entry_path=path,
        changed_since=_changed_since(min(facts.before, latest.entry_index), head, tree),
    )


def _changed_since(start: int, head: Checkpoint, tree: TreeReader) -> frozenset[int]:
    """Status indices changed by the leaves from `start` on, which are proven to be the log's."""
    if head.size - start > MAX_LAG:
        raise MalformedStatus("the status list lags too far behind the log")
    edge = CompactRange.from_hashes(start, tree(range_nodes(0, start)))
    changed = frozenset(_collect(edge, tree.entries(start)))
    # Entry bundles are hashed by nothing but the tiles beside them: without this comparison
    # a doctored bundle would hide a revocation that tiles and checkpoint contain.
    if edge.root() != head.root:
        raise ProofMismatch("the log's newest entries do not lead to the checkpoint's root")
    return changed


def _collect(edge: CompactRange, entries: Iterator[bytes]) -> Iterator[int]:
    for entry in entries:
        edge.append(leaf_hash(entry))
        if _CHANGE in entry:
            change = parse_entry(entry)
            if isinstance(change, StatusChange):
                yield change.index
