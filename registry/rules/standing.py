"""The machines of what lasts: a certificate, a company on the list, an assessor; and of a visit.

The first three take something away only by four eyes: one prepares, another decides (notice 七,
domain rules on correction and withdrawal). The certificate's table says between which states it
goes; who decides so is the machine of the request, `registry.rules.changing`. A visit (质量督导)
ends when what was found has been answered and checked (七（四）核实).
"""

from __future__ import annotations

from typing import Final

from registry.rules.changing import CHANGE
from registry.rules.importing import IMPORT
from registry.rules.machines import BATCH, FILING, PLAN, SCHEME
from registry.rules.workflow import Actor, Guard, Machine, rows

_CLERK, _CHIEF, _SYSTEM, _WATCH = Actor.CLERK, Actor.APPROVER, Actor.SYSTEM, Actor.SUPERVISOR
_CO: Final = Actor.COMPANY
_REASON: Final = (Guard.REASON_GIVEN,)
_FOUR_EYES: Final = (Guard.OTHER_PERSON, Guard.REASON_GIVEN)
_PROPOSE: Final = "propose-disqualification"

CERTIFICATE: Final = Machine(
    name="certificate",
    title="证书",
    start="valid",
    final=frozenset({"revoked", "superseded"}),
    words={
        "valid": "有效",
        "suspended": "已暂停",
        "revoked": "已撤销",
        "superseded": "已由新版取代",
        "suspend": "暂停",
        "reinstate": "恢复",
        "revoke": "撤销",
        "correct": "更正",
        "reissue": "补发",
    },
    steps=tuple(
        rows(
            (
                ("valid", _CHIEF, "suspend", "suspended", _FOUR_EYES, "七（四）"),
                ("suspended", _CHIEF, "reinstate", "valid", _FOUR_EYES, "七（四）"),
                ("valid", _CHIEF, "revoke", "revoked", _FOUR_EYES, "七（二）"),
                ("suspended", _CHIEF, "revoke", "revoked", _FOUR_EYES, "七（二）"),
                ("valid", _CHIEF, "correct", "superseded", _FOUR_EYES, "六（四）"),
                ("valid", _CHIEF, "reissue", "superseded", _FOUR_EYES, "六（四）"),
            )
        )
    ),
)

COMPANY: Final = Machine(
    name="company",
    title="备案企业",
    start="unlisted",
    final=frozenset(),
    words={
        "unlisted": "未备案",
        "listed": "在备案名单内",
        "delisting": "拟移出名单",
        "barred": "不予受理期内",
        "list": "纳入名单",
        "propose-delisting": "提出移出名单",
        "drop-proposal": "不予移出",
        "delist": "移出名单",
        "bar-ends": "不予受理期满",
    },
    steps=tuple(
        rows(
            (
                ("unlisted", _CHIEF, "list", "listed", (Guard.NOT_BARRED,), "六（一）2"),
                ("listed", _CLERK, "propose-delisting", "delisting", _REASON, "七（二）"),
                ("delisting", _CHIEF, "drop-proposal", "listed", _FOUR_EYES, "七（二）"),
                ("delisting", _CHIEF, "delist", "barred", _FOUR_EYES, "七（二）"),
                ("barred", _SYSTEM, "bar-ends", "unlisted", (), "七（二）"),
            )
        )
    ),
)

ASSESSOR: Final = Machine(
    name="assessor",
    title="考评人员",
    start="registered",
    final=frozenset({"disqualified"}),
    words={
        "registered": "已登记",
        "faulted": "有一次失职记录",
        "proposed": "拟取消资格",
        "proposed-faulted": "拟取消资格（有一次失职记录）",
        "disqualified": "已取消资格",
        "record-fault": "记录失职",
        "propose-disqualification": "提出取消资格",
        "drop-proposal": "不予取消",
        "disqualify": "取消资格",
    },
    steps=tuple(
        rows(
            (
                ("registered", _WATCH, "record-fault", "faulted", _REASON, "七（三）"),
                ("registered", _CLERK, _PROPOSE, "proposed", _REASON, "七（三）"),
                ("faulted", _CLERK, _PROPOSE, "proposed-faulted", _REASON, "七（三）"),
                # Two states, so that a proposal that is dropped leaves what was before it.
                ("proposed", _CHIEF, "drop-proposal", "registered", _FOUR_EYES, "七（三）"),
                ("proposed-faulted", _CHIEF, "drop-proposal", "faulted", _FOUR_EYES, "七（三）"),
                ("proposed", _CHIEF, "disqualify", "disqualified", _FOUR_EYES, "七（三）"),
                ("proposed-faulted", _CHIEF, "disqualify", "disqualified", _FOUR_EYES, "七（三）"),
            )
        )
    ),
)

VISIT: Final = Machine(
    name="visit",
    title="质量督导",
    start="assigned",
    final=frozenset({"closed", "voided"}),
    words={
        "assigned": "待督导",
        "reported": "已提交督导意见",
        "answered": "企业已答复",
        "closed": "已核实办结",
        "voided": "计划未实施，不再督导",
        "report": "提交督导意见",
        "void": "计划取消或者被责令停止",
        "answer": "答复",
        "ask-again": "要求补充答复",
        "close": "核实办结",
    },
    steps=tuple(
        rows(
            (
                ("assigned", _WATCH, "report", "reported", (Guard.DRAWN,), "六（三）4"),
                ("assigned", _SYSTEM, "void", "voided", (), "六（三）4"),
                ("reported", _CO, "answer", "answered", (), "六（三）4"),
                ("reported", _CLERK, "close", "closed", (Guard.FOUND_SOUND,), "七（四）"),
                ("answered", _CLERK, "ask-again", "reported", _REASON, "七（四）"),
                ("answered", _CLERK, "close", "closed", _REASON, "七（四）"),
            )
        )
    ),
)

MACHINES: Final = (
    *(FILING, SCHEME, PLAN, BATCH),
    *(CERTIFICATE, CHANGE, IMPORT),
    *(COMPANY, ASSESSOR, VISIT),
)
"""All machines, in the order of the procedure."""
