"""The machines of what lasts: a certificate, a company on the list, an assessor.

Each takes something away only by four eyes: one prepares, another decides (notice 七, domain
rules on correction and withdrawal).
"""

from __future__ import annotations

from typing import Final

from registry.rules.machines import BATCH, FILING, PLAN, SCHEME
from registry.rules.workflow import Actor, Guard, Machine, rows

_CLERK, _CHIEF, _SYSTEM, _WATCH = Actor.CLERK, Actor.APPROVER, Actor.SYSTEM, Actor.SUPERVISOR
_REASON: Final = (Guard.REASON_GIVEN,)
_FOUR_EYES: Final = (Guard.OTHER_PERSON, Guard.REASON_GIVEN)

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
                ("registered", _CLERK, "propose-disqualification", "proposed", _REASON, "七（三）"),
                ("faulted", _CLERK, "propose-disqualification", "proposed", _REASON, "七（三）"),
                ("proposed", _CHIEF, "drop-proposal", "faulted", _FOUR_EYES, "七（三）"),
                ("proposed", _CHIEF, "disqualify", "disqualified", _FOUR_EYES, "七（三）"),
            )
        )
    ),
)

MACHINES: Final = (FILING, SCHEME, PLAN, BATCH, CERTIFICATE, COMPANY, ASSESSOR)
"""All machines, in the order of the procedure."""
