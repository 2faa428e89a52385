"""What an audit line's action is called in words (审计事项): the codes are what is kept."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from registry.office.cases import MACHINE_OF, CaseKind
from registry.office.changes import KIND_WORDS
from registry.rules.changing import CHANGE
from registry.rules.importing import IMPORT
from registry.rules.standing import ASSESSOR
from registry.web.words import KINDS

_OF_CASES: Final = {
    "open": "新建",
    "fill-in": "填写",
    "document-add": "上传材料",
    "document-remove": "删除材料",
}
_WORDS: Final = {
    "account-add": "新建账号",
    "account-confirm": "确认账号变更",
    "account-disable": "停用账号",
    "account-drop": "撤销账号变更",
    "account-enable": "恢复账号",
    "account-factors": "清除第二步验证",
    "account-number": "登记工号",
    "account-reset": "重置密码",
    "account-role": "变更角色",
    "application-print": "打印备案申请表",
    "assessor-add": "登记考评人员",
    "assessor-amend": "修改考评人员",
    "assessor-import": "导入考评人员",
    "audit-anchor": "记录链入公开日志",
    "catalogue-import": "导入职业目录",
    "change-unsound": "提出证书变更申请未通过检查",
    "company-add": "登记企业",
    "company-change-adopt": "同意企业信息变更",
    "company-change-drop": "不同意企业信息变更",
    "company-change-propose": "提出企业信息变更",
    "correct": "更正证书",
    "delisting-propose": "提议移出名单",
    "document-download": "下载材料",
    "draw-pool": "固定抽取名单",
    "draw-result": "随机抽取",
    "evaluation": "年度评估",
    "expert-add": "专家入库",
    "expert-restore": "专家恢复入库",
    "expert-retire": "专家出库",
    "holder-begin": "持证人获取验证码",
    "holder-contact": "登记持证人联系方式",
    "holder-contact-told": "告知原联系方式已变更",
    "holder-copy": "持证人下载证书",
    "holder-enter": "持证人登录",
    "holder-leave": "持证人退出",
    "holder-look": "持证人查看本人证书",
    "holder-share": "持证人生成授权链接",
    "holder-unshare": "持证人停止授权链接",
    "import-direct": "直接补录既有证书",
    "import-prepare": "提交补录表",
    "import-report-download": "下载补录问题表",
    "import-rows-list": "查看补录名单",
    "issue": "核发证书",
    "issuer-add": "登记发证机构",
    "key-add": "登记密钥",
    "key-adopt": "采用密钥",
    "key-retire": "停用密钥",
    "key-revoke": "吊销密钥",
    "log-freeze": "冻结公开日志",
    "log-succeed": "续接公开日志",
    "milestone": "写入里程碑",
    "notice-load": "录入节假日安排",
    "pool-list": "查看专家库名单",
    "publicity-list-print": "打印公示名单",
    "request-correction": "持证人申请信息更正",
    "request-paper": "持证人提交的证明材料",
    "request-paper-download": "下载变更申请的证明材料",
    "request-reissue": "持证人申请补发",
    "share-view": "授权链接被查看",
    "passkey-add": "登记通行密钥",
    "passkey-remove": "删除通行密钥",
    "password-change": "修改密码",
    "reinstate": "恢复证书",
    "reissue": "补发证书",
    "revocation-propose": "提议撤销批次证书",
    "revoke": "撤销证书",
    "retention-erase": "删除超过保存期限的资料",
    "roster-report-download": "下载名册问题表",
    "rule-make": "登记规定",
    "scores-report-download": "下载成绩问题表",
    "scores-template-download": "下载成绩表",
    "sign-in": "登录：密码",
    "sign-in-code": "登录：动态口令",
    "sign-in-passkey": "登录：通行密钥",
    "sign-out": "退出",
    "subsidy-list-download": "下载补贴名单",
    "supervision-answer": "企业答复",
    "supervisor-account": "绑定督导员账号",
    "supervisor-add": "督导员入库",
    "supervisor-restore": "督导员恢复入库",
    "supervisor-retire": "督导员出库",
    "suspend": "暂停证书",
    "totp-enrol": "登记动态口令",
    "visit-ask-again": "要求补充答复",
    "visit-close": "督导核实办结",
    "visit-report": "提交督导意见",
    "upload-again": "重新发送上报批",
    "upload-centre": "登记省中心回执密钥",
    "upload-centre-refused": "省中心新 centre.json 未予采用",
    "upload-dead": "上报批转人工处理",
    "upload-dissolve": "取消组批",
    "upload-freeze": "上报批定稿",
    "upload-give-back": "上报批退回重报",
    "upload-package": "下载上报包",
    "upload-prepare": "组批上报",
    "upload-problem": "上报受阻",
    "upload-receipt": "导入省中心回执",
    "upload-receipt-aside": "撤下非省中心签发的回执",
    "upload-receipt-kept": "暂存省中心回执",
    "upload-receipts-agree": "所存回执与省中心一致",
    "upload-receipts-differ": "所存回执与省中心不一致",
    "upload-refuse": "省中心整批不予接收",
    "upload-row-again": "退回数据重新上报",
    "upload-row-withdraw": "退回数据不再上报",
    "upload-send": "开始上报",
    "upload-sent": "已报送省中心",
    "visibility-list": "查看抽查名单",
    "visibility-load": "取得全国联网可查日期",
    "visibility-seen": "登记全国联网可查",
    "visibility-wait": "全国联网清单日期未到，暂停读取",
    "witness-alarm": "见证方告警",
}


@lru_cache(maxsize=512)
def action_word(action: str) -> str:
    """Return the words of an action; "" for one that has none, as a refused page's address."""
    if action in _WORDS:
        return _WORDS[action]
    kind, _, event = action.partition("-")
    if kind in KINDS:
        words = {**MACHINE_OF[CaseKind(kind)].words, **_OF_CASES}
        return f"{KINDS[kind]}：{words[event]}" if event in words else ""
    if kind == "change":
        return _change_word(event)
    if kind == "import" and event in IMPORT.words:
        return f"既有证书补录：{IMPORT.words[event]}"
    if kind == "assessor" and event in ASSESSOR.words:
        return f"考评人员：{ASSESSOR.words[event]}"
    return ""


def _change_word(event: str) -> str:
    what, _, asked = event.partition("-")
    if what == "open" and asked in KIND_WORDS:
        return f"申请证书变更：{KIND_WORDS[asked]}"
    return f"证书变更申请：{CHANGE.words[event]}" if event in CHANGE.words else ""
