"""The states of an edition and the ways between them (证书状态): one change, one linked leaf.

有效 may be suspended (暂停), replaced (更正、补发) or revoked (撤销); 已暂停 may be reinstated
(恢复) or revoked. Nothing leaves 已撤销 or 已更正: verifiers take old news of these two for good.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.context import Context
from registry.office.events import event_page
from registry.office.reasons import Reason
from registry.store.audit import AuditLine
from registry.store.certificates import Certificate, CertificateState
from registry.store.log import EventGroup
from signing.tlog.entry import StatusChange, encode_entry

WAYS: Final[Mapping[CertificateState, frozenset[CertificateState]]] = {
    CertificateState.VALID: frozenset(
        {CertificateState.REVOKED, CertificateState.SUSPENDED, CertificateState.SUPERSEDED}
    ),
    CertificateState.SUSPENDED: frozenset({CertificateState.VALID, CertificateState.REVOKED}),
    CertificateState.REVOKED: frozenset(),
    CertificateState.SUPERSEDED: frozenset(),
}
"""Where a state may go."""

_WANTED: Final[Mapping[CertificateState, str]] = {
    CertificateState.VALID: "only a suspended one can be reinstated",
    CertificateState.REVOKED: "only a valid or suspended one can be revoked",
    CertificateState.SUSPENDED: "only a valid one can be suspended",
    CertificateState.SUPERSEDED: "only a valid one can be corrected or reissued",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Revised:
    """What a revision did: the number, the edition now current, and its status index."""

    number: str
    edition: int
    status_index: int


def require_way(row: Certificate, state: CertificateState) -> None:
    """Raise ``Refused`` if no way leads from the row's state to ``state``."""
    now = CertificateState(row.state)
    if state not in WAYS[now]:
        msg = f"certificate {row.number} is {now.name.lower()}: {_WANTED[state]}"
        raise Refused(msg)


def change_leaf(row: Certificate, state: CertificateState, reason: Reason, link: str = "") -> bytes:
    """Return the leaf by which the edition of ``row`` comes to ``state``.

    ``link`` is the status index, in decimal, of the edition that stands in its place.
    """
    return encode_entry(
        StatusChange(index=row.status_index, link=link, reason=reason.value, state=state.value)
    )


def change_state(
    session: Session,
    row: Certificate,
    state: CertificateState,
    reason: Reason,
    *,
    action: str,
    context: Context,
) -> Revised:
    """Bring the locked ``row`` to ``state``: event, row and audit line. Raises ``Refused``.

    ``action`` is the use case's name, for the event group and the audit line.
    """
    require_way(row, state)
    now = context.clock.now()
    group = EventGroup(kind=action, batch_id=row.batch_id, count=1, at=now)
    session.add(group)
    session.flush()
    row.state = state
    session.add_all(
        (
            event_page(group.group_id, change_leaf(row, state, reason)),
            AuditLine(
                at=now, actor=context.actor, action=action, subject=row.number, detail=reason.value
            ),
        )
    )
    return Revised(number=row.number, edition=row.edition, status_index=row.status_index)
