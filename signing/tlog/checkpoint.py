"""Checkpoints (C2SP tlog-checkpoint): signing a tree head, and opening one under a policy.

The log signs with Ed25519 (type 0x01) and with ML-DSA-44 (type 0x06, C2SP tlog-cosignature,
timestamp 0: the log makes no statement about time), while its keys are changed with two of each.
Its key name is its origin. Witnesses add timestamped lines of type 0x04 or 0x06.

One good line of the log is enough: whoever takes the ML-DSA-44 line away, or cannot verify it,
has a checkpoint signed by Ed25519 alone, and is told so by `SignedCheckpoint.log_types`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keys.model import Algorithm
from keys.vkey import SignatureType, VerifierKey
from signing.errors import UncheckableCheckpoint, UntrustedCheckpoint, UntrustedNote
from signing.tlog.cosignature import cosigned_message, join_timestamp
from signing.tlog.note import (
    Checked,
    Note,
    NoteSignature,
    check_note,
    format_note,
    parse_note,
    sign_note,
)
from signing.tlog.treehead import Checkpoint, format_checkpoint, parse_checkpoint

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from keys.policy import Policy
    from keys.signer import Signer
    from signing.tlog.cosignature import CosignatureType

__all__ = [
    "Checkpoint",
    "SignedCheckpoint",
    "cosign_checkpoint",
    "format_checkpoint",
    "open_checkpoint",
    "parse_checkpoint",
    "sign_checkpoint",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCheckpoint:
    """A checkpoint that a policy accepts.

    `signed_by` are the policy's names of the witnesses whose cosignatures are good; the
    log's own signature is always among the good ones. `log_types` are the types of the log's own
    signatures that were verified, `unchecked` those it bears that this machine cannot verify.
    `note` is the whole note as read.
    """

    checkpoint: Checkpoint
    signed_by: frozenset[str]
    log_types: frozenset[SignatureType]
    unchecked: frozenset[SignatureType]
    note: bytes


def sign_checkpoint(checkpoint: Checkpoint, signers: Sequence[Signer]) -> bytes:
    """Make the note of `checkpoint` with one line for each of the log's keys, one or more.

    Whoever calls this has made sure that no other head of this size was ever signed.
    Raises MalformedCheckpoint, or MalformedVerifierKey for an origin that cannot name a key.
    """
    text = format_checkpoint(checkpoint)
    lines = tuple(
        _cosign(text, checkpoint.origin, signer, 0)
        if signer.info.algorithm is Algorithm.ML_DSA_44
        else sign_note(text, checkpoint.origin, signer)
        for signer in signers
    )
    return format_note(Note(text=text, signatures=lines))


def cosign_checkpoint(text: str, name: str, signer: Signer, *, now: datetime) -> NoteSignature:
    """Sign the checkpoint `text` as the witness `name`: 0x04, or 0x06 for an ML-DSA-44 key.

    Raises MalformedCheckpoint or MalformedVerifierKey.
    """
    return _cosign(text, name, signer, int(now.timestamp()))


def _cosign(text: str, name: str, signer: Signer, timestamp: int) -> NoteSignature:
    kind: CosignatureType = (
        SignatureType.ML_DSA_44_COSIGNATURE
        if signer.info.algorithm is Algorithm.ML_DSA_44
        else SignatureType.ED25519_COSIGNATURE
    )
    key = VerifierKey(name=name, type=kind, public_key=signer.info.public_key)
    bare = signer.sign(cosigned_message(text, kind, name, timestamp))
    return NoteSignature(name=name, key_id=key.key_id, signature=join_timestamp(timestamp, bare))


def open_checkpoint(data: bytes, policy: Policy) -> SignedCheckpoint:
    """Read a checkpoint note and accept it under `policy`.

    Accepted is a note whose origin names a log of the policy which has signed it, with no
    false signature of any key of the policy, cosigned by the policy's quorum. Raises
    MalformedNote, MalformedCheckpoint, UntrustedNote or UntrustedCheckpoint; of the last kind,
    UncheckableCheckpoint where what is wanting may be in lines that this machine cannot verify.
    """
    note = parse_note(data)
    checkpoint = parse_checkpoint(note.text)
    own = {log.key for log in policy.logs if log.key.name == checkpoint.origin}
    if not own:
        raise UntrustedCheckpoint("the checkpoint is not of a log the trust policy names")
    logs = {log.key for log in policy.logs}
    checked = check_note(note, logs.union(witness.key for witness in policy.witnesses))
    _refuse_unsigned(checked, own)
    cosigners = frozenset(one.name for one in policy.witnesses if one.key in checked.good)
    if not policy.satisfied(cosigners):
        unsure = frozenset(one.name for one in policy.witnesses if one.key in checked.unchecked)
        if policy.satisfied(cosigners | unsure):
            raise _uncheckable("of the witnesses")
        raise UntrustedCheckpoint("too few witnesses have signed the checkpoint")
    return SignedCheckpoint(
        checkpoint=checkpoint,
        signed_by=cosigners,
        log_types=frozenset(key.type for key in checked.good & own),
        unchecked=frozenset(key.type for key in checked.unchecked & own),
        note=data,
    )


def _refuse_unsigned(checked: Checked, own: set[VerifierKey]) -> None:
    if checked.good & own:
        return
    if checked.unchecked & own:
        raise _uncheckable("of the log")
    if checked.good or checked.unchecked:
        raise UntrustedCheckpoint("the log itself has not signed the checkpoint")
    raise UntrustedNote("no key of the trust policy has signed this note")


def _uncheckable(whose: str) -> UncheckableCheckpoint:
    return UncheckableCheckpoint(
        f"the signatures {whose} are of a kind that this machine cannot check (ML-DSA-44): "
        "install cryptography 48 or later"
    )
