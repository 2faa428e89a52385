"""Reading the assessment scheme (评价方案) from what was typed: its standard, and a level's parts.

A page is kept only whole: what does not read is said field by field and nothing is stored. What
reads and is not enough is a finding of the rules, seen on the page that checks the scheme.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from registry.office.form_faults import FieldFault, FormFaults
from registry.office.scheme_form import (
    LevelForm,
    PartForm,
    Reason,
    SchemeForm,
    StandardKind,
    with_level,
)
from registry.rules.scheme import FULL, PartKind, national_parts
from registry.rules.text import squeeze, tidy

LONGEST_STANDARD: Final = 120
LONGEST_NUMBER: Final = 60
LONGEST_REASON: Final = 300
YES: Final = "yes"
"""What a ticked box sends."""

_DIGITS: Final = 4
"""Digits of a number that is worth reading."""


def read_standard(form: SchemeForm, values: Mapping[str, str]) -> SchemeForm:
    """Return the form with the standard as typed. Raises ``FormFaults``."""
    kind = values.get("standard_kind", "")
    standard, number = tidy(values.get("standard", "")), tidy(values.get("standard_number", ""))
    reason = tidy(values.get("standard_reason", ""))
    faults = []
    if kind not in frozenset(StandardKind):
        faults.append(FieldFault(field="standard_kind", text="请选择方案所依据的标准"))
    if not 1 <= len(standard) <= LONGEST_STANDARD:
        text = f"请填写标准名称，不超过 {LONGEST_STANDARD} 个字"
        faults.append(FieldFault(field="standard", text=text))
    if not 1 <= len(number) <= LONGEST_NUMBER:
        text = f"请填写标准编号或者颁布文号，不超过 {LONGEST_NUMBER} 个字"
        faults.append(FieldFault(field="standard_number", text=text))
    if kind == StandardKind.COMPANY and not reason:
        text = "请说明没有国家职业技能标准（有国家标准的须以国家标准为依据，通知六（二））"
        faults.append(FieldFault(field="standard_reason", text=text))
    if len(reason) > LONGEST_REASON:
        text = f"说明不能超过 {LONGEST_REASON} 个字"
        faults.append(FieldFault(field="standard_reason", text=text))
    if faults:
        raise FormFaults(faults)
    return replace(
        form,
        standard=standard,
        standard_kind=kind,
        standard_number=number,
        standard_reason=reason if kind == StandardKind.COMPANY else "",
    )


def read_level(form: SchemeForm, level: str, values: Mapping[str, str]) -> SchemeForm:
    """Return the form with a level's parts as typed; ``use-<kind>`` ticks a part.

    Raises ``FormFaults`` for what does not read; what reads and is not enough is a finding.
    """
    faults: list[FieldFault] = []
    parts = tuple(
        PartForm(
            kind=kind.value,
            pass_mark=_mark(values, f"pass-{kind}", "合格分数", faults),
            veto=values.get(f"veto-{kind}") == YES,
            weight=_mark(values, f"weight-{kind}", "权重", faults),
        )
        for kind in PartKind
        if values.get(f"use-{kind}") == YES
    )
    total = _mark(values, "total_mark", "总成绩合格分数", faults)
    reasons = tuple(_reasons(level, values, faults))
    if not parts:
        faults.append(FieldFault(field=f"use-{PartKind.THEORY}", text="请至少选择一种评价方式"))
    if faults:
        raise FormFaults(faults)
    new = LevelForm(level=level, parts=parts, reasons=reasons, total_mark=total)
    return with_level(form, new)


def _reasons(level: str, values: Mapping[str, str], faults: list[FieldFault]) -> Iterator[Reason]:
    for kind in national_parts(level):
        field = f"reason-{kind}"
        text = tidy(values.get(field, ""))
        if len(text) > LONGEST_REASON:
            words = f"理由不能超过 {LONGEST_REASON} 个字"
            faults.append(FieldFault(field=field, text=words))
        elif text:
            yield Reason(kind=kind.value, text=text)


def _mark(values: Mapping[str, str], field: str, label: str, faults: list[FieldFault]) -> int:
    text = squeeze(values.get(field, "")).removesuffix("%")
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        faults.append(FieldFault(field=field, text=f"{label}请填 0 至 {FULL} 的整数"))
        return 0
    return int(text)
