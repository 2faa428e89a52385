"""The inclusion proof of one event's leaf, under the best checkpoint there is.

Best is the public checkpoint, which carries the witnesses' signatures, as soon as the trust policy
accepts it; until then the newest witnessed one that has the leaf; else the log's own signed head.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from registry.ledger.accepted import best_note
from registry.ledger.events import read_entry
from registry.ledger.evidence import Leaf, NotAnchored
from registry.ledger.head import Log, load_head
from registry.store.log import EventGroup
from signing.tlog.checkpoint import parse_checkpoint
from signing.tlog.note import parse_note
from signing.tlog.paths import inclusion_path
from signing.tlog.proof import TlogProof
from signing.tlog.tiles import TileReader


def event_leaf(session: Session, group_id: int, ordinal: int = 0) -> Leaf:
    """Return an event's leaf; ``NotAnchored`` before the next `certreg anchor`."""
    group = session.get_one(EventGroup, group_id)
    if group.first_index is None:
        msg = "this is recorded and not in the log yet: run `certreg anchor`, then again"
        raise NotAnchored(msg)
    entry = read_entry(session, group_id, ordinal)
    return Leaf(index=group.first_index + ordinal, entry=entry)


def prove_leaf(session: Session, log: Log, index: int) -> TlogProof:
    """Return the proof of leaf ``index``, which the committed head has."""
    note = best_note(log, load_head(session, log.origin), index)
    size = parse_checkpoint(parse_note(note).text).size
    tree = TileReader(log.storage.read).at(size)
    path = inclusion_path(index, size, tree)
    return TlogProof(index=index, path=tuple(path), checkpoint_note=note)
