"""The words of the holder's pages (持证人服务)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from verify_web.catalogue import both

if TYPE_CHECKING:
    from collections.abc import Mapping

    from signing.wording import Words

REFUSALS: Final[Mapping[str, Words]] = {
    "bad-code": both("验证码不正确或者已失效，请重新输入或者重新获取"),
    "too-many-copies": both("一小时内最多下载 20 次，请稍后再试"),
    "copy-refused": both(
        "填写的内容不符合要求、过长或者含有无法印制的文字，或者证书当前不是有效状态，未生成文件"
    ),
    "share-refused": both("填写的内容不符合要求，或者有效的链接已达 20 个，未生成链接"),
    "request-refused": both("填写的内容不符合要求，或者待办的申请已达 5 件，未提交"),
    "paper-refused": both(
        "材料不完整、无法读取、设有密码，或者含有脚本、程序、内嵌文件，申请未提交。"
        "请重新打印或者扫描为 PDF，或者拍照后，再次提交"
    ),
    "too-many-papers": both(
        "24 小时内已有 10 份材料未能接收，申请未提交。"
        "请 24 小时后再试，或者持身份证件和材料到窗口办理"
    ),
    "papers-waiting": both("当前待检查的材料较多，申请未提交，请稍后再次提交"),
    "not-found": both("没有找到该项，请刷新后重试"),
    "refused": both("暂不能办理：证书状态或者公开日志尚未就绪，请稍后再试"),
    "trouble": both("办理中出现故障，请稍后再试"),
}
"""By the code of `signing.holder_messages.Refusal`."""

OTHER_REFUSAL: Final = both("暂不能办理，请稍后再试")

TWO_FACTS: Final = both("请填写两项，其中至少一项为证书编号或者证件号码")
BAD_DAY: Final = both("请选择有效期截止日期")
NO_PURPOSE: Final = both("请填写用途，不超过 60 字")
NO_RECIPIENT: Final = both("请填写接收单位或者个人，不超过 60 字")
BAD_DAYS: Final = both("请选择 1 至 30 天")
NO_KIND: Final = both("请选择申请事项")
NO_FIELD: Final = both("请选择需要更正的项目")
NO_WANTED: Final = both("请填写正确的内容，不超过 60 字")
NO_REASON: Final = both("请说明理由，不超过 500 字")
BAD_DOCUMENT: Final = both("材料应为不超过 10 MB 的 PDF、JPG 或者 PNG 文件")

KINDS: Final[Mapping[str, Words]] = {
    "correction": both("信息更正"),
    "reissue": both("补发"),
}

REQUEST_FIELDS: Final[Mapping[str, Words]] = {
    "name": both("姓名"),
    "id_number": both("证件号码"),
    "occupation": both("职业名称"),
    "direction": both("工种/职业方向"),
    "level": both("职业技能等级"),
    "issued": both("发证日期"),
    "issuer": both("评价机构"),
    "photo": both("照片"),
}

REQUEST_STATES: Final[Mapping[str, Words]] = {
    "received": both("待审核"),
    "returned": both("退回补正"),
    "accepted": both("已受理"),
    "refused": both("不予办理"),
    "done": both("已办理"),
}

STATES: Final[Mapping[int, tuple[Words, str, str]]] = {
    0: (both("有效"), "good", "tick"),
    1: (both("已撤销"), "bad", "stop"),
    2: (both("已暂停"), "warn", "pause"),
}
"""By the two bits of a status page: word, tone, icon. Superseded editions are not listed."""

CHAIN: Final[tuple[tuple[str, Words, Words], ...]] = (
    ("issued", both("已发证"), both("由评价机构发证")),
    ("filed", both("已备案"), both("由市职业技能鉴定指导办公室办理")),
    ("reported", both("已报省中心"), both("由市职业技能鉴定指导办公室办理")),
    ("accepted", both("省中心已接收"), both("由省职业技能服务指导中心办理")),
    ("listed", both("全国联网可查"), both("由省职业技能服务指导中心办理")),
)
"""The steps in their order: name, its word, and whose turn it is."""
