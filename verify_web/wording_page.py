"""What the certificate's page and its browser module say beside states, steps and reasons.

The module shows no text of its own: it takes these, and the shared ones, as `words.json`. Of each
text the page says whose finding it is: this site's, the visitor's browser's, or nobody's yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from signing.record import IdType
from signing.report import Answer, Reason, StepCode
from signing.wording import Words, level_words, words
from verify_web.wording import ANSWERS, STATES, reason_words

if TYPE_CHECKING:
    from datetime import timedelta

LEVELS: Final = "54321"

DETAILS: Final = {
    StepCode.SIGNATURE: Words(
        "签名机构（备案名称）：{registered_name}", "Signed by (name on file): {registered_name}"
    ),
    StepCode.INCLUSION: Words(
        "公开日志共 {size} 条，本条序号 {index}（从 0 起），批次 {batch}",
        "Entry {index}, counted from 0, of {size}; batch {batch}",
    ),
    StepCode.CHECKPOINT: Words(
        "公开日志 {origin}，共 {size} 条；见证方：{witnesses}",
        "Register {origin}, {size} entries; witnessed by {witnesses}",
    ),
}
"""A line under a step's reason, filled with the step's facts; left out where one is missing."""

NO_WITNESS: Final = Words("信任策略未要求", "nobody (the policy asks for none)")

SAY: Final = {
    "by-site": Words(
        "以上是本站服务器的核验结论。", "The answer above is that of this site’s server."
    ),
    "no-scripts": Words(
        "您的浏览器未启用脚本，没有自行复核。",
        "Scripts are off, so your browser has not checked it for itself.",
    ),
    "working": Words("您的浏览器正在自行核验……", "Your browser is checking for itself…"),
    "by-browser": Words(
        "以上结论由您的浏览器自行核验得出，与本站一致。",
        "Your browser has checked all of this for itself, and agrees with this site.",
    ),
    "by-both": Words(
        "登记、公开日志签名和状态已由您的浏览器核验；证书内容和评价机构签名采信本站的核验结果。"
        "扫描证书上的二维码打开本页，浏览器可以核验全部内容。",
        "Your browser has checked entry, register and status. For content and issuer’s signature"
        " this site’s word was taken: open this page by the QR code to have all checked.",
    ),
    "no-ed25519": Words(
        "您的浏览器不支持所需的签名算法（Ed25519），未能自行核验；以上是本站服务器的核验结论。",
        "Your browser lacks the signature algorithm (Ed25519): the answer above is the server’s.",
    ),
    "differs": Words(
        "您的浏览器自行核验的结论与本站不一致，以较为不利的为准，请勿采信本证书并告知备案机构。",
        "Your browser’s own checks disagree with this site: the worse answer stands. Do not rely"
        " on the certificate, and tell the registry.",
    ),
    "no-evidence": Words(
        "您的浏览器没有取得可以核验的证据，本站的结论无从复核，请稍后重试。",
        "Your browser got no evidence to check, so this site’s answer cannot be confirmed: try"
        " again later.",
    ),
    "damaged-qr": Words(
        "网址中的二维码内容不完整或已被改动，请重新扫描证书上的二维码。",
        "The QR code’s content in the address is cut short or was changed: scan it again.",
    ),
    "other-paper": Words(
        "二维码所载内容与登记信息不一致，疑为拼接伪造，请勿采信。",
        "The QR code disagrees with the register: it may have been forged. Do not rely on it.",
    ),
    "other-page": Words(
        "本页所示的登记信息与签名记录不一致，请勿采信。",
        "What this page shows is not what was signed. Do not rely on it.",
    ),
    "other-policy": Words(
        "本站公布的信任策略与您的浏览器上次保存的不同。请通过其他途径向备案机构核对下列指纹，"
        "一致后再采用。",
        "The trust policy published here is not the one your browser kept. Compare the fingerprint"
        " with the registry by another way before you adopt it.",
    ),
    "checked-site": Words(
        "本站服务器核验了以上各项。", "This site’s server has made all the checks above."
    ),
    "trusted-site": Words(
        "您采信了：本站服务器的结论。可以启用浏览器脚本，或者下载证据，用离线程序 certverify"
        " 自行核验。",
        "Taken on trust: this server’s answer. Turn scripts on, or download the evidence and check"
        " it with the offline program certverify.",
    ),
    "checked-here": Words(
        "浏览器自行核验：二维码签名、评价机构签名、登记条目及其路径、公开日志签名与见证、状态证明，"
        "以及本页所示内容与签名记录一致。",
        "Checked by your browser: the QR code’s and the issuer’s signatures, entry and path, the"
        " register’s and witnesses’ signatures, the status, and that this page shows what was"
        " signed.",
    ),
    "checked-part": Words(
        "浏览器自行核验：登记条目及其路径、公开日志签名与见证、状态证明。",
        "Checked by your browser: entry and path, the register’s and witnesses’ signatures, and"
        " the status.",
    ),
    "trusted": Words(
        "采信而未核验：本站提供的核验程序和信任策略（指纹见“专家视图”）、本机时间，以及评价机构确实"
        "评价过此人。",
        "Taken on trust: the checking program and the trust policy from this site (fingerprints in"
        " the expert’s view), this device’s clock, and that the body did assess this person.",
    ),
    "trusted-part": Words(
        "采信而未核验：证书内容和评价机构签名（本站的核验结果）、本站提供的核验程序和信任策略"
        "（指纹见“专家视图”）、本机时间，以及评价机构确实评价过此人。",
        "Taken on trust: this site’s word for content and issuer’s signature, the checking program"
        " and the trust policy from this site (fingerprints in the expert’s view), this device’s"
        " clock, and that the body did assess this person.",
    ),
    "first-visit": Words(
        "信任策略为首次取得，已保存在本机，今后如有变化会提示。",
        "The trust policy was got for the first time and is kept: you will be told of changes.",
    ),
    "kept-policy": Words(
        "信任策略与本机以前保存的一致。", "The trust policy is the one kept on this device."
    ),
    "foreign-site": Words(
        "您打开的网址与备案机构的查询网址不同，请勿采信，并改用官方网址。",
        "This page’s address is not the registry’s: do not rely on it, use the official one.",
    ),
    "foreign-qr": Words(
        "二维码指向的网址不是备案机构的查询网址，请勿打开：",
        "This is where the code leads; it is not the registry’s address, do not open it:",
    ),
    "no-symbol": Words("没有读到职业技能等级证书的二维码。", "No certificate’s QR code was read."),
    "no-file": Words(
        "这个文件读不出证书的二维码，也不是本登记系统的验证包或日志证明。",
        "No certificate’s code could be read from this file, and it is no bundle or log proof.",
    ),
    "nothing-kept": Words(
        "本机没有保存核验所需的密钥。请联网打开本页一次。",
        "This device has kept no keys to check by: open this page once while connected.",
    ),
    "offline-signature": Words(
        "离线核验：只核验了二维码上评价机构的签名。是否登记、更正或撤销，须联网查验。",
        "Offline: only the issuer’s signature in the code was checked. Registration, correction and"
        " revocation need a network.",
    ),
    "offline-part": Words(
        "离线核验：二维码签名、登记条目和状态由本机保存的证明核验；登记内容与二维码是否一致，"
        "须联网查验。",
        "Offline: signature, entry and status were checked by the proofs kept here. Whether the"
        " entry is of this very content needs a network.",
    ),
    "offline-seen": Words(
        "离线核验：二维码签名、登记条目和状态由本机保存的证明核验；登记内容此前联网时已核对一致。"
        "状态只说明截至所示时间的情况。",
        "Offline: signature, entry and status were checked by the proofs kept here; the content was"
        " compared when you were last connected. The status holds as of the time shown.",
    ),
    "offline-file": Words(
        "离线核验：文件所附的证明由您的浏览器核验。状态只说明截至所示时间的情况。",
        "Offline: your browser checked the file’s own proofs. The status holds as of its time.",
    ),
    "adopt": Words("已核对指纹，采用新的信任策略", "I have compared: adopt the new policy"),
    "disagrees": Words("不一致", "differs"),
}
"""Texts of the page and its module, by key."""

FIELDS: Final = (
    ("name", "姓名"),
    ("id_type", "证件类型"),
    ("id_number", "证件号码"),
    ("occupation", "职业名称"),
    ("direction", "工种/职业方向"),
    ("level", "职业技能等级"),
    ("number", "证书编号"),
    ("issuer", "评价机构"),
    ("issued", "发证日期"),
    ("edition", "版次"),
)
"""Printed fields in the order of the paper."""

NOTES: Final = (
    "状态截至 ",
    "（北京时间）",
    "（您的浏览器核验，截至 ",
    "（您的浏览器核验于 ",
    "）",
)
"""What stands around a time, in the order in which the module names them."""

CHAIN: Final = (
    ("filed", Words("结果备案", "Filed")),
    ("reported", Words("上报省中心", "Reported to the province")),
    ("accepted", Words("省中心接收", "Accepted by the province")),
    ("listed", Words("全国联网可查", "Listed nationally")),
)
CHAIN_KNOWN: Final = Words("据备案机构登记", "By the registry’s word")
CHAIN_UNKNOWN: Final = Words("暂无法确认", "Cannot say yet")
CHAIN_ADVICE: Final = Words(
    "本站没有这一步的登记，不表示没有办理；请以全国联网查询系统为准。",
    "Nothing is entered here, which does not mean that it was not done: go by the national lookup.",
)


def words_json(max_age: timedelta) -> bytes:
    """All texts that the browser module may have to show; `max_age` is that of a status."""
    return msgspec.json.encode(
        {
            "answers": {
                answer: [*_pair(words(answer)), *map(str, ANSWERS[answer])] for answer in Answer
            },
            "details": {code: _pair(text) for code, text in DETAILS.items()},
            "id_types": {kind: words(kind).zh for kind in IdType},
            "levels": {level: level_words(level).zh for level in LEVELS},
            "max_age": max_age.total_seconds(),
            "edition": "第 {} 版",
            "fields": dict(FIELDS),
            "notes": NOTES,
            "no_witness": _pair(NO_WITNESS),
            "reasons": {reason: _pair(reason_words(reason)) for reason in Reason},
            "say": {key: _pair(text) for key, text in SAY.items()},
            "states": {
                state.code: [
                    *_pair(state.word), str(state.tone), state.icon, *_pair(state.meaning),
                ]
                for state in STATES.values()
            },
            "steps": {code: _pair(words(code)) for code in StepCode},
        }
    )  # fmt: skip


def _pair(text: Words) -> list[str]:
    return [text.zh, text.en]
