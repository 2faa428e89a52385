"""The lookup form: four facts of which two are asked, and what may be wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from signing.mirror import Factor, normalise
from signing.wording import Words

if TYPE_CHECKING:
    from collections.abc import Mapping

LEAST: Final = 2
"""Facts a lookup needs (全国联网查询的规则: 任意两项)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One input; `name` is also its id on the page."""

    name: str
    factor: Factor
    label: Words
    hint: Words
    longest: int


FIELDS: Final = (
    Field(
        name="number",
        factor=Factor.NUMBER,
        label=Words("证书编号", "Certificate number"),
        hint=Words("共 22 位，以字母开头", "22 characters, beginning with a letter"),
        longest=40,
    ),
    Field(
        name="name",
        factor=Factor.NAME,
        label=Words("姓名", "Name"),
        hint=Words("与证书上的写法一致", "As printed on the certificate"),
        longest=80,
    ),
    Field(
        name="id-number",
        factor=Factor.ID_NUMBER,
        label=Words("证件号码", "ID number"),
        hint=Words("考评时所用身份证件的号码", "Of the document used for the assessment"),
        longest=40,
    ),
    Field(
        name="admission",
        factor=Factor.ADMISSION,
        label=Words("准考证号", "Admission number"),
        hint=Words("没有的可不填", "Leave empty if there is none"),
        longest=60,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something wrong with one field; the text never repeats what was typed."""

    field: str
    text: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What was typed, normalised; `faults` is empty when it can be looked up."""

    facts: Mapping[Factor, str]
    faults: tuple[Fault, ...]


EMPTY: Final = Form(facts={}, faults=())
"""A form nobody has filled in yet."""


def read(values: Mapping[str, str]) -> Form:
    """Read a submitted form."""
    facts: dict[Factor, str] = {}
    faults = []
    for field in FIELDS:
        typed = values.get(field.name, "")
        value = normalise(field.factor, typed)
        if len(typed) > field.longest:
            faults.append(Fault(field=field.name, text=_TOO_LONG))
        elif not value.isprintable():
            faults.append(Fault(field=field.name, text=_UNREADABLE))
        elif value:
            facts[field.factor] = value
    if not faults and len(facts) < LEAST:
        faults.append(Fault(field=FIELDS[0].name, text=_TWO))
    return Form(facts=facts, faults=tuple(faults))


_TWO: Final = Words(
    "请至少填写两项（为保护个人信息，已填写的内容不予保留）",
    "Fill in at least two; to protect personal data, what was typed is not kept",
)
_TOO_LONG: Final = Words("填写的内容过长，请检查", "This is too long; please check it")
_UNREADABLE: Final = Words(
    "含有无法识别的字符，请重新填写", "This holds characters that cannot be read; type it again"
)
