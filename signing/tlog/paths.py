"""Making Merkle proofs: which stored nodes a proof needs, one read of them, and its hashes.

Only nodes over full, aligned ranges are ever stored, since those never change: node
(level, index) covers leaves [index·2^level, (index+1)·2^level). A node on the tree's right
edge is folded from such nodes on demand. The same code proves from tiles, from memory and
over status pages; it depends on a `HashReader` only. Sources: RFC 6962 §2.1.1 and §2.1.2,
RFC 9162 §2.1.3 and §2.1.4, the IETF draft on Merkle Tree Certificates §4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from signing.errors import MalformedProof
from signing.tlog.merkle import EMPTY_ROOT, fold, is_subtree, next_level

Node: TypeAlias = tuple[int, int]
"""A stored node: (level, index), level 0 being the leaves."""

HashReader: TypeAlias = Callable[[Sequence[Node]], Sequence[bytes]]
"""Returns the hashes of stored nodes, in the order asked; raises if it cannot."""


def range_nodes(start: int, end: int) -> list[Node]:
    """List the stored nodes that make up subtree [start, end), left to right, the largest first."""
    nodes = []
    width = end - start
    for level in reversed(range(width.bit_length())):
        if width >> level & 1:
            nodes.append((level, start >> level))
            start += 1 << level
    return nodes


def tree_root(size: int, reader: HashReader) -> bytes:
    """Root of the tree of `size` leaves."""
    return fold(reader(range_nodes(0, size))) if size else EMPTY_ROOT


def subtree_root(start: int, end: int, reader: HashReader) -> bytes:
    """Hash of subtree [start, end). Raises MalformedProof if it is none."""
    _check_subtree(start, end)
    return fold(reader(range_nodes(start, end))) if start < end else EMPTY_ROOT


def inclusion_path(index: int, size: int, reader: HashReader) -> list[bytes]:
    """Path from leaf `index` to the root of the tree of `size`, siblings from the leaf up.

    One call of `reader`. Raises MalformedProof when the tree has no such leaf.
    """
    return subtree_inclusion_path(index, 0, size, reader)


def subtree_inclusion_path(index: int, start: int, end: int, reader: HashReader) -> list[bytes]:
    """Path from leaf `index` of the whole tree to the hash of subtree [start, end)."""
    _check_subtree(start, end)
    if not start <= index < end:
        raise MalformedProof("the leaf's index lies outside the tree")
    last = end - 1
    inner = (index ^ last).bit_length()
    below = [(level, (index >> level) ^ 1) for level in range(inner - 1)]
    # The one sibling that may reach the right edge, and so may not be stored as one node.
    edge = range_nodes(((index >> (inner - 1)) ^ 1) << (inner - 1), end) if inner else []
    above = [
        (level, (index >> level) - 1)
        for level in range(inner, (index - start).bit_length())
        if index >> level & 1
    ]
    hashes = list(reader(below + edge + above))
    if len(edge) > 1:
        after = len(below) + len(edge)
        hashes[len(below) : after] = [fold(hashes[len(below) : after])]
    return hashes


def consistency_path(old_size: int, size: int, reader: HashReader) -> list[bytes]:
    """Proof that the tree of `size` begins with the tree of `old_size`; empty from size 0."""
    return subtree_consistency_path(0, old_size, size, reader)


def subtree_consistency_path(start: int, end: int, size: int, reader: HashReader) -> list[bytes]:
    """Proof that subtree [start, end) belongs to the tree of `size` (SUBTREE_PROOF).

    One call of `reader`. Raises MalformedProof when the range is no subtree of that tree.
    """
    _check_subtree(start, end)
    if end > size:
        raise MalformedProof("the old size is larger than the new")
    if start == end:
        return []
    ranges = _consistency_ranges(start, end, size)
    parts = [range_nodes(low, high) for low, high in ranges]
    hashes = reader([node for part in parts for node in part])
    proof, at = [], 0
    for part in parts:
        proof.append(fold(hashes[at : at + len(part)]))
        at += len(part)
    return proof


def _consistency_ranges(start: int, end: int, size: int) -> list[tuple[int, int]]:
    """Ranges whose hashes make up the proof, from the bottom up: the draft's recursion undone."""
    low, high = 0, size
    known = True
    ranges = []
    while (low, high) != (start, end):
        middle = low + (1 << ((high - low - 1).bit_length() - 1))
        if end <= middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
            if start < middle:
                # The subtree spans the split: the verifier knows the whole, not its right part.
                start = middle
                known = False
    if not known:
        ranges.append((low, high))
    return ranges[::-1]


def _check_subtree(start: int, end: int) -> None:
    if not is_subtree(start, end):
        raise MalformedProof("this range is not a subtree")


class HashLevels:
    """All stored nodes of a tree held in memory: a `HashReader` over given leaf hashes."""

    __slots__ = ("_levels", "size")

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.size = len(leaves)
        self._levels = [list(leaves)]
        while len(self._levels[-1]) > 1:
            self._levels.append(next_level(self._levels[-1]))

    def __call__(self, nodes: Sequence[Node]) -> list[bytes]:
        """Return the hashes of these nodes."""
        return [self._levels[level][index] for level, index in nodes]

    def root(self) -> bytes:
        """Root over all leaves."""
        return tree_root(self.size, self)
