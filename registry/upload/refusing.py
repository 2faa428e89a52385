"""Whether the trusted centre itself refuses a package as a whole, now: by its signature alone.

A refusal of another package, another city, another day or another key is nobody's word: whoever
stands in between could have kept it, and rows that are owed again for it would be reported twice.
Nor is one by a retired key: it is of now, and the centre signs by another.
"""

from __future__ import annotations

from datetime import datetime

from keys.model import KeyState, Purpose
from registry.upload.receiving import Reception
from signing.httpsig import WINDOW
from signing.report import Answer
from signing.upload.errors import MalformedReceipt
from signing.upload.keycheck import judge_signer
from signing.upload.refusal import open_refusal


def is_refused(signed: bytes, package: str, code: str, reception: Reception, now: datetime) -> bool:
    """Say whether ``signed`` is the centre's refusal of ``package`` (SHA-256) for ``code``."""
    try:
        refusal, envelope = open_refusal(signed)
    except MalformedReceipt:
        return False
    if (refusal.package, refusal.code, refusal.city) != (package, code, reception.city):
        return False
    active = [key for key in reception.centre.keys if key.state is KeyState.ACTIVE]
    answer, _ = judge_signer(
        envelope, active, purpose=Purpose.RECEIPT, signed_at=refusal.at, now=now
    )
    return answer is Answer.VALID and abs(now - refusal.at) <= WINDOW
