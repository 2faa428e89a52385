"""The table of a company's assessors (考评人员): who, what they may assess, until when."""

from __future__ import annotations

from typing import Final

from registry.sheets.columns import BY_KEY, SEQUENCE, Column, Layout

ASSESSORS: Final = Layout(
    name="assessors",
    sheet="考评人员",
    columns=(
        SEQUENCE,
        BY_KEY["name"],
        BY_KEY["id_type"],
        BY_KEY["id_number"],
        Column(
            key="occupations",
            header="考评职业编码",
            help="职业分类大典编码，形如 6-31-01-03；多个用“、”分开。",
            width=24,
            aliases=("职业编码", "考评职业", "考评范围"),
        ),
        Column(
            key="certificate",
            header="考评员证书编号",
            help="考评人员资格证书的编号，不超过 40 字。",
            width=20,
            aliases=("证书编号", "证书号", "考评员证号"),
        ),
        Column(
            key="valid_until",
            header="资格有效期至",
            help="形如 2028-12-31：资格证书有效的最后一天。",
            width=14,
            aliases=("有效期至", "有效期", "资格有效期"),
            as_text=False,
        ),
    ),
    notes=(
        "橙色表头为必填；列的顺序可以调整，表头文字请勿改动。",
        "每人一行，中间不要合并单元格，不要使用公式；从别处复制时请用“选择性粘贴—数值”。",
        "已登记的人员请在名单中修改，不要再次导入。",
    ),
)
