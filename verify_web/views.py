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
from verify_web.numbers import NumberPart, explain, number_groups
from verify_web.times import Shown, printed_date
from verify_web.wording import ANSWERS, STATES, State, reason_words
from verify_web.wording_page import DETAILS, NO_WITNESS

if TYPE_CHECKING:
    from datetime import datetime

    from signing.record import Record
    from signing.report import Report

_SIGNED: Final = (StepCode.RECORD, StepCode.SIGNATURE)
"""The steps that make a record's facts the issuer's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One printed field."""

    label: Words
    value: str
    aside: str = ""
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
    as_of: datetime | Shown | None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All a page shows of one certificate."""

    verdict: Verdict
    state: State
    title: Words
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
        title=_title(record),
        facts=facts_of(record, filed_as=_filed_as(report), named=named) if record else (),
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


def facts_of(record: Record, *, filed_as: str, named: bool = True) -> tuple[Fact, ...]:
    """List the printed fields in the order of the paper (参考样式), the edition last.

    `filed_as` is the assessing body's name on file, shown where the paper has another.
    """
    return (
        Fact(
            code="name",
            label=Words("姓名", "Name"),
            value=record.name if named else mask_name(record.name),
            aside="" if named else "查询时填写姓名的，显示全名",
        ),
        Fact(code="id_type", label=Words("证件类型", "ID type"), value=words(record.id_type).zh),
        Fact(
            code="id_number",
            label=Words("证件号码", "ID number"),
            value=mask_id(record.id_number),
            aside="为保护个人信息，只显示前 3 位和后 4 位",
        ),
        Fact(code="occupation", label=Words("职业名称", "Occupation"), value=record.occupation),
        Fact(
            code="direction",
            label=Words("工种/职业方向", "Direction"),
            value=record.direction or "--",
        ),
        Fact(
            code="level",
            label=Words("职业技能等级", "Skill level"),
            value=level_words(record.level).zh,
        ),
        Fact(
            code="number",
            label=Words("证书编号", "Certificate number"),
            value=record.number,
            groups=number_groups(record.number),
        ),
        Fact(
            code="issuer",
            label=Words("评价机构", "Assessing body"),
            value=record.issuer,
            aside=f"现备案名称：{filed_as}" if filed_as not in ("", record.issuer) else "",
        ),
        Fact(
            code="issued",
            label=Words("发证日期", "Date of issue"),
            value=printed_date(record.issued),
        ),
        Fact(
            code="edition",
            label=Words("版次", "Edition"),
            value=f"第 {record.edition} 版",
            aside=_edition(record),
        ),
    )


def _filed_as(report: Report) -> str:
    return report.step(StepCode.SIGNATURE).facts.get("registered_name", "")


def _edition(record: Record) -> str:
    if record.edition == 1:
        return "首次颁发"
    return "补发或者更正后重新颁发，证书编号不变，此前各版不再使用"


def _title(record: Record | None) -> Words:
    if record is None:
        return Words("证书", "Certificate")
    level = level_words(record.level)
    return Words(f"{record.occupation} · {level.zh}", level.en)


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
        detail=_detail(step),
        as_of=step.as_of,
    )


def blank_steps() -> tuple[StepView, ...]:
    """Give the five steps before anything was checked, for a page that the browser fills in."""
    return tuple(
        _step(Step(code=code, answer=Answer.CANNOT_SAY, reason=Reason.ONLY_OFFLINE))
        for code in StepCode
        if code in REQUIRED_STEPS
    )


def _detail(step: Step) -> Words | None:
    """Fill the step's line of facts; None where one of them is not known."""
    text = DETAILS.get(step.code)
    if text is None:
        return None
    try:
        return Words(
            text.zh.format_map(_facts(step, NO_WITNESS.zh)),
            text.en.format_map(_facts(step, NO_WITNESS.en)),
        )
    except KeyError:
        return None


def _facts(step: Step, no_witness: str) -> dict[str, str]:
    return {name: value or no_witness for name, value in step.facts.items()}
