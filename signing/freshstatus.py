"""Step 5 with a status file beside the certificate: of two proven statuses the newer counts.

The file was fetched by whoever verifies; the staple inside came with the certificate, from its
holder. So what the holder's own evidence gets wrong makes the certificate invalid, while a file
that is damaged, of another page, log or day says nothing about the certificate: *cannot say*.
An end (revoked, superseded) that either proves stays, since nothing leads out of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from signing.errors import SigningError
from signing.report import STATE_VERDICTS, Answer, Reason, Step, StepCode
from signing.steps import answer, judge_state, no_state
from signing.tlog.checkpoint import open_checkpoint
from signing.tlog.entry import Issue
from signing.tlog.status import verify_staple

if TYPE_CHECKING:
    from keys.policy import Policy
    from signing.bundle import Evidence
    from signing.statusfile import StatusFile
    from signing.tlog.checkpoint import SignedCheckpoint
    from signing.tlog.entry import Entry, State, Status
    from signing.tlog.treehead import Checkpoint

_ENDS: Final = frozenset({Reason.STATUS_REVOKED, Reason.STATUS_SUPERSEDED})
"""Nothing leads out of these states."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the two proofs are asked about: steps 3 and 4 have seen `entry` and `tree`."""

    evidence: Evidence
    entry: Entry | None
    tree: Checkpoint | None
    policy: Policy
    now: datetime
    max_age: timedelta


def with_status_file(inside: Step, file: StatusFile, asked: Asked) -> Step:
    """Choose between the step that the evidence's own staple gives and that of the file."""
    if inside.answer is Answer.INVALID and (
        inside.reason in _ENDS or inside.reason not in STATE_VERDICTS
    ):
        return inside
    fresh = _file_step(file, asked)
    if fresh.reason in _ENDS or inside.as_of is None or asked.evidence.staple is None:
        return fresh
    if fresh.as_of is not None:
        # An older file must not hide what the staple proves. Two entries of one second differ by
        # their place in the log.
        places = file.proof.index, asked.evidence.staple.entry_index
        newer = (fresh.as_of, places[0]) >= (inside.as_of, places[1])
        return fresh if newer else inside
    if fresh.reason is Reason.STATUS_NOT_COVERING:
        return inside
    # A file that proves nothing takes "in force" away: it was given because that was in doubt.
    return inside if inside.answer is Answer.INVALID else fresh


def _file_step(file: StatusFile, asked: Asked) -> Step:
    def say(verdict: Answer, reason: Reason, as_of: datetime | None = None) -> Step:
        return answer(StepCode.STATUS, verdict, reason, facts, as_of=as_of)

    facts = {"source": "status-file"}
    entry, proof, tree = asked.entry, asked.evidence.proof, asked.tree
    if proof is None or not isinstance(entry, Issue):
        return say(Answer.CANNOT_SAY, Reason.STATUS_MISSING)
    if tree is None:
        return say(Answer.CANNOT_SAY, Reason.STATUS_NO_TREE)
    found = _open(file, entry.status, tree, asked.policy)
    if isinstance(found, Reason):
        return say(Answer.CANNOT_SAY, found)
    # A status from before the certificate shows its place on the page as 0: in force.
    if proof.index >= found.status.before:
        return say(Answer.CANNOT_SAY, Reason.STATUS_NOT_COVERING)
    at = datetime.fromisoformat(found.status.time)
    facts |= {
        "state": found.state.name.lower(),
        "time": found.status.time,
        "link": asked.evidence.link,
        "witnesses": ", ".join(sorted(found.signed.signed_by)),
    }
    return say(*judge_state(found.state, at, asked.now, asked.max_age), as_of=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A state that the file proves, in a tree that the policy accepts."""

    state: State
    status: Status
    signed: SignedCheckpoint


def _open(file: StatusFile, index: int, tree: Checkpoint, policy: Policy) -> _Opened | Reason:
    if not file.holds(index):
        return Reason.STATUS_FILE_OTHER_PAGE
    try:
        signed = open_checkpoint(file.proof.checkpoint_note, policy)
    except SigningError:
        return Reason.STATUS_FILE_UNTRUSTED
    head = signed.checkpoint
    if head.origin != tree.origin:
        return Reason.STATUS_FILE_OTHER_LOG
    if head.size == tree.size and head.root != tree.root:
        return Reason.STATUS_FILE_CONTRADICTS
    staple = file.staple(index)
    try:
        state, status = verify_staple(staple, head)
    except SigningError:
        early = no_state(staple)[1] is Reason.STATUS_NOT_COVERING
        return Reason.STATUS_NOT_COVERING if early else Reason.STATUS_FILE_FALSE
    return _Opened(state=state, status=status, signed=signed)
