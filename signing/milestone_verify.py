"""The verification of a milestone (程序节点核验): numbered steps, each with its own answer.

 1. facts       The facts are well formed, and their day has come.
 2. commitment  The log's leaf is a milestone of this kind and subject, commits to these very
                facts, and was recorded no earlier than the day they name.
 3. inclusion   That leaf is in the tree of the checkpoint (入册).
 4. checkpoint  The log of the trust policy signed the checkpoint, and the quorum of witnesses
                the policy asks for co-signed it.
 5. time        Witnesses dated the checkpoint: by then the leaf stood in the log, and nobody
                could add it later. The leaf's own time is the office's word alone.
 6. document    The document laid beside has the digest in the facts. Only where the facts name
                a document or one is laid beside.

Three-valued; valid only when every step is. What nobody dated is *cannot say*, never valid.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from signing.checkpointstep import checkpoint_step
from signing.errors import MalformedMilestone, SigningError
from signing.milestone import MilestoneFacts, day_of, facts_commitment, parse_facts
from signing.record import OPENING_BYTES
from signing.report import Answer, Reason, Step, Verdict
from signing.steps import CHINA, CLOCK_SKEW, read_entry
from signing.tlog.checkpoint import open_checkpoint
from signing.tlog.cosignature import split_timestamp
from signing.tlog.entry import Milestone, parse_time
from signing.tlog.merkle import leaf_hash, verify_inclusion
from signing.tlog.note import parse_note
from signing.tlog.treehead import Checkpoint

if TYPE_CHECKING:
    from keys.policy import Policy
    from signing.milestone import MilestoneProof


class MilestoneStepCode(StrEnum):
    """The steps in their order."""

    FACTS = "facts"
    COMMITMENT = "commitment"
    INCLUSION = "inclusion"
    CHECKPOINT = "checkpoint"
    TIME = "time"
    DOCUMENT = "document"


STEP_NUMBERS: Final[Mapping[MilestoneStepCode, int]] = {
    code: number for number, code in enumerate(MilestoneStepCode, 1)
}


class MilestoneReason(StrEnum):
    """Why a step answered as it did; inclusion and checkpoint share `signing.report.Reason`."""

    FACTS_GOOD = "facts-good"
    FACTS_MALFORMED = "facts-malformed"
    FACTS_IN_FUTURE = "facts-in-future"

    COMMITMENT_GOOD = "commitment-good"
    COMMITMENT_NO_FACTS = "commitment-no-facts"
    COMMITMENT_OTHER_ENTRY = "commitment-other-entry"
    COMMITMENT_OTHER_STEP = "commitment-other-step"
    COMMITMENT_DIFFERS = "commitment-differs"
    COMMITMENT_BEFORE_ITS_DAY = "commitment-before-its-day"

    INCLUSION_GOOD = "inclusion-good"

    TIME_WITNESSED = "time-witnessed"
    TIME_OFFICE_ALONE = "time-office-alone"
    TIME_NO_CHECKPOINT = "time-no-checkpoint"
    TIME_CLOCKS_DISAGREE = "time-clocks-disagree"
    TIME_IN_FUTURE = "time-in-future"

    DOCUMENT_SAME = "document-same"
    DOCUMENT_OTHER = "document-other"
    DOCUMENT_NOT_GIVEN = "document-not-given"
    DOCUMENT_NONE_NAMED = "document-none-named"


@dataclass(frozen=True, slots=True, kw_only=True)
class MilestoneStep:
    """One numbered check; `facts` are printable texts by stable key."""

    code: MilestoneStepCode
    answer: Answer
    reason: MilestoneReason | Reason
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """1 to 6, as in the module's docstring."""
        return STEP_NUMBERS[self.code]


@dataclass(frozen=True, slots=True, kw_only=True)
class MilestoneReport:
    """Verdict (valid, invalid or cannot say) and steps; `facts` when they could be read.

    `recorded` is the leaf's time, which the office wrote; `proven_by` the time by which
    witnesses prove the leaf was there, None where none does. Both aware UTC.
    """

    verdict: Verdict
    steps: tuple[MilestoneStep, ...]
    facts: MilestoneFacts | None
    recorded: datetime | None
    proven_by: datetime | None
    witnesses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dating:
    """By `at` the witnesses of these policy names had signed, enough for the policy."""

    at: datetime
    witnesses: tuple[str, ...]


def verify_milestone(
    proof: MilestoneProof,
    policy: Policy,
    *,
    now: datetime,
    document: str | None,
    frozen: Collection[str] = (),
) -> MilestoneReport:
    """Run the steps. Never raises on bad evidence.

    `document` is the lower-case hex SHA-256 of the document laid beside, None if none was;
    `frozen` are the origins of the log's predecessors.
    """
    # 1. facts
    facts, first = _facts_step(proof, now)
    # 2. commitment
    entry = read_entry(proof.entry)
    leaf = entry if isinstance(entry, Milestone) else None
    second = _commitment_step(proof, facts, leaf)
    # 4. checkpoint, before 3, because the tree of 3 is what it signs
    tree, certified = checkpoint_step(proof.proof, policy, frozen=frozen)
    fourth = _certified(certified)
    # 3. inclusion
    third = _inclusion_step(proof, tree)
    # 5. time
    sound = Answer.VALID is second.answer is third.answer is fourth.answer
    dating = date_checkpoint(proof.proof.checkpoint_note, policy) if sound else None
    fifth = _time_step(leaf if sound else None, dating, now)
    # 6. document
    last = _document_steps(facts, document)
    steps = (first, second, third, fourth, fifth, *last)
    dated = dating if fifth.answer is Answer.VALID else None
    return MilestoneReport(
        verdict=_verdict(steps),
        steps=steps,
        facts=facts,
        recorded=parse_time(leaf.time) if leaf else None,
        proven_by=dated.at if dated else None,
        witnesses=dated.witnesses if dated else (),
    )


def _verdict(steps: tuple[MilestoneStep, ...]) -> Verdict:
    answers = {step.answer for step in steps}
    if Answer.INVALID in answers:
        return Verdict.INVALID
    return Verdict.VALID if answers == {Answer.VALID} else Verdict.CANNOT_SAY


def _facts_step(
    proof: MilestoneProof, now: datetime
) -> tuple[MilestoneFacts | None, MilestoneStep]:
    try:
        facts = parse_facts(proof.facts)
    except MalformedMilestone:
        return None, _step(MilestoneStepCode.FACTS, Answer.INVALID, MilestoneReason.FACTS_MALFORMED)
    if day_of(facts) > (now + CLOCK_SKEW).astimezone(CHINA).date():
        return facts, _step(
            MilestoneStepCode.FACTS, Answer.CANNOT_SAY, MilestoneReason.FACTS_IN_FUTURE
        )
    return facts, _step(MilestoneStepCode.FACTS, Answer.VALID, MilestoneReason.FACTS_GOOD)


def _commitment_step(
    proof: MilestoneProof, facts: MilestoneFacts | None, leaf: Milestone | None
) -> MilestoneStep:
    def say(verdict: Answer, reason: MilestoneReason) -> MilestoneStep:
        return _step(MilestoneStepCode.COMMITMENT, verdict, reason)

    if leaf is None:
        return say(Answer.INVALID, MilestoneReason.COMMITMENT_OTHER_ENTRY)
    if facts is None:
        return say(Answer.CANNOT_SAY, MilestoneReason.COMMITMENT_NO_FACTS)
    if (leaf.kind, leaf.subject) != (facts.kind.value, facts.subject):
        return say(Answer.INVALID, MilestoneReason.COMMITMENT_OTHER_STEP)
    # HMAC pads its key with zeros: a shorter opening would be a second way to say the same.
    if (
        len(proof.opening) != OPENING_BYTES
        or facts_commitment(proof.opening, proof.facts).hex() != leaf.commit
    ):
        return say(Answer.INVALID, MilestoneReason.COMMITMENT_DIFFERS)
    if day_of(facts) > parse_time(leaf.time).astimezone(CHINA).date():
        return say(Answer.INVALID, MilestoneReason.COMMITMENT_BEFORE_ITS_DAY)
    return say(Answer.VALID, MilestoneReason.COMMITMENT_GOOD)


def _inclusion_step(proof: MilestoneProof, tree: Checkpoint | None) -> MilestoneStep:
    code, path = MilestoneStepCode.INCLUSION, proof.proof
    if tree is None:
        return _step(code, Answer.CANNOT_SAY, Reason.INCLUSION_NO_TREE)
    facts = {"index": str(path.index), "size": str(tree.size)}
    try:
        verify_inclusion(leaf_hash(proof.entry), path.index, tree.size, path.path, tree.root)
    except SigningError:
        return _step(code, Answer.INVALID, Reason.INCLUSION_PATH_FALSE, facts)
    return _step(code, Answer.VALID, MilestoneReason.INCLUSION_GOOD, facts)


def _certified(step: Step) -> MilestoneStep:
    # A checkpoint is judged here exactly as it is for a certificate.
    return _step(MilestoneStepCode.CHECKPOINT, step.answer, step.reason, step.facts)


def date_checkpoint(note: bytes, policy: Policy) -> Dating | None:
    """When enough witnesses for the policy had signed an accepted checkpoint; None if unsaid.

    The earliest moment at which their times make up the quorum; without a quorum, at which the
    first witness of the policy signed. A time of 0 (0x06) says nothing (C2SP tlog-cosignature).
    """
    good = open_checkpoint(note, policy).signed_by
    keys = {
        (witness.key.name, witness.key.key_id): witness.name
        for witness in policy.witnesses
        if witness.name in good
    }
    times = []
    for line in parse_note(note).signatures:
        name = keys.get((line.name, line.key_id))
        seconds, _ = split_timestamp(line.signature)
        if name is not None and seconds and seconds <= _LAST_SECOND:
            times.append((seconds, name))
    agreed: list[str] = []
    for seconds, name in sorted(times):
        agreed.append(name)
        if policy.satisfied(frozenset(agreed)):
            at = datetime.fromtimestamp(seconds, UTC)
            return Dating(at=at, witnesses=tuple(sorted(set(agreed))))
    return None


_LAST_SECOND: Final = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
"""A witness may sign any 63-bit number of seconds; no calendar goes that far."""


def _time_step(leaf: Milestone | None, dating: Dating | None, now: datetime) -> MilestoneStep:
    code = MilestoneStepCode.TIME
    if leaf is None:
        return _step(code, Answer.CANNOT_SAY, MilestoneReason.TIME_NO_CHECKPOINT)
    if dating is None:
        return _step(code, Answer.CANNOT_SAY, MilestoneReason.TIME_OFFICE_ALONE)
    facts = {
        "recorded": leaf.time,
        "not_later_than": dating.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "witnesses": ", ".join(dating.witnesses),
    }
    if dating.at > now + CLOCK_SKEW:
        return _step(code, Answer.CANNOT_SAY, MilestoneReason.TIME_IN_FUTURE, facts)
    # Nothing is forged, but one of two clocks was wrong, and this is about time.
    if parse_time(leaf.time) > dating.at + CLOCK_SKEW:
        return _step(code, Answer.CANNOT_SAY, MilestoneReason.TIME_CLOCKS_DISAGREE, facts)
    return _step(code, Answer.VALID, MilestoneReason.TIME_WITNESSED, facts)


def _document_steps(
    facts: MilestoneFacts | None, document: str | None
) -> tuple[MilestoneStep, ...]:
    named = facts.document if facts else ""
    code = MilestoneStepCode.DOCUMENT
    if named and document is None:
        return (_step(code, Answer.CANNOT_SAY, MilestoneReason.DOCUMENT_NOT_GIVEN),)
    if document is None:
        return ()
    if not named:
        return (_step(code, Answer.CANNOT_SAY, MilestoneReason.DOCUMENT_NONE_NAMED),)
    if document != named:
        return (_step(code, Answer.INVALID, MilestoneReason.DOCUMENT_OTHER),)
    return (_step(code, Answer.VALID, MilestoneReason.DOCUMENT_SAME),)


def _step(
    code: MilestoneStepCode,
    verdict: Answer,
    reason: MilestoneReason | Reason,
    facts: Mapping[str, str] | None = None,
) -> MilestoneStep:
    return MilestoneStep(code=code, answer=verdict, reason=reason, facts=facts or {})
