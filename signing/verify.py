"""The verification of a certificate (证书核验): one procedure for page, command and machine.

 1. record      The signed bytes are a canonical certificate record, and its number agrees
                with issuer, year and level.
 2. signature   The issuer is known, had this key on the day of issue, not revoked, and the
                key signed these bytes (评价机构签名).
 3. inclusion   The log's leaf is an issue entry that names this number, edition and issuer
                and commits to these bytes, and it is in the tree of the checkpoint (入册).
 4. checkpoint  The log of the trust policy signed the checkpoint, and the quorum of
                witnesses the policy asks for co-signed it (备案机构签名).
 5. status      The status page with this certificate's two bits leads to the root of a status
                entry in the same tree; it is not older than `max_age`, and says in force (状态).
 6. seal        Of a PDF only, by `signing.certverify`: its seal is whole (电子签章).

Each step answers valid, invalid or cannot say, with a reason. Any false step makes the whole
invalid; a proven state (revoked, suspended, superseded) comes next; then any step without
an answer makes it *cannot say*. Valid is what remains: see `signing.report.report_of`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from keys.dsse import pae
from keys.policy import NO_QUORUM
from signing.envelope import RECORD_TYPE
from signing.errors import (
    MalformedCheckpoint,
    MalformedNote,
    MalformedRecord,
    SigningError,
    UntrustedCheckpoint,
    UntrustedNote,
)
from signing.qr import QR_DOMAIN
from signing.record import check_agreement, check_number, parse_record
from signing.report import Answer, Reason, Report, Step, StepCode, Verdict, report_of
from signing.steps import (
    answer,
    inclusion_step,
    issued_in_future,
    read_entry,
    signature_step,
    status_step,
)
from signing.tlog.checkpoint import SignedCheckpoint, open_checkpoint
from signing.tlog.note import parse_note
from signing.tlog.treehead import Checkpoint, parse_checkpoint

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from keys.policy import Policy
    from keys.trust import Trust
    from signing.bundle import Evidence
    from signing.envelope import Envelope
    from signing.qr import QrPayload
    from signing.record import Record
    from signing.tlog.proof import TlogProof

__all__ = ["Answer", "Reason", "Report", "Step", "StepCode", "Verdict", "verify", "verify_qr"]


def verify(
    evidence: Evidence,
    trust: Trust,
    *,
    now: datetime,
    max_age: timedelta,
    opened: SignedCheckpoint | None = None,
) -> Report:
    """Run steps 1 to 5. Never raises on bad evidence.

    `opened` is a checkpoint this trust's policy accepted earlier: when the evidence holds the
    very same note, its signatures are not verified again. `now` is aware.
    """
    # 1. record
    record, first = _record_step(evidence.envelope, now)
    # 2. signature
    second = _envelope_signature_step(evidence.envelope, record, trust)
    # 4. checkpoint, before 3, because the tree of 3 and 5 is what it signs
    tree, fourth = _checkpoint_step(evidence.proof, trust.policy, opened)
    entry = None if evidence.entry is None else read_entry(evidence.entry)
    # 3. inclusion
    third = inclusion_step(evidence, entry, record, tree)
    # 5. status
    fifth = status_step(evidence, entry, tree, now=now, max_age=max_age)
    return report_of((first, second, third, fourth, fifth), record)


def verify_qr(qr: QrPayload, trust: Trust, *, now: datetime, base_url: str) -> Report:
    """Run steps 1 and 2 on a QR code's signed facts; 3 to 5 cannot be said without the log.

    `base_url` is the address in the symbol. One that is not the trust file's is reported: it
    may lead to a look-alike site, or be the office's own from before it moved. Never VALID.
    """
    # 1. record
    first = _qr_record_step(qr, trust, now, base_url)
    # 2. signature
    if first.reason is Reason.RECORD_MALFORMED:
        second = answer(StepCode.SIGNATURE, Answer.CANNOT_SAY, Reason.SIGNATURE_NO_RECORD)
    else:
        second = signature_step(
            trust,
            number=qr.number,
            issued=qr.issued,
            key_id=qr.key_id,
            message=QR_DOMAIN + qr.signed,
            signature=qr.signature,
        )
    # 3. inclusion, 4. checkpoint, 5. status
    rest = tuple(
        answer(code, Answer.CANNOT_SAY, Reason.ONLY_OFFLINE)
        for code in (StepCode.INCLUSION, StepCode.CHECKPOINT, StepCode.STATUS)
    )
    return report_of((first, second, *rest), None)


def _record_step(envelope: Envelope, now: datetime) -> tuple[Record | None, Step]:
    def say(verdict: Answer, reason: Reason) -> Step:
        return answer(StepCode.RECORD, verdict, reason, facts)

    facts: dict[str, str] = {}
    if envelope.payload_type != RECORD_TYPE:
        return None, say(Answer.INVALID, Reason.RECORD_OTHER_TYPE)
    try:
        record = parse_record(envelope.payload)
    except MalformedRecord:
        return None, say(Answer.INVALID, Reason.RECORD_MALFORMED)
    facts |= {"number": record.number, "edition": str(record.edition), "issued": record.issued}
    try:
        check_agreement(record)
    except MalformedRecord:
        return record, say(Answer.INVALID, Reason.RECORD_DISAGREES)
    if issued_in_future(record.issued, now):
        return record, say(Answer.CANNOT_SAY, Reason.RECORD_IN_FUTURE)
    return record, say(Answer.VALID, Reason.RECORD_GOOD)


def _envelope_signature_step(envelope: Envelope, record: Record | None, trust: Trust) -> Step:
    if record is None:
        return answer(StepCode.SIGNATURE, Answer.CANNOT_SAY, Reason.SIGNATURE_NO_RECORD)
    return signature_step(
        trust,
        number=record.number,
        issued=record.issued,
        key_id=envelope.key_id,
        message=pae(envelope.payload_type, envelope.payload),
        signature=envelope.signature,
    )


def _qr_record_step(qr: QrPayload, trust: Trust, now: datetime, base_url: str) -> Step:
    facts = {
        "number": qr.number,
        "name": qr.name,
        "occupation": qr.occupation,
        "direction": qr.direction,
        "level": qr.level,
        "issuer": qr.issuer,
        "issued": qr.issued,
        "edition": str(qr.edition),
        "address": base_url,
    }
    try:
        check_number(qr.number, issued=qr.issued, level=qr.level)
    except MalformedRecord:
        return answer(StepCode.RECORD, Answer.INVALID, Reason.RECORD_MALFORMED, facts)
    if base_url != trust.base_url:
        facts["expected_address"] = trust.base_url
        return answer(StepCode.RECORD, Answer.CANNOT_SAY, Reason.RECORD_FOREIGN_HOST, facts)
    if issued_in_future(qr.issued, now):
        return answer(StepCode.RECORD, Answer.CANNOT_SAY, Reason.RECORD_IN_FUTURE, facts)
    return answer(StepCode.RECORD, Answer.VALID, Reason.RECORD_GOOD, facts)


def _checkpoint_step(
    proof: TlogProof | None, policy: Policy, opened: SignedCheckpoint | None
) -> tuple[Checkpoint | None, Step]:
    """Step 4, and the tree it speaks of: also an untrusted one, so that 3 and 5 can answer."""
    if proof is None:
        return None, answer(StepCode.CHECKPOINT, Answer.CANNOT_SAY, Reason.CHECKPOINT_MISSING)
    note = proof.checkpoint_note
    verdict, reason = Answer.VALID, Reason.CHECKPOINT_GOOD
    try:
        if opened is None or opened.note != note:
            opened = open_checkpoint(note, policy)
    except (MalformedNote, MalformedCheckpoint):
        return None, answer(StepCode.CHECKPOINT, Answer.INVALID, Reason.CHECKPOINT_MALFORMED)
    except (UntrustedNote, UntrustedCheckpoint):
        verdict, reason = _untrusted(note, policy)
        tree = parse_checkpoint(parse_note(note).text)
        facts = {"origin": tree.origin, "size": str(tree.size)}
    else:
        tree = opened.checkpoint
        facts = {
            "origin": tree.origin,
            "size": str(tree.size),
            "witnesses": ", ".join(sorted(opened.signed_by)),
        }
    return tree, answer(StepCode.CHECKPOINT, verdict, reason, facts)


def _untrusted(note: bytes, policy: Policy) -> tuple[Answer, Reason]:
    # Witnesses may yet sign, and the log itself has: then nothing is false, only unsaid.
    try:
        open_checkpoint(note, replace(policy, quorum=NO_QUORUM))
    except SigningError:
        return Answer.INVALID, Reason.CHECKPOINT_UNTRUSTED
    return Answer.CANNOT_SAY, Reason.CHECKPOINT_NO_QUORUM
