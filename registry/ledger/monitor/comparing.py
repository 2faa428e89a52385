"""Whether two signed tree heads of a log can be of one history (RFC 9162 §2.1.4).

Decided by proof alone. A fork is only said where hashes that lead to the larger signed root show
another beginning than the smaller one: a damaged tile can keep us from saying, and no more.
"""

from __future__ import annotations

from enum import Enum, auto

from registry.ledger.monitor.served import Served
from signing.errors import SigningError
from signing.tlog.checkpoint import Checkpoint
from signing.tlog.merkle import verify_consistency
from signing.tlog.paths import consistency_path, tree_root


class Relation(Enum):
    """What can be said of a smaller head and a larger one."""

    ONE_HISTORY = auto()
    FORK = auto()
    CANNOT_SAY = auto()


def relate(one: Checkpoint, other: Checkpoint, served: Served) -> Relation:
    """Compare two heads of one origin, in either order. Raises LogUnreachable."""
    small, large = sorted((one, other), key=lambda head: head.size)
    if small.size == large.size:
        return Relation.ONE_HISTORY if small.root == large.root else Relation.FORK
    if not small.size:
        return Relation.ONE_HISTORY
    tree = served.reader().at(large.size)
    try:
        beginning = tree_root(small.size, tree)
        proof = consistency_path(small.size, large.size, tree)
        verify_consistency(small.size, large.size, beginning, large.root, proof)
    except SigningError:
        return Relation.CANNOT_SAY
    return Relation.ONE_HISTORY if beginning == small.root else Relation.FORK
