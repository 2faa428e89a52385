"""How a scheme is shown (评价方案): rows of facts, parts by level, the task list, what is wrong.

The same rows stand on the check page and on the case's page.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for

from registry.office.scheme_form import LevelForm, SchemeForm, StandardKind
from registry.office.schemes import SchemePreview
from registry.rules.levels import BY_SYMBOL
from registry.rules.scheme import PartKind
from registry.wording_schemes import PARTS, STANDARDS, scheme_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One line of the task list."""

    word: str
    english: str
    address: str
    status: str
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelShown:
    """One level's parts in words; ``found`` are its faults, ``lacking`` what else it lacks."""

    level: str
    word: str
    parts: tuple[tuple[str, str, str, str], ...]
    total: int
    reasons: tuple[tuple[str, str], ...]
    found: tuple[str, ...]
    lacking: tuple[str, ...]


def standard_rows(form: SchemeForm) -> tuple[tuple[str, str], ...]:
    """Give the scheme's facts, label and value."""
    trade = f"（{form.direction}）" if form.direction else ""
    company = form.standard_kind == StandardKind.COMPANY
    return (
        ("职业（工种）", f"{form.occupation}{trade} {form.occupation_code}"),
        ("职业分类大典", f"{form.edition} 年版"),
        ("依据的标准", STANDARDS.get(form.standard_kind, "未填写")),
        ("标准名称", form.standard or "未填写"),
        ("编号或者文号", form.standard_number or "未填写"),
        *((("无国家标准的说明", form.standard_reason),) if company else ()),
    )


def levels_shown(form: SchemeForm, seen: SchemePreview) -> tuple[LevelShown, ...]:
    """Give each level's parts in words, with what is wrong with them."""
    return tuple(
        LevelShown(
            level=item.level,
            word=BY_SYMBOL[item.level].printed,
            parts=_part_words(item),
            total=item.total_mark,
            reasons=tuple((PARTS[PartKind(r.kind)], r.text) for r in item.reasons),
            found=_found(seen, item.level),
            lacking=tuple(PARTS[kind] for level, kind in seen.lacking if level == item.level),
        )
        for item in form.levels
    )


def _part_words(level: LevelForm) -> tuple[tuple[str, str, str, str], ...]:
    return tuple(
        (
            PARTS[PartKind(part.kind)],
            f"{part.weight}%",
            f"{part.pass_mark} 分",
            "不合格即总评不合格" if part.veto else "计入总成绩",
        )
        for part in level.parts
    )


def _found(seen: SchemePreview, level: str) -> tuple[str, ...]:
    return tuple(scheme_text(item.finding) for item in seen.findings if item.level == level)


def task_lines(case_id: int, seen: SchemePreview, offered: str) -> list[Task]:
    """Give the task list: the standard, and each level that may be assessed."""
    status, tone = ("未填写", "") if seen.standard_missing else ("已完成", "good")
    address = url_for("schemes.standard", case_id=case_id)
    lines = [Task(word="评价标准", english="Standard", address=address, status=status, tone=tone)]
    kept = {item.level for item in seen.form.levels}
    for level in offered:
        status, tone = ("已完成", "good") if level in kept else ("不评价此等级", "")
        if _found(seen, level):
            status, tone = "需修改", "bad"
        lines.append(
            Task(
                word=BY_SYMBOL[level].printed,
                english=f"Level {level}",
                address=url_for("schemes.level", case_id=case_id, level=level),
                status=status,
                tone=tone,
            )
        )
    return lines


def fault_lines(case_id: int, seen: SchemePreview) -> list[dict[str, str]]:
    """Give what keeps the scheme back, each with the page on which it is mended."""
    tasks = url_for("schemes.tasks", case_id=case_id)
    found = []
    if not seen.listed:
        found.append({"address": "/companies", "text": "本企业不在备案名单内，不能报送评价方案"})
    if not seen.filed:
        text = "该职业（工种）或者等级不在已通过的备案之内，须先申请备案"
        found.append({"address": tasks, "text": text})
    if seen.standard_missing:
        address = url_for("schemes.standard", case_id=case_id)
        found.append({"address": address, "text": "请填写评价标准"})
    if seen.levels_missing:
        found.append({"address": tasks, "text": "请至少填写一个等级"})
    for item in seen.findings:
        address = url_for("schemes.level", case_id=case_id, level=item.level)
        text = f"{BY_SYMBOL[item.level].printed}：{scheme_text(item.finding)}"
        found.append({"address": address, "text": text})
    return found
