"""Proofs of a whole range of leaves at once: O(log n) hashes, however many leaves.

The proof of [first, end) in the tree of `size` leaves is the complement: the hashes of the largest
subtrees of RFC 6962's tree that hold no leaf of the range, from left to right. With the range's
own leaves they make up the root, so that every leaf of the range is proven at its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from signing.errors import MalformedProof, ProofMismatch
from signing.tlog.merkle import HASH_BYTES, MAX_SIZE, fold, node_hash, root_of
from signing.tlog.paths import HashReader, range_nodes


def prove_range(first: int, end: int, size: int, reader: HashReader) -> list[bytes]:
    """Return the complement of leaves [first, end) in the tree of `size`; one call of `reader`.

    Raises MalformedProof for an empty range, or one that the tree does not have.
    """
    parts = [range_nodes(low, high) for low, high in _complement(first, end, size)]
    hashes = iter(reader([node for part in parts for node in part]))
    return [fold(list(islice(hashes, len(part)))) for part in parts]


def verify_range(
    leaves: Sequence[bytes], first: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that these leaf hashes stand from index `first` on in the tree of `size` and `root`.

    Raises MalformedProof for an empty range, one outside the tree, or a proof of another length;
    ProofMismatch for another root.
    """
    end = first + len(leaves)
    wanted = sum(1 for _ in _complement(first, end, size))
    if len(proof) != wanted:
        raise MalformedProof("the range proof has the wrong length")
    if any(len(item) != HASH_BYTES for item in (*leaves, *proof, root)):
        raise MalformedProof("a hash in the proof is not 32 bytes long")
    rest = iter(proof)

    def over(low: int, high: int) -> bytes:
        if end <= low or high <= first:
            return next(rest)
        if first <= low and high <= end:
            return root_of(leaves[low - first : high - first])
        middle = _split(low, high)
        left = over(low, middle)
        return node_hash(left, over(middle, high))

    if over(0, size) != root:
        raise ProofMismatch("the range proof leads to another root")


def _complement(first: int, end: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield the subtrees without a leaf of the range, left to right; checks the range."""
    if not 0 <= first < end <= size <= MAX_SIZE:
        raise MalformedProof("the range is empty or lies outside the tree")
    # No recursion: a stack of what is still to be looked at, the leftmost on top.
    stack = [(0, size)]
    while stack:
        low, high = stack.pop()
        if end <= low or high <= first:
            yield low, high
        elif low < first or end < high:
            middle = _split(low, high)
            stack += [(middle, high), (low, middle)]


def _split(low: int, high: int) -> int:
    return low + (1 << ((high - low - 1).bit_length() - 1))
