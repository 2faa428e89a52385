"""The texts of the findings on an imported catalogue (职业目录): code -> (Chinese, English)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.rules.findings import FindingCode as Code

REGISTER_TEXTS: Final[Mapping[Code, tuple[str, str]]] = {
    Code.CATALOGUE_EDITION: (
        "分类版本“{value}”无法识别。请填 {expected} 之一。",
        "the edition “{value}” is not known; give one of {expected}.",
    ),
    Code.CATALOGUE_YES_NO: (
        "“{value}”不是“是”或“否”。请改正：在国家职业资格目录内的填“是”。",
        "“{value}” is neither 是 nor 否; write 是 for an occupation of the national catalogue.",
    ),
    Code.CATALOGUE_TWICE: (
        "编码 {value} 在第 {other_row} 行已有。同一版本的编码只占一行，请删除其中一行。",
        "code {value} stands in row {other_row} already; delete one of the two.",
    ),
    Code.CATALOGUE_EMPTY: (
        "表中没有职业。请在表头下逐行填写后重新提交。",
        "the table has no occupations; fill in one per row below the header.",
    ),
}
