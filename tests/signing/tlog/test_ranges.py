"""Range proofs against a tree computed the plain way, and what a forger could try."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.errors import MalformedProof, ProofMismatch
from signing.tlog.merkle import leaf_hash, root_of
from signing.tlog.paths import HashLevels, inclusion_path
from signing.tlog.ranges import prove_range, verify_range

LEAVES = [leaf_hash(bytes([n])) for n in range(200)]


def plain_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, word for word."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    pair = plain_root(leaves[:half]) + plain_root(leaves[half:])
    return hashlib.sha256(b"\x01" + pair).digest()


def plain_complement(leaves: list[bytes], first: int, end: int, at: int = 0) -> list[bytes]:
    """The roots of the largest subtrees without a leaf of the range, by the plain recursion."""
    if end <= at or at + len(leaves) <= first:
        return [plain_root(leaves)]
    if len(leaves) == 1:
        return []
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    left = plain_complement(leaves[:half], first, end, at)
    return left + plain_complement(leaves[half:], first, end, at + half)


@pytest.mark.parametrize("size", range(1, 71))
def test_every_range_of_every_small_tree(size: int) -> None:
    levels, root = HashLevels(LEAVES[:size]), plain_root(LEAVES[:size])
    assert levels.root() == root
    for first in range(size):
        for end in range(first + 1, size + 1):
            proof = prove_range(first, end, size, levels)
            verify_range(LEAVES[first:end], first, size, proof, root)
            assert len(proof) <= 2 * size.bit_length()


@given(st.data())
def test_the_proof_is_the_plain_complement(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 200))
    first = data.draw(st.integers(0, size - 1))
    end = data.draw(st.integers(first + 1, size))
    proof = prove_range(first, end, size, HashLevels(LEAVES[:size]))
    assert proof == plain_complement(LEAVES[:size], first, end)


@given(st.data())
def test_whatever_is_changed_it_does_not_verify(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 200))
    first = data.draw(st.integers(0, size - 1))
    end = data.draw(st.integers(first + 1, size))
    root = root_of(LEAVES[:size])
    proof = prove_range(first, end, size, HashLevels(LEAVES[:size]))
    leaves = LEAVES[first:end]
    other = data.draw(st.binary(min_size=32, max_size=32))
    changes = [([*proof[:at], other, *proof[at + 1 :]], leaves) for at in range(len(proof))]
    changes += [(proof, [*leaves[:at], other, *leaves[at + 1 :]]) for at in range(len(leaves))]
    changes += [([*proof, other], leaves), (proof, [*leaves, other])]
    changes += [(proof[:-1], leaves)] if proof else []
    for changed_proof, changed_leaves in changes:
        with pytest.raises((ProofMismatch, MalformedProof)):
            verify_range(changed_leaves, first, size, changed_proof, root)
    for moved in {first - 1, first + 1}:
        with pytest.raises((ProofMismatch, MalformedProof)):
            verify_range(leaves, moved, size, proof, root)


def test_a_swapped_pair_of_leaves_does_not_verify() -> None:
    root, levels = root_of(LEAVES[:20]), HashLevels(LEAVES[:20])
    proof = prove_range(3, 11, 20, levels)
    for at, _ in pairwise(range(8)):
        leaves = LEAVES[3:11]
        leaves[at], leaves[at + 1] = leaves[at + 1], leaves[at]
        with pytest.raises(ProofMismatch):
            verify_range(leaves, 3, 20, proof, root)


def test_a_range_of_one_leaf_has_the_hashes_of_its_inclusion_path() -> None:
    levels = HashLevels(LEAVES)
    for index in range(200):
        assert set(prove_range(index, index + 1, 200, levels)) == set(
            inclusion_path(index, 200, levels)
        )


@pytest.mark.parametrize(("first", "count"), [(0, 0), (5, 0), (-1, 2), (7, 4), (10, 1)])
def test_what_is_no_range_of_the_tree_is_refused(first: int, count: int) -> None:
    levels = HashLevels(LEAVES[:10])
    with pytest.raises(MalformedProof):
        prove_range(first, first + count, 10, levels)
    with pytest.raises(MalformedProof):
        verify_range(LEAVES[:count], first, 10, [], levels.root())


def test_a_hash_of_another_length_is_refused() -> None:
    with pytest.raises(MalformedProof, match="32 bytes"):
        verify_range([b"short"], 0, 1, [], LEAVES[0])
