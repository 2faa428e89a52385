"""What the site says, in Chinese and English: states, problems, answers of the forms.

The texts of the checks are `signing.wording`'s, shared with the offline verifier.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from signing.report import Answer, Reason
from signing.wording import Words, words
from verify_web.catalogue import both

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
            word=both("有效"),
            tone=Tone.GOOD,
            icon="tick",
            meaning=both("该证书登记在册，状态有效。请与证书原件逐项核对。"),
        ),
        State(
            code="corrected",
            word=both("已更正"),
            tone=Tone.WARN,
            icon="forward",
            meaning=both("该版证书的信息已经更正，不再使用。请以更正后的证书为准。"),
        ),
        State(
            code="reissued",
            word=both("已补发"),
            tone=Tone.WARN,
            icon="forward",
            meaning=both("该证书已经补发，本版不再使用。请以补发的证书为准，信息没有变化。"),
        ),
        State(
            code="revoked",
            word=both("已撤销"),
            tone=Tone.BAD,
            icon="stop",
            meaning=both("该证书已被撤销，不得再作为技能等级证明使用。"),
        ),
        State(
            code="suspended",
            word=both("已暂停"),
            tone=Tone.WARN,
            icon="pause",
            meaning=both("该证书暂停使用，恢复之前不得作为技能等级证明使用。"),
        ),
        State(
            code="invalid",
            word=both("无效"),
            tone=Tone.BAD,
            icon="cross",
            meaning=both("核验未通过，不得采信。未通过的项目见下方“核验结果”。"),
        ),
        State(
            code="cannot-say",
            word=both("暂无法确认"),
            tone=Tone.UNSURE,
            icon="question",
            meaning=both("部分核验暂时没有结果。这既不表示有效，也不表示无效，请稍后再查。"),
        ),
        State(
            code="foreign-site",
            word=both("网址不符"),
            tone=Tone.BAD,
            icon="alert",
            meaning=both(
                "二维码指向的不是备案机构的查询网址，可能是仿冒网站。请勿打开，也不要采信该证书。"
            ),
        ),
        State(
            code="copy-expired",
            word=both("副本已过期"),
            tone=Tone.WARN,
            icon="pause",
            meaning=both(
                "这份加注副本的有效期已过，不得再作为凭证使用。证书本身的状态请另行查询。"
            ),
        ),
        State(
            code="copy-for-another",
            word=both("非供本单位"),
            tone=Tone.WARN,
            icon="stop",
            meaning=both("这份加注副本是提供给其他单位的，不得作为向贵单位出具的凭证使用。"),
        ),
        State(
            code="not-found",
            word=both("未找到"),
            tone=Tone.UNSURE,
            icon="search",
            meaning=both("没有与此二维码对应的证书登记。"),
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
        title=both("请求不完整"),
        advice=both("提交的内容不完整或格式不正确，请返回上一页重新填写。"),
    ),
    "unauthorised": Problem(
        title=both("缺少有效的单位密钥"),
        advice=both("请在 Authorization 请求头中提供备案机构发给本单位的密钥（Bearer）。"),
    ),
    "bad-table": Problem(
        title=both("表格或者数据有误，尚未查验"),
        advice=both("请按 errors 所列的行号和代码改正后重新提交。"),
    ),
    "no-job": Problem(
        title=both("没有这次查验"),
        advice=both("该次查验不存在，或者已经到期删除。请从“批量查验”重新进入。"),
    ),
    "quota-used": Problem(
        title=both("24 小时内的查验数量已用完"),
        advice=both("行数或者与登记不符的行数已达上限。请减少行数，或者 24 小时后再提交。"),
    ),
    "no-watch": Problem(
        title=both("没有这项通知"),
        advice=both("该项后续状态通知不存在，或者已经停止、到期。"),
    ),
    "watch-quota-used": Problem(
        title=both("后续状态通知的数量已达上限"),
        advice=both("请先在“批量查验”停止不再需要的通知，或者不选后续状态通知再提交。"),
    ),
    "too-many-jobs": Problem(
        title=both("还有查验尚未完成"),
        advice=both("请等前几次查验完成后再提交。"),
    ),
    "request-reused": Problem(
        title=both("请求编号重复"),
        advice=both("同一 Idempotency-Key 已用于另一请求，请换一个。"),
    ),
    "busy": Problem(
        title=both("当前验证文件的人较多"),
        advice=both("请稍候一分钟再提交。"),
    ),
    "cross-site": Problem(
        title=both("请从本站页面提交"),
        advice=both("该表单来自其他网站，已拒绝处理。请核对网址后，从本站页面重新提交。"),
    ),
    "method-not-allowed": Problem(
        title=both("不支持这种访问方式"),
        advice=both("请从首页重新进入。"),
    ),
    "no-link": Problem(
        title=both("链接无效或者已到期"),
        advice=both("请向持证人索取新的链接。有证书原件的，请扫描证书上的二维码查验。"),
    ),
    "no-page": Problem(
        title=both("没有这个页面"),
        advice=both("请核对网址，或者从首页重新进入。"),
    ),
    "not-found": Problem(
        title=STATES["not-found"].word,
        advice=STATES["not-found"].meaning,
    ),
    "paper-not-shown": Problem(
        title=both("未出示证书"),
        advice=both("完整的验证包含有证件号码，只提供给持有证书二维码的人。"),
    ),
    "server-error": Problem(
        title=both("系统出现故障"),
        advice=both("本次请求没有完成，请稍后再试。您提交的内容没有被保存。"),
    ),
    "service-trouble": Problem(
        title=STATES["cannot-say"].word,
        advice=both(
            "登记数据暂时无法读取，现在不能得出任何结论。这既不表示证书有效，也不表示证书无效。"
            "请稍后再查。"
        ),
        unsure=True,
    ),
    "too-many": Problem(
        title=both("查询过于频繁，请稍后再查"),
        advice=both(
            "为防止有人逐一试探他人信息，本站限制未查到结果的查询次数。这与证书是否存在、是否有效无关。"
        ),
        steps=(
            both("手中有证书的，请直接扫描证书上的二维码，扫码查验不受上述次数限制。"),
            both("有电子证书（PDF）原件的，请在“验证文件”页面提交。"),
            both("多人共用一个网络出口的，可能受他人查询影响，请换一个网络再试。"),
        ),
    ),
    "too-many-codes": Problem(
        title=STATES["cannot-say"].word,
        advice=both(
            "本网络近期查询了大量没有登记的二维码，暂停受理几分钟。这既不表示证书有效，也不表示证书"
            "无效。请稍后再扫，或者换一个网络。"
        ),
        unsure=True,
    ),
    "too-many-files": Problem(
        title=both("提交文件过于频繁，请稍后再试"),
        advice=both("打开文件核验占用资源较多，本站限制同一网络的提交次数。这与文件真伪无关。"),
        steps=(
            both("本站发出的电子证书原始文件不受此限制。"),
            both("也可以用离线工具 certverify 在自己的电脑上验证，结论相同。"),
        ),
    ),
    "too-large": Problem(
        title=both("文件过大"),
        advice=both("提交的文件不得超过 16 MB。请选择原始文件，不要使用扫描件合集。"),
    ),
}

_HERE: Final[Mapping[Reason, Words]] = {
    Reason.RECORD_IN_FUTURE: both("发证日期尚未到来。"),
    Reason.SIGNATURE_UNKNOWN_ISSUER: both("本站公布的机构名单中没有该评价机构。"),
    Reason.SIGNATURE_UNKNOWN_KEY: both("本站公布的机构名单中没有该签名密钥。"),
    Reason.STATUS_MISSING: both("暂时取不到最新的状态证明，不能确认是否已更正或撤销，请稍后再查。"),
    Reason.STATUS_NOT_COVERING: both("本证书登记在最近一次状态公布之后，请待下次公布后再查。"),
    Reason.STATUS_TOO_OLD: both("最近一次状态公布已超过有效期限，不能确认现行状态，请稍后再查。"),
    Reason.STATUS_IN_FUTURE: both("状态公布的时间晚于当前时间，不能采用。"),
    Reason.ONLY_OFFLINE: both("二维码不含此项，本站也没有与之对应的登记可供核对。"),
}
"""Where the shared text tells an offline reader to come to this site."""


def reason_words(reason: Reason) -> Words:
    """Give the words of a check's reason for somebody who is on the site already."""
    return _HERE.get(reason) or words(reason)
