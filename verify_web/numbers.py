"""What a certificate number says of itself (人社鉴发〔2019〕2号), and hints for typed ones.

A hint depends on the form of what was typed alone, never on what the register holds: it
must not tell whether a number exists.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from signing.wording import Words, level_words
from verify_web.catalogue import NOTHING, both, fill

if TYPE_CHECKING:
    from collections.abc import Collection

PROVINCE: Final = slice(5, 7)
"""Where a number, or an issuer's prefix, holds the province's two digits."""

_LENGTH: Final = 22
"""Characters of a certificate number."""

_NUMBER = re.compile(r"[A-Z][0-9]{14}[0-9A-Z][0-9]{6}", re.ASCII)
_OLD_NUMBER = re.compile(r"[0-9]{16}", re.ASCII)
_ID_NUMBER = re.compile(r"[0-9]{17}[0-9X]", re.ASCII)

_PROVINCES: Final = {
    "11": both("北京市"),
    "12": both("天津市"),
    "13": both("河北省"),
    "14": both("山西省"),
    "15": both("内蒙古自治区"),
    "21": both("辽宁省"),
    "22": both("吉林省"),
    "23": both("黑龙江省"),
    "31": both("上海市"),
    "32": both("江苏省"),
    "33": both("浙江省"),
    "34": both("安徽省"),
    "35": both("福建省"),
    "36": both("江西省"),
    "37": both("山东省"),
    "41": both("河南省"),
    "42": both("湖北省"),
    "43": both("湖南省"),
    "44": both("广东省"),
    "45": both("广西壮族自治区"),
    "46": both("海南省"),
    "50": both("重庆市"),
    "51": both("四川省"),
    "52": both("贵州省"),
    "53": both("云南省"),
    "54": both("西藏自治区"),
    "61": both("陕西省"),
    "62": both("甘肃省"),
    "63": both("青海省"),
    "64": both("宁夏回族自治区"),
    "65": both("新疆维吾尔自治区"),
    "71": both("台湾省"),
    "81": both("香港特别行政区"),
    "82": both("澳门特别行政区"),
}
"""By the first two digits of GB/T 2260."""

_GROUPS: Final = tuple(
    slice(*ends) for ends in itertools.pairwise((0, 1, 5, 7, 13, 15, 16, _LENGTH))
)

_CLASSES: Final = {"Y": both("用人单位"), "S": both("社会评价组织")}


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberPart:
    """One run of the number's characters and its meaning; `value` may be NOTHING."""

    text: str
    name: Words
    value: Words


def number_groups(number: str) -> tuple[str, ...]:
    """Part a 22-character number as it is read aloud; any other stays in one piece."""
    if len(number) != _LENGTH:
        return (number,)
    return tuple([number[group] for group in _GROUPS])


def explain(number: str) -> tuple[NumberPart, ...]:
    """Take a 22-character number apart; empty for any other."""
    if not _NUMBER.fullmatch(number):
        return ()
    body = number[1:5]
    first_filed = both("首次在省级备案") if body == "0000" else both("首次在国家备案")
    return (
        NumberPart(
            text=number[0],
            name=both("评价机构类别"),
            value=_CLASSES.get(number[0], NOTHING),
        ),
        NumberPart(text=body, name=both("机构代码"), value=first_filed),
        NumberPart(
            text=number[PROVINCE],
            name=both("所在省份"),
            value=_PROVINCES.get(number[PROVINCE], NOTHING),
        ),
        NumberPart(text=number[7:13], name=both("机构序列号"), value=NOTHING),
        NumberPart(
            text=number[13:15],
            name=both("发证年份"),
            value=year_words(f"20{number[13:15]}"),
        ),
        NumberPart(
            text=number[15],
            name=both("职业技能等级"),
            value=level_words(number[15]),
        ),
        NumberPart(text=number[16:], name=both("证书序列号"), value=NOTHING),
    )


def year_words(year: str) -> Words:
    """Give a year of four digits as it is read."""
    return Words(f"{year}年", year)


def hint(number: str, own_provinces: Collection[str]) -> Words | None:
    """Explain a typed, normalised number this register cannot hold; None if it might."""
    if not number:
        return None
    if _OLD_NUMBER.fullmatch(number):
        return both(
            "您填写的是 16 位编号，属于原国家职业资格证书。本站只登记 22 位编号的职业技能等级证书，"
            "请到全国联网查询系统查询。"
        )
    if _ID_NUMBER.fullmatch(number):
        return both("证书编号一栏填写的内容像是身份证件号码。证书编号共 22 位，以字母开头。")
    if not _NUMBER.fullmatch(number):
        return fill(
            both("证书编号共 22 位，以字母开头；您填写了 {typed} 位。请对照证书原件检查。"),
            typed=len(number),
        )
    if number[PROVINCE] not in own_provinces:
        province = _PROVINCES.get(number[PROVINCE], both("其他省份"))
        return fill(
            both("该编号属于{province}的评价机构，不在本站登记范围内，请到全国联网查询系统查询。"),
            province=province,
        )
    return None
