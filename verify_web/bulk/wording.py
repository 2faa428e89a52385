"""The texts of the bulk check that stand in Python: purposes, faults of a table, sheets, mails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from verify_web.bulk.addresses import CallFault
from verify_web.bulk.jobs import Purpose, State
from verify_web.bulk.rows import RowFault, TableFault
from verify_web.catalogue import both

if TYPE_CHECKING:
    from collections.abc import Mapping

    from signing.wording import Words

PURPOSES: Final[Mapping[Purpose, Words]] = {
    Purpose.HIRING: both("招聘录用核验"),
    Purpose.STAFF: both("在职员工证书核验"),
    Purpose.TENDER: both("投标、资质申报核验"),
    Purpose.SUBSIDY: both("补贴、奖励审核"),
    Purpose.OTHER: both("其他用工管理"),
}

JOB_STATES: Final[Mapping[State, Words]] = {
    State.WAITING: both("排队等候"),
    State.WORKING: both("正在查验"),
    State.DONE: both("查验完成"),
    State.FAILED: both("未能完成"),
}

TABLE_FAULTS: Final[Mapping[TableFault, Words]] = {
    TableFault.NOT_A_TABLE: both("文件不是可以读取的表格，请上传 xlsx 或者 csv 文件"),
    TableFault.OLD_OR_LOCKED: both("文件是旧版 xls 格式或者设有密码，请另存为不加密的 xlsx 后上传"),
    TableFault.ENCODING: both("csv 文件的编码无法识别，请另存为 xlsx 后上传"),
    TableFault.NO_HEADER: both("没有找到表头：须有“证书编号”列，以及“姓名”或者“证件号码后六位”列"),
    TableFault.EMPTY: both("表格中没有需要查验的行"),
    TableFault.TOO_MANY_ROWS: both("表格超过 20,000 行，请拆分后分别上传"),
}

ROW_FAULTS: Final[Mapping[RowFault, Words]] = {
    RowFault.NO_NUMBER: both("缺少证书编号"),
    RowFault.NO_FACT: both("姓名和证件号码后六位均未填写"),
    RowFault.LAST_SIX_LENGTH: both("证件号码后六位应为 6 位"),
    RowFault.TOO_LONG: both("有单元格内容过长"),
    RowFault.BAD_CHARACTER: both("有单元格含有换行或者其他不可见的控制字符"),
}

NO_FILE: Final = both("请选择一个文件")
NO_ASKER: Final = both("请填写查验单位全称，不超过 60 字")
NO_PURPOSE: Final = both("请选择查验用途")
NO_CONSENT: Final = both("请确认已取得持证人同意")
BAD_MAIL: Final = both("请填写有效的电子邮箱地址")
BAD_CODE: Final = both("验证码不正确或者已过期，请核对后重新输入，或者重新获取")
ENDED: Final = both("本邮箱的批量查验账户已停用，请与备案机构联系")
BAD_WEBHOOK: Final = both("请填写 https:// 开头的域名地址，端口为 443 或者 1024 以上")
BAD_KEY: Final = both("密钥不正确或者已停用")

MAIL_SUBJECT: Final = "批量查验登录验证码 Sign-in code for the bulk check"
MAIL_TEXT: Final = (
    "您正在登录职业技能等级证书批量查验。验证码：{code}，10 分钟内有效，只能使用一次。\n"
    "如非本人操作，请忽略本邮件；请勿将验证码告知他人。\n\n"
    "Your sign-in code for the bulk check of certificates: {code}.\n"
    "It is good for 10 minutes, once.\n"
    "If you did not ask for it, ignore this message. Give the code to nobody.\n"
)

CALL_FAULTS: Final[Mapping[CallFault, Words]] = {
    CallFault.ADDRESS: both(
        "接收地址指向内部网络或者保留地址，不能发送。请改用公网可以访问的地址。"
    ),
    CallFault.NAME: both("接收地址的域名无法解析。请检查域名解析。"),
    CallFault.CONNECTION: both("无法连接。请检查服务器和防火墙是否允许外部访问。"),
    CallFault.TLS: both("安全连接未能建立。请检查服务器证书是否有效、是否与域名一致。"),
    CallFault.TIME: both("10 秒内没有答复。请先答复 2xx，再作处理。"),
    CallFault.ANSWER: both("答复不是 2xx。请检查接收程序。"),
    CallFault.REDIRECT: both("答复是跳转，本站不跟随跳转。请停止本通知，用最终地址重新提交。"),
}

CHANGED_STATES: Final = {
    "valid": "有效 valid",
    "corrected": "已更正 corrected",
    "revoked": "已撤销 revoked",
    "suspended": "已暂停 suspended",
}
CHANGE_SUBJECT: Final = "职业技能等级证书状态变化通知 Certificates you checked have changed"
CHANGE_LINE: Final = "第 {row} 行 row {row}: {state}"
CHANGE_TEXT: Final = (
    "贵单位批量查验 {job} 中，有 {count} 行证书的状态发生变化（截至北京时间 {as_of}，"
    "公开日志共 {size} 条）：\n\n{rows}\n\n"
    "行次按结果表数据行计算，第 1 行为表头下的第一行。请以重新查验的结果为准。\n"
    "不再需要通知的，请登录“批量查验”停止。通知编号 {event}，重发时编号不变。\n\n"
    "Of your bulk check {job}, {count} rows have a new state"
    " (as of {as_of} Beijing time, {size} log entries).\n"
    "Rows are counted in the table of answers, 1 below its heading. Check again before you act.\n"
    "To end these messages sign in to the bulk check. Notice {event}; the same when sent again.\n"
)

NOTES: Final = (
    ("结果含义", ""),
    ("有效", "证书登记在册，截至所列时间状态有效。请另行核对持证人身份证件和证书照片。"),
    ("已更正", "所查版本的信息已经更正或者补发，请以最新版证书为准。"),
    ("已撤销", "证书已被撤销，不得再作为技能等级证明使用。"),
    ("已暂停", "证书暂停使用，恢复之前不得作为技能等级证明使用。"),
    ("未找到或不符", "没有同时符合所填两项的证书。为保护个人信息，不提示是哪一项不符。"),
    ("暂无法确认", "暂时没有结果，既不表示有效，也不表示无效，请稍后再查。"),
    ("如何复核", "保存本表和查验凭证（.receipt.json），用离线工具核验："),
    ("", "certverify 凭证文件 --table 本表文件 --trust 信任文件夹"),
    ("", "可以排序、调整列宽。改动文字、增减行列、隐藏行列、加入公式或者批注的，复核不能通过。"),
    ("个人信息", "本表含个人信息，仅限所述用途使用，用后请及时删除。"),
)

TEMPLATE_NOTES: Final = (
    "每行一份证书，最多 20,000 行。",
    "证书编号必填，共 22 位。",
    "姓名和证件号码后六位至少填写一项；两项都填写的，须都与登记一致。",
    "姓名与证书上的写法一致；少数民族姓名中的间隔号写“·”。",
    "证件号码后六位末位为 X 的，填写 X；前面有 0 的，请保留。",
)
