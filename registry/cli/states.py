"""The words for an edition's state at the command line; the public page has its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy.orm import Session

from registry.ledger.events import read_entry
from registry.office.editions import CHANGE_ORDINAL
from registry.office.reasons import REISSUING, Reason
from registry.store.certificates import Certificate, CertificateState
from signing.tlog.entry import StatusChange, parse_entry

STATES: Final[Mapping[CertificateState, str]] = {
    CertificateState.VALID: "有效 valid",
    CertificateState.REVOKED: "已撤销 revoked",
    CertificateState.SUSPENDED: "已暂停 suspended",
    CertificateState.SUPERSEDED: "已更正 corrected",
}
REISSUED: Final = "已补发 reissued"


def state_words(session: Session, row: Certificate) -> str:
    """Return the state of ``row`` in words; a superseded one by what took its place."""
    state = CertificateState(row.state)
    if row.superseded_by is not None:
        following = session.get_one(Certificate, row.superseded_by)
        change = parse_entry(read_entry(session, following.group_id, CHANGE_ORDINAL))
        if isinstance(change, StatusChange) and Reason(change.reason) in REISSUING:
            return REISSUED
    return STATES[state]
