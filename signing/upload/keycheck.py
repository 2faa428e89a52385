"""Who signed a manifest or a receipt, and whether the key was in force: three-valued.

A key that the reader does not know may be newer than the reader's trust folder: cannot say. What
a revoked key signed by its own account before the revocation proves nothing, for whoever stole
the key writes any date: cannot say either, until somebody who had it before shows it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from keys.dsse import pae
from keys.model import KeyState, Purpose, verify_signature
from keys.trust import TrustedKey
from signing.envelope import Envelope
from signing.report import Answer, Reason
from signing.steps import CLOCK_SKEW


def judge_signer(
    envelope: Envelope,
    keys: Collection[TrustedKey],
    *,
    purpose: Purpose,
    signed_at: datetime,
    now: datetime,
    size: int | None = None,
) -> tuple[Answer, Reason]:
    """Judge the signature of an envelope that says it was made at `signed_at` (aware).

    `size` is that of a checkpoint within the payload, which was there when it was signed: if that
    tree has the leaf that ended the key, the signature came after. Never raises on bad evidence.
    """
    key = next((one for one in keys if one.key_id == envelope.key_id), None)
    if key is None:
        return Answer.CANNOT_SAY, Reason.SIGNATURE_UNKNOWN_KEY
    if key.purpose is not purpose:
        return Answer.INVALID, Reason.SIGNATURE_OTHER_PURPOSE
    message = pae(envelope.payload_type, envelope.payload)
    if not verify_signature(key.algorithm, key.public_key, message, envelope.signature):
        return Answer.INVALID, Reason.SIGNATURE_FALSE
    return _in_force(key, signed_at, now, size)


def _in_force(
    key: TrustedKey, signed_at: datetime, now: datetime, size: int | None
) -> tuple[Answer, Reason]:
    if not key.not_before <= signed_at < key.not_after:
        return Answer.INVALID, Reason.SIGNATURE_KEY_NOT_IN_FORCE
    if size is not None and key.ended_leaf is not None and size > key.ended_leaf:
        return Answer.INVALID, Reason.SIGNATURE_KEY_ENDED
    if key.state is KeyState.REVOKED:
        if key.revoked_at is None or signed_at >= key.revoked_at:
            return Answer.INVALID, Reason.SIGNATURE_KEY_REVOKED
        return Answer.CANNOT_SAY, Reason.SIGNATURE_NO_PLACE
    if signed_at > now + CLOCK_SKEW:
        return Answer.CANNOT_SAY, Reason.RECORD_IN_FUTURE
    return Answer.VALID, Reason.SIGNATURE_GOOD
