"""The table by which the catalogue of occupations (职业目录) comes in (notice 二)."""

from __future__ import annotations

from typing import Final

from registry.sheets.columns import Column, Layout

CATALOGUE: Final = Layout(
    name="catalogue",
    sheet="职业目录",
    columns=(
        Column(
            key="edition",
            header="分类版本",
            help="职业分类大典的版本：2015 或 2022。",
            width=10,
            aliases=("版本", "大典版本"),
        ),
        Column(
            key="catalogue_code",
            header="职业编码",
            help="形如 6-18-01-01，第一位为 3、4、5 或 6。",
            width=13,
            aliases=("职业代码",),
        ),
        Column(
            key="catalogue_name",
            header="职业名称",
            help="与职业分类大典一致。",
            width=24,
            aliases=("职业",),
        ),
        Column(
            key="directions",
            header="工种/职业方向",
            help="没有可不填；几个之间用“、”隔开。",
            width=40,
            required=False,
            aliases=("工种", "职业方向", "工种(职业方向)"),
        ),
        Column(
            key="levels",
            header="可认定等级",
            help="国家职业技能标准规定的等级，如 54321，或者五级、四级、三级。",
            width=16,
            aliases=("等级", "技能等级"),
        ),
        Column(
            key="national",
            header="国家职业资格目录内",
            help="填是或否。填“是”的职业不得开展等级认定，空白即为否。",
            width=20,
            required=False,
            aliases=("是否在国家职业资格目录内", "国家目录"),
        ),
    ),
    notes=(
        "橙色表头为必填，灰色表头可不填；列的顺序可以调整，表头文字请勿改动。",
        "同一版本、同一编码只占一行；目录中已有的以本表为准更新，本表没有的保持不变。",
    ),
)
