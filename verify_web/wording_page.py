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
from verify_web.catalogue import both
from verify_web.display import Language
from verify_web.times import MONTHS
from verify_web.wording import ANSWERS, STATES, reason_words

if TYPE_CHECKING:
    from datetime import timedelta

LEVELS: Final = "54321"

DETAILS: Final = {
    StepCode.SIGNATURE: both("签名机构（备案名称）："),
    StepCode.INCLUSION: both("公开日志共 {size} 条，本条序号 {index}（从 0 起），批次 {batch}"),
    StepCode.CHECKPOINT: both("公开日志 {origin}，共 {size} 条；见证方：{witnesses}"),
}
"""A line under a step's reason, filled with the step's facts; left out where one is missing.

The name that ends the signature's line is Chinese on every page, and marked so.
"""
IMPORTED: Final = both(
    "公开日志共 {size} 条，本条序号 {index}（从 0 起），批次 {batch}；{imported} 补录入库"
)
"""In the place of the inclusion's line, of a certificate that was taken in."""

NO_WITNESS: Final = both("信任策略未要求")

SAY: Final = {
    "by-site": both("以上是本站服务器的核验结论。"),
    "no-scripts": both("您的浏览器未启用脚本，没有自行复核。"),
    "working": both("您的浏览器正在自行核验……"),
    "by-browser": both("以上结论由您的浏览器自行核验得出，与本站一致。"),
    "by-both": both(
        "登记、公开日志签名和状态已由您的浏览器核验；证书内容和评价机构签名采信本站的核验结果。"
        "扫描证书上的二维码打开本页，浏览器可以核验全部内容。"
    ),
    "no-ed25519": both(
        "您的浏览器不支持所需的签名算法（Ed25519），未能自行核验；以上是本站服务器的核验结论。"
    ),
    "differs": both(
        "您的浏览器自行核验的结论与本站不一致，以较为不利的为准，请勿采信本证书并告知备案机构。"
    ),
    "no-evidence": both("您的浏览器没有取得可以核验的证据，本站的结论无从复核，请稍后重试。"),
    "damaged-qr": both("网址中的二维码内容不完整或已被改动，请重新扫描证书上的二维码。"),
    "other-paper": both("二维码所载内容与登记信息不一致，疑为拼接伪造，请勿采信。"),
    "other-page": both("本页所示的登记信息与签名记录不一致，请勿采信。"),
    "other-policy": both(
        "本站公布的信任策略与您的浏览器上次保存的不同。请通过其他途径向备案机构核对下列指纹，"
        "一致后再采用。"
    ),
    "checked-site": both("本站服务器核验了以上各项。"),
    "trusted-site": both(
        "您采信了：本站服务器的结论。可以启用浏览器脚本，或者下载证据，用离线程序 certverify"
        " 自行核验。"
    ),
    "checked-here": both(
        "浏览器自行核验：二维码签名、评价机构签名、登记条目及其路径、公开日志签名与见证、状态证明，"
        "以及本页所示内容与签名记录一致。"
    ),
    "checked-part": both("浏览器自行核验：登记条目及其路径、公开日志签名与见证、状态证明。"),
    "trusted": both(
        "采信而未核验：本站提供的核验程序和信任策略（指纹见“专家视图”）、本机时间，以及评价机构确实"
        "评价过此人。"
    ),
    "trusted-part": both(
        "采信而未核验：证书内容和评价机构签名（本站的核验结果）、本站提供的核验程序和信任策略"
        "（指纹见“专家视图”）、本机时间，以及评价机构确实评价过此人。"
    ),
    "first-visit": both("信任策略为首次取得，已保存在本机，今后如有变化会提示。"),
    "kept-policy": both("信任策略与本机以前保存的一致。"),
    "foreign-site": both("您打开的网址与备案机构的查询网址不同，请勿采信，并改用官方网址。"),
    "foreign-qr": both("二维码指向的网址不是备案机构的查询网址，请勿打开："),
    "no-symbol": both("没有读到职业技能等级证书的二维码。"),
    "no-file": both("这个文件读不出证书的二维码，也不是本登记系统的验证包或日志证明。"),
    "nothing-kept": both("本机没有保存核验所需的密钥。请联网打开本页一次。"),
    "offline-signature": both(
        "离线核验：只核验了二维码上评价机构的签名。是否登记、更正或撤销，须联网查验。"
    ),
    "offline-part": both(
        "离线核验：二维码签名、登记条目和状态由本机保存的证明核验；登记内容与二维码是否一致，"
        "须联网查验。"
    ),
    "offline-seen": both(
        "离线核验：二维码签名、登记条目和状态由本机保存的证明核验；登记内容此前联网时已核对一致。"
        "状态只说明截至所示时间的情况。"
    ),
    "offline-file": both(
        "离线核验：文件所附的证明由您的浏览器核验。状态只说明截至所示时间的情况。"
    ),
    "adopt": both("已核对指纹，采用新的信任策略"),
    "disagrees": both("不一致"),
}
"""Texts of the page and its module, by key."""

FIELDS: Final = {
    "name": both("姓名"),
    "id_type": both("证件类型"),
    "id_number": both("证件号码"),
    "occupation": both("职业名称"),
    "direction": both("工种/职业方向"),
    "level": both("职业技能等级"),
    "number": both("证书编号"),
    "issuer": both("评价机构"),
    "issued": both("发证日期"),
    "edition": both("版次"),
}
"""Labels of the printed fields, by the record's names, in the order of the paper."""

EDITION: Final = "第 {} 版"
"""An edition as printed: Chinese on every page."""

NOTES: Final = {
    "as-of": both("状态截至 %(time)s（北京时间）"),
    "checked-as-of": both("（您的浏览器核验，截至 %(time)s）"),
    "checked-at": both("（您的浏览器核验于 %(time)s）"),
}
"""What stands around a time."""

CHAIN: Final = (
    ("filed", both("结果备案")),
    ("reported", both("上报省中心")),
    ("accepted", both("省中心接收")),
    ("listed", both("全国联网可查")),
)
CHAIN_KNOWN: Final = both("据备案机构登记")
CHAIN_UNKNOWN: Final = both("暂无法确认")
CHAIN_ADVICE: Final = both("本站没有这一步的登记，不表示没有办理；请以全国联网查询系统为准。")
ENDED: Final = "ended"
"""The row that stands after the steps where the office reports the certificate no more."""

CHAIN_ENDED: Final = (both("不再上报"), both("办公室已停止上报"))
ENDED_ADVICE: Final = both(
    "办公室已停止上报该证书数据，全国联网查询系统可能查不到。原因请向市技能鉴定办查询。"
)


def words_json(max_age: timedelta, language: Language) -> bytes:
    """All texts that the browser module may have to show; `max_age` is that of a status."""

    def say(text: Words) -> str:
        return text.en if language is Language.ENGLISH else text.zh

    return msgspec.json.encode(
        {
            "answers": {
                answer: [say(words(answer)), *map(str, ANSWERS[answer])] for answer in Answer
            },
            "details": {code: say(text) for code, text in DETAILS.items()},
            "imported": say(IMPORTED),
            "id_types": {kind: words(kind).zh for kind in IdType},
            "levels": {level: level_words(level).zh for level in LEVELS},
            "max_age": max_age.total_seconds(),
            "edition": EDITION,
            "fields": {name: say(label) for name, label in FIELDS.items()},
            "months": MONTHS if language is Language.ENGLISH else [],
            "notes": {key: say(text) for key, text in NOTES.items()},
            "no_witness": say(NO_WITNESS),
            "reasons": {reason: say(reason_words(reason)) for reason in Reason},
            "say": {key: say(text) for key, text in SAY.items()},
            "states": {
                state.code: [
                    say(state.word), str(state.tone), state.icon, say(state.meaning),
                ]
                for state in STATES.values()
            },
        }
    )  # fmt: skip
