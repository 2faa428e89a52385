"""The evidence for one certificate: signed record, leaf, inclusion proof, checkpoint and status.

What this returns holds a person's name and ID number: it goes to the holder, never to a log line.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from registry.errors import RegistryError
from registry.ledger.accepted import best_note
from registry.ledger.events import read_entry
from registry.ledger.head import Head, Log, load_head
from registry.ledger.statuses import StatusTable
from registry.store.certificates import Certificate
from registry.store.log import EventGroup
from signing.bundle import Evidence
from signing.envelope import Envelope
from signing.tlog.note import parse_note
from signing.tlog.paths import inclusion_path
from signing.tlog.proof import TlogProof
from signing.tlog.status import StatusPages, StatusStaple
from signing.tlog.tiles import TileReader, TreeReader
from signing.tlog.treehead import parse_checkpoint


class NotAnchored(RegistryError):
    """The certificate is issued and not in the log yet."""

    code = "not-anchored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """Where a certificate stands in the log, and its leaf's bytes."""

    index: int
    entry: bytes


def find_leaf(session: Session, row: Certificate) -> Leaf:
    """Return the certificate's leaf; ``NotAnchored`` before the next `certreg anchor`."""
    group = session.get_one(EventGroup, row.group_id)
    if group.first_index is None or group.first_status is None:
        msg = f"{row.number} is issued and not in the log yet: run `certreg anchor`, then again"
        raise NotAnchored(msg)
    ordinal = row.status_index - group.first_status
    entry = read_entry(session, row.group_id, ordinal)
    return Leaf(index=group.first_index + ordinal, entry=entry)


def collect(
    session: Session, log: Log, row: Certificate, envelope: Envelope, opening: bytes
) -> Evidence:
    """Return the evidence under the best checkpoint there is. Raises ``NotAnchored``.

    The staple is left out where that checkpoint does not cover the newest status entry: it waits
    for witnesses, and a status file fetched later stands in for it.
    """
    leaf = find_leaf(session, row)
    head = load_head(session, log.origin)
    note = best_note(log, head, leaf.index)
    size = parse_checkpoint(parse_note(note).text).size
    tree = TileReader(log.storage.read).at(size)
    return Evidence(
        envelope=envelope,
        opening=opening,
        entry=leaf.entry,
        proof=TlogProof(
            index=leaf.index,
            path=tuple(inclusion_path(leaf.index, size, tree)),
            checkpoint_note=note,
        ),
        staple=_staple(session, head, tree, row.status_index),
    )


def _staple(
    session: Session, head: Head, tree: TreeReader, status_index: int
) -> StatusStaple | None:
    if head.status_leaf >= tree.size:
        return None
    pages = StatusPages(StatusTable.load(session, head.status_entry).pages)
    return pages.staple(
        status_index,
        entry=head.status_entry,
        entry_index=head.status_leaf,
        entry_path=inclusion_path(head.status_leaf, tree.size, tree),
    )
