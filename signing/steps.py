"""The single checks that `signing.verify` puts together, one function a step.

Each takes what it needs, and answers by itself even when another step failed. Nothing here
raises on bad evidence; an attacker's bytes end as an answer.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, Final

from keys.model import KeyState, verify_signature
from signing.errors import MalformedEntry, SigningError
from signing.record import OPENING_BYTES, PREFIX_LENGTH, commitment, parse_issued
from signing.report import Answer, Reason, Step, StepCode
from signing.tlog.entry import (
    Entry,
    Import,
    Issue,
    State,
    Status,
    imported_on,
    parse_entry,
    parse_time,
)
from signing.tlog.merkle import leaf_hash, verify_inclusion
from signing.tlog.status import verify_staple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keys.model import KeyId
    from keys.trust import Trust, TrustedKey
    from signing.bundle import Evidence
    from signing.record import Record
    from signing.tlog.status import StatusStaple
    from signing.tlog.treehead import Checkpoint

CLOCK_SKEW: Final = timedelta(minutes=5)
"""A verifier's clock may be this much behind the log's."""

CHINA: Final = timezone(timedelta(hours=8))
"""Dates of issue are days in China, which has had no other time since 1991."""

_STATE_REASONS: Final[Mapping[State, Reason]] = {
    State.VALID: Reason.STATUS_IN_FORCE,
    State.REVOKED: Reason.STATUS_REVOKED,
    State.SUSPENDED: Reason.STATUS_SUSPENDED,
    State.SUPERSEDED: Reason.STATUS_SUPERSEDED,
}

_FINAL_STATES: Final = frozenset({State.REVOKED, State.SUPERSEDED})
"""States nothing leads out of: old news of them is still news."""


def answer(
    code: StepCode,
    verdict: Answer,
    reason: Reason,
    facts: Mapping[str, str] | None = None,
    *,
    as_of: datetime | None = None,
) -> Step:
    """Make a step's result."""
    return Step(code=code, answer=verdict, reason=reason, facts=facts or {}, as_of=as_of)


def issued_in_future(issued: str, now: datetime) -> bool:
    """Whether the day of issue has not begun in China at `now`."""
    return parse_issued(issued) > (now + CLOCK_SKEW).astimezone(CHINA).date()


def signature_step(
    trust: Trust,
    *,
    number: str,
    issued: str,
    edition: int,
    key_id: KeyId,
    message: bytes,
    signature: bytes,
    place: int | None = None,
    imported: bool = False,
) -> Step:
    """Step 2: `message` was signed by a key that the issuer of `number` had at the time.

    A later edition keeps the day of issue and may be signed by a key that is newer than that.
    `imported` says that the leaf at `place` is of a certificate that was taken in (补录).
    `place` is the index of the record's issue leaf, and must be *proven*: see `proven_place`.
    An issuer or key the trust file does not know may be newer than the file: cannot say.
    """
    prefix = number[:PREFIX_LENGTH]
    facts = {"prefix": prefix, "key_id": str(key_id)}

    def say(verdict: Answer, reason: Reason) -> Step:
        return answer(StepCode.SIGNATURE, verdict, reason, facts)

    key = trust.record_key(prefix, key_id)
    if key is None:
        return say(*_unknown_key(trust, prefix, key_id))
    # The name as filed stands beside the name in the record: they differ after a renaming.
    facts["registered_name"] = trust.issuers[prefix].name
    facts["algorithm"] = str(key.algorithm)
    if not verify_signature(key.algorithm, key.public_key, message, signature):
        return say(Answer.INVALID, Reason.SIGNATURE_FALSE)
    facts |= _ends(key)
    verdict, reason = _key_in_force(key, issued, edition, place)
    if reason is Reason.SIGNATURE_GOOD and imported and place is not None:
        # Its term holds the day of issue, as for an issue; that it was held then nobody has seen.
        reason = Reason.SIGNATURE_IMPORTED
    return say(verdict, reason)


def _unknown_key(trust: Trust, prefix: str, key_id: KeyId) -> tuple[Answer, Reason]:
    owners = {
        owner
        for owner, issuer in trust.issuers.items()
        for key in issuer.keys
        if key.key_id == key_id
    }
    if prefix in owners:
        return Answer.INVALID, Reason.SIGNATURE_OTHER_PURPOSE
    if owners:
        return Answer.INVALID, Reason.SIGNATURE_OTHER_ISSUER
    if prefix in trust.issuers:
        return Answer.CANNOT_SAY, Reason.SIGNATURE_UNKNOWN_KEY
    return Answer.CANNOT_SAY, Reason.SIGNATURE_UNKNOWN_ISSUER


def _ends(key: TrustedKey) -> dict[str, str]:
    if key.state is KeyState.ACTIVE:
        return {}
    ended = "" if key.ended_leaf is None else str(key.ended_leaf)
    return {"key_state": str(key.state), "key_ended": ended}


def proven_place(evidence: Evidence, inclusion: Step, checkpoint: Step) -> int | None:
    """Give the index of the record's issue leaf once steps 3 and 4 were both valid, else None.

    Whoever made the evidence chose the index in it: where the leaf is not proven to stand there,
    in a tree that the log and its witnesses signed for, a thief would name an early one.
    """
    proven = inclusion.answer is Answer.VALID and checkpoint.answer is Answer.VALID
    return evidence.proof.index if proven and evidence.proof is not None else None


def _key_in_force(
    key: TrustedKey, issued: str, edition: int, place: int | None
) -> tuple[Answer, Reason]:
    # A certificate says a day, a key's validity a moment: any moment of the day will do.
    begins = datetime.combine(parse_issued(issued), time.min, CHINA)
    ends = begins + timedelta(days=1)
    begun = key.not_before < ends or edition > 1
    if not (begun and begins < key.not_after):
        return Answer.INVALID, Reason.SIGNATURE_KEY_NOT_IN_FORCE
    if place is not None:
        if key.added_leaf is not None and place < key.added_leaf:
            return Answer.INVALID, Reason.SIGNATURE_KEY_NOT_ANNOUNCED
        if key.ended_leaf is not None and place >= key.ended_leaf:
            return Answer.INVALID, Reason.SIGNATURE_KEY_ENDED
    if key.state is KeyState.REVOKED:
        return _key_revoked(key, begins, place)
    return Answer.VALID, Reason.SIGNATURE_GOOD


def _key_revoked(key: TrustedKey, begins: datetime, place: int | None) -> tuple[Answer, Reason]:
    # Nobody can put a leaf before what the log has signed: it was there before the end.
    if place is not None and key.ended_leaf is not None:
        return Answer.VALID, Reason.SIGNATURE_BEFORE_REVOCATION
    if key.revoked_at is None or begins >= key.revoked_at:
        return Answer.INVALID, Reason.SIGNATURE_KEY_REVOKED
    # A thief can write any date: the day of issue alone clears nothing.
    return Answer.CANNOT_SAY, Reason.SIGNATURE_NO_PLACE


def inclusion_step(
    evidence: Evidence, entry: Entry | None, record: Record | None, tree: Checkpoint | None
) -> Step:
    """Step 3: the leaf is an issue entry that commits to this record, and is in the tree.

    `entry` is the evidence's leaf as `read_entry` read it.
    """
    facts: dict[str, str] = {}

    def say(verdict: Answer, reason: Reason) -> Step:
        return answer(StepCode.INCLUSION, verdict, reason, facts)

    if evidence.entry is None or evidence.proof is None or record is None:
        return say(Answer.CANNOT_SAY, Reason.INCLUSION_MISSING)
    fault = _leaf_fault(entry, evidence, record)
    if fault is not None:
        return say(Answer.INVALID, fault)
    if isinstance(entry, Issue):
        facts |= {"batch": entry.batch, "index": str(evidence.proof.index)}
        facts |= _imported(entry, evidence)
    if tree is None:
        return say(Answer.CANNOT_SAY, Reason.INCLUSION_NO_TREE)
    facts["size"] = str(tree.size)
    proof = evidence.proof
    try:
        verify_inclusion(leaf_hash(evidence.entry), proof.index, tree.size, proof.path, tree.root)
    except SigningError:
        return say(Answer.INVALID, Reason.INCLUSION_PATH_FALSE)
    if evidence.opening is None:
        return say(Answer.CANNOT_SAY, Reason.INCLUSION_NO_OPENING)
    imported = isinstance(entry, Import)
    return say(Answer.VALID, Reason.INCLUSION_IMPORTED if imported else Reason.INCLUSION_GOOD)


def _imported(entry: Issue, evidence: Evidence) -> dict[str, str]:
    """Give the day of registration of an import, unless the log's own time is before it.

    Whoever writes a log may call a batch as it likes. That the status which came along is true,
    step 5 looks at.
    """
    day = imported_on(entry)
    status = None if evidence.staple is None else read_entry(evidence.staple.entry)
    if day is None or not isinstance(status, Status):
        return {}
    begins = datetime.combine(day, time.min, CHINA)
    return {"imported": day.isoformat()} if begins <= parse_time(status.time) else {}


def _leaf_fault(entry: Entry | None, evidence: Evidence, record: Record) -> Reason | None:
    if not isinstance(entry, Issue):
        return Reason.INCLUSION_OTHER_ENTRY
    named = (entry.number, entry.edition, entry.prefix)
    if named != (record.number, record.edition, record.prefix):
        return Reason.INCLUSION_OTHER_CERTIFICATE
    opening = evidence.opening
    if opening is None:
        return None
    # HMAC pads its key with zeros: a shorter opening would be a second way to say the same.
    opens = len(opening) == OPENING_BYTES and (
        commitment(opening, evidence.envelope.payload).hex() == entry.commit
    )
    return None if opens else Reason.INCLUSION_COMMITMENT_DIFFERS


def status_step(
    evidence: Evidence,
    entry: Entry | None,
    tree: Checkpoint | None,
    *,
    now: datetime,
    max_age: timedelta,
) -> Step:
    """Step 5: the state the log proves, in the same tree, and as of when.

    `entry` is the evidence's leaf as `read_entry` read it.
    """

    def say(
        verdict: Answer,
        reason: Reason,
        facts: Mapping[str, str] | None = None,
        as_of: datetime | None = None,
    ) -> Step:
        return answer(StepCode.STATUS, verdict, reason, facts, as_of=as_of)

    staple = evidence.staple
    if staple is None or evidence.proof is None or not isinstance(entry, Issue):
        return say(Answer.CANNOT_SAY, Reason.STATUS_MISSING)
    if staple.index != entry.status:
        return say(Answer.INVALID, Reason.STATUS_OTHER_CERTIFICATE)
    if tree is None:
        return say(Answer.CANNOT_SAY, Reason.STATUS_NO_TREE)
    try:
        state, status = verify_staple(staple, tree)
    except SigningError:
        return say(*no_state(staple))
    # A status from before the certificate shows its place on the page as 0: in force.
    if evidence.proof.index >= status.before:
        return say(*_NOT_COVERING)
    at = datetime.fromisoformat(status.time)
    facts = {"state": state.name.lower(), "time": status.time, "link": evidence.link}
    return say(*judge_state(state, at, now, max_age), facts, at)


def judge_state(
    state: State, at: datetime, now: datetime, max_age: timedelta
) -> tuple[Answer, Reason]:
    """Answer by a state that was proven as of `at`: not from the future, and not too old."""
    if at > now + CLOCK_SKEW:
        return Answer.CANNOT_SAY, Reason.STATUS_IN_FUTURE
    if now - at > max_age and state not in _FINAL_STATES:
        return Answer.CANNOT_SAY, Reason.STATUS_TOO_OLD
    return Answer.VALID if state is State.VALID else Answer.INVALID, _STATE_REASONS[state]


_NOT_COVERING: Final = (Answer.CANNOT_SAY, Reason.STATUS_NOT_COVERING)


def no_state(staple: StatusStaple) -> tuple[Answer, Reason]:
    """Answer where a staple did not verify: older than the certificate, or false."""
    status = read_entry(staple.entry)
    if isinstance(status, Status) and staple.index >= status.count:
        # Honest in the time between a certificate's issue and the next status entry.
        return _NOT_COVERING
    return Answer.INVALID, Reason.STATUS_FALSE


def read_entry(data: bytes) -> Entry | None:
    """Parse a leaf, None when it is malformed."""
    try:
        return parse_entry(data)
    except MalformedEntry:
        return None
