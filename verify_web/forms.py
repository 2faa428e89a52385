"""The lookup form: four facts of which two are asked, and what may be wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from signing.mirror import Factor, normalise
from signing.wording import Words
from verify_web.catalogue import both

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
        label=both("证书编号"),
        hint=both("共 22 位，以字母开头"),
        longest=40,
    ),
    Field(
        name="name",
        factor=Factor.NAME,
        label=both("姓名"),
        hint=both("与证书上的写法一致"),
        longest=80,
    ),
    Field(
        name="id-number",
        factor=Factor.ID_NUMBER,
        label=both("证件号码"),
        hint=both("考评时所用身份证件的号码"),
        longest=40,
    ),
    Field(
        name="admission",
        factor=Factor.ADMISSION,
        label=both("准考证号"),
        hint=both("没有的可不填"),
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


_TWO: Final = both("请至少填写两项（为保护个人信息，已填写的内容不予保留）")
_TOO_LONG: Final = both("填写的内容过长，请检查")
_UNREADABLE: Final = both("含有无法识别的字符，请重新填写")
