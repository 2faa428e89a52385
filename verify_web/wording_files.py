"""What an uploaded file turned out to be: the word, why, and what to do, one page for each.

These states are of the *file*. The certificate it speaks of has its own state, which stands
below: a tampered file does not make a certificate invalid, nor a genuine one a page true.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from signing.wording import Words
from verify_web.wording import STATES, State, Tone

_ORIGINAL: Final = Words(
    "请持证人提供从本站或者评价机构下载的电子证书原始文件，不要打印、截图或者另存。",
    "Ask the holder for the file as downloaded: not printed, not a screenshot, not saved anew.",
)
_SCAN: Final = Words(
    "手中有纸质证书的，请扫描证书上的二维码查验。",
    "With the paper at hand, scan its QR code.",
)
_LOOK_UP: Final = Words(
    "也可以在“查询证书”页面按证书编号和姓名查询登记信息。",
    "Or look the certificate up by its number and name.",
)
_REPORT: Final = Words(
    "怀疑伪造、变造的，请保留文件，向市职业技能鉴定指导办公室或者评价机构反映。",
    "If you suspect forgery, keep the file and tell the office or the assessing body.",
)


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
                Words("已被篡改", "Tampered with"),
                Words(
                    "文件中经签名或者签章的内容被改动过，不得采信。未通过的项目见下方“核验结果”。",
                    "What was signed or sealed in this file has been changed: do not rely on it."
                    " The failed check is marked below.",
                ),
            ),
            advice=(_REPORT, _ORIGINAL, _SCAN),
        ),
        FileState(
            state=_warn(
                "not-ours",
                Words("非本站签发", "Not issued here"),
                Words(
                    "文件带有签名，但签名人不是本站登记的评价机构或者备案机构，本站不能证明其真伪。",
                    "The file is signed, but not by any assessing body or registry known here, so"
                    " this site can say nothing about it.",
                ),
                icon="question",
            ),
            advice=(
                Words(
                    "其他地区颁发的证书，请到颁发地的查询网站或者全国联网查询系统"
                    "（zscx.osta.org.cn）查询。",
                    "For certificates of other places use their own site or the national lookup.",
                ),
                Words(
                    "自称由本市备案企业颁发的，不得采信，并请向市职业技能鉴定指导办公室反映。",
                    "If it claims to be of a company filed in this city, do not rely on it and tell"
                    " the office.",
                ),
            ),
        ),
        FileState(
            state=_warn(
                "not-original",
                Words("非原始文件", "Not the original file"),
                Words(
                    "文件在签章之后被另存、批注、打印或者扫描过，签章不能证明现在的页面内容。"
                    "页面所载不得采信，只能以登记信息为准。",
                    "The file was saved anew, marked, printed or scanned after sealing, so no seal"
                    " vouches for what its pages show. Rely on the register alone.",
                ),
            ),
            advice=(_ORIGINAL, _SCAN, _LOOK_UP),
        ),
        FileState(
            state=STATES["copy-expired"],
            advice=(
                Words(
                    "请持证人重新下载加注副本，写明本单位名称、用途和新的有效期。",
                    "Ask the holder for a new copy made out to you, with its purpose and term.",
                ),
                _SCAN,
                _LOOK_UP,
            ),
        ),
        FileState(
            state=STATES["copy-for-another"],
            advice=(
                Words(
                    "请持证人为本单位另行下载加注副本，不要使用提供给其他单位的副本。",
                    "Ask the holder for a copy made out to you; do not use one made for another.",
                ),
                Words(
                    "单位名称填写有误的，请按副本上的写法重新填写后再验证。",
                    "If you mistyped your name, check the file again with the right one.",
                ),
            ),
        ),
    )
}

COPY_TITLE: Final = Words("本文件是加注副本", "This file is an annotated copy")
COPY_NOTE: Final = Words(
    "加注副本只供下列单位用于所载用途。贵单位不是所列接收单位的，请勿采信，并请持证人另行提供。",
    "It is for the recipient and purpose below only. If that is not you, do not rely on it, and ask"
    " the holder for one of your own.",
)
COPY_FACTS: Final = (
    ("recipient", Words("接收单位", "Recipient")),
    ("purpose", Words("用途", "Purpose")),
    ("made", Words("加注日期", "Made on")),
    ("until", Words("有效期至", "Valid until")),
)
"""The facts of the step `copy`, in the order in which they are shown."""

BY_DIGEST: Final = Words(
    "本文件与评价机构发出的电子证书逐字节一致（SHA-256），未经打开即可确认。",
    "Byte for byte a file the issuer let out: known by its SHA-256, without being opened.",
)
SCANNED: Final = Words(
    "文件中没有签名记录，以下是文件首页上二维码对应的登记信息。请与文件所载逐项核对。",
    "The file holds no signed record: below is what is registered under the QR code on its first"
    " page. Compare each item.",
)
"""Remarks beside a result."""

REMARKS: Final = {
    "damaged-bundle": Words(
        "文件已损坏或者不是本站的验证包，请向提供者索取原始文件",
        "The file is damaged or is no verification bundle; ask for the original",
    ),
    "damaged-pdf": Words(
        "PDF 无法读取，请向持证人索取原始文件，不要打印后再扫描",
        "The PDF cannot be read; ask the holder for the original file, not a scan",
    ),
    "long-recipient": Words(
        "单位名称不得超过 60 个字，请填写全称或者留空",
        "A name may have 60 characters; give it in full or leave this empty",
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
        "文件所附的证明出自已停用的公开日志；以上结论依接续的公开日志作出，请重新获取证明。",
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
    "beyond-limits": Words(
        "文件过于复杂，未能在限定的时间和内存内核验完毕，不能得出结论；请提交原始文件，或者稍后再试",
        "The file could not be read within the limits of time and memory, so nothing can be said of"
        " it; submit the original, or try again later",
    ),
    "unknown-kind": Words(
        "无法识别该文件。请提交电子证书 PDF、二维码图片（PNG 或 JPEG）、验证包或日志证明",
        "This kind of file is not known; submit a PDF, a picture of the QR code (PNG or JPEG),"
        " a verification bundle or a log proof",
    ),
}
"""What is said beside a result, or of a file that cannot be read."""
