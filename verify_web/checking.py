"""Verifies the evidence in a file that somebody was given: PDF, `.tlog-proof` or bundle.

The file's own evidence is verified as the offline program would. Then the log as published
now is asked about the same leaf: a file made before a revocation carries a status from
before it, and only the newest proven one counts. Nothing of the file is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from signing.errors import SigningError
from signing.mirror import Factor
from signing.record import parse_record
from signing.report import (
    STATE_VERDICTS,
    Answer,
    Reason,
    Step,
    StepCode,
    Verdict,
    report_of,
)
from signing.tlog.note import parse_note
from signing.tlog.treehead import parse_checkpoint
from signing.verify import verify
from verify_web.errors import ServiceTrouble
from verify_web.evidence import fresh_evidence
from verify_web.wording_files import REMARKS

if TYPE_CHECKING:
    from signing.bundle import Evidence
    from signing.mirror import MirrorEntry
    from signing.report import Report
    from signing.tlog.proof import TlogProof
    from signing.wording import Words
    from verify_web.public import Snapshot
    from verify_web.site import Site

_SIGNED_ONCE: Final = frozenset(
    {Reason.SIGNATURE_NO_PLACE, Reason.SIGNATURE_KEY_REVOKED, Reason.SIGNATURE_KEY_ENDED}
)
"""True signatures of the issuer that do not count any more, or not alone."""


class FileKind(StrEnum):
    """What was uploaded."""

    EVIDENCE = "evidence"
    """A bundle or proof file."""
    PDF = "pdf"
    PICTURE = "picture"
    """A picture of a QR code."""
    SCAN = "scan"
    """A PDF without a record, with a QR code on its page."""


class Unreadable(Exception):
    """The file is of no known kind, or cannot be read; `text` tells its owner what to do."""

    def __init__(self, text: Words) -> None:
        super().__init__()
        self.text = text


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The report on a file, what must be said with it, and the newer edition's token if any."""

    report: Report
    kind: FileKind = FileKind.EVIDENCE
    remarks: tuple[Words, ...] = ()
    onward: str = ""


def check_evidence(site: Site, evidence: Evidence, *more: Step) -> Checked:
    """Merge the file's own answers with the newest state of the log; `more` are steps of a PDF.

    Raises ServiceTrouble.
    """
    snapshot = site.public.snapshot()
    own = _verify(site, snapshot, evidence)
    entry = _mirrored(site, evidence, own)
    fresh = _fresh(site, snapshot, evidence, entry)
    steps = own.steps
    remark = "status-from-file"
    if fresh is None:
        steps = tuple(map(_unconfirmed, own.steps))
    else:
        steps = tuple(map(_newer, own.steps, fresh.steps))
        if steps[-1] is not own.steps[-1]:
            remark = "status-from-log"
    if steps[-1].answer is Answer.CANNOT_SAY or steps[-1].reason is Reason.STATUS_FALSE:
        remark = "status-unknown"
    remarks = [REMARKS[remark]]
    frozen = own.step(StepCode.CHECKPOINT).reason is Reason.CHECKPOINT_FROZEN_LOG
    if frozen and fresh is not None:
        # Nothing of the file's proof was checked: what is green is so by the register alone.
        remarks.append(REMARKS["proof-from-frozen-log"])
    report = report_of((*steps, *more), own.record)
    return Checked(
        report=report,
        remarks=() if report.verdict is Verdict.INVALID else tuple(remarks),
        onward=entry.superseded_by if entry else "",
    )


def _newer(own: Step, fresh: Step) -> Step:
    """Choose between the file's answer and that of the log as published.

    What is false in either stays false: a leaf that the file proves and the public log does
    not hold comes from a log shown to one person only. Of two states the newer one counts.
    In the other steps the log only fills in what the file did not carry.
    """
    if own.code is StepCode.STATUS:
        return _newer_status(own, fresh)
    if own.answer is Answer.INVALID:
        return own
    return fresh if fresh.answer is Answer.INVALID or own.answer is Answer.CANNOT_SAY else own


def _unconfirmed(own: Step) -> Step:
    """Take back "in force": the log as published gives no answer that could confirm it."""
    if own.code is not StepCode.STATUS or own.answer is not Answer.VALID:
        return own
    return replace(own, answer=Answer.CANNOT_SAY, reason=Reason.STATUS_MISSING)


def _newer_status(own: Step, fresh: Step) -> Step:
    if own.answer is Answer.INVALID and own.reason not in STATE_VERDICTS:
        return own
    if fresh.answer is Answer.CANNOT_SAY:
        # A revocation made since then may be just what the site cannot see at this moment: the
        # file's own "in force" is not enough, its own "revoked" stays true for ever.
        return fresh if own.answer is Answer.VALID else own
    # The site may have been put back to a day before the file was made.
    older = own.as_of and fresh.as_of and fresh.as_of < own.as_of
    return own if older else fresh


def _verify(site: Site, snapshot: Snapshot, evidence: Evidence) -> Report:
    return verify(
        evidence,
        snapshot.trust,
        now=site.config.clock.now(),
        max_age=site.config.max_age,
        opened=snapshot.head,
    )


def _mirrored(site: Site, evidence: Evidence, own: Report) -> MirrorEntry | None:
    """Find the mirror's entry of the very same record, for the link to a newer edition.

    Trouble with the mirror takes away no more than that link: the file speaks for itself.
    """
    signature = own.step(StepCode.SIGNATURE)
    if signature.answer is not Answer.VALID and signature.reason not in _SIGNED_ONCE:
        # A record that nobody here has signed is a guess: the time of an answer must not tell
        # whether the mirror has what was guessed, and lookups alone are counted.
        return None
    try:
        record = parse_record(evidence.envelope.payload)
        found = site.mirror.by_facts({Factor.NUMBER: record.number, Factor.NAME: record.name})
    except (SigningError, ServiceTrouble):
        return None
    same = (one.entry for one in found if one.entry.envelope.payload == evidence.envelope.payload)
    return next(same, None)


def _fresh(
    site: Site, snapshot: Snapshot, evidence: Evidence, entry: MirrorEntry | None
) -> Report | None:
    """Ask the log as it stands about the file's leaf, or the mirror's where it has none of it."""
    opening, leaf = evidence.opening, evidence.entry
    index = _place(snapshot, evidence.proof)
    if entry is not None and (opening is None or leaf is None or index is None):
        opening, leaf, index = entry.opening, entry.entry, entry.index
    if opening is None or leaf is None or index is None:
        return None
    try:
        fresh = fresh_evidence(
            snapshot, envelope=evidence.envelope, opening=opening, leaf=leaf, index=index
        )
    except ServiceTrouble:
        return None
    return _verify(site, snapshot, replace(fresh, link=entry.superseded_by if entry else ""))


def _place(snapshot: Snapshot, proof: TlogProof | None) -> int | None:
    """Give the leaf's index by the file's proof, None where that is not of the log in use.

    In the successor of a frozen log the same certificate has another leaf: to look for it at the
    old index would tell the holder of a genuine file 无效.
    """
    if proof is None:
        return None
    try:
        origin = parse_checkpoint(parse_note(proof.checkpoint_note).text).origin
    except SigningError:
        return None
    return proof.index if origin == snapshot.trust.log_origin else None
