"""What an uploaded file turned out to be: the word, why, and what to do, one page for each.

These states are of the *file*. The certificate it speaks of has its own state, which stands
below: a tampered file does not make a certificate invalid, nor a genuine one a page true.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from signing.wording import Words
from verify_web.catalogue import both
from verify_web.wording import STATES, State, Tone

_ORIGINAL: Final = both(
    "请持证人提供从本站或者评价机构下载的电子证书原始文件，不要打印、截图或者另存。"
)
_SCAN: Final = both("手中有纸质证书的，请扫描证书上的二维码查验。")
_LOOK_UP: Final = both("也可以在“查询证书”页面按证书编号和姓名查询登记信息。")
_REPORT: Final = both("怀疑伪造、变造的，请保留文件，向市职业技能鉴定指导办公室或者评价机构反映。")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """A state and what to do about it, one thing each."""

    state: State
    advice: tuple[Words, ...]


def _bad(code: str, word: Words, meaning: Words, icon: str = "cross") -> State:
    return State(code=code, word=word, tone=Tone.BAD, icon=icon, meaning=meaning)


def _warn(code: str, word: Words, meaning: Words, icon: str = "alert") -> State:
    return State(code=code, word=word, tone=Tone.WARN, icon=icon, meaning=meaning)


FILE_STATES: Final = {
    each.state.code: each
    for each in (
        FileState(
            state=_bad(
                "tampered",
                both("已被篡改"),
                both(
                    "文件中经签名或者签章的内容被改动过，不得采信。未通过的项目见下方“核验结果”。"
                ),
            ),
            advice=(_REPORT, _ORIGINAL, _SCAN),
        ),
        FileState(
            state=_warn(
                "not-ours",
                both("非本站签发"),
                both(
                    "文件带有签名，但签名人不是本站登记的评价机构或者备案机构，本站不能证明其真伪。"
                ),
                icon="question",
            ),
            advice=(
                both(
                    "其他地区颁发的证书，请到颁发地的查询网站或者全国联网查询系统"
                    "（zscx.osta.org.cn）查询。"
                ),
                both("自称由本市备案企业颁发的，不得采信，并请向市职业技能鉴定指导办公室反映。"),
            ),
        ),
        FileState(
            state=_warn(
                "not-original",
                both("非原始文件"),
                both(
                    "文件在签章之后被另存、批注、打印或者扫描过，签章不能证明现在的页面内容。"
                    "页面所载不得采信，只能以登记信息为准。"
                ),
            ),
            advice=(_ORIGINAL, _SCAN, _LOOK_UP),
        ),
        FileState(
            state=STATES["copy-expired"],
            advice=(
                both("请持证人重新下载加注副本，写明本单位名称、用途和新的有效期。"),
                _SCAN,
                _LOOK_UP,
            ),
        ),
        FileState(
            state=STATES["copy-for-another"],
            advice=(
                both("请持证人为本单位另行下载加注副本，不要使用提供给其他单位的副本。"),
                both("单位名称填写有误的，请按副本上的写法重新填写后再验证。"),
            ),
        ),
    )
}

COPY_TITLE: Final = both("本文件是加注副本")
COPY_NOTE: Final = both(
    "加注副本只供下列单位用于所载用途。贵单位不是所列接收单位的，请勿采信，并请持证人另行提供。"
)
COPY_FACTS: Final = (
    ("recipient", both("接收单位")),
    ("purpose", both("用途")),
    ("made", both("加注日期")),
    ("until", both("有效期至")),
)
"""The facts of the step `copy`, in the order in which they are shown."""

BY_DIGEST: Final = both("本文件与评价机构发出的电子证书逐字节一致（SHA-256），未经打开即可确认。")
SCANNED: Final = both(
    "文件中没有签名记录，以下是文件首页上二维码对应的登记信息。请与文件所载逐项核对。"
)
"""Remarks beside a result."""

REMARKS: Final = {
    "damaged-bundle": both("文件已损坏或者不是本站的验证包，请向提供者索取原始文件"),
    "damaged-pdf": both("PDF 无法读取，请向持证人索取原始文件，不要打印后再扫描"),
    "long-recipient": both("单位名称不得超过 60 个字，请填写全称或者留空"),
    "no-certificate-inside": both(
        "PDF 内没有签名记录，不是本登记系统的电子证书；扫描件请改用二维码查验"
    ),
    "no-file": both("请选择一个文件"),
    "no-qr": both("图片中没有可识别的二维码，请正对证书拍摄清晰照片，并保留二维码四周的空白"),
    "other-qr": both("图片中的二维码不是职业技能等级证书的二维码"),
    "qr-agrees": both("二维码的签名有效，所载内容与登记信息一致。"),
    "qr-agrees-by-register": both(
        "二维码所载内容与登记信息一致；其签名密钥后已吊销，核验结果以登记信息为准。"
    ),
    "qr-disagrees": both("二维码所载内容与登记信息不一致，疑为拼接伪造，请勿采信。"),
    "qr-unregistered": both("本站没有与该二维码对应的登记。"),
    "several-qr": both("图片中有多份证书的二维码，请每次只拍一份"),
    "proof-from-frozen-log": both(
        "文件所附的证明出自已停用的公开日志；以上结论依接续的公开日志作出，请重新获取证明。"
    ),
    "status-from-file": both(
        "未能取得最新状态，以下状态取自文件所附的证明，只说明截至该时间的情况。"
    ),
    "status-from-log": both("证书状态取自本站现行公布的状态清单，不以文件所附的为准。"),
    "status-unknown": both("文件所附的和本站公布的状态证明都不足以确认证书的现行状态。"),
    "beyond-limits": both(
        "文件过于复杂，未能在限定的时间和内存内核验完毕，不能得出结论；请提交原始文件，或者稍后再试"
    ),
    "unknown-kind": both(
        "无法识别该文件。请提交电子证书 PDF、二维码图片（PNG 或 JPEG）、验证包或日志证明"
    ),
}
"""What is said beside a result, or of a file that cannot be read."""
