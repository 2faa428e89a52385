"""The result page filled into a skeleton: Jinja renders each shape of it once, not each page.

A page's *shape* is all that steers the template: state, answers, which lines there are. What is
left are texts. The shape is rendered once with marks in their places and cut at the marks; after
that a page is its texts, escaped, between the pieces. The first page of a shape is rendered both
ways: a shape for which the bytes differ gets no skeleton, so a template that has come to use a
text in another way costs time and never shows something else.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Final

from flask import render_template
from markupsafe import escape

from signing.wording import Words
from verify_web.display import display, told
from verify_web.times import Shown, clock_words, machine_time
from verify_web.wording_page import CHAIN_ADVICE, ENDED, ENDED_ADVICE

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from verify_web.expert import Expert
    from verify_web.reach import Compared, Reached
    from verify_web.views import View

MOST_SHAPES: Final = 256
"""Shapes kept; about 20 KB each. There are some dozens, times the heights of trees."""

_BETWEEN: Final = "\x1d"

_MARK: Final = re.compile("\x1e(\\d+)\x1f")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultPage:
    """All that the template of the result page is given."""

    view: View
    onward: str
    token: str
    expert: Expert | None
    compared: tuple[Compared, ...]
    reach: tuple[Reached, ...]
    policy: str


class Skeletons:
    """Renders result pages. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[Hashable, list[str] | None] = OrderedDict()

    def render(self, page: ResultPage) -> str:
        """Give the page's HTML, the same that the template alone would give."""
        shape = _shape(page)
        with self._lock:
            known = shape in self._kept
            pieces = self._kept.get(shape)
            if known:
                self._kept.move_to_end(shape)
        if pieces is not None and (filled := _filled(pieces, page)) is not None:
            return filled
        whole = _rendered(page)
        if not known:
            pieces = _cut(_rendered(_marked(page)))
            if _filled(pieces, page) != whole:
                pieces = None
            with self._lock:
                self._kept[shape] = pieces
                while len(self._kept) > MOST_SHAPES:
                    self._kept.popitem(last=False)
        return whole


def _rendered(page: ResultPage) -> str:
    return render_template(
        "certificate.html",
        view=page.view,
        onward=page.onward,
        token=page.token,
        expert=page.expert,
        compared=page.compared,
        reach=page.reach,
        listed=any(step.code == "listed" and step.day for step in page.reach),
        chain_advice=ENDED_ADVICE if _ended(page) else CHAIN_ADVICE,
        policy=page.policy,
    )


def _ended(page: ResultPage) -> bool:
    return any(step.code == ENDED for step in page.reach)


def _cut(marked: str) -> list[str]:
    # Pieces of the skeleton, and between each two of them the number of a text.
    return _MARK.split(marked)


def _filled(pieces: list[str], page: ResultPage) -> str | None:
    # Escaped all at once. Our readers refuse control characters; a text that holds one all the
    # same would put the rest out of place.
    own = _texts(page)
    texts = str(escape(_BETWEEN.join(own))).split(_BETWEEN)
    if len(texts) != len(own):
        return None
    parts = pieces.copy()
    parts[1::2] = [texts[int(number)] for number in pieces[1::2]]
    return "".join(parts)


def _shape(page: ResultPage) -> Hashable:
    view = page.view
    return (
        display(),
        view.state.code,
        view.verdict,
        view.as_of is None,
        view.see_edition is None,
        page.onward == "",
        tuple((fact.code, told(fact.aside) == "", len(fact.groups)) for fact in view.facts),
        tuple(part.value.zh == "" for part in view.number_parts),
        tuple(
            (
                step.reason_code,
                step.answer,
                step.as_of is None,
                step.detail is None,
                step.name == "",
            )
            for step in view.steps
        ),
        len(page.compared),
        tuple((step.code, step.day is None) for step in page.reach),
        None if page.expert is None else len(page.expert.path),
    )


def _texts(page: ResultPage) -> list[str]:
    """List the page's own texts; `_marked` puts their numbers where they belong."""
    view, expert = page.view, page.expert
    texts = [page.onward, page.token, page.policy, str(view.see_edition)]
    for moment in (view.checked_at, view.as_of, *(step.as_of for step in view.steps)):
        texts += _pair(None if moment is None else clock_words(moment))
        texts.append("" if moment is None else machine_time(moment))
    for fact in view.facts:
        texts += (fact.value, *_pair(fact.aside), *fact.groups)
    for part in view.number_parts:
        texts += (part.text, *_pair(part.value))
    for step in view.steps:
        texts += (*_pair(step.detail), step.name)
    for row in page.compared:
        texts += (row.value, row.shown)
    for reached in page.reach:
        texts += _pair(reached.day)
    if expert is not None:
        drawing = expert.drawing
        texts += (expert.entry, str(expert.index), str(expert.size), expert.root, expert.note)
        texts += (str(drawing.height), drawing.lines, drawing.dots, drawing.boxes, *expert.path)
    return texts


def _pair(text: Words | None) -> tuple[str, str]:
    return ("", "") if text is None else (text.zh, text.en)


def _marked(page: ResultPage) -> ResultPage:
    """Put marks in the place of the page's texts, in the order of `_texts`."""
    marks = _marks()
    view, expert = page.view, page.expert
    onward, token, policy, edition = (next(marks) for _ in range(4))
    now = _moment(marks)
    as_of, *step_times = (_moment(marks) for _ in range(1 + len(view.steps)))
    facts = tuple(
        replace(
            fact,
            value=next(marks),
            aside=_words_or_none(fact.aside, marks),
            groups=tuple(next(marks) for _ in fact.groups),
        )
        for fact in view.facts
    )
    parts = tuple(
        replace(part, text=next(marks), value=_words_or_none(part.value, marks))
        for part in view.number_parts
    )
    details = [(_words(marks), next(marks)) for _ in view.steps]
    steps = tuple(
        replace(
            step,
            as_of=None if step.as_of is None else time,
            detail=None if step.detail is None else detail,
            name=_or_none(step.name, name),
        )
        for step, time, (detail, name) in zip(view.steps, step_times, details, strict=True)
    )
    compared = tuple(replace(row, value=next(marks), shown=next(marks)) for row in page.compared)
    days = [_words(marks) for _ in page.reach]
    reach = tuple(
        replace(step, day=None if step.day is None else day)
        for step, day in zip(page.reach, days, strict=True)
    )
    return ResultPage(
        view=replace(
            view,
            facts=facts,
            number_parts=parts,
            steps=steps,
            as_of=None if view.as_of is None else as_of,
            see_edition=None if view.see_edition is None else edition,
            checked_at=now,
        ),
        onward=_or_none(page.onward, onward),
        token=token,
        expert=None if expert is None else _marked_expert(expert, marks),
        compared=compared,
        reach=reach,
        policy=policy,
    )


def _marked_expert(expert: Expert, marks: Iterator[str]) -> Expert:
    entry, index, size, root, note = (next(marks) for _ in range(5))
    height, lines, dots, boxes = (next(marks) for _ in range(4))
    drawing = replace(expert.drawing, height=height, lines=lines, dots=dots, boxes=boxes)
    path = tuple(next(marks) for _ in expert.path)
    return replace(
        expert,
        entry=entry,
        index=index,
        size=size,
        root=root,
        note=note,
        drawing=drawing,
        path=path,
    )


def _marks() -> Iterator[str]:
    number = 0
    while True:
        yield f"\x1e{number}\x1f"
        number += 1


def _moment(marks: Iterator[str]) -> Shown:
    return Shown(clock=_words(marks), machine=next(marks))


def _words(marks: Iterator[str]) -> Words:
    return Words(next(marks), next(marks))


def _words_or_none(text: Words, marks: Iterator[str]) -> Words:
    mark = _words(marks)
    return Words(_or_none(text.zh, mark.zh), _or_none(text.en, mark.en))


def _or_none(text: str, mark: str) -> str:
    # An empty text steers the template: it stays, and its number is used for nothing.
    return mark if text else ""
