"""The machine of a request to change a certificate (变更申请): 更正, 补发, 撤销, 暂停, 恢复.

One clerk checks and prepares, an approver who is another person decides, and what was approved is
carried out once. The office has ten working days from receipt (`Term.CERTIFICATE_CORRECTION`).
"""

from __future__ import annotations

from typing import Final

from registry.rules.workflow import Actor, Guard, Machine, rows

_CO, _CLERK, _CHIEF, _SYSTEM = Actor.COMPANY, Actor.CLERK, Actor.APPROVER, Actor.SYSTEM
_REASON: Final = (Guard.REASON_GIVEN,)
_FOUR_EYES: Final = (Guard.OTHER_PERSON, Guard.REASON_GIVEN)
_SOUND: Final = (Guard.CHANGE_SOUND, Guard.IDENTITY_PROVEN)
_BASIS: Final = "信息修改办事指南"

CHANGE: Final = Machine(
    name="change",
    title="证书变更申请",
    start="received",
    final=frozenset({"refused", "carried-out"}),
    words={
        "received": "待审核",
        "returned": "退回补正",
        "checked": "已核对，待拟办",
        "prepared": "拟同意，待审批",
        "refusal": "拟不予办理，待审批",
        "approved": "已同意，待执行",
        "refused": "不予办理",
        "carried-out": "已办理",
        "check": "核对",
        "return": "退回",
        "resubmit": "补正后重新提交",
        "prepare": "拟同意",
        "propose-refusal": "拟不予办理",
        "approve": "同意",
        "reject": "不予办理",
        "carry-out": "执行",
        "withdraw-approval": "撤回审批意见",
    },
    steps=tuple(
        rows(
            (
                ("received", _CLERK, "check", "checked", _SOUND, _BASIS),
                ("received", _CLERK, "return", "returned", _REASON, _BASIS),
                ("received", _CLERK, "propose-refusal", "refusal", _REASON, _BASIS),
                ("returned", _CO, "resubmit", "received", _REASON, _BASIS),
                # What a holder, or the office itself, hands in again comes to the window.
                ("returned", _CLERK, "resubmit", "received", _REASON, _BASIS),
                ("returned", _CLERK, "propose-refusal", "refusal", _REASON, _BASIS),
                ("checked", _CLERK, "check", "checked", _SOUND, _BASIS),
                ("checked", _CLERK, "return", "returned", _REASON, _BASIS),
                ("checked", _CLERK, "prepare", "prepared", _REASON, _BASIS),
                ("checked", _CLERK, "propose-refusal", "refusal", _REASON, _BASIS),
                ("prepared", _CHIEF, "approve", "approved", (*_FOUR_EYES, *_SOUND), _BASIS),
                ("prepared", _CHIEF, "return", "received", _REASON, _BASIS),
                ("prepared", _CHIEF, "reject", "refused", _FOUR_EYES, _BASIS),
                ("refusal", _CHIEF, "return", "received", _REASON, _BASIS),
                ("refusal", _CHIEF, "reject", "refused", _FOUR_EYES, _BASIS),
                ("approved", _CLERK, "carry-out", "carried-out", _SOUND, _BASIS),
                ("approved", _CHIEF, "carry-out", "carried-out", _SOUND, _BASIS),
                # At the machine itself (`--approved`): nobody decides anything there.
                ("approved", _SYSTEM, "carry-out", "carried-out", _SOUND, _BASIS),
                ("approved", _CHIEF, "withdraw-approval", "received", _REASON, _BASIS),
            )
        )
    ),
)
