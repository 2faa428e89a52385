"""The texts of the findings on a plan's roster (评价员工名册): code -> (Chinese, English)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.rules.findings import FindingCode as Code

PLAN_TEXTS: Final[Mapping[Code, tuple[str, str]]] = {
    Code.EMPLOYMENT_UNKNOWN: (
        "用工性质“{value}”无法识别。请填本企业、关联企业、劳务派遣之一。",
        "the kind of employment “{value}” is not known; choose one from the template's list.",
    ),
    Code.EMPLOYER_NOT_COMPANY: (
        (
            "用工性质为“本企业”，所在单位却不是本企业（{expected}）。"
            "在关联企业参保的，用工性质请填“关联企业”；否则请改正单位名称或者留空。"
        ),
        (
            "own staff, but the employer is not this company ({expected}); choose 关联企业 for "
            "staff of an affiliated company, or correct the employer."
        ),
    ),
    Code.EMPLOYER_IS_COMPANY: (
        "所在单位就是本企业，用工性质却为“{value}”。请核对：在本企业参保的填“本企业”。",
        "the employer is this company itself, yet the kind of employment says {value}; check it.",
    ),
    Code.DISPATCH_UNEXPECTED: (
        "只有劳务派遣人员填写派遣起始日期。请核对用工性质，或者清空此格。",
        "only dispatched staff have this date; check the kind of employment, or empty the cell.",
    ),
    Code.DISPATCH_IN_FUTURE: (
        "派遣起始日期 {value} 晚于今天（{today}）。请改正。",
        "the day {value} on which the dispatch began is later than today ({today}).",
    ),
    Code.DISPATCH_TOO_SHORT: (
        (
            "自 {value} 派遣至评价第一天（{found}）不满 {wanted} 个月，须在 {expected} 或者以前"
            "派遣至本企业。请从名册中删除，或者推迟评价时间。"
        ),
        (
            "dispatched since {value}, less than {wanted} months before the first day ({found}); "
            "it must be {expected} or earlier. Delete the row, or assess later."
        ),
    ),
    Code.LEVEL_NOT_IN_PLAN: (
        "{value} 不是本计划的等级（{expected}）。请核对，或者另报计划。",
        "{value} is not a level of this plan ({expected}); check it, or make another plan.",
    ),
    Code.PLANNED_TWICE: (
        "与第 {other_row} 行是同一人。一人在一份计划中只列一次，请删除其中一行。",
        "the same person as row {other_row}; a plan names a person once. Delete one of the two.",
    ),
    Code.PLANNED_NOBODY: (
        "表中没有人员。请在表头下逐行填写拟参加评价的职工后重新提交。",
        "the table has no persons; fill in one per row below the header.",
    ),
    Code.PLANNED_ASSESSOR: (
        "此人（{value}）是本计划的考评人员，不能同时参加评价。请删除该行，或者更换考评人员。",
        "this person ({value}) assesses in this plan and cannot be assessed in it; delete the row.",
    ),
    Code.PLANNED_HOLDS: (
        "此人（{value}）已持有同一职业同一等级的有效证书，评价合格也不再核发。请核对是否仍须参加。",
        "this person ({value}) already holds a valid certificate of this occupation and level.",
    ),
    Code.REMARK_ID_NUMBER: (
        "备注中有证件号码。请删去，证件号码只填在“证件号码”列。",
        "the remark holds an ID number; take it out.",
    ),
}
"""Facts beside the usual ones: `found` is the first day of the assessment."""
