"""What a company writes down of an assessor (考评人员登记), and what can be wrong with it.

One reader for the page and for each row of a table, so that both are told the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from registry.office.form_faults import FieldFault
from registry.rules.dates import read_date
from registry.rules.findings import Fault, FindingCode
from registry.rules.names import NameReader
from registry.rules.occupations import read_occupation_code
from registry.rules.people import IdType, read_id_number, read_id_type
from registry.rules.text import Cell, cell_text, squeeze, tidy

LONGEST_CERTIFICATE: Final = 40
OCCUPATIONS_AT_MOST: Final = 30
WORDS: Final = {
    "name": "姓名",
    "id_type": "证件类型",
    "id_number": "证件号码",
    "occupations": "考评职业编码",
    "certificate": "考评员证书编号",
    "valid_until": "资格有效期至",
}
"""Fields of the form, as the page and the table call them."""

_ID_WORDS: Final = {
    FindingCode.ID_AS_NUMBER: "以数字格式存放，末几位已丢失，请把该列设为“文本”格式后重新输入",
    FindingCode.ID_LENGTH: "证件号码位数不对，居民身份证应为 18 位，请核对原件",
    FindingCode.ID_FORM: "证件号码含有不应出现的字符，请核对原件",
    FindingCode.ID_TYPE_CONTRADICTS: "号码与所选证件类型不一致，请核对",
    FindingCode.ID_REGION: "号码前两位不是有效的省级代码，请核对原件",
    FindingCode.ID_BIRTH: "号码第 7 至 14 位不是有效的出生日期，请核对原件",
    FindingCode.ID_CHECK_DIGIT: "证件号码校验位不符，请核对原件",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessorEntry:
    """An entry as typed; ``occupations`` are codes parted by blanks, commas or ``、``."""

    name: str
    id_type: str
    id_number: str
    occupations: str
    certificate: str
    valid_until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadEntry:
    """A faultless entry, normalised."""

    name: str
    id_type: IdType
    id_number: str
    occupations: tuple[str, ...]
    certificate: str
    valid_until: date


def entry_of(cells: Mapping[str, Cell]) -> AssessorEntry:
    """Take an entry from the cells of a row of the assessors' table."""
    kind = read_id_type(cell_text(cells.get("id_type")))
    until = read_date(cells.get("valid_until"))
    return AssessorEntry(
        name=cell_text(cells.get("name")),
        id_type="" if isinstance(kind, Fault) else kind.value,
        id_number=cell_text(cells.get("id_number")),
        occupations=cell_text(cells.get("occupations")),
        certificate=cell_text(cells.get("certificate")),
        valid_until=None if isinstance(until, Fault) else until,
    )


def read_entry(entry: AssessorEntry, today: date) -> tuple[ReadEntry | None, list[FieldFault]]:
    """Read an entry, or say everything that is wrong with it."""
    faults: list[FieldFault] = []
    latin = entry.id_type != IdType.RESIDENT_ID.value
    name = NameReader(lambda _char: True).read(entry.name, latin=latin)
    if isinstance(name, Fault) or not name:
        faults.append(_fault("name", "请按证件填写姓名：汉字姓名不含数字、空格和自造字"))
    kind = next((kind for kind in IdType if kind.value == entry.id_type), None)
    number = "" if kind is None else _id_number(entry.id_number, kind, today, faults)
    if kind is None:
        faults.append(_fault("id_type", "请选择证件类型"))
    codes, more = read_scope(entry, today)
    faults += more
    if faults or isinstance(name, Fault) or kind is None or entry.valid_until is None:
        return None, faults
    read = ReadEntry(
        name=name,
        id_type=kind,
        id_number=number,
        occupations=codes,
        certificate=tidy(entry.certificate),
        valid_until=entry.valid_until,
    )
    return read, faults


def read_scope(entry: AssessorEntry, today: date) -> tuple[tuple[str, ...], list[FieldFault]]:
    """Read what may change later: occupations (the codes), certificate, validity."""
    faults = []
    read = [read_occupation_code(text) for text in _split(entry.occupations)]
    codes = tuple(dict.fromkeys(code for code in read if isinstance(code, str)))
    if not read:
        faults.append(_fault("occupations", "请填写可以考评的职业编码，形如 6-31-01-03"))
    elif any(isinstance(code, Fault) for code in read):
        text = "职业编码有误：应形如 6-31-01-03，属第三至第六大类"
        faults.append(_fault("occupations", text))
    elif len(codes) > OCCUPATIONS_AT_MOST:
        faults.append(_fault("occupations", f"职业最多 {OCCUPATIONS_AT_MOST} 个"))
    if not 0 < len(tidy(entry.certificate)) <= LONGEST_CERTIFICATE:
        text = f"请填写考评员证书编号，不超过 {LONGEST_CERTIFICATE} 字"
        faults.append(_fault("certificate", text))
    if entry.valid_until is None:
        faults.append(_fault("valid_until", "请填写资格有效期，形如 2028-12-31"))
    elif entry.valid_until < today:
        faults.append(_fault("valid_until", "资格有效期已过，请换证后再登记"))
    return codes, faults


def _id_number(text: str, kind: IdType, today: date, faults: list[FieldFault]) -> str:
    number = read_id_number(text, kind, today=today)
    if isinstance(number, str):
        return number
    blank = not squeeze(text)
    words = "请填写证件号码" if blank else _ID_WORDS.get(number.code, "证件号码有误，请核对原件")
    faults.append(_fault("id_number", words))
    return ""


def _split(text: str) -> Iterator[str]:
    for sign in "、，,;；":
        text = text.replace(sign, " ")
    yield from text.split()


def _fault(field: str, text: str) -> FieldFault:
    return FieldFault(field=field, text=text)
