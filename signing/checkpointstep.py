"""Step 4 of the procedure: what a checkpoint is worth under a trust policy (备案机构签名).

The log signs twice, by Ed25519 and by ML-DSA-44. The second line is optional: an attacker may
take it away, an old policy not know its key, an old machine not verify it. Then the checkpoint
is good by Ed25519 alone, and the step says so: nothing is green that was not checked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from keys.model import Algorithm
from keys.policy import NO_QUORUM
from signing.errors import (
    MalformedCheckpoint,
    MalformedNote,
    SigningError,
    UncheckableCheckpoint,
    UntrustedCheckpoint,
    UntrustedNote,
)
from signing.report import Answer, Reason, Step, StepCode
from signing.steps import answer
from signing.tlog.checkpoint import SignedCheckpoint, open_checkpoint
from signing.tlog.note import parse_note
from signing.tlog.treehead import Checkpoint, parse_checkpoint

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from keys.policy import Policy
    from signing.tlog.proof import TlogProof


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedCheckpoint:
    """A checkpoint's answer. `tree` is what it speaks of, trusted or not; None if unreadable.

    `facts`: `origin` and `size`; of an accepted one also `witnesses` and `signatures`, the log's
    own that were verified, and in `unchecked` why there is no ML-DSA-44 among them: `no-line`,
    `key-not-in-policy`, `not-available-here`.
    """

    tree: Checkpoint | None
    answer: Answer
    reason: Reason
    facts: Mapping[str, str]


def checkpoint_step(
    proof: TlogProof | None,
    policy: Policy,
    opened: SignedCheckpoint | None = None,
    *,
    frozen: Collection[str] = (),
) -> tuple[Checkpoint | None, Step]:
    """Step 4, and the tree it speaks of: also an untrusted one, so that 3 and 5 can answer."""
    if proof is None:
        return None, answer(StepCode.CHECKPOINT, Answer.CANNOT_SAY, Reason.CHECKPOINT_MISSING)
    found = judge_checkpoint(proof.checkpoint_note, policy, opened, frozen=frozen)
    step = answer(StepCode.CHECKPOINT, found.answer, found.reason, dict(found.facts))
    return found.tree, step


def judge_checkpoint(
    note: bytes,
    policy: Policy,
    opened: SignedCheckpoint | None = None,
    *,
    frozen: Collection[str] = (),
) -> JudgedCheckpoint:
    """Judge a checkpoint note. Never raises on bad evidence.

    `opened` is a checkpoint this policy accepted earlier: the same note is not verified again.
    `frozen` are the origins of this log's predecessors, whose keys the policy does not have.
    """
    try:
        if opened is None or opened.note != note:
            opened = open_checkpoint(note, policy)
    except (MalformedNote, MalformedCheckpoint):
        reason = Reason.CHECKPOINT_MALFORMED
        return JudgedCheckpoint(tree=None, answer=Answer.INVALID, reason=reason, facts={})
    except UncheckableCheckpoint:
        return _not_accepted(note, Answer.CANNOT_SAY, Reason.CHECKPOINT_UNCHECKABLE)
    except (UntrustedNote, UntrustedCheckpoint):
        origin = parse_checkpoint(parse_note(note).text).origin
        if origin in frozen:
            # No tree: nothing of it is verified, and a state read from it would be anybody's.
            reason = Reason.CHECKPOINT_FROZEN_LOG
            return JudgedCheckpoint(
                tree=None, answer=Answer.CANNOT_SAY, reason=reason, facts={"origin": origin}
            )
        return _not_accepted(note, *_untrusted(note, policy))
    tree = opened.checkpoint
    types = sorted(opened.log_types)
    facts = {
        "origin": tree.origin,
        "size": str(tree.size),
        "witnesses": ", ".join(sorted(opened.signed_by)),
        "signatures": ", ".join(kind.algorithm for kind in types),
    }
    reason = Reason.CHECKPOINT_GOOD
    if all(kind.algorithm is not Algorithm.ML_DSA_44 for kind in types):
        reason = Reason.CHECKPOINT_ED25519_ONLY
        facts["unchecked"] = _why(opened, policy)
    return JudgedCheckpoint(tree=tree, answer=Answer.VALID, reason=reason, facts=facts)


def _why(opened: SignedCheckpoint, policy: Policy) -> str:
    """Say why the log's ML-DSA-44 signature was not verified."""
    if opened.unchecked:
        return "not-available-here"
    origin = opened.checkpoint.origin
    known = {log.key.type.algorithm for log in policy.logs if log.key.name == origin}
    return "no-line" if Algorithm.ML_DSA_44 in known else "key-not-in-policy"


def _not_accepted(note: bytes, verdict: Answer, reason: Reason) -> JudgedCheckpoint:
    # The tree all the same, so that inclusion and status can answer for themselves.
    tree = parse_checkpoint(parse_note(note).text)
    facts = {"origin": tree.origin, "size": str(tree.size)}
    return JudgedCheckpoint(tree=tree, answer=verdict, reason=reason, facts=facts)


def _untrusted(note: bytes, policy: Policy) -> tuple[Answer, Reason]:
    # Witnesses may yet sign, and the log itself has: then nothing is false, only unsaid.
    try:
        open_checkpoint(note, replace(policy, quorum=NO_QUORUM))
    except SigningError:
        return Answer.INVALID, Reason.CHECKPOINT_UNTRUSTED
    return Answer.CANNOT_SAY, Reason.CHECKPOINT_NO_QUORUM
