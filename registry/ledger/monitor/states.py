"""The certificates' states that the events add up to, and the root a status entry must have.

Status indices count from 0 without a gap; nothing leaves revoked or superseded; a superseded
certificate points on to an edition just issued. Pages and tree are those of formats.md,
"Status pages": only pages that changed are hashed again, or a log with a status entry after
each event would cost the square of its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from registry.ledger.monitor.findings import Kind, Say
from signing.tlog.entry import Issue, State, Status, StatusChange
from signing.tlog.merkle import leaf_hash, node_hash
from signing.tlog.paths import Node, tree_root
from signing.tlog.status import PAGE_BYTES, PAGE_CERTIFICATES, get_state, page_count, set_state

ALLOWED: Final = {
    State.VALID: frozenset({State.REVOKED, State.SUSPENDED, State.SUPERSEDED}),
    State.SUSPENDED: frozenset({State.VALID, State.REVOKED}),
    State.REVOKED: frozenset[State](),
    State.SUPERSEDED: frozenset[State](),
}
"""Where a state may go."""


class States:
    """The states of all certificates issued so far, as status pages."""

    def __init__(
        self, pages: bytes = b"", count: int = 0, unlinked: dict[int, str] | None = None
    ) -> None:
        self.count = count
        self.pages = bytearray(pages)
        self.unlinked = unlinked or {}
        """Later editions, by status index, for which no certificate was superseded yet."""
        self._levels: list[list[bytes]] = [[]]
        self._changed = set(range(len(self.pages) // PAGE_BYTES))

    def issue(self, index: int, entry: Issue, say: Say) -> None:
        """Take the issue entry at leaf `index`."""
        if entry.status != self.count:
            say(Kind.STATUS_INDEX, f"status index {entry.status} where {self.count} is next")
        # Each certificate takes a leaf, so a place beyond the leaf's own index cannot be true; to
        # make room for it would let one lying entry take all the memory.
        place = entry.status if entry.status <= index else self.count
        if place >= self.count:
            self.count = place + 1
            have = len(self.pages) // PAGE_BYTES
            wanted = page_count(self.count)
            if have < wanted:
                self.pages.extend(bytes((wanted - have) * PAGE_BYTES))
                self._changed.update(range(have, wanted))
        if entry.edition > 1:
            self.unlinked[entry.status] = f"edition {entry.edition} of {entry.number}"

    def change(self, entry: StatusChange, say: Say) -> None:
        """Take a change of state. It is applied although it be wrong, for the root's sake."""
        if entry.index >= self.count:
            what = f"changes the state of certificate {entry.index}, which was never issued"
            say(Kind.STATUS_CHANGE, what)
            return
        old, new = get_state(self.pages, entry.index), State(entry.state)
        if new not in ALLOWED[old]:
            what = f"certificate {entry.index} goes from {_word(old)} to {_word(new)}"
            say(Kind.STATUS_CHANGE, f"{what}, which is not allowed")
        self._link(entry, new, say)
        set_state(self.pages, entry.index, new)
        self._changed.add(entry.index // PAGE_CERTIFICATES)

    def _link(self, entry: StatusChange, new: State, say: Say) -> None:
        if not entry.link:
            if new is State.SUPERSEDED:
                what = f"certificate {entry.index} is superseded and points on to none"
                say(Kind.STATUS_CHANGE, what)
            return
        if int(entry.link) >= self.count:
            what = f"points on to certificate {entry.link}, which was never issued"
            say(Kind.STATUS_CHANGE, what)
        elif new is not State.SUPERSEDED or self.unlinked.pop(int(entry.link), None) is None:
            what = f"points on to certificate {entry.link}, which is no edition just issued"
            say(Kind.STATUS_CHANGE, what)

    def status(self, index: int, entry: Status, say: Say) -> None:
        """Take the status entry at leaf `index`."""
        for edition in self.unlinked.values():
            say(Kind.EDITION, f"{edition} was issued and none was superseded for it")
        self.unlinked.clear()
        if entry.before != index:
            what = f"covers the events before leaf {entry.before} and stands at leaf {index}"
            say(Kind.STATUS, what)
        if entry.count != self.count:
            say(Kind.STATUS, f"says {entry.count} certificates, there are {self.count}")
        elif entry.root != self.root().hex():
            say(Kind.STATUS_ROOT, "the status root is not what the events before it give")

    def root(self) -> bytes:
        """Root over the pages as they are."""
        row, changed = self._levels[0], sorted(self._changed)
        self._changed.clear()
        for page in changed:
            at = page * PAGE_BYTES
            _put(row, page, leaf_hash(bytes(self.pages[at : at + PAGE_BYTES])))
        level = 0
        while changed and len(self._levels[level]) > 1:
            row = self._levels[level]
            if level + 1 == len(self._levels):
                self._levels.append([])
            changed = sorted({place >> 1 for place in changed if place | 1 < len(row)})
            for place in changed:
                above = node_hash(row[2 * place], row[2 * place + 1])
                _put(self._levels[level + 1], place, above)
            level += 1
        return tree_root(len(self._levels[0]), self._nodes)

    def _nodes(self, nodes: Sequence[Node]) -> list[bytes]:
        return [self._levels[level][place] for level, place in nodes]


def _put(row: list[bytes], place: int, value: bytes) -> None:
    if place == len(row):
        row.append(value)
    else:
        row[place] = value


def _word(state: State) -> str:
    return state.name.lower()
