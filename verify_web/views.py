"""A report of `signing.verify` as the page shows it: one state, the printed facts, the steps.

The ID number is masked here (first 3, last 4), once for pages and JSON. Facts are shown only
when the record and its signature have been verified: what failed must not look official.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from signing.record import mask_id, mask_name
from signing.report import REQUIRED_STEPS, Answer, Reason, Step, StepCode, Verdict
from signing.wording import Words, level_words, words
from verify_web.catalogue import NOTHING, both, fill
from verify_web.numbers import NumberPart, explain, number_groups
from verify_web.times import Shown, date_words
from verify_web.wording import ANSWERS, STATES, State, reason_words
from verify_web.wording_page import DETAILS, EDITION, FIELDS, IMPORTED, NO_WITNESS

if TYPE_CHECKING:
    from datetime import datetime

    from signing.record import Record
    from signing.report import Report

_SIGNED: Final = (StepCode.RECORD, StepCode.SIGNATURE)
"""The steps that make a record's facts the issuer's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One printed field: `value` as printed, `aside` in the page's language."""

    label: Words
    value: str
    aside: Words = NOTHING
    groups: tuple[str, ...] = ()
    """A number's characters in the groups in which they are read, else empty."""
    code: str = ""
    """The record's field, by which the browser module finds it on the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """One check with its answer, reason and time."""

    number: int
    code: str
    answer: Answer
    title: Words
    word: Words
    tone: str
    icon: str
    reason_code: str
    reason: Words
    detail: Words | None
    name: str
    """The company's name that ends the line of facts, if it has one."""
    as_of: datetime | Shown | None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All a page shows of one certificate."""

    verdict: Verdict
    state: State
    occupation: str
    level: Words
    facts: tuple[Fact, ...]
    number_parts: tuple[NumberPart, ...]
    steps: tuple[StepView, ...]
    as_of: datetime | Shown | None
    see_edition: int | str | None
    checked_at: datetime | Shown
    """When this site did the checks: the time of every step that has none of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One certificate of a lookup's results, with the page where its checks stand."""

    token: str
    view: View
    report: Report

    def order(self) -> tuple[bool, int, int]:
        """Sort key: those no longer used last, then the newest issue, then the newest edition."""
        record = self.report.record
        issued = date.fromisoformat(record.issued).toordinal() if record else 0
        edition = record.edition if record else 0
        return self.report.verdict is Verdict.CORRECTED, -issued, -edition


def view_of(
    report: Report, *, checked_at: datetime, reissued: bool = False, named: bool = True
) -> View:
    """Make the page's view of a report that was drawn up at `checked_at`.

    `reissued`: what stands in the place of a corrected edition has the same facts. `named` is
    False for somebody who has not shown to know the name: it is masked then.
    """
    record = trusted_record(report)
    return View(
        verdict=report.verdict,
        state=_state(report, reissued=reissued),
        occupation=record.occupation if record else "",
        level=level_words(record.level) if record else NOTHING,
        facts=facts_of(
            record,
            filed_as=_filed_name(report.step(StepCode.SIGNATURE)),
            imported=report.step(StepCode.INCLUSION).reason is Reason.INCLUSION_IMPORTED,
            named=named,
        )
        if record
        else (),
        number_parts=explain(record.number) if record else (),
        steps=tuple(map(_step, report.steps)),
        # A time beside 无效 would read as if something had been confirmed as of then.
        as_of=None if report.verdict is Verdict.INVALID else report.as_of,
        see_edition=report.see_edition,
        checked_at=checked_at,
    )


def _state(report: Report, *, reissued: bool) -> State:
    if report.step(StepCode.RECORD).reason is Reason.RECORD_FOREIGN_HOST:
        # A look-alike's code must not look like a passing difficulty of ours.
        return STATES["foreign-site"]
    return STATES["reissued" if reissued else report.verdict.value]


def trusted_record(report: Report) -> Record | None:
    """Give the record, if its facts may be shown as the issuer's."""
    signed = all(report.step(code).answer is Answer.VALID for code in _SIGNED)
    return report.record if signed and report.verdict is not Verdict.INVALID else None


def facts_of(record: Record, *, filed_as: str, imported: bool, named: bool) -> tuple[Fact, ...]:
    """List the printed fields in the order of the paper (参考样式), the edition last.

    `filed_as` is the assessing body's name on file, shown where the paper has another; `imported`
    says that the certificate was issued before it was in the log (补录).
    """
    level, day = level_words(record.level), date_words(record.issued)
    # What each field says on the paper, and beside it what that means to who reads no Chinese.
    fields = {
        "name": (record.name if named else mask_name(record.name), NOTHING if named else _MASKED),
        "id_type": (words(record.id_type).zh, Words("", words(record.id_type).en)),
        "id_number": (mask_id(record.id_number), _MASKED_ID),
        "occupation": (record.occupation, NOTHING),
        "direction": (record.direction or "--", NOTHING),
        "level": (level.zh, Words("", level.en)),
        "number": (record.number, NOTHING),
        "issuer": (record.issuer, _now_named(record, filed_as)),
        "issued": (day.zh, Words("", day.en)),
        "edition": (EDITION.format(record.edition), _edition(record, imported=imported)),
    }
    return tuple(
        Fact(
            code=code,
            label=label,
            value=fields[code][0],
            aside=fields[code][1],
            groups=number_groups(record.number) if code == "number" else (),
        )
        for code, label in FIELDS.items()
    )


_MASKED: Final = both("查询时填写姓名的，显示全名")
_MASKED_ID: Final = both("为保护个人信息，只显示前 3 位和后 4 位")


def _now_named(record: Record, filed_as: str) -> Words:
    if filed_as in ("", record.issuer):
        return NOTHING
    return fill(both("现备案名称：{name}"), name=filed_as)


def _filed_name(step: Step) -> str:
    return step.facts.get("registered_name", "")


def _edition(record: Record, *, imported: bool) -> Words:
    if record.edition == 1 and imported:
        # Counted from the registration: whether there were others before, nobody here knows.
        return both("自补录起计；补录之前是否补发或者更正过，本系统没有记载")
    if record.edition == 1:
        return both("首次颁发")
    return both("补发或者更正后重新颁发，证书编号不变，此前各版不再使用")


def _step(step: Step) -> StepView:
    tone, icon = ANSWERS[step.answer]
    return StepView(
        number=step.number,
        code=step.code,
        answer=step.answer,
        title=words(step.code),
        word=words(step.answer),
        tone=tone,
        icon=icon,
        reason_code=step.reason,
        reason=reason_words(step.reason),
        detail=detail_of(step),
        name=_filed_name(step),
        as_of=step.as_of,
    )


def blank_steps() -> tuple[StepView, ...]:
    """Give the five steps before anything was checked, for a page that the browser fills in."""
    return tuple(
        _step(Step(code=code, answer=Answer.CANNOT_SAY, reason=Reason.ONLY_OFFLINE))
        for code in StepCode
        if code in REQUIRED_STEPS
    )


def detail_of(step: Step) -> Words | None:
    """Fill the step's line of facts; None where one of them is not known."""
    text = IMPORTED if "imported" in step.facts else DETAILS.get(step.code)
    if text is None or (step.code is StepCode.SIGNATURE and not _filed_name(step)):
        return None
    try:
        return fill(text, **{name: value or NO_WITNESS for name, value in step.facts.items()})
    except KeyError:
        return None
