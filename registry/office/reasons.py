"""Why a certificate's state changes: stable codes that stand in the public leaf (状态变更).

Each kind of change has its own reasons, so that a clerk cannot write "fraud" beside a lost paper,
and a reader of the log can tell a reissue (补发) from a correction (信息修改).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from registry.errors import Refused


class Reason(StrEnum):
    """Why; stands in the public leaf, so none of them says anything about a person's life."""

    FRAUD = "fraud"
    ISSUED_IN_ERROR = "issued-in-error"
    HOLDER_REQUEST = "holder-request"
    DATA_ERROR = "data-error"
    NAME_CHANGED = "name-changed"
    UNDER_INVESTIGATION = "under-investigation"
    DISPUTED = "disputed"
    CLEARED = "cleared"
    SUSPENDED_IN_ERROR = "suspended-in-error"
    LOST = "lost"
    DAMAGED = "damaged"

    @property
    def chinese(self) -> str:
        """The reason as an official writes it."""
        return _CHINESE[self]


_CHINESE: Final[Mapping[Reason, str]] = {
    Reason.FRAUD: "弄虚作假",
    Reason.ISSUED_IN_ERROR: "误发",
    Reason.HOLDER_REQUEST: "持证人申请",
    Reason.DATA_ERROR: "信息登记有误",
    Reason.NAME_CHANGED: "姓名变更",
    Reason.UNDER_INVESTIGATION: "正在核查",
    Reason.DISPUTED: "对评价结果有异议",
    Reason.CLEARED: "核查无误",
    Reason.SUSPENDED_IN_ERROR: "误作暂停",
    Reason.LOST: "证书遗失",
    Reason.DAMAGED: "证书损毁",
}

REVOKING = frozenset({Reason.FRAUD, Reason.ISSUED_IN_ERROR, Reason.HOLDER_REQUEST})
CORRECTING = frozenset({Reason.DATA_ERROR, Reason.NAME_CHANGED})
SUSPENDING = frozenset({Reason.UNDER_INVESTIGATION, Reason.DISPUTED})
REINSTATING = frozenset({Reason.CLEARED, Reason.SUSPENDED_IN_ERROR})
REISSUING = frozenset({Reason.LOST, Reason.DAMAGED})


def require_fitting(reason: Reason, fitting: frozenset[Reason], verb: str) -> None:
    """Raise ``Refused`` unless ``reason`` is one of those to ``verb`` a certificate."""
    if reason not in fitting:
        msg = f"{reason} is no reason to {verb}: use one of {', '.join(sorted(fitting))}"
        raise Refused(msg)
