"""A second opinion on a batch's Merkle root, by an implementation that is not ours (merkletools).

Memory faults have ended real logs: before a ``batch-close`` leaf is committed, its range root is
computed again by other code. merkletools knows neither leaf nor node prefixes (RFC 6962 §2.1), so
leaves go in hashed and nodes get their prefix here; it is never used to verify a proof.
"""

from __future__ import annotations

import hashlib
import warnings
from typing import Any, ClassVar

from registry.errors import RegistryError

_SPAN = 1 << 14
"""Leaves per inner tree, a power of two: bounds memory, and its roots are nodes of the whole."""


class RootsDisagree(RegistryError):
    """Two implementations computed different roots of one batch: nothing may be signed."""

    code: ClassVar[str] = "roots-disagree"


def available() -> bool:
    """Tell whether merkletools is installed (extra ``crosscheck``)."""
    return _load() is not None


class RangeCrosscheck:
    """Recomputes the root of the leaf hashes it is fed; ``check`` compares it with ours."""

    __slots__ = ("_make", "_pending", "_roots", "_tools")

    def __init__(self) -> None:
        self._tools = _load()
        self._pending: list[bytes] = []
        self._roots: list[bytes] = []

    def feed(self, leaf_hashes: list[bytes]) -> None:
        """Take the next leaf hashes (32 bytes each) of the range."""
        if self._tools is None:
            return
        self._pending += leaf_hashes
        while len(self._pending) >= _SPAN:
            self._roots.append(_root(self._tools, self._pending[:_SPAN]))
            del self._pending[:_SPAN]

    def check(self, root: bytes) -> bool:
        """Return True if agreed, False if there was no second opinion; else ``RootsDisagree``."""
        if self._tools is None:
            return False
        tops = [*self._roots]
        if self._pending:
            tops.append(_root(self._tools, self._pending))
        if _root(self._tools, tops) != root:
            msg = (
                "two implementations disagree on the batch's root: nothing was signed; "
                "check this machine's memory before running `certreg anchor` again"
            )
            raise RootsDisagree(msg)
        return True


def _load() -> Any:
    with warnings.catch_warnings():
        # It warns that SHA-3 is missing, which is not used here.
        warnings.simplefilter("ignore")
        try:
            import merkletools  # noqa: PLC0415 - an optional extra
        except ImportError:
            return None
    return merkletools


def _root(tools: Any, leaf_hashes: list[bytes]) -> bytes:
    tree = tools.MerkleTools(hash_type="sha256")
    tree.hash_function = _node
    tree.leaves = leaf_hashes
    tree.make_tree()
    return bytes(tree.levels[0][0])


def _node(pair: bytes) -> Any:
    return hashlib.sha256(b"\x01" + pair)
