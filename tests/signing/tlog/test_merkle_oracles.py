"""Two independent implementations agree with ours: merkletools and pymerkle."""

from __future__ import annotations

import hashlib
import importlib
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from signing.tlog.merkle import (
    EMPTY_ROOT,
    CompactRange,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from signing.tlog.paths import HashLevels, consistency_path, inclusion_path, tree_root

SIZES = range(1, 201)
LEAVES = [b"leaf %d" % number for number in range(max(SIZES))]
HASHES = [leaf_hash(leaf) for leaf in LEAVES]
TREE = HashLevels(HASHES)


@pytest.fixture(scope="module")
def merkletools_tree(needs: Callable[..., None]) -> Callable[[int], Any]:
    needs(module="merkletools", package="the optional extra crosscheck")
    with warnings.catch_warnings():
        # It warns that sha3 is missing, which SHA-256 does not need.
        warnings.simplefilter("ignore")
        library = importlib.import_module("merkletools")

    class Prefixed(library.MerkleTools):  # type: ignore[misc, name-defined]
        """merkletools with the node prefix of RFC 6962; leaves go in hashed."""

        def __init__(self) -> None:
            super().__init__("sha256")
            self.hash_function = lambda pair: hashlib.sha256(b"\x01" + pair)

    def tree(size: int) -> Any:
        made = Prefixed()
        made.add_leaf([item.hex() for item in HASHES[:size]])
        made.make_tree()
        return made

    return tree


@pytest.mark.parametrize("size", SIZES)
def test_merkletools_has_the_same_roots_and_paths(
    size: int, merkletools_tree: Callable[[int], Any]
) -> None:
    theirs = merkletools_tree(size)
    root = root_of(HASHES[:size])
    assert theirs.get_merkle_root() == root.hex()
    assert tree_root(size, TREE) == root
    for index in range(size):
        path = [bytes.fromhex(*step.values()) for step in theirs.get_proof(index)]
        assert inclusion_path(index, size, TREE) == path
        verify_inclusion(HASHES[index], index, size, path, root)


@pytest.fixture(scope="module")
def pymerkle_tree() -> Any:
    tree = importlib.import_module("pymerkle").InmemoryTree(algorithm="sha256")
    tree.append_entries(LEAVES)
    return tree


@pytest.mark.parametrize("size", SIZES)
def test_pymerkle_has_the_same_roots_and_paths(size: int, pymerkle_tree: Any) -> None:
    root = root_of(HASHES[:size])
    assert pymerkle_tree.get_root(size) == root
    for index in range(0, size, 1 + size // 20):
        theirs = pymerkle_tree.prove_inclusion(index + 1, size)
        assert theirs.path[0] == HASHES[index]
        assert inclusion_path(index, size, TREE) == theirs.path[1:]


def in_rfc_order(theirs: Any, old_size: int, size: int) -> list[bytes]:
    """Rewrite pymerkle's proof as RFC 9162's: the same hashes, but for the bottom of the path.

    It goes down to the first new leaf; the RFC stops at the old tree's last subtree.
    """
    if old_size == size:
        return []
    first = theirs.subset.index(1)
    beside = theirs.path[0]
    for side, item in zip(theirs.rule, theirs.path[1:first], strict=False):
        beside = node_hash(item, beside) if side else node_hash(beside, item)
    rest = [beside, *theirs.path[first + 1 :]]
    return rest if old_size.bit_count() == 1 else [theirs.path[first], *rest]


@pytest.mark.parametrize("size", SIZES)
def test_pymerkle_proves_and_accepts_the_same_consistency(size: int, pymerkle_tree: Any) -> None:
    root = root_of(HASHES[:size])
    for old_size in range(1, size + 1, 1 + size // 20):
        old_root = root_of(HASHES[:old_size])
        theirs = pymerkle_tree.prove_consistency(old_size, size)
        theirs.verify(old_root, root)
        ours = consistency_path(old_size, size, TREE)
        assert ours == in_rfc_order(theirs, old_size, size)
        verify_consistency(old_size, size, old_root, root, ours)


def test_the_empty_tree() -> None:
    assert root_of([]) == EMPTY_ROOT == hashlib.sha256().digest()
    assert TREE.root() == root_of(HASHES)
    assert CompactRange().root() == HashLevels([]).root() == EMPTY_ROOT
