"""The words of schemes, rules and calendars (评价方案、规则、日历) on the desks' pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.rules.calendar import DayKind
from registry.rules.scheme import PartKind, SchemeFault, SchemeFinding
from registry.rules.terms import Counting, Term, Threshold, Turn, Unit

PARTS: Final[Mapping[PartKind, str]] = {
    PartKind.THEORY: "理论知识考试",
    PartKind.SKILL: "操作技能考核",
    PartKind.SAFETY: "安全生产考察",
    PartKind.ETHICS: "职业道德评分",
    PartKind.PERFORMANCE: "工作业绩评定",
    PartKind.CREDITS: "在线培训考核（学分累积）",
    PartKind.REVIEW: "综合评审",
}
STANDARDS: Final[Mapping[str, str]] = {
    "national": "国家职业技能标准",
    "company": "行业企业标准（没有国家职业技能标准的职业）",
}
"""By the code of what a scheme rests on."""

SCHEME_TEXTS: Final[Mapping[SchemeFault, str]] = {
    SchemeFault.NO_PARTS: "没有评价方式，请至少选择一种",
    SchemeFault.PART_TWICE: "{part}列了两次，请删除其一",
    SchemeFault.WEIGHT_RANGE: "{part}的权重应在 0 至 100 之间",
    SchemeFault.WEIGHTS_SUM: "各部分权重合计应为 100，请核对",
    SchemeFault.MARK_RANGE: "{part}的合格分数应在 0 至 100 之间",
    SchemeFault.NATIONAL_PART_MISSING: (
        "缺少国家职业技能标准要求的{part}：请补上，或者说明理由供专家评估（通知四（一））"
    ),
    SchemeFault.NATIONAL_PART_WEAKENED: (
        "{part}低于国家职业技能标准（60 分合格，不合格即总评不合格）："
        "请提高，或者说明理由供专家评估（通知四（一））"
    ),
}
TERMS: Final[Mapping[Term, str]] = {
    Term.FILING_DECISION: "备案审核",
    Term.PLAN_AHEAD: "实施计划提前报送",
    Term.RESULTS_PUBLISHED: "评价结束后开始公示",
    Term.PUBLICITY: "结果公示",
    Term.RESULTS_FILING: "公示后报送结果备案",
    Term.RESULTS_REVIEW: "结果审核",
    Term.RESULTS_RETURN: "退回后补正",
    Term.CERTIFICATE_CORRECTION: "证书信息修改",
    Term.EVIDENCE_KEPT: "评价资料保存",
    Term.BAR_CHEATING: "舞弊、造假移出名单后不予受理",
    Term.BAR_IDLE: "未开展评价或者不具备条件移出名单后不予受理",
    Term.IDLE_LIMIT: "未组织实施评价的最长时间",
    Term.YEARLY_EVALUATION: "备案后年度评估",
    Term.SUBSIDY_CLAIM: "技能提升补贴申领",
    Term.UPLOAD: "证书数据上报省中心",
    Term.UPLOAD_RECEIPT: "省中心回执",
    Term.UPLOAD_REFUSED: "省中心退回数据处理",
    Term.NATIONAL_LISTING: "省中心接收后全国联网可查",
    Term.SUPERVISION_ANSWER: "督导意见答复",
    Term.SUPERVISION_CHECK: "督导答复核实",
}
THRESHOLDS: Final[Mapping[Threshold, tuple[str, str]]] = {
    Threshold.INSURED_STAFF: ("在我市参保的职工人数", "人"),
    Threshold.STATIONS: ("每个职业（工种）工位", "个"),
    Threshold.ASSESSORS: ("每个职业（工种）考评人员", "名"),
    Threshold.APPLICANTS: ("申报同一职业的职工人数", "人"),
    Threshold.DISPATCHED_MONTHS: ("派遣至本企业工作", "个月"),
    Threshold.EXPERTS: ("每次评估抽取的专家", "名"),
    Threshold.EXPERTS_IN_FAVOUR: ("评估通过须同意的专家（且须过半数）", "名"),
}
UNITS: Final[Mapping[Unit, str]] = {
    Unit.WORKING_DAYS: "个工作日",
    Unit.MONTHS: "个月",
    Unit.YEARS: "年",
}
COUNTINGS: Final[Mapping[Counting, str]] = {
    Counting.FROM_THE_DAY: "自当日起算",
    Counting.FROM_THE_NEXT: "自次日起算",
    Counting.AHEAD: "提前（倒数）",
}
TURNS: Final[Mapping[Turn, str]] = {
    Turn.OFFICE: "办公室",
    Turn.COMPANY: "企业",
    Turn.HOLDER: "持证人",
    Turn.CENTRE: "省中心",
}
DAYS: Final[Mapping[DayKind, str]] = {
    DayKind.WORKDAY: "工作日",
    DayKind.MAKE_UP: "调休上班日",
    DayKind.WEEKEND: "休息日",
    DayKind.HOLIDAY: "放假",
}


def scheme_text(finding: SchemeFinding) -> str:
    """Say what is wrong with a scheme's parts, and what to do."""
    part = PARTS[finding.part] if finding.part is not None else "总成绩"
    return SCHEME_TEXTS[finding.fault].format(part=part)
