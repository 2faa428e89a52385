"""Properties of our Merkle maths that no other library is needed for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.errors import MalformedProof, ProofMismatch
from signing.tlog.merkle import (
    EMPTY_ROOT,
    MAX_SIZE,
    CompactRange,
    is_subtree,
    leaf_hash,
    leaf_hashes,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
    verify_subtree_consistency,
    verify_subtree_inclusion,
)
from signing.tlog.paths import (
    HashLevels,
    consistency_path,
    inclusion_path,
    subtree_consistency_path,
    subtree_inclusion_path,
    subtree_root,
    tree_root,
)

HASHES = leaf_hashes([b"%d" % number for number in range(600)])
TREE = HashLevels(HASHES)
REFUSED = (MalformedProof, ProofMismatch)

sizes = st.integers(1, len(HASHES))


def flips(data: bytes) -> list[bytes]:
    whole = int.from_bytes(data, "big")
    return [(whole ^ 1 << bit).to_bytes(len(data), "big") for bit in range(len(data) * 8)]


def test_leaves_and_nodes_are_kept_apart() -> None:
    left, right = HASHES[:2]
    assert leaf_hash(left + right) != node_hash(left, right)
    assert leaf_hash(b"\x01" + left + right) != node_hash(left, right)


@given(st.lists(st.integers(0, 70), max_size=8))
def test_a_tree_grown_in_chunks_is_the_tree(chunks: list[int]) -> None:
    edge, at = CompactRange(), 0
    for chunk in chunks:
        edge.extend(HASHES[at : at + chunk])
        at += chunk
        assert (edge.size, edge.root()) == (at, tree_root(at, TREE))
        assert len(edge.hashes) == at.bit_count()
        again = CompactRange.from_hashes(at, edge.hashes)
        again.append(HASHES[at])
        assert again.root() == tree_root(at + 1, TREE)


@pytest.mark.parametrize(("size", "count"), [(0, 1), (1, 0), (2, 2), (3, 1), (-1, 0), (-1, 64)])
def test_an_edge_of_another_size_is_refused(size: int, count: int) -> None:
    with pytest.raises(MalformedProof):
        CompactRange.from_hashes(size, HASHES[:count])


def test_an_edge_of_short_hashes_is_refused() -> None:
    with pytest.raises(MalformedProof):
        CompactRange.from_hashes(1, [b"short"])


@given(st.data(), sizes)
def test_inclusion_holds_for_its_leaf_and_place_only(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    path, root = inclusion_path(index, size, TREE), tree_root(size, TREE)
    verify_inclusion(HASHES[index], index, size, path, root)
    other = data.draw(st.integers(0, len(HASHES) - 1).filter(lambda at: at != index))
    with pytest.raises(REFUSED):
        verify_inclusion(HASHES[index], other, size, path, root)
    with pytest.raises(REFUSED):
        verify_inclusion(HASHES[other], index, size, path, root)
    with pytest.raises(MalformedProof):
        verify_inclusion(HASHES[index], index, size, [*path, root], root)
    if path:
        with pytest.raises(MalformedProof):
            verify_inclusion(HASHES[index], index, size, path[:-1], root)


@pytest.mark.parametrize(("index", "size"), [(0, 2), (5, 11), (10, 11), (7, 8), (0, 1), (130, 131)])
def test_every_flipped_bit_of_an_inclusion_proof_is_refused(index: int, size: int) -> None:
    path, root = inclusion_path(index, size, TREE), tree_root(size, TREE)
    for wrong in flips(HASHES[index]):
        with pytest.raises(ProofMismatch):
            verify_inclusion(wrong, index, size, path, root)
    for wrong in flips(root):
        with pytest.raises(ProofMismatch):
            verify_inclusion(HASHES[index], index, size, path, wrong)
    for at, step in enumerate(path):
        for wrong in flips(step):
            with pytest.raises(ProofMismatch):
                verify_inclusion(
                    HASHES[index], index, size, [*path[:at], wrong, *path[at + 1 :]], root
                )


def all_consistency(limit: int) -> list[tuple[int, int]]:
    return [(old, size) for size in range(1, limit) for old in range(1, size + 1)]


@pytest.mark.parametrize(("old", "size"), [(1, 2), (3, 7), (4, 7), (6, 8), (6, 11), (8, 8)])
def test_every_flipped_bit_of_a_consistency_proof_is_refused(old: int, size: int) -> None:
    proof = consistency_path(old, size, TREE)
    heads = [tree_root(old, TREE), tree_root(size, TREE)]
    verify_consistency(old, size, heads[0], heads[1], proof)
    parts = [*heads, *proof]
    for at, part in enumerate(parts):
        for wrong in flips(part):
            changed = [*parts[:at], wrong, *parts[at + 1 :]]
            with pytest.raises(ProofMismatch):
                verify_consistency(old, size, changed[0], changed[1], changed[2:])


def test_consistency_proofs_of_another_length_are_refused() -> None:
    for old, size in all_consistency(40):
        proof = consistency_path(old, size, TREE)
        old_root, root = tree_root(old, TREE), tree_root(size, TREE)
        verify_consistency(old, size, old_root, root, proof)
        for wrong in ([*proof, root], [root, *proof], proof[:-1], proof[1:]):
            if wrong != proof:
                with pytest.raises(REFUSED):
                    verify_consistency(old, size, old_root, root, wrong)


def test_a_consistency_proof_cut_short_does_not_lead_to_a_smaller_tree() -> None:
    """Whoever also chooses the new root may claim the node where the shortened proof ends."""
    proof = consistency_path(3, 7, TREE)
    verify_consistency(3, 4, tree_root(3, TREE), tree_root(4, TREE), proof[:-1])
    with pytest.raises(MalformedProof):
        verify_consistency(3, 7, tree_root(3, TREE), tree_root(4, TREE), proof[:-1])


def test_consistency_proofs_of_other_sizes_are_refused() -> None:
    pairs = all_consistency(18)
    for old, size in pairs:
        proof = consistency_path(old, size, TREE)
        old_root, root = tree_root(old, TREE), tree_root(size, TREE)
        for other in pairs:
            # Heads of other trees under these sizes, by the honest proof of the honest sizes.
            if other[0] != old:
                with pytest.raises(REFUSED):
                    verify_consistency(old, size, tree_root(other[0], TREE), root, proof)
            if other[1] != size:
                with pytest.raises(REFUSED):
                    verify_consistency(old, size, old_root, tree_root(other[1], TREE), proof)


def test_the_empty_tree_is_consistent_with_every_tree() -> None:
    root = tree_root(9, TREE)
    assert consistency_path(0, 9, TREE) == []
    verify_consistency(0, 9, EMPTY_ROOT, root, [])
    verify_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, [])
    for old_root, size, new_root, proof in (
        (root, 9, root, []),
        (EMPTY_ROOT, 9, root, [root]),
        (EMPTY_ROOT, 0, root, []),
    ):
        with pytest.raises(REFUSED):
            verify_consistency(0, size, old_root, new_root, proof)


def test_equal_sizes_need_equal_roots() -> None:
    verify_consistency(5, 5, tree_root(5, TREE), tree_root(5, TREE), [])
    with pytest.raises(ProofMismatch):
        verify_consistency(5, 5, tree_root(5, TREE), tree_root(6, TREE), [])


hashes = st.sampled_from(
    [*HASHES[:4], *(tree_root(size, TREE) for size in (2, 3, 4, 7)), b"", b"x"]
)
numbers = st.integers(-3, 20) | st.sampled_from([2**31, MAX_SIZE, MAX_SIZE + 1, 2**80])


@given(hashes, numbers, numbers, st.lists(hashes, max_size=70), hashes)
def test_any_proof_passes_or_is_refused(
    leaf: bytes, index: int, size: int, path: list[bytes], root: bytes
) -> None:
    for check in (
        lambda: verify_inclusion(leaf, index, size, path, root),
        lambda: verify_consistency(index, size, leaf, root, path),
        lambda: verify_subtree_consistency((index, size), size + 3, leaf, root, path),
        lambda: verify_subtree_inclusion(leaf, index, (index, size), path, root),
    ):
        try:
            check()
        except REFUSED:
            continue


@given(st.data(), sizes)
def test_subtrees_are_where_the_draft_says(data: st.DataObject, size: int) -> None:
    start = data.draw(st.integers(0, size))
    end = data.draw(st.integers(start, size))
    ceiling = 1
    while ceiling < end - start:
        ceiling *= 2
    assert is_subtree(start, end) is (start % ceiling == 0)
    if not is_subtree(start, end):
        for make in (
            lambda: subtree_root(start, end, TREE),
            lambda: subtree_inclusion_path(start, start, end, TREE),
            lambda: subtree_consistency_path(start, end, size, TREE),
        ):
            with pytest.raises(MalformedProof):
                make()
    elif start < end:
        assert subtree_root(start, end, TREE) == root_of(HASHES[start:end])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 5), (5, 5)])
def test_no_path_for_a_leaf_outside(index: int, size: int) -> None:
    with pytest.raises(MalformedProof):
        inclusion_path(index, size, TREE)


def test_no_consistency_backwards() -> None:
    with pytest.raises(MalformedProof):
        consistency_path(6, 5, TREE)
    with pytest.raises(MalformedProof):
        verify_consistency(6, 5, tree_root(6, TREE), tree_root(5, TREE), [])
