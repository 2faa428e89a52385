"""A certificate number (证书编号) explained part by part, in Chinese and English."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from registry.rules.levels import BY_SYMBOL
from registry.rules.numbers import FILED_WITH_PROVINCE, PartKey, parts
from registry.rules.regions import PROVINCES

if TYPE_CHECKING:
    from registry.rules.numbers import CertificateNumber, OldNumber, Part

_LABELS: Final = {
    PartKey.BODY_CLASS: ("评价机构类别", "class of assessing body"),
    PartKey.BODY_CODE: ("评价机构代码", "body code"),
    PartKey.PROVINCE: ("评价机构（站点）所在省级代码", "province of the body"),
    PartKey.BODY_SERIAL: ("评价机构（站点）序列码", "serial of the body in its province"),
    PartKey.YEAR: ("证书核发年份代码", "year of issue"),
    PartKey.LEVEL: ("职业技能等级代码", "level"),
    PartKey.SERIAL: ("证书序列码", "serial of the certificate"),
    PartKey.OLD_YEAR: ("发证年份", "year of issue"),
    PartKey.OLD_PROVINCE: ("省（行业）代码", "province or industry"),
    PartKey.OLD_CITY: ("地市代码", "city"),
    PartKey.OLD_BODY_KIND: ("鉴定机构性质", "kind of body"),
    PartKey.OLD_BODY: ("鉴定机构代码", "body"),
    PartKey.OLD_LEVEL: ("等级代码", "level"),
    PartKey.OLD_SERIAL: ("证书序号", "serial"),
}
_CLASSES: Final = {
    "Y": ("用人单位", "employer"),
    "S": ("社会培训评价组织", "social assessment organisation"),
}
_SPECIAL_GRADE: Final = (
    "五级以外的等级（代码未公布）",
    "a grade beyond the five (symbol not published)",
)
_FILED: Final = {
    True: ("在省级人社部门备案", "filed with a province"),
    False: ("在人社部备案遴选", "filed with the ministry"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedPart:
    """Positions (from 1), characters, label and meaning; the meaning is "" if it has no table."""

    first: int
    last: int
    text: str
    label: str
    label_en: str
    meaning: str
    meaning_en: str


def explain(number: CertificateNumber | OldNumber) -> tuple[ExplainedPart, ...]:
    """Explain every part of a number, in order."""
    explained = []
    for part in parts(number):
        label, label_en = _LABELS[part.key]
        meaning, meaning_en = _meaning(part)
        explained.append(
            ExplainedPart(
                first=part.first,
                last=part.last,
                text=part.text,
                label=label,
                label_en=label_en,
                meaning=meaning,
                meaning_en=meaning_en,
            )
        )
    return tuple(explained)


def _meaning(part: Part) -> tuple[str, str]:
    """Give the meaning of a part's characters where a table has one."""
    if part.key is PartKey.BODY_CLASS:
        return _CLASSES.get(part.text, ("其他类别", "another class"))
    if part.key is PartKey.BODY_CODE:
        return _FILED[part.text == FILED_WITH_PROVINCE]
    if part.key is PartKey.PROVINCE:
        province = PROVINCES.get(part.text, "")
        return province, province
    if part.key is PartKey.LEVEL:
        printed = BY_SYMBOL[part.text].printed if part.text in BY_SYMBOL else ""
        return (printed, printed) if printed else _SPECIAL_GRADE
    return (f"20{part.text} 年", f"20{part.text}") if part.key is PartKey.YEAR else ("", "")
