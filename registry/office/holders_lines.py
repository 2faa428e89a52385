"""The audit line of what a holder did (持证人操作): origin ``holder``, and never who.

Its subject is a certificate's number or a request's reference; where a person would have to be
named to name the subject, it is ``-``.
"""

from __future__ import annotations

from typing import Final

from registry.office.context import Context
from registry.store.audit import AuditLine

HOLDER: Final = "holder"


def holder_line(
    action: str,
    subject: str,
    context: Context,
    *,
    source: str = "",
    detail: str = "",
    result: str = "done",
) -> AuditLine:
    """Make the line of one use case; ``source`` is the network it came from (/24 or /48)."""
    return AuditLine(
        at=context.clock.now(),
        actor=HOLDER,
        action=action,
        subject=subject or "-",
        detail=detail,
        source=source[:64],
        result=result,
    )
