"""The checkpoint that readers go by: the newest public one that the trust policy accepts.

``checkpoint`` is the newest that the log has signed; with a quorum in the policy it is accepted
only once enough witnesses have signed it too. ``checkpoint.witnessed`` is the last that was.
"""

from __future__ import annotations

from typing import Final

from registry.ledger.head import CHECKPOINT, Head, Log
from signing.errors import SigningError
from signing.tlog.checkpoint import SignedCheckpoint, open_checkpoint

WITNESSED: Final = "checkpoint.witnessed"
"""The newest checkpoint that satisfies the policy's quorum."""


def accepted_checkpoint(log: Log) -> SignedCheckpoint | None:
    """Return what a reader with this policy accepts now; None where neither file is accepted."""
    for name in (CHECKPOINT, WITNESSED):
        try:
            found = open_checkpoint(log.storage.read(name), log.policy)
        except (FileNotFoundError, SigningError):
            continue
        if found.checkpoint.origin == log.origin:
            return found
    return None


def best_note(log: Log, head: Head, index: int) -> bytes:
    """Return the note to prove leaf ``index`` of ``head`` by: an accepted one that has the leaf.

    Else the log's own signed head, which its keys vouch for and no witness does.
    """
    found = accepted_checkpoint(log)
    # What is public may lag behind the head, or have been put there by somebody else.
    if found is not None and index < found.checkpoint.size <= head.size:
        return found.note
    return head.note
