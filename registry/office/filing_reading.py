"""Reading the application form (备案申请表) from what was typed, section by section.

A section is kept only whole: what does not read is said field by field and nothing is stored, so
that a stored section never has to be doubted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from registry.office.filing_form import LEVELS_LOW_TO_HIGH, Applied, FilingForm
from registry.office.form_faults import FieldFault, FormFaults
from registry.rules.levels import BY_SYMBOL
from registry.rules.text import fold, squeeze, tidy
from registry.store.registers import Occupation

MOST_OCCUPATIONS: Final = 30
YES: Final = "yes"
"""What a ticked box sends."""

_NUMBER: Final = re.compile(r"[0-9]{1,7}")
_PHONE: Final = re.compile(r"[0-9+()-]{7,24}")
_LONGEST_DIRECTION: Final = 60
_LONGEST_REASON: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """A text field: its label, and how long it may be in characters."""

    label: str
    most: int


_TEXTS: Final = {
    "address": _Text(label="注册地址", most=120),
    "legal_person": _Text(label="法定代表人", most=60),
    "contact": _Text(label="联系人", most=60),
    "main_business": _Text(label="主营业务", most=200),
    "scope": _Text(label="经营范围", most=2000),
}
_COUNTS: Final = {
    "insured_staff": "在我市参保的职工人数",
    "managers": "专职评价工作管理人员数",
    "experts": "专家人数",
    "supervisors": "质量督导人员数",
}
_TICKS: Final = ("registered_here", "good_standing", "mechanisms", "pay_rules")


class _Reader:
    """Reads fields one by one and collects what is wrong; mutable: it lives for one form post."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self._faults: list[FieldFault] = []

    def text(self, name: str, label: str, most: int, clean: Callable[[str], str] = tidy) -> str:
        """Read a text that must be there; its reading at fault is empty."""
        found = clean(self._values.get(name, ""))
        if not found:
            self.fault(name, f"请填写{label}")
        elif len(found) > most:
            self.fault(name, f"{label}不能超过 {most} 个字")
        return found

    def count(self, name: str, label: str) -> int:
        """Read a whole number from 0 on; full-width digits and a comma between them are let be."""
        found = squeeze(self._values.get(name, "")).replace(",", "")
        if not _NUMBER.fullmatch(found):
            self.fault(name, f"请用数字填写{label}，没有的填 0")
            return 0
        return int(found)

    def ticked(self, name: str) -> bool:
        """Say whether a box is ticked."""
        return self._values.get(name) == YES

    def fault(self, name: str, text: str) -> None:
        """Note one fault."""
        self._faults.append(FieldFault(field=name, text=text))

    def finish(self) -> None:
        """Raise ``FormFaults`` if there was any."""
        if self._faults:
            raise FormFaults(self._faults)


def read_company(form: FilingForm, values: Mapping[str, str]) -> FilingForm:
    """Return the form with the company's facts as typed. Raises ``FormFaults``."""
    reader = _Reader(values)
    found = {name: reader.text(name, of.label, of.most) for name, of in _TEXTS.items()}
    phone = reader.text("phone", "联系电话", 24, squeeze)
    if phone and not _PHONE.fullmatch(phone):
        reader.fault("phone", "请填写联系电话，只用数字，区号和分机可用短横线隔开")
    reader.finish()
    return replace(form, phone=phone, **found)


def read_conditions(form: FilingForm, values: Mapping[str, str]) -> FilingForm:
    """Return the form with the conditions as declared. Raises ``FormFaults``."""
    reader = _Reader(values)
    counts = {name: reader.count(name, label) for name, label in _COUNTS.items()}
    ticks = {name: reader.ticked(name) for name in _TICKS}
    reader.finish()
    return replace(form, **counts, **ticks)


def add_applied(
    form: FilingForm, values: Mapping[str, str], catalogue: Callable[[str], Occupation | None]
) -> FilingForm:
    """Return the form with one occupation more, as typed. Raises ``FormFaults``.

    ``catalogue`` gives the newest edition's row for a code or a name.
    """
    reader = _Reader(values)
    asked = reader.text("occupation", "职业编码或者职业名称", 80, fold)
    row = catalogue(asked) if asked else None
    if asked and row is None:
        text = "职业分类大典中没有此编码或者名称，请按“职业目录”核对"
        reader.fault("occupation", text)
    direction = tidy(values.get("direction", ""))
    if len(direction) > _LONGEST_DIRECTION:
        reader.fault("direction", f"工种（职业方向）不能超过 {_LONGEST_DIRECTION} 个字")
    levels = "".join(level for level in LEVELS_LOW_TO_HIGH if reader.ticked(f"level-{level}"))
    if not levels:
        reader.fault("level-5", "请选择申请认定的等级")
    elif row is not None and not set(levels) <= set(row.levels):
        allowed = "、".join(BY_SYMBOL[s].printed for s in LEVELS_LOW_TO_HIGH if s in row.levels)
        reader.fault("level-5", f"该职业可认定的等级为{allowed}")
    stations = reader.count("stations", "工位数")
    assessors = reader.count("assessors", "考评人员数")
    applicants = reader.count("applicants", "拟申报职工人数")
    reason = tidy(values.get("reason", ""))
    if len(reason) > _LONGEST_REASON:
        reader.fault("reason", f"与主营业务的关系不能超过 {_LONGEST_REASON} 个字")
    if row and any((o.code, o.direction) == (row.code, direction) for o in form.occupations):
        reader.fault("occupation", "此职业（工种）已在申请之列")
    if len(form.occupations) >= MOST_OCCUPATIONS:
        reader.fault("occupation", f"一次最多申请 {MOST_OCCUPATIONS} 个职业（工种）")
    reader.finish()
    if row is None:
        raise AssertionError  # a row that is not there is a fault
    applied = Applied(
        applicants=applicants,
        assessors=assessors,
        code=row.code,
        direction=direction,
        edition=row.edition,
        levels=levels,
        name=row.name,
        reason=reason,
        stations=stations,
    )
    return replace(form, occupations=(*form.occupations, applied))
