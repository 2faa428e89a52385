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

if TYPE_CHECKING:
    from collections.abc import Collection

PROVINCE: Final = slice(5, 7)
"""Where a number, or an issuer's prefix, holds the province's two digits."""

_NUMBER = re.compile(r"[A-Z][0-9]{14}[0-9A-Z][0-9]{6}", re.ASCII)
_OLD_NUMBER = re.compile(r"[0-9]{16}", re.ASCII)
_ID_NUMBER = re.compile(r"[0-9]{17}[0-9X]", re.ASCII)

_PROVINCES: Final = {
    "11": "北京市",
    "12": "天津市",
    "13": "河北省",
    "14": "山西省",
    "15": "内蒙古自治区",
    "21": "辽宁省",
    "22": "吉林省",
    "23": "黑龙江省",
    "31": "上海市",
    "32": "江苏省",
    "33": "浙江省",
    "34": "安徽省",
    "35": "福建省",
    "36": "江西省",
    "37": "山东省",
    "41": "河南省",
    "42": "湖北省",
    "43": "湖南省",
    "44": "广东省",
    "45": "广西壮族自治区",
    "46": "海南省",
    "50": "重庆市",
    "51": "四川省",
    "52": "贵州省",
    "53": "云南省",
    "54": "西藏自治区",
    "61": "陕西省",
    "62": "甘肃省",
    "63": "青海省",
    "64": "宁夏回族自治区",
    "65": "新疆维吾尔自治区",
    "71": "台湾省",
    "81": "香港特别行政区",
    "82": "澳门特别行政区",
}
"""By the first two digits of GB/T 2260."""

_GROUP_ENDS: Final = (1, 5, 7, 13, 15, 16, 22)

_CLASSES: Final = {"Y": "用人单位", "S": "社会评价组织"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberPart:
    """One run of the number's characters and its meaning; `value` may be empty."""

    text: str
    name: Words
    value: str


def number_groups(number: str) -> tuple[str, ...]:
    """Part a 22-character number as it is read aloud; any other stays in one piece."""
    if len(number) != _GROUP_ENDS[-1]:
        return (number,)
    return tuple(number[a:b] for a, b in itertools.pairwise((0, *_GROUP_ENDS)))


def explain(number: str) -> tuple[NumberPart, ...]:
    """Take a 22-character number apart; empty for any other."""
    if not _NUMBER.fullmatch(number):
        return ()
    body = number[1:5]
    first_filed = "首次在省级备案" if body == "0000" else "首次在国家备案"
    return (
        NumberPart(
            text=number[0],
            name=Words("评价机构类别", "Kind of body"),
            value=_CLASSES.get(number[0], ""),
        ),
        NumberPart(text=body, name=Words("机构代码", "Body code"), value=first_filed),
        NumberPart(
            text=number[PROVINCE],
            name=Words("所在省份", "Province"),
            value=_PROVINCES.get(number[PROVINCE], ""),
        ),
        NumberPart(text=number[7:13], name=Words("机构序列号", "Body serial"), value=""),
        NumberPart(
            text=number[13:15],
            name=Words("发证年份", "Year of issue"),
            value=f"20{number[13:15]}年",
        ),
        NumberPart(
            text=number[15],
            name=Words("职业技能等级", "Skill level"),
            value=level_words(number[15]).zh,
        ),
        NumberPart(text=number[16:], name=Words("证书序列号", "Certificate serial"), value=""),
    )


def hint(number: str, own_provinces: Collection[str]) -> Words | None:
    """Explain a typed, normalised number this register cannot hold; None if it might."""
    if not number:
        return None
    if _OLD_NUMBER.fullmatch(number):
        return Words(
            "您填写的是 16 位编号，属于原国家职业资格证书。本站只登记 22 位编号的职业技能等级证书，"
            "请到全国联网查询系统查询。",
            "A 16-digit number belongs to the former vocational qualification certificate, which"
            " is not kept here. Please use the national lookup.",
        )
    if _ID_NUMBER.fullmatch(number):
        return Words(
            "证书编号一栏填写的内容像是身份证件号码。证书编号共 22 位，以字母开头。",
            "The number looks like that of an identity document. A certificate number has 22"
            " characters and begins with a letter.",
        )
    if not _NUMBER.fullmatch(number):
        return Words(
            f"证书编号共 22 位，以字母开头；您填写了 {len(number)} 位。请对照证书原件检查。",
            f"A certificate number has 22 characters and begins with a letter; {len(number)}"
            " were typed. Please check it against the paper.",
        )
    if number[PROVINCE] not in own_provinces:
        province = _PROVINCES.get(number[PROVINCE], "其他省份")
        return Words(
            f"该编号属于{province}的评价机构，不在本站登记范围内，请到全国联网查询系统查询。",
            "This number was assigned in another province and is not kept here. Please use the"
            " national lookup.",
        )
    return None
