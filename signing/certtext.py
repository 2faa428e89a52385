"""A verification report as text for people and as JSON for programs.

Each line has Chinese first, then English, in columns counted as a terminal shows them: a
Chinese character takes two places. The ID number is masked, though whoever runs the command
holds the document: reports get forwarded.
"""

from __future__ import annotations

import json
import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING, Final

from signing.record import Record, mask_id
from signing.report import Answer, Reason, Report, Step, StepCode, Verdict
from signing.steps import CHINA
from signing.wording import level_words, words

if TYPE_CHECKING:
    from collections.abc import Iterator

_LABEL_ZH: Final = 14
_LABEL_EN: Final = 24
_WIDE: Final = frozenset("WF")


def headline(report: Report) -> str:
    """Say in one line why a report is not "valid": the step that decided, and what to do."""
    wanted = Answer.CANNOT_SAY if report.verdict is Verdict.CANNOT_SAY else Answer.INVALID
    decisive = next((step for step in report.steps if step.answer is wanted), None)
    verdict = words(report.verdict)
    text = f"{verdict.zh} {verdict.en}"
    if decisive is None:
        return text
    reason = words(decisive.reason)
    text = f"{text}: {decisive.number}. {reason.zh} {reason.en}"
    if report.see_edition is not None:
        text = f"{text} (第 {report.see_edition} 版 edition {report.see_edition})"
    return text


def as_text(report: Report) -> str:
    """Write the whole report, one fact a line."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    verdict = words(report.verdict)
    yield f"{verdict.zh}  {verdict.en}"
    if report.as_of is not None:
        yield _row("状态截至", "Status as of", _local(report.as_of))
    if report.see_edition is not None:
        number = report.see_edition
        text = f"第 {number} 版或其后各版 edition {number} or later"
        yield _row("请以此版为准", "See instead", text)
    fresh = _fresh_status(report)
    if fresh:
        yield _row("最新状态证明", "Fresh status file", fresh)
    witnesses = report.step(StepCode.CHECKPOINT).facts.get("witnesses", "")
    if witnesses:
        yield _row("见证方", "Witnessed by", witnesses)
    yield from _annotation_rows(report)
    yield ""
    yield from _facts(report)
    for step in report.steps:
        title, result, reason = words(step.code), words(step.answer), words(step.reason)
        heading = _padded(f"{step.number}. {title.zh}", _LABEL_ZH + 4)
        yield f"{heading}{_padded(title.en, _LABEL_EN)}{result.zh} {result.en}"
        yield f"   {reason.zh} {reason.en}"


def _annotation_rows(report: Report) -> Iterator[str]:
    """Say first what an annotated copy was made for: the verdict is about this use alone."""
    stamped = next(
        (step.facts.get("stamped") for step in report.steps if step.code is StepCode.SEAL), None
    )
    if stamped:
        yield _row("签章时间戳", "Seal timestamped", _local(datetime.fromisoformat(stamped)))
    facts = next((step.facts for step in report.steps if step.code is StepCode.COPY), {})
    if "purpose" in facts:
        yield _row("加注用途", "Copy made for", facts["purpose"])
        yield _row("接收单位", "Recipient", facts["recipient"])
        yield _row("副本有效期至", "Copy valid until", facts["until"])


def _fresh_status(report: Report) -> str:
    """Give the address of a fresh status file, where that is what is wanting."""
    step = report.step(StepCode.STATUS)
    return step.facts.get("fresh", "") if step.answer is Answer.CANNOT_SAY else ""


def _facts(report: Report) -> Iterator[str]:
    if report.record is not None:
        yield from _record_rows(report.record)
    elif report.steps and "name" in report.steps[0].facts:
        # Of a QR code: the facts its issuer signed, to compare with the paper.
        facts = report.steps[0].facts
        yield _row("姓名", "Name", facts["name"])
        yield from _common_rows(facts["number"], facts["occupation"], facts["direction"])
        yield _row("职业技能等级", "Level", _level(facts["level"]))
        yield _row("评价机构", "Issuer", facts["issuer"])
        yield _row("发证日期", "Date of issue", facts["issued"])
        yield _row("查询网址", "Address", facts["address"])
    else:
        return
    yield from _registered_name(report)
    inclusion = report.step(StepCode.INCLUSION)
    if inclusion.reason is Reason.INCLUSION_IMPORTED and "imported" in inclusion.facts:
        yield _row("补录日期", "Registered on", inclusion.facts["imported"])
    yield ""


def _record_rows(record: Record) -> Iterator[str]:
    kind = words(record.id_type)
    yield _row("姓名", "Name", record.name)
    yield _row("证件类型", "Identity document", f"{kind.zh} {kind.en}")
    yield _row("证件号码", "Document number", mask_id(record.id_number))
    yield from _common_rows(record.number, record.occupation, record.direction)
    yield _row("职业技能等级", "Level", _level(record.level))
    yield _row("评价机构", "Issuer", record.issuer)
    yield _row("发证日期", "Date of issue", record.issued)
    yield _row("版次", "Edition", str(record.edition))


def _common_rows(number: str, occupation: str, direction: str) -> Iterator[str]:
    yield _row("证书编号", "Certificate number", number)
    yield _row("职业名称", "Occupation", occupation)
    yield _row("工种/职业方向", "Direction", direction or "--")


def _registered_name(report: Report) -> Iterator[str]:
    """Show the issuer's name as filed where it is not the one on the certificate."""
    filed = report.step(StepCode.SIGNATURE).facts.get("registered_name", "")
    first = report.steps[0].facts
    named = report.record.issuer if report.record else first.get("issuer", "")
    if filed not in ("", named):
        yield _row("机构备案名称", "Issuer's name on file", filed)


def _level(symbol: str) -> str:
    level = level_words(symbol)
    return f"{level.zh} {level.en}"


def _row(zh: str, en: str, value: str) -> str:
    return f"{_padded(zh, _LABEL_ZH)}{_padded(en, _LABEL_EN)}{value}"


def _padded(text: str, width: int) -> str:
    taken = sum(2 if unicodedata.east_asian_width(letter) in _WIDE else 1 for letter in text)
    return text + " " * max(width - taken, 1)


def _local(at: datetime) -> str:
    return f"{at.astimezone(CHINA):%Y-%m-%d %H:%M:%S} 北京时间 China time"


def as_json(report: Report) -> str:
    """Write the report as JSON; codes are stable, texts are those of `as_text`."""
    return _dump(
        {
            "verdict": report.verdict,
            "as_of": _utc(report.as_of),
            "see_edition": report.see_edition,
            "record": None if report.record is None else _record_json(report.record),
            "steps": [_step_json(step) for step in report.steps],
        }
    )


def refusal_json(code: str, message: str) -> str:
    """Write what was found when there was nothing to verify: cannot say, with the error."""
    return _dump(
        {
            "verdict": Verdict.CANNOT_SAY,
            "as_of": None,
            "see_edition": None,
            "record": None,
            "steps": [],
            "error": {"code": code, "message": message},
        }
    )


def _record_json(record: Record) -> dict[str, object]:
    values: dict[str, object] = {
        field: getattr(record, field) for field in record.__struct_fields__ if field != "v"
    }
    return values | {
        "id_number": mask_id(record.id_number),
        "admission": mask_id(record.admission),
    }


def _step_json(step: Step) -> dict[str, object]:
    reason: Reason = step.reason
    return {
        "number": step.number,
        "code": step.code,
        "answer": step.answer,
        "reason": reason,
        "text": {"zh": words(reason).zh, "en": words(reason).en},
        "facts": dict(step.facts),
        "as_of": _utc(step.as_of),
    }


def _utc(at: datetime | None) -> str | None:
    return None if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _dump(value: dict[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
