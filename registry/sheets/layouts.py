"""All tables that come in as spreadsheets, by name; a plan's roster (评价员工名册) stands here.

Notice 三 and 六（三）1: whoever is assessed is own insured staff, insured staff of an affiliated
company, or dispatched for at least a year. The roster asks for what shows which, and for nothing
else (PIPL art. 6).
"""

from __future__ import annotations

from typing import Final

from registry.sheets.columns import BY_KEY, RESULTS, SEQUENCE, Column, Layout
from registry.sheets.layout_assessors import ASSESSORS
from registry.sheets.layout_catalogue import CATALOGUE
from registry.sheets.layout_import import IMPORT
from registry.sheets.layout_notice import NOTICE
from registry.sheets.layout_scores import SCORES

ROSTER_COLUMNS: Final = (
    SEQUENCE,
    BY_KEY["name"],
    BY_KEY["id_type"],
    BY_KEY["id_number"],
    Column(
        key="employment",
        header="用工性质",
        help="从下拉列表选择：本企业、关联企业、劳务派遣。",
        width=12,
        aliases=("用工形式", "用工类型", "人员性质"),
    ),
    Column(
        key="employer",
        header="所在单位",
        help="关联企业、劳务派遣人员填参保单位全称；本企业职工可不填。",
        width=28,
        required=False,
        aliases=("单位", "工作单位", "单位名称", "参保单位"),
    ),
    Column(
        key="dispatched_since",
        header="派遣起始日期",
        help="劳务派遣人员必填，形如 2025-09-01：派遣至本企业工作的第一天。",
        width=14,
        required=False,
        aliases=("派遣日期", "派遣开始日期"),
        as_text=False,
    ),
    Column(
        key="applied_level",
        header="申报等级",
        help="从下拉列表选择；须是本计划的等级。",
        width=14,
        aliases=("等级", "职业技能等级", "技能等级", "级别"),
    ),
    Column(
        key="remark",
        header="备注",
        help="可不填，不超过 60 字；不要填写证件号码。",
        width=20,
        required=False,
        aliases=("说明",),
    ),
)
ROSTER: Final = Layout(
    name="roster",
    sheet="评价员工名册",
    columns=ROSTER_COLUMNS,
    notes=(
        "橙色表头为必填，灰色表头视情况填写；列的顺序可以调整，表头文字请勿改动。",
        "每人一行，中间不要合并单元格，不要使用公式；从别处复制时请用“选择性粘贴—数值”。",
        "本表不收集性别、出生日期、文化程度和电话，请勿增加这些列。",
    ),
)
LAYOUTS: Final = {
    layout.name: layout
    for layout in (RESULTS, ROSTER, ASSESSORS, CATALOGUE, SCORES, NOTICE, IMPORT)
}
"""By name: what the worker is told to read."""

COLUMN_OF: Final = {column.key: column for layout in LAYOUTS.values() for column in layout.columns}
"""By key, over all tables: a key means the same in each."""
