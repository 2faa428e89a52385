"""The table by which existing certificates come in (既有证书补录): one row a certificate.

It asks for what stands on the certificate and for nothing else (PIPL art. 6).
"""

from __future__ import annotations

from typing import Final

from registry.sheets.columns import BY_KEY, SEQUENCE, Column, Layout

IMPORT: Final = Layout(
    name="import",
    sheet="既有证书补录",
    columns=(
        SEQUENCE,
        BY_KEY["name"],
        BY_KEY["id_type"],
        BY_KEY["id_number"],
        Column(
            key="number",
            header="证书编号",
            help="证书上的 22 位编号，按文本填写；前 13 位须是本机构的编码，不接受 16 位旧编号。",
            width=26,
            aliases=("证书号", "证书号码", "证书编码"),
        ),
        BY_KEY["occupation"],
        BY_KEY["occupation_code"],
        BY_KEY["direction"],
        BY_KEY["level"],
        BY_KEY["issued"],
        BY_KEY["admission"],
        Column(
            key="assessor",
            header="评价机构",
            help="可不填；证书上的机构名称与现备案名称不同的，按证书填写。",
            width=28,
            required=False,
            aliases=("评价机构名称", "发证机构", "机构名称"),
        ),
    ),
    notes=(
        "本表只用于补录此前已颁发、已有 22 位编号的证书；新发证书请用评价结果表。",
        "橙色表头为必填，灰色表头可不填；列的顺序可以调整，表头文字请勿改动。",
        "每证一行，按证书原样填写；中间不要合并单元格，不要使用公式；粘贴时请用“选择性粘贴—数值”。",
        "本表不收集性别、出生日期、文化程度和成绩，请勿增加这些列。",
    ),
)
