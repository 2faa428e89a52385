"""The table by which a year's holiday notice (节假日安排) comes in: ranges of days."""

from __future__ import annotations

from typing import Final

from registry.sheets.columns import Column, Layout

NOTICE: Final = Layout(
    name="notice",
    sheet="节假日安排",
    columns=(
        Column(
            key="range_first",
            header="开始日期",
            help="形如 2027-01-01，或者 1月1日。",
            width=14,
            aliases=("开始", "起始日期", "日期"),
            as_text=False,
        ),
        Column(
            key="range_last",
            header="结束日期",
            help="含当日；只有一天的可不填。",
            width=14,
            required=False,
            aliases=("结束", "终止日期"),
            as_text=False,
        ),
        Column(
            key="range_kind",
            header="安排",
            help="填放假或者上班。上班只填调休上班的星期六、星期日。",
            width=10,
            aliases=("类型", "放假或上班"),
        ),
    ),
    notes=(
        "每行一段放假日期，或者一天调休上班；含双休日在内的整段放假即可。",
        "列的顺序可以调整，表头文字请勿改动。",
    ),
)
