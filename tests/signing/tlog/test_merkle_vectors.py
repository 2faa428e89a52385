"""The MTC draft's accumulated constants, as formats.md states them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from signing.tlog.merkle import (
    is_subtree,
    leaf_hash,
    verify_subtree_consistency,
    verify_subtree_inclusion,
)
from signing.tlog.paths import (
    HashLevels,
    subtree_consistency_path,
    subtree_inclusion_path,
    subtree_root,
    tree_root,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = range(131)
TREE = HashLevels([leaf_hash(bytes([i])) for i in range(130)])


def subtrees_up_to(size: int) -> Iterator[tuple[int, int]]:
    for end in range(size + 1):
        for start in range(end + 1):
            if is_subtree(start, end):
                yield start, end


def test_subtree_hashes() -> None:
    seen = hashlib.sha256()
    for start, end in subtrees_up_to(130):
        seen.update(f"[{start}, {end}) {subtree_root(start, end, TREE).hex()}\n".encode())
    assert seen.hexdigest() == "b82806ad4265bb151c1119c0f4db437bb4d1a1f887b3a7fba1cd4ebf552e3e81"


def test_subtree_inclusion_proofs() -> None:
    seen = hashlib.sha256()
    for start, end in subtrees_up_to(130):
        root = subtree_root(start, end, TREE)
        for index in range(start, end):
            path = subtree_inclusion_path(index, start, end, TREE)
            verify_subtree_inclusion(leaf_hash(bytes([index])), index, (start, end), path, root)
            words = [f"{index}", f"[{start}, {end})", *(item.hex() for item in path)]
            seen.update(f"{' '.join(words)}\n".encode())
    assert seen.hexdigest() == "ac2a8f989e44d99e399db448050ff5f19757df53cfb716aa81015d3955d8163f"


@pytest.mark.parametrize("check", [False, True], ids=["made", "verified"])
def test_subtree_consistency_proofs(*, check: bool) -> None:
    seen = hashlib.sha256()
    for size in SIZES:
        root = tree_root(size, TREE)
        for start, end in subtrees_up_to(size):
            proof = subtree_consistency_path(start, end, size, TREE)
            if check:
                old = subtree_root(start, end, TREE)
                verify_subtree_consistency((start, end), size, old, root, proof)
            words = [f"[{start}, {end})", f"{size}", *(item.hex() for item in proof)]
            seen.update(f"{' '.join(words)}\n".encode())
    assert seen.hexdigest() == "10fa99b37bf9bf9ffa26b412fbd98bd75363256d0b75d61bc4538b9c9c5a0a74"
