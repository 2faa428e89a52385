"""What a reconciliation can find, and what a clerk then does (对账差异): codes, kinds, words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """The kinds of differences; each has a sheet of its own."""

    MISSING = "missing"
    """缺失: one side lacks what another has."""
    EXTRA = "extra"
    """多出: a side has what no other knows."""
    DIFFERENT = "different"
    """不一致: two sides have it, in two ways."""
    LATE = "late"
    """逾期: it is past its last day and still to come."""
    CANNOT_SAY = "cannot-say"
    """无法核对: it could not be read, so nothing is said of it."""


KIND_WORDS: Final = {
    Kind.MISSING: "缺失",
    Kind.EXTRA: "多出",
    Kind.DIFFERENT: "不一致",
    Kind.LATE: "逾期",
    Kind.CANNOT_SAY: "无法核对",
}


class Code(StrEnum):
    """The differences; stable, for programs and workbooks."""

    EVENT_NOT_OWED = "event-not-owed"
    ROW_NOT_SENT = "row-not-sent"
    ROW_NOT_ANSWERED = "row-not-answered"
    RECEIPT_MISSING = "receipt-missing"
    RECEIPT_NOT_IMPORTED = "receipt-not-imported"
    RECEIPT_NOT_GIVEN = "receipt-not-given"
    RECEIPT_BEFORE_MISSING = "receipt-before-missing"
    ROW_NOT_HELD = "row-not-held"
    ANSWER_UNKNOWN_ROW = "answer-unknown-row"
    ANSWER_WITHOUT_RECEIPT = "answer-without-receipt"
    RECEIPT_UNKNOWN_UPLOAD = "receipt-unknown-upload"
    RECEIPT_OTHER_CITY = "receipt-other-city"
    RECEIPT_TWICE = "receipt-twice"
    ANSWERED_TWICE = "answered-twice"
    SNAPSHOT_DIFFERS = "snapshot-differs"
    MANIFEST_DIFFERS = "manifest-differs"
    BATCH_DIFFERS = "batch-differs"
    MANIFEST_CHAIN = "manifest-chain"
    RECORD_DIFFERS = "record-differs"
    ROW_ELSEWHERE = "row-elsewhere"
    ROW_NUMBER = "row-number"
    RECEIPT_MANIFEST = "receipt-manifest"
    RECEIPT_SNAPSHOT = "receipt-snapshot"
    RECEIPT_BATCH = "receipt-batch"
    RECEIPT_BYTES = "receipt-bytes"
    RECEIPT_SIGNATURE = "receipt-signature"
    RECEIPT_FORK = "receipt-fork"
    ANSWER_ROW_NUMBER = "answer-row-number"
    ANSWER_DIFFERS = "answer-differs"
    OWED_LATE = "owed-late"
    ANSWER_LATE = "answer-late"
    PACKAGE_UNREADABLE = "package-unreadable"
    RECORD_UNREADABLE = "record-unreadable"
    FILE_UNREADABLE = "file-unreadable"
    RECEIPT_SIGNER_UNKNOWN = "receipt-signer-unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A difference in words: what it is, and what to do."""

    kind: Kind
    what: str
    todo: str


_ASK: Final = "请持本表向省中心核实；核实前不要重新上报"
_REPORT_FAULT: Final = "请停止上报，从备份核对数据库，并报告系统管理员"

ADVICE: Final = {
    Code.EVENT_NOT_OWED: Advice(
        kind=Kind.MISSING,
        what="证书没有上报行",
        todo=_REPORT_FAULT,
    ),
    Code.ROW_NOT_SENT: Advice(
        kind=Kind.MISSING,
        what="本系统记为已组批，上报包中没有此行",
        todo=_REPORT_FAULT,
    ),
    Code.ROW_NOT_ANSWERED: Advice(
        kind=Kind.MISSING,
        what="已上报，回执中没有此行",
        todo=_ASK,
    ),
    Code.RECEIPT_MISSING: Advice(
        kind=Kind.MISSING,
        what="本系统记为已有回执，但没有回执",
        todo="请向省中心索取该批回执，导入后重新对账",
    ),
    Code.RECEIPT_NOT_IMPORTED: Advice(
        kind=Kind.MISSING,
        what="回执尚未导入本系统，或者尚未生效",
        todo="请导入该回执；已暂存的，先导入它的上一份回执",
    ),
    Code.RECEIPT_NOT_GIVEN: Advice(
        kind=Kind.MISSING,
        what="本系统已导入的回执，不在所给的文件中",
        todo="请核对回执文件是否齐全；确已遗失的，向省中心索取副本",
    ),
    Code.RECEIPT_BEFORE_MISSING: Advice(
        kind=Kind.MISSING,
        what="缺少该回执的上一份回执",
        todo="请向省中心索取摘要如右栏的回执，导入后重新对账",
    ),
    Code.ROW_NOT_HELD: Advice(
        kind=Kind.EXTRA,
        what="上报包中有此行，本系统没有",
        todo=_REPORT_FAULT,
    ),
    Code.ANSWER_UNKNOWN_ROW: Advice(
        kind=Kind.EXTRA,
        what="回执中有此行，上报包中没有",
        todo=_ASK,
    ),
    Code.ANSWER_WITHOUT_RECEIPT: Advice(
        kind=Kind.EXTRA,
        what="本系统记有省中心答复，但没有回执为据",
        todo="请向省中心索取该批回执并导入；没有回执的，由系统管理员核查该行",
    ),
    Code.RECEIPT_UNKNOWN_UPLOAD: Advice(
        kind=Kind.EXTRA,
        what="回执所答复的上报批，本系统没有",
        todo="请核对回执是否为本市的；是本市的，从备份核对数据库",
    ),
    Code.RECEIPT_OTHER_CITY: Advice(
        kind=Kind.EXTRA,
        what="回执不是给本市的",
        todo="请将该文件退回省中心，不要导入",
    ),
    Code.RECEIPT_TWICE: Advice(
        kind=Kind.EXTRA,
        what="同一上报批有两份不同的回执",
        todo="请持两份回执向省中心核实以哪一份为准",
    ),
    Code.ANSWERED_TWICE: Advice(
        kind=Kind.EXTRA,
        what="回执对同一行答复了两次",
        todo=_ASK,
    ),
    Code.SNAPSHOT_DIFFERS: Advice(
        kind=Kind.DIFFERENT,
        what="上报数据的摘要与定稿时不同",
        todo=_REPORT_FAULT,
    ),
    Code.MANIFEST_DIFFERS: Advice(
        kind=Kind.DIFFERENT,
        what="清单的摘要与定稿时不同",
        todo=_REPORT_FAULT,
    ),
    Code.BATCH_DIFFERS: Advice(
        kind=Kind.DIFFERENT,
        what="批次号与清单中的不同",
        todo="批次号以清单为准，请更正登记的批次号",
    ),
    Code.MANIFEST_CHAIN: Advice(
        kind=Kind.DIFFERENT,
        what="清单没有接在上一份之后",
        todo=_REPORT_FAULT,
    ),
    Code.RECORD_DIFFERS: Advice(
        kind=Kind.DIFFERENT,
        what="上报的证书信息与本系统的不同",
        todo=_REPORT_FAULT,
    ),
    Code.ROW_ELSEWHERE: Advice(
        kind=Kind.DIFFERENT,
        what="本系统记此行不在该批，但该批已含此行且未被退回",
        todo="请核对该证书是否重复上报；重复的，请省中心只保留一次",
    ),
    Code.ROW_NUMBER: Advice(
        kind=Kind.DIFFERENT,
        what="行号与上报包中的不同",
        todo=_REPORT_FAULT,
    ),
    Code.RECEIPT_MANIFEST: Advice(
        kind=Kind.DIFFERENT,
        what="回执所答复的清单不是本批的清单",
        todo=_ASK,
    ),
    Code.RECEIPT_SNAPSHOT: Advice(
        kind=Kind.DIFFERENT,
        what="回执所答复的数据不是本批的数据",
        todo=_ASK,
    ),
    Code.RECEIPT_BATCH: Advice(
        kind=Kind.DIFFERENT,
        what="回执的批次号与登记的不同",
        todo=_ASK,
    ),
    Code.RECEIPT_BYTES: Advice(
        kind=Kind.DIFFERENT,
        what="同一份回执，文件与已导入的签名不同",
        todo="请以省中心再次提供的文件为准，两份都保留",
    ),
    Code.RECEIPT_SIGNATURE: Advice(
        kind=Kind.DIFFERENT,
        what="回执的签名无效，未作为回执核对",
        todo="请不要导入；向省中心重新索取",
    ),
    Code.RECEIPT_FORK: Advice(
        kind=Kind.DIFFERENT,
        what="两份回执都说自己紧接同一份之后",
        todo="请持两份回执向省中心核实",
    ),
    Code.ANSWER_ROW_NUMBER: Advice(
        kind=Kind.DIFFERENT,
        what="回执的行号与上报的不同",
        todo=_ASK,
    ),
    Code.ANSWER_DIFFERS: Advice(
        kind=Kind.DIFFERENT,
        what="本系统记录的答复与回执不同",
        todo="以回执为准，请由系统管理员核查该行",
    ),
    Code.OWED_LATE: Advice(
        kind=Kind.LATE,
        what="已过上报期限，尚未上报",
        todo="请尽快组批上报",
    ),
    Code.ANSWER_LATE: Advice(
        kind=Kind.LATE,
        what="已过期限，尚无回执",
        todo="请向省中心催办",
    ),
    Code.PACKAGE_UNREADABLE: Advice(
        kind=Kind.CANNOT_SAY,
        what="上报包丢失或者损坏，读不出来",
        todo="请从备份恢复 uploads 文件夹后重新对账",
    ),
    Code.RECORD_UNREADABLE: Advice(
        kind=Kind.CANNOT_SAY,
        what="本系统的证书信息打不开",
        todo="请从备份核对数据库和密钥后重新对账",
    ),
    Code.FILE_UNREADABLE: Advice(
        kind=Kind.CANNOT_SAY,
        what="不是回执文件，或者已损坏",
        todo="请向省中心重新索取该文件",
    ),
    Code.RECEIPT_SIGNER_UNKNOWN: Advice(
        kind=Kind.CANNOT_SAY,
        what="不能确认回执由省中心签发",
        todo="请取得省中心最新的 centre.json，用 `certreg upload centre` 登记后重新对账",
    ),
}
"""What each difference means and what to do, as the workbook says it."""


def kind_of(code: Code) -> Kind:
    """Return the kind of a difference."""
    return ADVICE[code].kind
