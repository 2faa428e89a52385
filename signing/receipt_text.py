"""A receipt's verification as text for people and as JSON for programs, for `certverify`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from signing.receipt import COLUMNS, ROW_WORDS, RowResult
from signing.receipt_verify import ReceiptReason, ReceiptStep, ReceiptStepCode
from signing.report import Answer, Reason, Verdict
from signing.steps import CHINA
from signing.wording import Words, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from signing.receipt_verify import ReceiptReport, ReceiptTable

_VERDICTS: Final[Mapping[Verdict, Words]] = {
    Verdict.VALID: Words(
        "凭证真实，单元格文字未改动，以本程序列出的内容为准",
        "The receipt is genuine, the cells' texts are unchanged; what is listed here counts",
    ),
    Verdict.INVALID: Words("凭证或表格不实", "Not genuine: receipt or table was changed"),
}
_UNSAID: Final = Words("暂无法确认", "Cannot be confirmed now")

_STEPS: Final[Mapping[ReceiptStepCode, Words]] = {
    ReceiptStepCode.RECEIPT: Words("凭证内容", "Receipt"),
    ReceiptStepCode.SIGNATURE: Words("查验网站签名", "Site's signature"),
    ReceiptStepCode.CHECKPOINT: Words("备案机构签名", "Registry's signature"),
    ReceiptStepCode.TABLE: Words("查验结果表", "Result table"),
}

_REASONS: Final[Mapping[ReceiptReason, Words]] = {
    ReceiptReason.RECEIPT_GOOD: Words("内容完整，份数相符。", "It is whole, and its counts agree."),
    ReceiptReason.RECEIPT_IN_FUTURE: Words(
        "查验时间在将来，请检查本机时钟。", "It is dated in the future: check this clock."
    ),
    ReceiptReason.SIGNATURE_GOOD: Words(
        "由信任文件所列的查验网站密钥签名。", "Signed by a key of the site in the trust folder."
    ),
    ReceiptReason.SIGNATURE_FALSE: Words(
        "签名不符，凭证被改动或者系伪造。", "The signature is false: changed or forged."
    ),
    ReceiptReason.SIGNATURE_UNKNOWN_KEY: Words(
        "信任文件中没有这个密钥，请向备案机构索取新的信任文件。",
        "The trust folder does not know this key: get a newer one from the office.",
    ),
    ReceiptReason.SIGNATURE_KEY_REVOKED: Words(
        "签名密钥已被吊销，凭证不足为据，请重新查验。",
        "The signing key was revoked since: the receipt proves nothing, check again.",
    ),
    ReceiptReason.SIGNATURE_KEY_NOT_IN_FORCE: Words(
        "查验时间不在签名密钥的有效期内。", "Dated outside the signing key's validity."
    ),
    ReceiptReason.CHECKPOINT_DIFFERS: Words(
        "凭证所写的日志与所附的日志签名不一致。",
        "What it says of the log is not what the log signed.",
    ),
    ReceiptReason.TABLE_SAME: Words(
        "各行文字和查验说明与出具时一致，没有增减。",
        "The texts of rows and notes are as issued, none more and none less.",
    ),
    ReceiptReason.TABLE_NOT_GIVEN: Words(
        "没有提供查验结果表（用 --table 指定）。", "No table was given: name it by --table."
    ),
    ReceiptReason.TABLE_NO_SALT: Words(
        "表中没有“凭证校验码”，无法比对，请提供下载的原表。",
        "The table has lost its salt (凭证校验码): give the table as downloaded.",
    ),
    ReceiptReason.TABLE_CHANGED: Words(
        "有的行与出具时不一致，或者不属于本凭证。",
        "Some rows are not as issued, or not of this receipt.",
    ),
    ReceiptReason.TABLE_INCOMPLETE: Words(
        "表中少了出具时的若干行。", "Rows that were issued are missing from the table."
    ),
    ReceiptReason.TABLE_NOTES_CHANGED: Words(
        "“查验说明”与出具时不一致：查验单位、用途、时间等被改动。",
        "The notes (查验说明) are not as issued: who checked, what for or when was changed.",
    ),
}


def receipt_as_text(report: ReceiptReport) -> str:
    """Write the whole report, one fact a line, Chinese before English."""
    return "\n".join(_lines(report))


def receipt_headline(report: ReceiptReport) -> str:
    """Say in one line why a receipt is not confirmed; its verdict if it is."""
    verdict = _verdict(report)
    wanted = Answer.INVALID if report.verdict is Verdict.INVALID else Answer.CANNOT_SAY
    step = next((step for step in report.steps if step.answer is wanted), None)
    text = f"{verdict.zh} {verdict.en}"
    if step is None:
        return text
    reason = _reason(step)
    return f"{text}: {step.number}. {reason.zh} {reason.en}"


def receipt_as_json(report: ReceiptReport) -> str:
    """Write the report for programs: stable codes, no cell of the table."""
    receipt = report.receipt
    return json.dumps(
        {
            "kind": "check-receipt",
            "verdict": report.verdict.value,
            "job": receipt.job,
            "checked": receipt.checked,
            "as_of": receipt.as_of or None,
            "log": {"origin": receipt.origin, "size": receipt.size, "root": receipt.root.hex()},
            "policy": receipt.policy,
            "rows": len(receipt.results),
            "counts": receipt.counts,
            "steps": [
                {
                    "number": step.number,
                    "code": step.code.value,
                    "answer": step.answer.value,
                    "reason": step.reason.value,
                    "facts": dict(step.facts),
                }
                for step in report.steps
            ],
        },
        ensure_ascii=False,
        indent=2,
    )


def _verdict(report: ReceiptReport) -> Words:
    return _VERDICTS.get(report.verdict, _UNSAID)


def _reason(step: ReceiptStep) -> Words:
    return words(step.reason) if isinstance(step.reason, Reason) else _REASONS[step.reason]


def _lines(report: ReceiptReport) -> Iterator[str]:
    receipt, verdict = report.receipt, _verdict(report)
    yield f"{verdict.zh}  {verdict.en}"
    yield f"批量查验凭证 Bulk check receipt: {receipt.job}"
    yield f"查验时间 Checked at: {_local(receipt.checked)}"
    as_of = _local(receipt.as_of) if receipt.as_of else "—"
    yield f"状态截至 Status as of: {as_of}"
    yield f"公开日志 Log: {receipt.origin}, 共 {receipt.size} 条 entries"
    counted = ", ".join(
        f"{ROW_WORDS[RowResult(letter)]} {count}" for letter, count in receipt.counts.items()
    )
    yield f"行数 Rows: {len(receipt.results)} ({counted})"
    yield ""
    for step in report.steps:
        title, result, reason = _STEPS[step.code], words(step.answer), _reason(step)
        yield f"{step.number}. {title.zh} {title.en}: {result.zh} {result.en}"
        yield f"   {reason.zh} {reason.en}"
        if "changed" in step.facts:
            count = step.facts["changed_count"]
            yield f"   共 {count} 行 rows: {step.facts['changed']}"
        if "missing_count" in step.facts:
            yield f"   少 {step.facts['missing_count']} 行 missing"
    if report.table is not None and report.verdict is Verdict.VALID:
        yield ""
        yield from _listed(report.table)


def _listed(table: ReceiptTable) -> Iterator[str]:
    """List what was read: a font, a colour or a width may hide it from whoever looks at the table.

    Only of a table that is confirmed: what is listed is what counts.
    """
    yield "表中文字 Texts of the table:"
    for label, text in table.notes:
        yield f"   {_printable(label)}  {_printable(text)}"
    yield "   " + " | ".join(("行 row", *COLUMNS.values()))
    for number, row in table.rows:
        yield "   " + " | ".join((str(number), *map(_printable, msgspec.structs.astuple(row))))


def _printable(text: str) -> str:
    # No cell may move the terminal's cursor, or turn the direction of writing round.
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def _local(time: str) -> str:
    return datetime.fromisoformat(time).astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S +08:00")
