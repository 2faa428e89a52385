"""The machines of what leads to a certificate: filing, scheme, plan, results batch.

Paragraphs are those of the notice (`docs/procedure.md` holds it sentence by sentence); "指引" is
the guide of 2022.
"""

from __future__ import annotations

from typing import Final

from registry.rules.workflow import Actor, Guard, Machine, rows

_CO, _HEAD, _CLERK, _CHIEF = Actor.COMPANY, Actor.COMPANY_HEAD, Actor.CLERK, Actor.APPROVER
_SYSTEM = Actor.SYSTEM
_FOUR_EYES: Final = (Guard.OTHER_PERSON, Guard.REASON_GIVEN)
_REASON: Final = (Guard.REASON_GIVEN,)
_GATES: Final = (Guard.NOT_BARRED, Guard.DOCUMENTS_COMPLETE, Guard.CONDITIONS_MET)
_REVIEWED: Final = (Guard.SITE_REVIEWED, Guard.ASSIGNED)
_LISTS: Final = (Guard.OTHER_PERSON, Guard.NOT_BARRED, Guard.PREFIX_KNOWN)
_PLANNED: Final = (
    Guard.COMPANY_LISTED,
    Guard.SCHEME_PUBLISHED,
    Guard.IN_TIME,
    Guard.ASSESSORS_FIT,
    Guard.ROSTER_SOUND,
)
_REPORTED: Final = (Guard.PUBLICITY_OVER, Guard.IN_TIME)
_UNHELD: Final = (Guard.NO_RESULTS, Guard.REASON_GIVEN)
_AGAIN: Final = (*_REPORTED, Guard.RESULTS_UNCHANGED)
_PUBLISHED: Final = (Guard.OTHER_PERSON, Guard.EXPERTS_IN_FAVOUR)
_APPROVED: Final = (Guard.OTHER_PERSON, Guard.COMPANY_LISTED)

FILING: Final = Machine(
    name="filing",
    title="企业备案申请",
    start="draft",
    final=frozenset({"approved", "rejected", "withdrawn"}),
    words={
        "draft": "填报中",
        "submitted": "已提交",
        "returned": "退回补正",
        "accepted": "已受理",
        "in-review": "审核中",
        "site-review": "现场评估中",
        "prepared": "待审批",
        "approved": "已备案",
        "rejected": "不予备案",
        "withdrawn": "已撤回",
        "submit": "提交",
        "withdraw": "撤回",
        "return": "退回补正",
        "accept": "受理",
        "assign": "分派审核",
        "reassign": "改派审核人员",
        "call-experts": "抽取专家，组织现场评估",
        "redraw-experts": "重新抽取专家",
        "record-vote": "登记专家意见",
        "record-prefix": "登记机构编码",
        "prepare": "拟办",
        "approve": "同意备案",
        "reject": "不予备案",
    },
    steps=tuple(
        rows(
            (
                ("draft", _HEAD, "submit", "submitted", _GATES, "六（一）1"),
                ("returned", _HEAD, "submit", "submitted", _GATES, "六（一）1"),
                ("draft", _CO, "withdraw", "withdrawn", (), "六（一）1"),
                ("submitted", _HEAD, "withdraw", "withdrawn", (), "六（一）1"),
                ("submitted", _CLERK, "return", "returned", _REASON, "六（一）2"),
                ("submitted", _CLERK, "accept", "accepted", (Guard.NOT_BARRED,), "六（一）2"),
                ("accepted", _CLERK, "assign", "in-review", (), "六（一）2"),
                ("in-review", _CLERK, "return", "returned", _REASON, "六（一）2"),
                ("in-review", _CLERK, "call-experts", "site-review", (), "六（一）2"),
                ("site-review", _CLERK, "record-vote", "site-review", (), "六（一）2"),
                ("site-review", _CLERK, "redraw-experts", "site-review", _REASON, "六（一）2"),
                ("in-review", _CLERK, "reassign", "in-review", (), "六（一）2"),
                ("site-review", _CLERK, "reassign", "site-review", (), "六（一）2"),
                ("in-review", _CLERK, "prepare", "prepared", _REVIEWED, "六（一）2"),
                ("site-review", _CLERK, "prepare", "prepared", _REVIEWED, "六（一）2"),
                # Entered once by the clerk and once by the approver: it cannot be taken back.
                ("in-review", _CLERK, "record-prefix", "in-review", (), "六（四）"),
                ("site-review", _CLERK, "record-prefix", "site-review", (), "六（四）"),
                ("prepared", _CLERK, "record-prefix", "prepared", (), "六（四）"),
                ("prepared", _CHIEF, "return", "in-review", _REASON, "六（一）2"),
                ("prepared", _CHIEF, "approve", "approved", _LISTS, "六（一）2"),
                ("prepared", _CHIEF, "reject", "rejected", _FOUR_EYES, "六（一）2"),
            )
        )
    ),
)

SCHEME: Final = Machine(
    name="scheme",
    title="评价方案",
    start="draft",
    final=frozenset({"rejected", "withdrawn", "ended"}),
    words={
        "draft": "编制中",
        "submitted": "已报送",
        "returned": "退回修改",
        "assessed": "专家评估中",
        "prepared": "待审批",
        "published": "已公布",
        "rejected": "未通过",
        "withdrawn": "已撤回",
        "ended": "已停用",
        "submit": "报送",
        "withdraw": "撤回",
        "return": "退回修改",
        "call-experts": "抽取专家，组织评估",
        "redraw-experts": "重新抽取专家",
        "record-vote": "登记专家意见",
        "prepare": "拟办",
        "approve": "同意并公布",
        "reject": "不予通过",
        "end": "停用",
    },
    steps=tuple(
        rows(
            (
                ("draft", _HEAD, "submit", "submitted", (Guard.COMPANY_LISTED,), "六（二）"),
                ("returned", _HEAD, "submit", "submitted", (Guard.COMPANY_LISTED,), "六（二）"),
                ("draft", _CO, "withdraw", "withdrawn", (), "六（二）"),
                ("submitted", _HEAD, "withdraw", "withdrawn", (), "六（二）"),
                ("submitted", _CLERK, "return", "returned", _REASON, "六（二）"),
                ("submitted", _CLERK, "call-experts", "assessed", (), "六（二）"),
                ("assessed", _CLERK, "record-vote", "assessed", (), "六（二）"),
                ("assessed", _CLERK, "redraw-experts", "assessed", _REASON, "六（二）"),
                ("assessed", _CLERK, "return", "returned", _REASON, "六（二）"),
                # Also when they are against: a refusal is prepared too.
                ("assessed", _CLERK, "prepare", "prepared", (Guard.EXPERTS_HEARD,), "六（二）"),
                ("prepared", _CHIEF, "return", "assessed", _REASON, "六（二）"),
                ("prepared", _CHIEF, "approve", "published", _PUBLISHED, "六（二）"),
                ("prepared", _CHIEF, "reject", "rejected", _FOUR_EYES, "六（二）"),
                ("published", _CHIEF, "end", "ended", _FOUR_EYES, "六（二）"),
            )
        )
    ),
)

PLAN: Final = Machine(
    name="plan",
    title="实施计划",
    start="draft",
    final=frozenset({"closed", "cancelled", "stopped", "not-held", "lapsed"}),
    words={
        "draft": "编制中",
        "submitted": "已报送",
        "returned": "退回修改",
        "recorded": "已备案",
        "held": "已实施",
        "cancelled": "已取消",
        "stopped": "已责令停止",
        "closed": "已办结",
        "not-held": "未实施",
        "lapsed": "已失效（企业移出名单）",
        "submit": "报送",
        "return": "退回修改",
        "record": "备案",
        "cancel": "取消",
        "hold": "实施",
        "stop": "责令停止",
        "close": "办结",
        "report-not-held": "报告未实施",
        "lapse": "随企业移出名单失效",
    },
    steps=tuple(
        rows(
            (
                ("draft", _HEAD, "submit", "submitted", _PLANNED, "六（三）1"),
                ("returned", _HEAD, "submit", "submitted", _PLANNED, "六（三）1"),
                ("draft", _CO, "cancel", "cancelled", (), "六（三）1"),
                ("submitted", _HEAD, "cancel", "cancelled", _REASON, "六（三）1"),
                ("submitted", _CLERK, "return", "returned", _REASON, "六（三）1"),
                ("submitted", _CLERK, "record", "recorded", (Guard.COMPANY_LISTED,), "六（三）1"),
                ("recorded", _HEAD, "cancel", "cancelled", _REASON, "六（三）1"),
                ("recorded", _CHIEF, "stop", "stopped", _FOUR_EYES, "六（三）4、七（四）"),
                ("recorded", _SYSTEM, "hold", "held", (), "六（三）2"),
                ("held", _SYSTEM, "close", "closed", (), "六（三）3"),
                ("held", _HEAD, "report-not-held", "not-held", _UNHELD, "六（三）2"),
                # A company off the list holds no assessment, and hands in no results.
                ("draft", _SYSTEM, "lapse", "lapsed", (), "七（二）"),
                ("submitted", _SYSTEM, "lapse", "lapsed", (), "七（二）"),
                ("returned", _SYSTEM, "lapse", "lapsed", (), "七（二）"),
                ("recorded", _SYSTEM, "lapse", "lapsed", (), "七（二）"),
                ("held", _SYSTEM, "lapse", "lapsed", (), "七（二）"),
            )
        )
    ),
)

BATCH: Final = Machine(
    name="batch",
    title="评价结果",
    start="draft",
    final=frozenset({"issued", "closed", "rejected", "lapsed"}),
    words={
        "draft": "登记中",
        "publicity": "公示中",
        "submitted": "已报送备案",
        "returned": "退回补正",
        "prepared": "待审批",
        "refusal": "拟不予备案，待审批",
        "approved": "备案通过",
        "rejected": "不予备案",
        "issued": "已发证",
        "closed": "已办结（不核发证书）",
        "lapsed": "已失效（企业移出名单）",
        "publish": "开始公示",
        "object": "登记异议",
        "take-back": "撤回公示",
        "submit": "报送备案",
        "return": "退回补正",
        "prepare": "拟办",
        "approve": "同意备案",
        "reject": "不予备案",
        "issue": "发证",
        "close": "办结（不核发证书）",
        "withdraw-approval": "撤回备案意见",
        "withhold": "登记不核发证书人员",
        "propose-refusal": "拟不予备案",
        "lapse": "随企业移出名单失效",
    },
    steps=tuple(
        rows(
            (
                ("draft", _HEAD, "publish", "publicity", (Guard.ROSTER_SOUND,), "六（三）3"),
                ("returned", _HEAD, "publish", "publicity", (Guard.ROSTER_SOUND,), "六（三）3"),
                # The papers alone were mended: what was in publicity is what is filed.
                ("returned", _HEAD, "submit", "submitted", _AGAIN, "六（三）3、指引"),
                ("publicity", _CO, "object", "publicity", (), "六（三）3"),
                ("publicity", _HEAD, "take-back", "draft", _REASON, "六（三）3"),
                ("publicity", _HEAD, "submit", "submitted", _REPORTED, "六（三）3"),
                ("submitted", _CLERK, "return", "returned", _REASON, "六（三）3"),
                ("submitted", _CLERK, "prepare", "prepared", (Guard.ROSTER_SOUND,), "六（三）3"),
                ("submitted", _CLERK, "withhold", "submitted", (), "六（四）"),
                ("submitted", _CLERK, "propose-refusal", "refusal", _REASON, "六（三）3"),
                ("refusal", _CHIEF, "return", "submitted", _REASON, "六（三）3"),
                ("refusal", _CHIEF, "reject", "rejected", _FOUR_EYES, "六（三）3"),
                ("prepared", _CHIEF, "return", "submitted", _REASON, "六（三）3"),
                ("prepared", _CHIEF, "approve", "approved", _APPROVED, "六（三）3"),
                ("prepared", _CHIEF, "reject", "rejected", _FOUR_EYES, "六（三）3"),
                ("approved", _CLERK, "issue", "issued", (Guard.COMPANY_LISTED,), "六（四）"),
                # At the machine itself (`certreg issue --case`): nobody decides anything there.
                ("approved", _SYSTEM, "issue", "issued", (Guard.COMPANY_LISTED,), "六（四）"),
                ("approved", _CLERK, "close", "closed", (Guard.NOBODY_PASSED,), "六（四）"),
                ("approved", _CHIEF, "withdraw-approval", "submitted", _FOUR_EYES, "六（三）3"),
                ("draft", _SYSTEM, "lapse", "lapsed", (), "七（二）"),
                ("publicity", _SYSTEM, "lapse", "lapsed", (), "七（二）"),
                ("returned", _SYSTEM, "lapse", "lapsed", (), "七（二）"),
            )
        )
    ),
)
