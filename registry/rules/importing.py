"""The machine of an import of existing certificates (补录): one prepares a table, another decides.

The preparer takes a table back while nobody has decided. What was approved is carried out once, at
the desk or at the machine (`certreg import --approved`), if it is still sound then. What nobody
decides or carries out within the term of keeping lapses: its rows hold persons.
"""

from __future__ import annotations

from typing import Final

from registry.rules.workflow import Actor, Guard, Machine, rows

_CLERK, _CHIEF, _SYSTEM = Actor.CLERK, Actor.APPROVER, Actor.SYSTEM
_REASON: Final = (Guard.REASON_GIVEN,)
_FOUR_EYES: Final = (Guard.OTHER_PERSON, Guard.REASON_GIVEN)
_SOUND: Final = (Guard.IMPORT_SOUND,)
_BASIS: Final = "统一编码规则"
_KEPT: Final = "评价资料保存期限"

IMPORT: Final = Machine(
    name="import",
    title="既有证书补录",
    start="prepared",
    final=frozenset({"refused", "withdrawn", "carried-out", "lapsed"}),
    words={
        "prepared": "待审批",
        "approved": "已同意，待执行",
        "refused": "不予补录",
        "withdrawn": "已撤回",
        "carried-out": "已补录",
        "lapsed": "逾期未办结，已失效",
        "approve": "同意补录",
        "reject": "不予补录",
        "withdraw": "撤回",
        "withdraw-approval": "撤回审批意见",
        "carry-out": "执行补录",
        "lapse": "保存期满失效",
    },
    steps=tuple(
        rows(
            (
                ("prepared", _CHIEF, "approve", "approved", (*_FOUR_EYES, *_SOUND), _BASIS),
                ("prepared", _CHIEF, "reject", "refused", _FOUR_EYES, _BASIS),
                ("prepared", _CLERK, "withdraw", "withdrawn", (Guard.PREPARER,), _BASIS),
                ("approved", _CLERK, "carry-out", "carried-out", _SOUND, _BASIS),
                ("approved", _CHIEF, "carry-out", "carried-out", _SOUND, _BASIS),
                # At the machine itself (`--approved`): nobody decides anything there.
                ("approved", _SYSTEM, "carry-out", "carried-out", _SOUND, _BASIS),
                ("approved", _CHIEF, "withdraw-approval", "prepared", _REASON, _BASIS),
                ("prepared", _SYSTEM, "lapse", "lapsed", (), _KEPT),
                ("approved", _SYSTEM, "lapse", "lapsed", (), _KEPT),
            )
        )
    ),
)
