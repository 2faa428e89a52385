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
    steps: tuple[Words, ...] = ()
    """What else can be done at once, one thing each."""


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
            code="foreign-site",
            word=Words("网址不符", "Another site"),
            tone=Tone.BAD,
            icon="alert",
            meaning=Words(
                "二维码指向的不是备案机构的查询网址，可能是仿冒网站。请勿打开，也不要采信该证书。",
                "The QR code leads to another site than the registry’s, maybe a look-alike: do not"
                " open it, and do not rely on the certificate.",
            ),
        ),
        State(
            code="copy-expired",
            word=Words("副本已过期", "Copy expired"),
            tone=Tone.WARN,
            icon="pause",
            meaning=Words(
                "这份加注副本的有效期已过，不得再作为凭证使用。证书本身的状态请另行查询。",
                "The term of this annotated copy is over. It says nothing about the certificate.",
            ),
        ),
        State(
            code="copy-for-another",
            word=Words("非供本单位", "For another recipient"),
            tone=Tone.WARN,
            icon="stop",
            meaning=Words(
                "这份加注副本是提供给其他单位的，不得作为向贵单位出具的凭证使用。",
                "This annotated copy was made for somebody else and proves nothing to you.",
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
    "paper-not-shown": Problem(
        title=Words("未出示证书", "The paper was not shown"),
        advice=Words(
            "完整的验证包含有证件号码，只提供给持有证书二维码的人。",
            "The whole bundle holds the ID number: it is given to those who have the QR code.",
        ),
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
    "too-many": Problem(
        title=Words("查询过于频繁，请稍后再查", "Too many requests"),
        advice=Words(
            "为防止有人逐一试探他人信息，本站限制未查到结果的查询次数。这与证书是否存在、是否有效无关。",
            "To keep others’ data from being tried out one by one, lookups without a result are"
            " limited. This says nothing about any certificate.",
        ),
        steps=(
            Words(
                "手中有证书的，请直接扫描证书上的二维码，扫码查验不受上述次数限制。",
                "With the paper at hand, scan its QR code: such checks are not limited like this.",
            ),
            Words(
                "有电子证书（PDF）原件的，请在“验证文件”页面提交。",
                "With the original PDF, submit it on the page “Check a file”.",
            ),
            Words(
                "多人共用一个网络出口的，可能受他人查询影响，请换一个网络再试。",
                "Where many share one connection, others may have used it up: try another one.",
            ),
        ),
    ),
    "too-many-codes": Problem(
        title=STATES["cannot-say"].word,
        advice=Words(
            "本网络近期查询了大量没有登记的二维码，暂停受理几分钟。这既不表示证书有效，也不表示证书"
            "无效。请稍后再扫，或者换一个网络。",
            "Too many codes that lead nowhere were asked for from this network. This says nothing"
            " about the certificate: scan again in a few minutes, or from another network.",
        ),
        unsure=True,
    ),
    "too-many-files": Problem(
        title=Words("提交文件过于频繁，请稍后再试", "Too many files"),
        advice=Words(
            "打开文件核验占用资源较多，本站限制同一网络的提交次数。这与文件真伪无关。",
            "Opening files takes much of a machine, so their number is limited for each network."
            " This says nothing about any file.",
        ),
        steps=(
            Words(
                "本站发出的电子证书原始文件不受此限制。",
                "Original files that were let out here are not limited.",
            ),
            Words(
                "也可以用离线工具 certverify 在自己的电脑上验证，结论相同。",
                "Or check it on your own machine with certverify: the same procedure.",
            ),
        ),
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
