"""The table by which scores come in (评价成绩): one row a person of the roster, one column a part.

Notice 五 names the ways of assessing; a plan's own table has the columns of its scheme alone, and
comes with persons, admission numbers and occupation filled in.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from registry.rules.scheme import PartKind
from registry.rules.scores_sheet import mark_key
from registry.sheets.columns import BY_KEY, SEQUENCE, Column, Layout

PART_NAMES: Final = {
    PartKind.THEORY: "理论知识考试",
    PartKind.SKILL: "操作技能考核",
    PartKind.SAFETY: "安全生产考察",
    PartKind.ETHICS: "职业道德评分",
    PartKind.PERFORMANCE: "工作业绩评定",
    PartKind.CREDITS: "在线培训考核",
    PartKind.REVIEW: "综合评审",
}
_SHORT: Final = {
    PartKind.THEORY: ("理论成绩", "理论知识"),
    PartKind.SKILL: ("技能成绩", "操作技能"),
    PartKind.SAFETY: ("安全生产", "安全生产考察成绩"),
    PartKind.ETHICS: ("职业道德",),
    PartKind.PERFORMANCE: ("工作业绩",),
    PartKind.CREDITS: ("学分累积", "在线培训"),
    PartKind.REVIEW: ("综合评审成绩",),
}


def _mark_column(kind: PartKind) -> Column:
    return Column(
        key=mark_key(kind),
        header=PART_NAMES[kind],
        help="0 至 100 分，最多一位小数；没有参加的填“缺考”。",
        width=14,
        required=False,
        aliases=_SHORT[kind],
    )


SAFETY_RECORD: Final = Column(
    key="safety_record",
    header="安全生产记录",
    help="填“无”或者“严重违反”：一段时间内在岗位上有严重违反安全生产记录的，一票否决。",
    width=14,
    aliases=("严重违反安全生产记录", "安全记录"),
)
PLANNED_OCCUPATION: Final = Column(
    key="planned_occupation",
    header="职业名称",
    help="系统已按计划填好，不读取。",
    width=18,
    required=False,
    aliases=("职业",),
)
PLANNED_LEVEL: Final = Column(
    key="planned_level",
    header="申报等级",
    help="系统已按名册填好；改动后与名册不一致的会被指出。",
    width=14,
    required=False,
    aliases=("等级", "职业技能等级", "技能等级", "级别"),
)
SCORES: Final = Layout(
    name="scores",
    sheet="评价成绩",
    columns=(
        SEQUENCE,
        BY_KEY["name"],
        BY_KEY["id_number"],
        BY_KEY["admission"],
        PLANNED_OCCUPATION,
        PLANNED_LEVEL,
        *map(_mark_column, PartKind),
        SAFETY_RECORD,
    ),
    notes=(
        "人员已按实施计划名册填好，请勿增删；未参加的在各项填“缺考”。",
        "准考证号已按计划编号预填，可改为本企业编号。",
        "中间不要合并单元格，不要使用公式；从别处复制时请用“选择性粘贴—数值”。",
        "是否合格由系统按已公布的评价方案计算，不需填写结论。",
    ),
)


def scores_layout(kinds: Collection[PartKind]) -> Layout:
    """Give the table of one plan: its scheme's parts and no others."""
    left_out = {mark_key(kind) for kind in PartKind if kind not in kinds}
    columns = tuple(column for column in SCORES.columns if column.key not in left_out)
    return replace(SCORES, columns=columns)
