"""Puts marks into a page in the place of its certificate's own texts (`verify_web.sight`).

What the template makes of the marked page is a frame: cut at the marks, it takes any certificate's
texts. A field that is empty stays so: the template leaves out what stands around it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Final

from signing.report import StepCode
from signing.wording import Words
from verify_web.times import Shown
from verify_web.views import detail_of
from verify_web.wording_page import CHAIN

if TYPE_CHECKING:
    from signing.report import Step
    from verify_web.expert import Expert
    from verify_web.reach import Compared
    from verify_web.sight import Sight
    from verify_web.skeleton import ResultPage
    from verify_web.views import Fact, StepView, View

_SINGLE: Final = 19
"""Texts of `own_texts` before the number's groups."""

_GROUPS: Final = 7
_YEAR_PART: Final = 4
"""Which of the number's seven parts is the year, told in words beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Marks:
    """A mark for each text of `own_texts`, in its order."""

    token: str
    onward: str
    clock: str
    machine: str
    name: str
    id_number: str
    occupation: str
    direction: str
    issuer: str
    issued: str
    printed: str
    issued_en: str
    number: str
    year: str
    detail: str
    entry: str
    index: str
    lines: str
    boxes: str
    groups: tuple[str, ...]
    days: tuple[str, ...]
    path: tuple[str, ...]


def _marks(levels: int) -> _Marks:
    marks = [f"\x1e{number}\x1f" for number in range(_SINGLE + _GROUPS + len(CHAIN) + levels)]
    single, rest = marks[:_SINGLE], marks[_SINGLE:]
    names = [field.name for field in fields(_Marks)]
    return _Marks(
        **dict(zip(names, single, strict=False)),
        groups=tuple(rest[:_GROUPS]),
        days=tuple(rest[_GROUPS : _GROUPS + len(CHAIN)]),
        path=tuple(rest[_GROUPS + len(CHAIN) :]),
    )


def marked(page: ResultPage, sight: Sight) -> ResultPage:
    """Give the page of `sight` with a mark in the place of each text of `own_texts`."""
    marks = _marks(len(sight.proof.path))
    return replace(
        page,
        token=marks.token,
        onward=page.onward and marks.onward,
        view=_marked_view(page.view, sight, marks),
        compared=tuple(_marked_row(row, sight, marks) for row in page.compared),
        reach=tuple(
            replace(step, day=step.day and _mark(mark))
            for step, mark in zip(page.reach, marks.days, strict=True)
        ),
        expert=page.expert and _marked_expert(page.expert, marks),
    )


def _marked_view(view: View, sight: Sight, marks: _Marks) -> View:
    parts = [
        replace(part, text=mark) for part, mark in zip(view.number_parts, marks.groups, strict=True)
    ]
    parts[_YEAR_PART] = replace(parts[_YEAR_PART], value=_mark(marks.year))
    return replace(
        view,
        facts=_marked_facts(view.facts, sight, marks),
        number_parts=tuple(parts),
        steps=tuple(_marked_step(step, sight, marks) for step in view.steps),
        checked_at=Shown(clock=_mark(marks.clock), machine=marks.machine),
    )


def signed_by(step: Step, name: str) -> Words | None:
    """Give the signature step's line of facts with another name on file."""
    return detail_of(replace(step, facts={**step.facts, "registered_name": name}))


def _marked_step(step: StepView, sight: Sight, marks: _Marks) -> StepView:
    if step.code == StepCode.INCLUSION:
        return replace(step, detail=step.detail and _mark(marks.detail))
    if step.code == StepCode.SIGNATURE and step.name == sight.record.issuer:
        detail = signed_by(sight.report.step(StepCode.SIGNATURE), marks.issuer)
        return replace(step, name=marks.issuer, detail=detail)
    return step


def _marked_row(row: Compared, sight: Sight, marks: _Marks) -> Compared:
    told = {
        "name": (marks.name, marks.name),
        "occupation": (marks.occupation, marks.occupation),
        "number": (marks.number, marks.number),
        "issuer": (marks.issuer, marks.issuer),
        "issued": (marks.issued, marks.printed),
    }
    if sight.record.direction:
        told["direction"] = marks.direction, marks.direction
    value, shown = told.get(row.code, (row.value, row.shown))
    return replace(row, value=value, shown=shown)


def _marked_facts(facts: tuple[Fact, ...], sight: Sight, marks: _Marks) -> tuple[Fact, ...]:
    values = {
        "name": marks.name,
        "id_number": marks.id_number,
        "occupation": marks.occupation,
        "number": marks.number,
        "issuer": marks.issuer,
        "issued": marks.printed,
    }
    if sight.record.direction:
        values["direction"] = marks.direction
    told = []
    for fact in facts:
        if fact.code not in values:
            told.append(fact)
            continue
        aside = Words("", marks.issued_en) if fact.code == "issued" else fact.aside
        groups = fact.groups and marks.groups
        told.append(replace(fact, value=values[fact.code], aside=aside, groups=groups))
    return tuple(told)


def _marked_expert(expert: Expert, marks: _Marks) -> Expert:
    return replace(
        expert,
        entry=marks.entry,
        index=marks.index,
        path=marks.path,
        drawing=replace(expert.drawing, lines=marks.lines, boxes=marks.boxes),
    )


def _mark(mark: str) -> Words:
    return Words(mark, mark)
