"""Merkle trees of RFC 6962 §2.1 and RFC 9162 §2.1: hashing, growing and verifying.

Leaf = SHA-256(0x00 ‖ data), node = SHA-256(0x01 ‖ left ‖ right), empty tree = SHA-256("");
n > 1 leaves split at the largest power of two below n. Every hash is 32 bytes. Also the
subtrees of the IETF draft on Merkle Tree Certificates (§4): [start, end) is a subtree when
start is a multiple of the power of two at or above its width.

A verifier never looks at more of a proof than its exact length allows, and returns nothing:
it passes or raises MalformedProof (wrong form) or ProofMismatch (another root).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, TypeAlias

from signing.errors import MalformedProof, ProofMismatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Subtree: TypeAlias = tuple[int, int]
"""A range of leaves [start, end)."""

HASH_BYTES: Final = 32
"""Length of a hash, in bytes."""

MAX_SIZE: Final = 2**63 - 1
"""Largest tree size spoken of anywhere (C2SP counts in 64 bits, many readers signed)."""

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""Root of the tree without leaves."""


def leaf_hash(data: bytes) -> bytes:
    """Hash of a leaf's data."""
    return hashlib.sha256(b"\x00" + data).digest()


def leaf_hashes(entries: Sequence[bytes]) -> list[bytes]:
    """Hash many leaves at once, in their order."""
    sha256 = hashlib.sha256
    return [sha256(b"\x00" + entry).digest() for entry in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of the node above two others."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def next_level(hashes: Sequence[bytes]) -> list[bytes]:
    """Nodes above consecutive hashes, pair by pair; an odd last one has no node yet."""
    sha256 = hashlib.sha256
    return [
        sha256(b"\x01" + left + right).digest()
        for left, right in zip(hashes[::2], hashes[1::2], strict=False)
    ]


def fold(hashes: Sequence[bytes]) -> bytes:
    """Root over perfect subtrees given left to right, each smaller than the one before it."""
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


class CompactRange:
    """The right edge of a growing tree: one hash for each 1-bit of its size, nothing more."""

    __slots__ = ("_peaks", "_size")

    def __init__(self) -> None:
        self._size = 0
        self._peaks: list[bytes | None] = []

    @classmethod
    def from_hashes(cls, size: int, hashes: Sequence[bytes]) -> CompactRange:
        """Restore the edge of a tree of `size` leaves from its `hashes`, left to right.

        Raises MalformedProof when their number does not belong to the size.
        """
        _check_hashes(hashes)
        if size < 0 or len(hashes) != size.bit_count():
            raise MalformedProof("the number of hashes does not fit the tree's size")
        edge = cls()
        edge._size = size
        ascending = iter(reversed(hashes))
        edge._peaks = [
            next(ascending) if size >> level & 1 else None for level in range(size.bit_length())
        ]
        return edge

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._size

    @property
    def hashes(self) -> list[bytes]:
        """Roots of the perfect subtrees that make up the tree, left to right."""
        return [peak for peak in reversed(self._peaks) if peak is not None]

    def append(self, leaf: bytes) -> None:
        """Add one leaf by its hash."""
        self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaves by their hashes, level by level: about half a microsecond a leaf."""
        row = list(leaves)
        self._size += len(row)
        level = 0
        while row:
            if level == len(self._peaks):
                self._peaks.append(None)
            waiting = self._peaks[level]
            if waiting is not None:
                row.insert(0, waiting)
            self._peaks[level] = row.pop() if len(row) & 1 else None
            row = next_level(row)
            level += 1

    def root(self) -> bytes:
        """Root of the tree as it stands."""
        return fold(self.hashes) if self._size else EMPTY_ROOT


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Root of the tree over these leaf hashes."""
    edge = CompactRange()
    edge.extend(leaves)
    return edge.root()


def is_subtree(start: int, end: int) -> bool:
    """Whether [start, end) is a subtree: `start` is a multiple of bit_ceil(end - start)."""
    return 0 <= start <= end and start & ((1 << max(end - start - 1, 0).bit_length()) - 1) == 0


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> None:
    """Check that `leaf` (its hash) is leaf number `index` of the tree of `size` and `root`.

    `path` is RFC 6962's audit path, siblings from the leaf up. Raises MalformedProof for an
    index outside the tree or a path of another length, ProofMismatch for another root.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise MalformedProof("the leaf's index lies outside the tree")
    inner = (index ^ (size - 1)).bit_length()
    if len(path) != inner + (index >> inner).bit_count():
        raise MalformedProof("the inclusion path has the wrong length")
    _check_hashes((leaf, root, *path))
    sha256, found = hashlib.sha256, leaf
    # Above `inner` only left siblings remain: the leaf's side is the tree's right edge.
    sides = index | -1 << inner
    for sibling in path:
        pair = sibling + found if sides & 1 else found + sibling
        found = sha256(b"\x01" + pair).digest()
        sides >>= 1
    if found != root:
        raise ProofMismatch("the inclusion path leads to another root")


def verify_subtree_inclusion(
    leaf: bytes, index: int, subtree: Subtree, path: Sequence[bytes], root: bytes
) -> None:
    """Check that `leaf` is leaf number `index` of the whole tree, within a subtree of `root`."""
    start, end = subtree
    if not is_subtree(start, end):
        raise MalformedProof("this range is not a subtree")
    verify_inclusion(leaf, index - start, end - start, path, root)


def verify_consistency(
    old_size: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the tree of `size` begins with the tree of `old_size` (RFC 9162 §2.1.4.2).

    A tree is consistent with the empty one by an empty proof; the empty root is checked.
    Raises MalformedProof or ProofMismatch.
    """
    verify_subtree_consistency((0, old_size), size, old_root, root, proof)


def verify_subtree_consistency(
    subtree: Subtree, size: int, subtree_root: bytes, root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that `subtree_root` is the hash of a subtree of the tree of `size` and `root`.

    The draft's §4.4.3; with start = 0 this is RFC 9162's consistency. An empty subtree is
    consistent with every tree by an empty proof. Raises MalformedProof or ProofMismatch.
    """
    start, end = subtree
    if not is_subtree(start, end) or not end <= size <= MAX_SIZE:
        raise MalformedProof("the old size is larger than the new, or the range is no subtree")
    _check_hashes((subtree_root, root, *proof))
    if start == end:
        if proof:
            raise MalformedProof("the consistency proof from an empty tree must be empty")
        if subtree_root != EMPTY_ROOT or (size == 0 and root != EMPTY_ROOT):
            raise ProofMismatch("this is not the root of the empty tree")
        return
    old, new = _replay(subtree, size, subtree_root, proof)
    if old != subtree_root or new != root:
        raise ProofMismatch("the consistency proof leads to another root")


def _replay(
    subtree: Subtree, size: int, known: bytes, proof: Sequence[bytes]
) -> tuple[bytes, bytes]:
    """Rebuild the subtree's root and the whole tree's from a consistency proof."""
    first, last, top = subtree[0], subtree[1] - 1, size - 1
    while first != last and (last == top or last & 1):
        first, last, top = first >> 1, last >> 1, top >> 1
    rest = iter(proof)
    if first == last:
        # The subtree is one node of the tree: its hash is known and left out of the proof.
        old = new = known
    else:
        old = new = next(rest, b"")
        if not old:
            raise MalformedProof("the consistency proof is too short")
    for sibling in rest:
        if top == 0:
            raise MalformedProof("the consistency proof is too long")
        if last & 1 or last == top:
            if first < last:
                old = node_hash(sibling, old)
            new = node_hash(sibling, new)
            while not last & 1:
                first, last, top = first >> 1, last >> 1, top >> 1
        else:
            new = node_hash(new, sibling)
        first, last, top = first >> 1, last >> 1, top >> 1
    if top:
        raise MalformedProof("the consistency proof is too short")
    return old, new


def _check_hashes(hashes: Sequence[bytes]) -> None:
    for item in hashes:
        if len(item) != HASH_BYTES:
            raise MalformedProof("a hash in the proof is not 32 bytes long")
