"""The texts of the findings on a table of scores (评价成绩), and the words of results.

Scores: code -> (Chinese, English); results: why a person did not pass, as the pages say it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Final

from registry.rules.findings import FindingCode as Code
from registry.rules.scores import Failing
from registry.sheets.layout_scores import PART_NAMES

if TYPE_CHECKING:
    from registry.rules.scheme import PartKind

SCORE_TEXTS: Final[Mapping[Code, tuple[str, str]]] = {
    Code.SCORE_MISSING: (
        "没有成绩。请填 0 至 100 分；没有参加的填“缺考”。",
        "there is no mark; fill in 0 to 100, or 缺考 for who did not take part.",
    ),
    Code.SCORE_FORM: (
        "成绩“{value}”无法识别。请填 0 至 100 的数字，最多一位小数；没有参加的填“缺考”。",
        "the mark “{value}” is not a number with at most one decimal; correct it.",
    ),
    Code.SCORE_RANGE: (
        "成绩“{value}”超过 100 分。各项满分均为 100 分，请改正。",
        "the mark “{value}” is over 100; every part has 100 marks.",
    ),
    Code.SCORE_UNEXPECTED: (
        "{level}的评价方案没有此项，却填了成绩。请清空此格。",
        "the scheme of {level} has no such part; empty the cell.",
    ),
    Code.SAFETY_RECORD_UNKNOWN: (
        "“{value}”无法识别。请填“无”或者“严重违反”。",
        "“{value}” is not known; choose 无 (none) or 严重违反 (serious breach).",
    ),
    Code.ADMISSION_TWICE: (
        "准考证号与第 {other_row} 行相同。每人一个准考证号，请改正。",
        "the admission number is that of row {other_row}; correct one of the two.",
    ),
    Code.RESULT_UNPLANNED: (
        "此人（{value}）不在实施计划的名册内，不能登记成绩。请核对证件号码，或者删除该行。",
        "this person ({value}) is not on the plan's roster; check the ID number or delete the row.",
    ),
    Code.RESULT_TWICE: (
        "与第 {other_row} 行是同一人。每人只登记一次，请删除其中一行。",
        "the same person as row {other_row}; delete one of the two.",
    ),
    Code.RESULT_OTHER_NAME: (
        "姓名与实施计划名册中此证件号码（{value}）的姓名不一致。请核对证件后改正。",
        "the name is not the one on the roster for this ID number ({value}); check the ID card.",
    ),
    Code.RESULT_OTHER_LEVEL: (
        "等级与实施计划名册（{expected}）不一致。请按名册填写。",
        "the level is not that of the plan's roster ({expected}).",
    ),
    Code.RESULT_ABSENT: (
        "名册第 {other_row} 行人员 {value} 没有成绩。请补上该行；没有参加的各项填“缺考”。",
        "roster row {other_row}, {value}, has no row here; add it, with 缺考 if absent.",
    ),
}

_FAILING: Final = {
    Failing.PART: "{part}未达合格分",
    Failing.TOTAL: "总成绩未达合格分",
    Failing.ABSENT: "{part}缺考",
    Failing.SAFETY: "严重违反安全生产记录，一票否决",
}


def failing_text(failing: tuple[tuple[Failing, PartKind | None], ...]) -> str:
    """Say why a person did not pass; "" for one who did."""
    return "；".join(
        _FAILING[why].format(part=PART_NAMES[part] if part else "") for why, part in failing
    )


@cache
def points(tenths: int) -> str:
    """Write marks kept in tenths of a point: 755 is 75.5, 800 is 80."""
    whole, rest = divmod(tenths, 10)
    return f"{whole}.{rest}" if rest else str(whole)
