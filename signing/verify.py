"""The verification of a certificate (证书核验): one procedure for page, command and machine.

 1. record      The signed bytes are a canonical certificate record, and its number agrees
                with issuer, year and level.
 2. signature   The issuer is known and its key signed these bytes (评价机构签名), while it was
                in force: by the place of the leaf in the log where 3 and 4 prove one, else by
                the day of issue.
 3. inclusion   The log's leaf is an issue entry that names this number, edition and issuer
                and commits to these bytes, and it is in the tree of the checkpoint (入册). Of a
                certificate that was taken in later (补录) it is an import entry, and says so.
 4. checkpoint  The log of the trust policy signed the checkpoint, and the quorum of
                witnesses the policy asks for co-signed it (备案机构签名). Where the log's second,
                quantum-safe signature was not checked, it says so: `signing.checkpointstep`.
 5. status      The status page with this certificate's two bits leads to the root of a status
                entry in the same tree; it is not older than `max_age`, and says in force (状态).
                A status file laid beside stands in for an older one: `signing.freshstatus`.
 6. seal        Of a PDF only, by `signing.certverify`: its seal is whole (电子签章).
 7. copy        Of a PDF only: it is the original, or a copy annotated for this recipient whose
                term is not over (加注).

Each step answers valid, invalid or cannot say, with a reason. Any false step makes the whole
invalid; a proven state (revoked, suspended, superseded) comes next, then a copy that does not
serve here; then any step without an answer makes it *cannot say*. Valid is what remains: see
`signing.report.report_of`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from keys.dsse import pae
from signing.checkpointstep import checkpoint_step
from signing.envelope import RECORD_TYPE
from signing.errors import MalformedRecord
from signing.freshstatus import Asked, with_status_file
from signing.qr import QR_DOMAIN
from signing.record import check_agreement, check_number, parse_record
from signing.report import Answer, Reason, Report, Step, StepCode, Verdict, report_of
from signing.statusfile import status_file_name
from signing.steps import (
    answer,
    inclusion_step,
    issued_in_future,
    proven_place,
    read_entry,
    signature_step,
    status_step,
)
from signing.tlog.entry import Import, Issue
from signing.tlog.status import PAGE_CERTIFICATES

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from keys.trust import Trust
    from signing.bundle import Evidence
    from signing.envelope import Envelope
    from signing.qr import QrPayload
    from signing.record import Record
    from signing.statusfile import StatusFile
    from signing.tlog.checkpoint import SignedCheckpoint
    from signing.tlog.entry import Entry

__all__ = ["Answer", "Reason", "Report", "Step", "StepCode", "Verdict", "verify", "verify_qr"]


def verify(
    evidence: Evidence,
    trust: Trust,
    *,
    now: datetime,
    max_age: timedelta,
    opened: SignedCheckpoint | None = None,
    status: StatusFile | None = None,
) -> Report:
    """Run steps 1 to 5. Never raises on bad evidence.

    `status` was fetched for this verification and is newer than what the evidence carries.
    `opened` is a checkpoint this trust's policy accepted earlier: when the evidence holds the
    very same note, its signatures are not verified again. `now` is aware.
    """
    # 1. record
    record, first = _record_step(evidence.envelope, now)
    # 4. checkpoint, before 3, because the tree of 3 and 5 is what it signs
    tree, fourth = checkpoint_step(evidence.proof, trust.policy, opened, frozen=trust.predecessors)
    entry = None if evidence.entry is None else read_entry(evidence.entry)
    # 3. inclusion
    third = inclusion_step(evidence, entry, record, tree)
    # 2. signature, after 3 and 4, because a key is judged by the place that they prove
    place = proven_place(evidence, third, fourth)
    second = _envelope_signature_step(evidence.envelope, record, trust, place, entry)
    # 5. status
    fifth = status_step(evidence, entry, tree, now=now, max_age=max_age)
    if status is not None:
        asked = Asked(
            evidence=evidence,
            entry=entry,
            tree=tree,
            policy=trust.policy,
            now=now,
            max_age=max_age,
        )
        fifth = with_status_file(fifth, status, asked)
    if isinstance(entry, Issue):
        # Where a newer answer is to be had; by the trust file's address, not the evidence's.
        # By the file's own name: the folder may be served without the program.
        page = status_file_name(entry.status // PAGE_CERTIFICATES)
        fresh = f"{trust.base_url}/status/{page}"
        fifth = replace(fifth, facts={**fifth.facts, "fresh": fresh})
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
            edition=qr.edition,
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


def _envelope_signature_step(
    envelope: Envelope,
    record: Record | None,
    trust: Trust,
    place: int | None,
    entry: Entry | None,
) -> Step:
    if record is None:
        return answer(StepCode.SIGNATURE, Answer.CANNOT_SAY, Reason.SIGNATURE_NO_RECORD)
    return signature_step(
        trust,
        number=record.number,
        issued=record.issued,
        edition=record.edition,
        key_id=envelope.key_id,
        message=pae(envelope.payload_type, envelope.payload),
        signature=envelope.signature,
        place=place,
        imported=isinstance(entry, Import),
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
