"""A report of `signing.verify` as the page shows it: one state, the printed facts, the steps.

The ID number is masked here (first 3, last 4), once for pages and JSON. Facts are shown only
when the record and its signature have been verified: what failed must not look official.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from signing.record import mask_id
from signing.report import Answer, StepCode, Verdict
from signing.wording import Words, level_words, words
from verify_web.numbers import NumberPart, explain
from verify_web.times import printed_date
from verify_web.wording import ANSWERS, STATES, State, reason_words

if TYPE_CHECKING:
    from datetime import datetime

    from signing.record import Record
    from signing.report import Report, Step

_SIGNED: Final = (StepCode.RECORD, StepCode.SIGNATURE)
"""The steps that make a record's facts the issuer's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One printed field."""

    label: Words
    value: str
    aside: str = ""
    is_number: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """One check with its answer, reason and time."""

    number: int
    title: Words
    word: Words
    tone: str
    icon: str
    reason: Words
    as_of: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All a page shows of one certificate."""

    state: State
    title: Words
    facts: tuple[Fact, ...]
    number_parts: tuple[NumberPart, ...]
    steps: tuple[StepView, ...]
    as_of: datetime | None
    see_edition: int | None
    checked_at: datetime
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


def view_of(report: Report, *, checked_at: datetime, reissued: bool = False) -> View:
    """Make the page's view of a report that was drawn up at `checked_at`.

    `reissued`: what stands in the place of a corrected edition has the same facts.
    """
    record = trusted_record(report)
    return View(
        state=STATES["reissued" if reissued else report.verdict.value],
        title=_title(record),
        facts=facts_of(record, filed_as=_filed_as(report)) if record else (),
        number_parts=explain(record.number) if record else (),
        steps=tuple(map(_step, report.steps)),
        # A time beside 无效 would read as if something had been confirmed as of then.
        as_of=None if report.verdict is Verdict.INVALID else report.as_of,
        see_edition=report.see_edition,
        checked_at=checked_at,
    )


def trusted_record(report: Report) -> Record | None:
    """Give the record, if its facts may be shown as the issuer's."""
    signed = all(report.step(code).answer is Answer.VALID for code in _SIGNED)
    return report.record if signed and report.verdict is not Verdict.INVALID else None


def facts_of(record: Record, *, filed_as: str) -> tuple[Fact, ...]:
    """List the printed fields in the order of the paper (参考样式), the edition last.

    `filed_as` is the assessing body's name on file, shown where the paper has another.
    """
    return (
        Fact(label=Words("姓名", "Name"), value=record.name),
        Fact(label=Words("证件类型", "ID type"), value=words(record.id_type).zh),
        Fact(
            label=Words("证件号码", "ID number"),
            value=mask_id(record.id_number),
            aside="为保护个人信息，只显示前 3 位和后 4 位",
        ),
        Fact(label=Words("职业名称", "Occupation"), value=record.occupation),
        Fact(label=Words("工种/职业方向", "Direction"), value=record.direction or "--"),
        Fact(label=Words("职业技能等级", "Skill level"), value=level_words(record.level).zh),
        Fact(
            label=Words("证书编号", "Certificate number"),
            value=record.number,
            is_number=True,
        ),
        Fact(
            label=Words("评价机构", "Assessing body"),
            value=record.issuer,
            aside=f"现备案名称：{filed_as}" if filed_as not in ("", record.issuer) else "",
        ),
        Fact(label=Words("发证日期", "Date of issue"), value=printed_date(record.issued)),
        Fact(
            label=Words("版次", "Edition"), value=f"第 {record.edition} 版", aside=_edition(record)
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
        title=words(step.code),
        word=words(step.answer),
        tone=tone,
        icon=icon,
        reason=reason_words(step.reason),
        as_of=step.as_of,
    )
