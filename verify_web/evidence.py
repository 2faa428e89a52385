"""Puts the evidence of one certificate together from the published log, and verifies it.

The proofs are made at each request from tiles and status pages, and judged by the numbered
procedure of `signing.verify` under the published trust: nothing the mirror says is shown on
its word. Which status belongs to a certificate is read from its leaf, not from the mirror.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import msgspec

from signing.bundle import Evidence
from signing.errors import ProofMismatch, SigningError
from signing.report import Answer, Report, StepCode, Verdict
from signing.tlog.merkle import leaf_hash, verify_inclusion
from signing.tlog.proof import TlogProof
from signing.verify import verify
from verify_web.errors import ServiceTrouble

if TYPE_CHECKING:
    from datetime import datetime

    from signing.envelope import Envelope
    from signing.mirror import MirrorEntry
    from signing.tlog.status import StatusStaple
    from verify_web.public import Snapshot
    from verify_web.site import Site


def check_entry(site: Site, entry: MirrorEntry) -> Report:
    """Verify a mirror entry by the log as published now. Raises ServiceTrouble."""
    return weigh_entry(site, entry).report


class Weighed(NamedTuple):
    """A report with what it rests on: what was verified, by which state of the log, and when."""

    report: Report
    evidence: Evidence
    snapshot: Snapshot
    now: datetime


def weigh_entry(site: Site, entry: MirrorEntry) -> Weighed:
    """Verify as `check_entry` does, and give the report with what it rests on."""
    snapshot, now = site.public.snapshot(), site.config.clock.now()
    try:
        proof = _proof(snapshot, entry.index)
        evidence = Evidence(
            envelope=entry.envelope,
            opening=entry.opening,
            entry=entry.entry,
            proof=proof,
            staple=_staple(snapshot, entry.entry),
            link=entry.superseded_by,
        )
        report = verify(
            evidence,
            snapshot.trust,
            now=now,
            max_age=site.config.max_age,
            opened=snapshot.head,
        )
        if report.step(StepCode.INCLUSION).answer is not Answer.VALID:
            _blame_the_log(snapshot, entry.entry, proof)
    except ServiceTrouble:
        site.public.forget()
        raise
    if report.verdict in (Verdict.INVALID, Verdict.CANNOT_SAY):
        # What failed may be a file that is being mended: nothing read for it is kept.
        site.public.forget()
    return Weighed(report, evidence, snapshot, now)


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
    proof = _proof(snapshot, index)
    _blame_the_log(snapshot, leaf, proof)
    return Evidence(
        envelope=envelope,
        opening=opening,
        entry=leaf,
        proof=proof,
        staple=_staple(snapshot, leaf),
    )


def _proof(snapshot: Snapshot, index: int) -> TlogProof:
    head = snapshot.head.checkpoint
    if not 0 <= index < head.size:
        # The mirror is ahead of the log it belongs to, or behind by a restored backup.
        raise ServiceTrouble("the mirror names a leaf the published log does not have")
    try:
        path = snapshot.tree.path(index)
    except SigningError as error:
        raise ServiceTrouble(f"log: {error.code}") from None
    return TlogProof(index=index, path=path, checkpoint_note=snapshot.head.note)


def _blame_the_log(snapshot: Snapshot, leaf: bytes, proof: TlogProof) -> None:
    """Tell a damaged tile from a certificate that is not in the log.

    If the log's own entry at the index is this leaf, a path that fails is the tiles' fault: that
    must not be told to an employer as 无效, so ServiceTrouble. Otherwise the verifying procedure
    answers.
    """
    head = snapshot.head.checkpoint
    try:
        verify_inclusion(leaf_hash(leaf), proof.index, head.size, proof.path, head.root)
    except ProofMismatch:
        if _logged(snapshot, proof.index) == leaf:
            raise ServiceTrouble("log: missing-tile") from None
    except SigningError as error:
        raise ServiceTrouble(f"log: {error.code}") from None


def _logged(snapshot: Snapshot, index: int) -> bytes:
    try:
        return snapshot.tree.entry(index)
    except SigningError as error:
        raise ServiceTrouble(f"log: {error.code}") from None


class _Place(msgspec.Struct, frozen=True, gc=False):
    t: Literal["issue", "import"]
    status: int


_PLACE: Final = msgspec.json.Decoder(_Place)


def _staple(snapshot: Snapshot, leaf: bytes) -> StatusStaple | None:
    """Prove the state at the place that the leaf names.

    Only where to look: the procedure reads the leaf strictly, and compares the place.
    """
    try:
        place = _PLACE.decode(leaf)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return None if snapshot.status is None else snapshot.status.staple(place.status)
