"""Verifies one file that somebody was given: PDF, QR picture, `.tlog-proof` or bundle.

The file's own evidence is verified as the offline program would. Then the log as published
now is asked about the same leaf: a file made before a revocation carries a status from
before it, and only the newest proven one counts. Nothing of the file is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from signing.bundle import Evidence, read_bundle_file, read_proof_file
from signing.envelope import from_json
from signing.errors import MalformedBundle, MalformedQr, SigningError
from signing.mirror import Factor
from signing.qr import QrPayload, parse_qr_url
from signing.record import parse_record
from signing.report import (
    STATE_VERDICTS,
    Answer,
    Reason,
    Report,
    Step,
    StepCode,
    Verdict,
    report_of,
)
from signing.tlog.note import parse_note
from signing.tlog.treehead import parse_checkpoint
from signing.verify import verify, verify_qr
from verify_web.errors import ServiceTrouble
from verify_web.evidence import check_entry, fresh_evidence
from verify_web.sandbox import inspect
from verify_web.wording import REMARKS
from verify_web.worker import Task

if TYPE_CHECKING:
    from signing.mirror import MirrorEntry
    from signing.tlog.proof import TlogProof
    from signing.wording import Words
    from verify_web.public import Snapshot
    from verify_web.site import Site

_PDF: Final = b"%PDF-"
_PROOF: Final = b"c2sp.org/tlog-proof@"
_PICTURES: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


class Unreadable(Exception):
    """The file is of no known kind, or cannot be read; `text` tells its owner what to do."""

    def __init__(self, text: Words) -> None:
        super().__init__()
        self.text = text


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The report on a file, what must be said with it, and the newer edition's token if any."""

    report: Report
    remarks: tuple[Words, ...] = ()
    onward: str = ""


def check_file(site: Site, data: bytes) -> Checked:
    """Verify an uploaded file. Raises Unreadable, ServiceTrouble, or Busy."""
    if data.startswith(_PDF):
        return _check_pdf(site, data)
    if data.startswith(_PICTURES):
        return _check_picture(site, data)
    try:
        if data.startswith(_PROOF):
            return _check_evidence(site, read_proof_file(data))
        if data.startswith(b"{"):
            return _check_evidence(site, read_bundle_file(data))
    except MalformedBundle:
        raise Unreadable(REMARKS["damaged-bundle"]) from None
    raise Unreadable(REMARKS["unknown-kind"])


def _check_evidence(site: Site, evidence: Evidence, *more: Step) -> Checked:
    """Merge the file's own answers with the newest state of the log; `more` are steps of a PDF."""
    snapshot = site.public.snapshot()
    own = _verify(site, snapshot, evidence)
    entry = _mirrored(site, evidence)
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


def _mirrored(site: Site, evidence: Evidence) -> MirrorEntry | None:
    """Find the mirror's entry of the very same record, for the link to a newer edition.

    Trouble with the mirror takes away no more than that link: the file speaks for itself.
    """
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


def _check_pdf(site: Site, data: bytes) -> Checked:
    try:
        inside = inspect(_task(site, "pdf", data))
    except SigningError:
        raise Unreadable(REMARKS["damaged-pdf"]) from None
    if inside.record is None or inside.proof is None or inside.seal is None:
        raise Unreadable(REMARKS["no-certificate-inside"])
    try:
        evidence = read_proof_file(inside.proof, from_json(inside.record))
    except SigningError:
        # It was a certificate's PDF, and somebody changed what was signed in it.
        return Checked(report=report_of((*_NOTHING_READ, inside.seal), None))
    return _check_evidence(site, evidence, inside.seal)


def _task(site: Site, kind: Literal["pdf", "picture"], data: bytes) -> Task:
    trust = site.config.public_dir / "trust"
    return Task(kind=kind, data=data, trust=str(trust), now=site.config.clock.now())


_NOTHING_READ: Final = (
    Step(code=StepCode.RECORD, answer=Answer.INVALID, reason=Reason.RECORD_MALFORMED),
    *(
        Step(code=code, answer=Answer.CANNOT_SAY, reason=reason)
        for code, reason in (
            (StepCode.SIGNATURE, Reason.SIGNATURE_NO_RECORD),
            (StepCode.INCLUSION, Reason.INCLUSION_MISSING),
            (StepCode.CHECKPOINT, Reason.CHECKPOINT_MISSING),
            (StepCode.STATUS, Reason.STATUS_MISSING),
        )
    ),
)


def _check_picture(site: Site, data: bytes) -> Checked:
    try:
        texts = inspect(_task(site, "picture", data)).texts
    except SigningError:
        raise Unreadable(REMARKS["no-qr"]) from None
    symbols = set()
    for text in texts:
        try:
            symbols.add(parse_qr_url(text))
        except MalformedQr:
            continue
    if len(symbols) != 1:
        # With two certificates in view, an answer would be about either of them.
        raise Unreadable(REMARKS["several-qr" if symbols else "other-qr"])
    return _check_symbol(site, *symbols.pop())


def _check_symbol(site: Site, base_url: str, token: str, payload: QrPayload) -> Checked:
    """Verify the symbol's own signature, then what is registered under its token."""
    trust = site.public.snapshot().trust
    own = verify_qr(payload, trust, now=site.config.clock.now(), base_url=base_url)
    signature = own.step(StepCode.SIGNATURE)
    # A key revoked since: the symbol alone proves nothing any more, the register may.
    placeless = signature.reason is Reason.SIGNATURE_NO_PLACE
    if own.step(StepCode.RECORD).answer is not Answer.VALID or not (
        placeless or signature.answer is Answer.VALID
    ):
        # Also a good symbol that leads to another site: our register cannot vouch for that.
        return Checked(report=own)
    entry = site.mirror.by_token(token)
    if entry is None:
        return Checked(report=own, remarks=(REMARKS["qr-unregistered"],))
    report = check_entry(site, entry)
    if report.record is not None and payload.agrees_with(report.record):
        remark = REMARKS["qr-agrees-by-register" if placeless else "qr-agrees"]
        return Checked(report=report, remarks=(remark,), onward=entry.superseded_by)
    # A genuine token beside other facts: the symbol was put together by a forger.
    first = replace(own.steps[0], answer=Answer.INVALID, reason=Reason.RECORD_DISAGREES)
    return Checked(
        report=report_of((first, *own.steps[1:]), None), remarks=(REMARKS["qr-disagrees"],)
    )
