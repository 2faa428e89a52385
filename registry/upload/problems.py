"""What can come between an upload and its receipt, and a human's next step for each, in words.

The codes stand in `uploads.last_problem` and in the upload's events; a centre's own codes stand
there too, as it sent them, and are looked up in the same way. No message repeats what was sent.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from registry.upload.errors import UploadError


class Problem(StrEnum):
    """Why an upload is not done; stable, for programs and pages."""

    UNREACHABLE = "centre-unreachable"
    NOT_AN_ANSWER = "centre-not-an-answer"
    BUSY = "centre-busy"
    OTHER_ADDRESS = "centre-other-answer"
    NO_CENTRE = "centre-not-set"
    CARD_REFUSED = "centre-card-refused"
    NO_KEY = "upload-key-missing"
    PACKAGE_LOST = "upload-package-lost"
    TOO_OFTEN = "tries-exhausted"
    RECEIPT_DAMAGED = "receipt-damaged"
    RECEIPT_OTHER_UPLOAD = "receipt-other-upload"
    RECEIPT_SIGNATURE = "receipt-signature"
    RECEIPT_UNKNOWN_KEY = "receipt-unknown-key"
    RECEIPT_NOT_YET = "receipt-in-future"
    RECEIPT_KEY_REVOKED = "receipt-key-revoked"
    RECEIPT_KEY_RETIRED = "receipt-key-retired"
    RECEIPT_OTHER_CITY = "receipt-other-city"
    RECEIPT_UNKNOWN_UPLOAD = "receipt-unknown-upload"
    RECEIPT_OTHER_BATCH = "receipt-other-batch"
    RECEIPT_OTHER_ROWS = "receipt-other-rows"
    RECEIPT_SECOND = "receipt-second"
    RECEIPT_CHAIN = "receipt-chain"
    RECEIPT_WAITS = "receipt-waits"


ENDS: Final = frozenset(
    {
        Problem.RECEIPT_OTHER_BATCH,
        Problem.RECEIPT_OTHER_ROWS,
        Problem.RECEIPT_SECOND,
        Problem.RECEIPT_CHAIN,
    }
)
"""Faults that are found only in what the centre has signed, to this city: they end an upload.

All others may be the way's, the clock's, or somebody's in between.
"""

WORDS: Final = {
    Problem.UNREACHABLE: "省中心连接不上，系统会自动重试；长时间不通的，请检查网络或者联系省中心",
    Problem.NOT_AN_ANSWER: "收到的不是省中心接口的应答（可能是网关或者登录页面），系统会自动重试；"
    "持续出现的，请检查网络出口和省中心地址",
    Problem.BUSY: "省中心暂时不能办理，系统会自动重试",
    Problem.OTHER_ADDRESS: "省中心地址不对或者接口版本不同，请与省中心核对 centre.json",
    Problem.NO_CENTRE: "尚未登记省中心，请从省中心取得 centre.json 后运行 `certreg upload centre`",
    Problem.CARD_REFUSED: "省中心的新 centre.json 不能由现用密钥确认（省中心的密钥可能已吊销），"
    "未予采用；请与省中心电话核实，取得新的 centre.json 后运行 `certreg upload centre`",
    Problem.NO_KEY: "没有在用的上报密钥，请运行 `certreg upload key add`，再运行 `certreg anchor`",
    Problem.PACKAGE_LOST: "上报包丢失且不能照原样重新生成，请从备份恢复 uploads 文件夹后重新发送",
    Problem.TOO_OFTEN: "多次重试均未成功，请先排除上一次记录的问题，再点“重新发送”",
    Problem.RECEIPT_DAMAGED: "回执文件损坏或者格式不对，请向省中心重新取得",
    Problem.RECEIPT_OTHER_UPLOAD: "收到的是另一上报批的回执，未予采用；请在所属的上报批中导入",
    Problem.RECEIPT_SIGNATURE: "回执签名不成立，不得采信；请立即与省中心电话核实",
    Problem.RECEIPT_UNKNOWN_KEY: "回执的签名密钥未登记，系统会自动取省中心的新 centre.json；"
    "仍不能识别的，请从省中心取得 centre.json，运行 `certreg upload centre`",
    Problem.RECEIPT_NOT_YET: "回执时间晚于本机时钟，请校准时钟后再导入",
    Problem.RECEIPT_KEY_REVOKED: "回执由已吊销的密钥签名，不予采信；"
    "请向省中心索取以现用密钥重新签名的回执",
    Problem.RECEIPT_KEY_RETIRED: "回执日期在其签名密钥停用之后，不予采信；请立即与省中心电话核实",
    Problem.RECEIPT_OTHER_CITY: "这是其他地市的回执，请退回并向省中心索取本市的回执",
    Problem.RECEIPT_UNKNOWN_UPLOAD: "本单位没有这一上报批，请与省中心核实",
    Problem.RECEIPT_OTHER_BATCH: "回执与本批定稿的内容（清单、快照或者批次号）不一致，"
    "请与省中心核实",
    Problem.RECEIPT_OTHER_ROWS: "回执中的数据行与本批不一致，请与省中心核实",
    Problem.RECEIPT_SECOND: "本批已有另一份回执，两份不能并存，请与省中心核实以哪一份为准",
    Problem.RECEIPT_CHAIN: "回执的先后次序与已收到的不符（缺号或者分叉），"
    "请向省中心索取全部回执核对",
    Problem.RECEIPT_WAITS: "前一份回执尚未收到，本回执暂存；前一份导入后自动生效",
}
"""What a clerk reads: what it is, and what to do next."""

_OF_CENTRE: Final = {
    "sequence-gap": "前面还有上报批未到省中心，请先把前面的上报批发送或者补交",
    "sequence-taken": "省中心在这一顺序号下已收到另一份清单，请与省中心人工核对，不要重发",
    "previous-differs": "清单所接的上一批与省中心所收的不同，请与省中心人工核对",
    "log-other-root": "本市公开日志的检查点与省中心所存的不一致（同一大小出现两个根），"
    "请立即停止上报，运行 `certreg log fsck` 核查并与省中心人工核对",
    "log-inconsistent": "省中心不能确认本批检查点与以前上报的属于同一公开日志，"
    "请运行 `certreg log fsck` 核查并与省中心人工核对",
    "log-unproven": "本批清单没有与省中心所存检查点一致的证明，请与省中心联系，由其核对后放行",
    "clock-skew": "本机时钟与省中心相差超过五分钟，请校准时钟",
    "signature-unknown-key": "省中心未登记本单位的上报密钥，请把最新的信任文件夹送省中心登记",
    "signature-false": "省中心认为请求签名不成立，请核对上报密钥与所登记的信任文件夹",
    "key-revoked": "上报密钥已吊销，请运行 `certreg upload key add` 更换密钥并通知省中心",
    "key-retired": "上报密钥已停用，请改用新的上报密钥",
    "key-not-in-force": "上报密钥不在有效期内，请更换上报密钥",
    "city-ended": "省中心已停止接收本市上报，请与省中心联系",
}
_ROW_WORDS: Final = {
    "already-accepted": "省中心已接收过同一数据，核对后可登记为不再上报",
    "number-other-city": "该编号已被其他地市占用，请与省中心核实编号归属",
    "prefix-other-city": "该机构编码登记在其他地市名下，请与省中心核实",
    "prefix-unknown": "省中心没有该机构编码，请先向省中心报送机构信息，再原样重新上报",
    "certificate-missing": "省中心没有原证书，请先上报原证书（新增），接收后再重新上报",
    "certificate-withdrawn": "省中心登记该证书已撤销，请核实",
    "edition-missing": "省中心没有前一版，请先上报前一版，再重新上报",
    "edition-old": "省中心已有更新的版次，核对后可登记为不再上报",
    "edition-other-previous": "所接的前一版与省中心所存的不同，请与省中心核实",
    "number-malformed": "证书编号不符合编码规则，请核对编号后与省中心联系",
    "number-other-province": "证书编号不属于本省，请核对编号后与省中心联系",
    "code-unknown": "省中心代码表中没有这一代码，请核对上报模板映射后与省中心联系",
    "code-differs": "上报代码与省中心代码表不一致，请核对上报模板映射后与省中心联系",
    "number-differs": "省中心所存的同一编号内容不同，请与省中心逐项核对",
}
_LATER: Final = "later-"
"""What a reason begins with where the centre could not judge the row yet."""

_CODE = re.compile("[a-z0-9][a-z0-9-]{0,59}", re.ASCII)


class ReceiptRefused(UploadError):
    """A receipt that is not taken; nothing was changed by it. ``problem`` says why."""

    code = "receipt-refused"

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(f"{WORDS[problem]} ({problem.value})")


class NoCentre(UploadError):
    """No centre is set, or it takes nothing by the net."""

    code = "centre-not-set"


def next_step(code: str) -> str:
    """Return what a clerk is to do about a problem's code, the city's own or the centre's."""
    if code in _OF_CENTRE:
        return _OF_CENTRE[code]
    try:
        return WORDS[Problem(code)]
    except ValueError:
        return f"省中心未接收，代码 {code}，请与省中心联系核实后再办" if code else ""


def row_step(reason: str) -> str:
    """Return what a clerk is to do about a refused row."""
    plain = reason.removeprefix(_LATER)
    words = _ROW_WORDS.get(plain)
    if plain != reason and not words:
        return f"省中心暂时不能判定，代码 {plain}，请与省中心联系后原样重新上报"
    return words or f"省中心退回，代码 {reason}，请核实后更正数据或者与省中心联系"


def plain_code(text: object) -> str:
    """Return a centre's code if it has a code's form, else a name for that: it is shown."""
    return text if isinstance(text, str) and _CODE.fullmatch(text) else Problem.NOT_AN_ANSWER.value
