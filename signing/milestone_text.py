"""A milestone's report as text for people and as JSON for programs, Chinese and English.

Says plainly what is proven: that the step stood in the public log by the witnesses' time. That it
took place on its day is the office's own statement, and no proof turns it into more.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, assert_never

from signing.milestone import MilestoneKind
from signing.milestone_verify import (
    MilestoneReason,
    MilestoneReport,
    MilestoneStep,
    MilestoneStepCode,
)
from signing.report import Answer, Reason, Verdict
from signing.steps import CHINA
from signing.wording import Words, words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

_LABEL_ZH: Final = 14
_LABEL_EN: Final = 24
_WIDE: Final = frozenset("WF")

_KINDS: Final[Mapping[MilestoneKind, tuple[str, str]]] = {
    MilestoneKind.FILING: ("企业备案", "Company filed"),
    MilestoneKind.SCHEME: ("方案备案", "Scheme filed"),
    MilestoneKind.PLAN: ("计划备案", "Plan filed"),
    MilestoneKind.RESULTS: ("结果备案", "Results filed"),
    MilestoneKind.PUBLICITY: ("公示", "Results made public"),
    MilestoneKind.APPROVAL: ("批准", "Approved"),
    MilestoneKind.UPLOAD_RECEIPT: ("省中心接收", "Received by the province"),
    MilestoneKind.AUDIT_HEAD: ("审计记录链", "Head of the audit chain"),
    MilestoneKind.SUPERVISION_DRAW: ("督导抽取", "Drawn for supervision"),
}

_STEPS: Final[Mapping[MilestoneStepCode, tuple[str, str]]] = {
    MilestoneStepCode.FACTS: ("节点内容", "Facts"),
    MilestoneStepCode.COMMITMENT: ("登记内容一致", "Commitment"),
    MilestoneStepCode.INCLUSION: ("登记入册", "Entry in the public log"),
    MilestoneStepCode.CHECKPOINT: ("备案机构签名", "Registry's signature"),
    MilestoneStepCode.TIME: ("登记时间", "Time of recording"),
    MilestoneStepCode.DOCUMENT: ("所附文件", "Document"),
}

_REASONS: Final[Mapping[MilestoneReason, tuple[str, str]]] = {
    MilestoneReason.FACTS_GOOD: ("节点内容完整。", "The facts are whole."),
    MilestoneReason.FACTS_MALFORMED: (
        "节点内容已损坏或被改动。",
        "The facts are damaged or were changed.",
    ),
    MilestoneReason.FACTS_IN_FUTURE: (
        "节点日期尚未到来；请检查本机时间。",
        "The step's day has not come yet; check this machine's clock.",
    ),
    MilestoneReason.COMMITMENT_GOOD: (
        "登记条目即为本节点，且登记不早于节点日期。",
        "The entry is about this very step, and was recorded no earlier than its day.",
    ),
    MilestoneReason.COMMITMENT_NO_FACTS: (
        "节点内容无法读取，无从核对。",
        "There are no readable facts to compare with the entry.",
    ),
    MilestoneReason.COMMITMENT_OTHER_ENTRY: (
        "所附登记条目不是程序节点。",
        "The log's entry is not one of a procedure's step.",
    ),
    MilestoneReason.COMMITMENT_OTHER_STEP: (
        "所附登记条目属于另一节点或另一事项。",
        "The log's entry is about another step or another subject.",
    ),
    MilestoneReason.COMMITMENT_DIFFERS: (
        "登记内容与所示节点内容不一致。",
        "What was registered is not these facts.",
    ),
    MilestoneReason.COMMITMENT_BEFORE_ITS_DAY: (
        "登记时间早于节点日期，登记内容不可信。",
        "The step was recorded before the day on which it is said to have taken place.",
    ),
    MilestoneReason.INCLUSION_GOOD: (
        "该节点已登记入册。",
        "The step stands in the public log.",
    ),
    MilestoneReason.TIME_WITNESSED: (
        "见证方签名证明：至迟到见证时间，该节点已在公开日志中，其后无法补登。",
        "Witnesses prove that it stood in the public log by their time; it was not added later.",
    ),
    MilestoneReason.TIME_OFFICE_ALONE: (
        "没有见证方的时间；登记时间仅由备案机构自行声明。请待见证方签名后重新获取证明。",
        "No witness dates it: the time is the registry's word alone. Get a newer proof later.",
    ),
    MilestoneReason.TIME_NO_CHECKPOINT: (
        "前述步骤未通过，登记时间无从确认。",
        "The steps before did not pass, so nothing is proven about the time.",
    ),
    MilestoneReason.TIME_CLOCKS_DISAGREE: (
        "备案机构登记时间晚于见证时间：有一方时钟不准，时间无法确认。",
        "The registry's time is later than the witnesses': one clock was wrong.",
    ),
    MilestoneReason.TIME_IN_FUTURE: (
        "见证时间晚于本机时间；请检查本机时间。",
        "The witnesses' time is in the future; check this machine's clock.",
    ),
    MilestoneReason.DOCUMENT_SAME: (
        "文件与登记的摘要一致，未被改动。",
        "The document is the one registered; no byte has changed.",
    ),
    MilestoneReason.DOCUMENT_OTHER: (
        "文件与登记的摘要不一致：不是该文件，或已被改动。",
        "The document is not the one registered, or was changed.",
    ),
    MilestoneReason.DOCUMENT_NOT_GIVEN: (
        "该节点登记了文件；请用 --document 一并提交文件以供核对。",
        "The step names a document; give it with --document to compare it.",
    ),
    MilestoneReason.DOCUMENT_NONE_NAMED: (
        "该节点未登记任何文件，无从核对所附文件。",
        "The step names no document, so none can be compared.",
    ),
}

_PROVEN: Final = Words(
    "该节点在上列见证时间前已登记，此后不能补登、改动；节点日期本身由备案机构声明。",
    "The step stood in the public log by the witnesses' time and could not be added or changed"
    " later; that it took place on its day is the registry's own statement.",
)


def kind_words(kind: MilestoneKind) -> Words:
    """Give a step's name as officials say it."""
    return Words(*_KINDS[kind])


def milestone_words(code: MilestoneStepCode | MilestoneReason | Reason) -> Words:
    """Give the words of a step or reason."""
    match code:
        case MilestoneStepCode():
            return Words(*_STEPS[code])
        case MilestoneReason():
            return Words(*_REASONS[code])
        case Reason():
            return words(code)
        case _:
            assert_never(code)


def milestone_headline(report: MilestoneReport) -> str:
    """Say in one line why a report is not "valid": the step that decided, and what to do."""
    wanted = Answer.CANNOT_SAY if report.verdict is Verdict.CANNOT_SAY else Answer.INVALID
    decisive = next((step for step in report.steps if step.answer is wanted), None)
    verdict = words(report.verdict)
    text = f"{verdict.zh} {verdict.en}"
    if decisive is None:
        return text
    reason = milestone_words(decisive.reason)
    return f"{text}: {decisive.number}. {reason.zh} {reason.en}"


def milestone_as_text(report: MilestoneReport) -> str:
    """Write the whole report, one fact a line."""
    return "\n".join(_lines(report))


def _lines(report: MilestoneReport) -> Iterator[str]:
    verdict = words(report.verdict)
    yield f"{verdict.zh}  {verdict.en}"
    yield ""
    yield from _facts(report)
    for step in report.steps:
        title, result = milestone_words(step.code), words(step.answer)
        reason = milestone_words(step.reason)
        heading = _padded(f"{step.number}. {title.zh}", _LABEL_ZH + 4)
        yield f"{heading}{_padded(title.en, _LABEL_EN)}{result.zh} {result.en}"
        yield f"   {reason.zh} {reason.en}"
    if report.verdict is Verdict.VALID:
        yield ""
        yield f"{_PROVEN.zh}"
        yield f"{_PROVEN.en}"


def _facts(report: MilestoneReport) -> Iterator[str]:
    facts = report.facts
    if facts is None:
        return
    kind = kind_words(facts.kind)
    yield _row("程序节点", "Step", f"{kind.zh} {kind.en}")
    yield _row("事项", "Subject", facts.subject)
    yield _row("节点日期", "Took place on", facts.date)
    if facts.document:
        yield _row("文件摘要", "Document's SHA-256", facts.document)
    if facts.note:
        yield _row("文件类型", "Document", facts.note)
    if report.recorded is not None:
        yield _row("登记时间", "Recorded, it says", _local(report.recorded))
    if report.proven_by is not None:
        yield _row("见证时间", "Proven there by", _local(report.proven_by))
        yield _row("见证方", "Witnesses", ", ".join(report.witnesses))
    yield ""


def _row(zh: str, en: str, value: str) -> str:
    return f"{_padded(zh, _LABEL_ZH)}{_padded(en, _LABEL_EN)}{value}"


def _padded(text: str, width: int) -> str:
    taken = sum(2 if unicodedata.east_asian_width(letter) in _WIDE else 1 for letter in text)
    return text + " " * max(width - taken, 1)


def _local(at: datetime) -> str:
    return f"{at.astimezone(CHINA):%Y-%m-%d %H:%M:%S} 北京时间 China time"


def milestone_as_json(report: MilestoneReport) -> str:
    """Write the report as JSON; codes are stable, texts are those of `milestone_as_text`."""
    facts = report.facts
    value = {
        "verdict": report.verdict,
        "milestone": facts and {name: getattr(facts, name) for name in facts.__struct_fields__},
        "recorded": _utc(report.recorded),
        "not_later_than": _utc(report.proven_by),
        "witnesses": list(report.witnesses),
        "steps": [_step_json(step) for step in report.steps],
    }
    return json.dumps(value, ensure_ascii=False, indent=2)


def _step_json(step: MilestoneStep) -> dict[str, object]:
    reason = milestone_words(step.reason)
    return {
        "number": step.number,
        "code": step.code,
        "answer": step.answer,
        "reason": step.reason,
        "text": {"zh": reason.zh, "en": reason.en},
        "facts": dict(step.facts),
    }


def _utc(at: datetime | None) -> str | None:
    return None if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")
