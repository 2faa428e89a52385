"""What the site says, in Chinese and English: states, problems, answers of the forms.

The texts of the checks are `signing.wording`'s, shared with the offline verifier.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from signing.report import Answer, Reason
from signing.wording import Words, words

if TYPE_CHECKING:
    from collections.abc import Mapping


class Tone(StrEnum):
    """Colour and icon of a state; never shown without its word."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A state in one word, and what it means for whoever holds the paper."""

    code: str
    word: Words
    tone: Tone
    icon: str
    meaning: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A page for something that went wrong: what, and what to do."""

    title: Words
    advice: Words
    unsure: bool = False
    """Shown as the state 暂无法确认, because somebody came to check a certificate."""


STATES: Final = {
    state.code: state
    for state in (
        State(
            code="valid",
            word=Words("有效", "Valid"),
            tone=Tone.GOOD,
            icon="tick",
            meaning=Words(
                "该证书登记在册，状态有效。请与证书原件逐项核对。",
                "This certificate is registered and in force. Compare each item with the paper.",
            ),
        ),
        State(
            code="corrected",
            word=Words("已更正", "Corrected"),
            tone=Tone.WARN,
            icon="forward",
            meaning=Words(
                "该版证书的信息已经更正，不再使用。请以更正后的证书为准。",
                "This edition has been replaced. Rely on the corrected certificate instead.",
            ),
        ),
        State(
            code="reissued",
            word=Words("已补发", "Reissued"),
            tone=Tone.WARN,
            icon="forward",
            meaning=Words(
                "该证书已经补发，本版不再使用。请以补发的证书为准，信息没有变化。",
                "This paper has been replaced by a reissued one with the same facts. Rely on that.",
            ),
        ),
        State(
            code="revoked",
            word=Words("已撤销", "Revoked"),
            tone=Tone.BAD,
            icon="stop",
            meaning=Words(
                "该证书已被撤销，不得再作为技能等级证明使用。",
                "This certificate has been revoked and no longer proves a skill level.",
            ),
        ),
        State(
            code="suspended",
            word=Words("已暂停", "Suspended"),
            tone=Tone.WARN,
            icon="pause",
            meaning=Words(
                "该证书暂停使用，恢复之前不得作为技能等级证明使用。",
                "This certificate is suspended and proves nothing until it is restored.",
            ),
        ),
        State(
            code="invalid",
            word=Words("无效", "Not valid"),
            tone=Tone.BAD,
            icon="cross",
            meaning=Words(
                "核验未通过，不得采信。未通过的项目见下方“核验结果”。",
                "Verification failed: do not rely on it. The failed check is marked below.",
            ),
        ),
        State(
            code="cannot-say",
            word=Words("暂无法确认", "Cannot say yet"),
            tone=Tone.UNSURE,
            icon="question",
            meaning=Words(
                "部分核验暂时没有结果。这既不表示有效，也不表示无效，请稍后再查。",
                "Some checks gave no answer. It is neither confirmed nor refuted; try again later.",
            ),
        ),
        State(
            code="not-found",
            word=Words("未找到", "Not found"),
            tone=Tone.UNSURE,
            icon="search",
            meaning=Words(
                "没有与此二维码对应的证书登记。",
                "No certificate is registered under this QR code.",
            ),
        ),
    )
}

ANSWERS: Final = {
    Answer.VALID: (Tone.GOOD, "tick"),
    Answer.INVALID: (Tone.BAD, "cross"),
    Answer.CANNOT_SAY: (Tone.UNSURE, "question"),
}
"""Colour and icon of one check's answer."""

PROBLEMS: Final = {
    "bad-request": Problem(
        title=Words("请求不完整", "Bad request"),
        advice=Words(
            "提交的内容不完整或格式不正确，请返回上一页重新填写。",
            "What was sent is incomplete or malformed. Please go back and try again.",
        ),
    ),
    "busy": Problem(
        title=Words("当前验证文件的人较多", "Busy"),
        advice=Words("请稍候一分钟再提交。", "Please submit the file again in a minute."),
    ),
    "cross-site": Problem(
        title=Words("请从本站页面提交", "Sent from another site"),
        advice=Words(
            "该表单来自其他网站，已拒绝处理。请核对网址后，从本站页面重新提交。",
            "This form came from another website and was refused. Check the address and use"
            " the form on this site.",
        ),
    ),
    "method-not-allowed": Problem(
        title=Words("不支持这种访问方式", "Method not allowed"),
        advice=Words("请从首页重新进入。", "Please start again from the home page."),
    ),
    "no-page": Problem(
        title=Words("没有这个页面", "Page not found"),
        advice=Words(
            "请核对网址，或者从首页重新进入。",
            "Check the address, or start again from the home page.",
        ),
    ),
    "not-found": Problem(
        title=STATES["not-found"].word,
        advice=STATES["not-found"].meaning,
    ),
    "server-error": Problem(
        title=Words("系统出现故障", "Something went wrong"),
        advice=Words(
            "本次请求没有完成，请稍后再试。您提交的内容没有被保存。",
            "The request was not completed. Please try again later. Nothing you sent was kept.",
        ),
    ),
    "service-trouble": Problem(
        title=STATES["cannot-say"].word,
        advice=Words(
            "登记数据暂时无法读取，现在不能得出任何结论。这既不表示证书有效，也不表示证书无效。"
            "请稍后再查。",
            "The register cannot be read at the moment, so nothing can be said: the certificate"
            " is neither confirmed nor refuted. Please try again later.",
        ),
        unsure=True,
    ),
    "too-large": Problem(
        title=Words("文件过大", "File too large"),
        advice=Words(
            "提交的文件不得超过 16 MB。请选择原始文件，不要使用扫描件合集。",
            "A file may have at most 16 MB. Choose the original file.",
        ),
    ),
}

_HERE: Final[Mapping[Reason, Words]] = {
    Reason.RECORD_IN_FUTURE: Words("发证日期尚未到来。", "The date of issue has not come yet."),
    Reason.SIGNATURE_UNKNOWN_ISSUER: Words(
        "本站公布的机构名单中没有该评价机构。",
        "The published list of assessing bodies does not name this one.",
    ),
    Reason.SIGNATURE_UNKNOWN_KEY: Words(
        "本站公布的机构名单中没有该签名密钥。",
        "The published list of keys does not name this one.",
    ),
    Reason.STATUS_MISSING: Words(
        "暂时取不到最新的状态证明，不能确认是否已更正或撤销，请稍后再查。",
        "The newest status proof is not to be had at the moment, so a correction or revocation"
        " cannot be ruled out; try again later.",
    ),
    Reason.STATUS_NOT_COVERING: Words(
        "本证书登记在最近一次状态公布之后，请待下次公布后再查。",
        "This certificate was registered after the last status publication; try again after"
        " the next.",
    ),
    Reason.STATUS_TOO_OLD: Words(
        "最近一次状态公布已超过有效期限，不能确认现行状态，请稍后再查。",
        "The last status publication is too old to tell the present status; try again later.",
    ),
    Reason.STATUS_IN_FUTURE: Words(
        "状态公布的时间晚于当前时间，不能采用。",
        "The status publication bears a time still to come and cannot be used.",
    ),
    Reason.ONLY_OFFLINE: Words(
        "二维码不含此项，本站也没有与之对应的登记可供核对。",
        "A QR code does not carry this, and nothing is registered here to check it by.",
    ),
}
"""Where the shared text tells an offline reader to come to this site."""


def reason_words(reason: Reason) -> Words:
    """Give the words of a check's reason for somebody who is on the site already."""
    return _HERE.get(reason) or words(reason)


REMARKS: Final = {
    "damaged-bundle": Words(
        "文件已损坏或者不是本站的验证包，请向提供者索取原始文件",
        "The file is damaged or is no verification bundle; ask for the original",
    ),
    "damaged-pdf": Words(
        "PDF 无法读取，请向持证人索取原始文件，不要打印后再扫描",
        "The PDF cannot be read; ask the holder for the original file, not a scan",
    ),
    "no-certificate-inside": Words(
        "PDF 内没有签名记录，不是本登记系统的电子证书；扫描件请改用二维码查验",
        "The PDF holds no signed record, so it is no electronic certificate; scan its QR code"
        " instead",
    ),
    "no-file": Words("请选择一个文件", "Choose a file"),
    "no-qr": Words(
        "图片中没有可识别的二维码，请正对证书拍摄清晰照片，并保留二维码四周的空白",
        "No QR code could be read; take a sharp photo straight on, with the white border",
    ),
    "other-qr": Words(
        "图片中的二维码不是职业技能等级证书的二维码",
        "The QR code in the picture is not that of a certificate",
    ),
    "qr-agrees": Words(
        "二维码的签名有效，所载内容与登记信息一致。",
        "The QR code’s own signature is valid, and it agrees with the register.",
    ),
    "qr-agrees-by-register": Words(
        "二维码所载内容与登记信息一致；其签名密钥后已吊销，核验结果以登记信息为准。",
        "The QR code agrees with the register. Its key was revoked since: the register decides.",
    ),
    "qr-disagrees": Words(
        "二维码所载内容与登记信息不一致，疑为拼接伪造，请勿采信。",
        "The QR code disagrees with the register: it may have been forged. Do not rely on it.",
    ),
    "qr-unregistered": Words(
        "本站没有与该二维码对应的登记。",
        "Nothing is registered here under this QR code.",
    ),
    "several-qr": Words(
        "图片中有多份证书的二维码，请每次只拍一份",
        "The picture shows the codes of several certificates; take one at a time",
    ),
    "proof-from-frozen-log": Words(
        "文件所附的证明出自已停用的登记簿；以上结论依接续的登记簿作出，请重新获取证明。",
        "The file’s proof is of a register that was closed and replaced; this answer is by the "
        "present one. Get a new proof.",
    ),
    "status-from-file": Words(
        "未能取得最新状态，以下状态取自文件所附的证明，只说明截至该时间的情况。",
        "The newest status could not be had: the one below is the file’s own, as of its time.",
    ),
    "status-from-log": Words(
        "证书状态取自本站现行公布的状态清单，不以文件所附的为准。",
        "The status is that published now, not the one carried by the file.",
    ),
    "status-unknown": Words(
        "文件所附的和本站公布的状态证明都不足以确认证书的现行状态。",
        "Neither the file nor the published list proves the present status.",
    ),
    "unknown-kind": Words(
        "无法识别该文件。请提交电子证书 PDF、二维码图片（PNG 或 JPEG）、验证包或日志证明",
        "This kind of file is not known; submit a PDF, a picture of the QR code (PNG or JPEG),"
        " a verification bundle or a log proof",
    ),
}
"""What is said beside a result, or of a file that cannot be read."""
