"""Puts the evidence of one certificate together from the published log, and verifies it.

The proofs are made at each request from tiles and status pages, and judged by the numbered
procedure of `signing.verify` under the published trust: nothing the mirror says is shown on
its word. Which status belongs to a certificate is read from its leaf, not from the mirror.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from signing.bundle import Evidence
from signing.errors import MissingTile, ProofMismatch, SigningError
from signing.report import Report, Verdict
from signing.tlog.entry import Issue, parse_entry
from signing.tlog.merkle import leaf_hash, verify_inclusion
from signing.tlog.paths import inclusion_path
from signing.tlog.proof import TlogProof
from signing.verify import verify
from verify_web.errors import ServiceTrouble

if TYPE_CHECKING:
    from signing.envelope import Envelope
    from signing.mirror import MirrorEntry
    from signing.tlog.status import StatusStaple
    from verify_web.public import Snapshot
    from verify_web.site import Site


def check_entry(site: Site, entry: MirrorEntry) -> Report:
    """Verify a mirror entry by the log as published now. Raises ServiceTrouble."""
    return weigh_entry(site, entry)[0]


def weigh_entry(site: Site, entry: MirrorEntry) -> tuple[Report, Evidence]:
    """Verify as `check_entry` does, and give the evidence that was verified with the report."""
    snapshot = site.public.snapshot()
    try:
        evidence = _of(snapshot, entry)
    except ServiceTrouble:
        site.public.forget()
        raise
    report = verify(
        replace(evidence, link=entry.superseded_by),
        snapshot.trust,
        now=site.config.clock.now(),
        max_age=site.config.max_age,
        opened=snapshot.head,
    )
    if report.verdict in (Verdict.INVALID, Verdict.CANNOT_SAY):
        # What failed may be a file that is being mended: nothing read for it is kept.
        site.public.forget()
    return report, evidence


def evidence_of(site: Site, entry: MirrorEntry) -> Evidence:
    """Give the evidence as published now, not verified. Raises ServiceTrouble."""
    return _of(site.public.snapshot(), entry)


def _of(snapshot: Snapshot, entry: MirrorEntry) -> Evidence:
    return fresh_evidence(
        snapshot,
        envelope=entry.envelope,
        opening=entry.opening,
        leaf=entry.entry,
        index=entry.index,
    )


def fresh_evidence(
    snapshot: Snapshot, *, envelope: Envelope, opening: bytes, leaf: bytes, index: int
) -> Evidence:
    """Evidence with a proof and a status of the present checkpoint for leaf number `index`.

    Raises ServiceTrouble when the published log itself is missing parts or damaged.
    """
    return Evidence(
        envelope=envelope,
        opening=opening,
        entry=leaf,
        proof=_proof(snapshot, leaf, index),
        staple=_staple(snapshot, leaf),
    )


def _proof(snapshot: Snapshot, leaf: bytes, index: int) -> TlogProof:
    head = snapshot.head.checkpoint
    if not 0 <= index < head.size:
        # The mirror is ahead of the log it belongs to, or behind by a restored backup.
        raise ServiceTrouble("the mirror names a leaf the published log does not have")
    try:
        path = tuple(inclusion_path(index, head.size, snapshot.tree))
        _blame_the_log(snapshot, leaf, index, path)
    except SigningError as error:
        raise ServiceTrouble(f"log: {error.code}") from None
    return TlogProof(index=index, path=path, checkpoint_note=snapshot.head.note)


def _blame_the_log(snapshot: Snapshot, leaf: bytes, index: int, path: tuple[bytes, ...]) -> None:
    """Tell a damaged tile from a certificate that is not in the log.

    If the log's own entry at `index` is this leaf, a path that fails is the tiles' fault:
    that must not be told to an employer as 无效. Otherwise the verifying procedure answers.
    """
    head = snapshot.head.checkpoint
    try:
        verify_inclusion(leaf_hash(leaf), index, head.size, path, head.root)
    except ProofMismatch:
        if snapshot.tree.entry(index) == leaf:
            raise MissingTile("a tile of the published log is damaged") from None


def _staple(snapshot: Snapshot, leaf: bytes) -> StatusStaple | None:
    if snapshot.status is None:
        return None
    try:
        issue = parse_entry(leaf)
    except SigningError:
        return None
    return snapshot.status.staple(issue.status) if isinstance(issue, Issue) else None
