"""What the conditions of a filing say, in Chinese and English (notice 一, 二).

Each shortfall names the condition, what was declared, what is wanted, and the paragraph.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from registry.rules.eligibility import Condition

if TYPE_CHECKING:
    from registry.rules.eligibility import Shortfall


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """The words of one condition: paragraph, Chinese, English; the unit where it is counted."""

    paragraph: str
    zh: str
    en: str
    unit: str = ""


_TEXTS: Final = {
    Condition.LEGAL_PERSON: _Words(
        paragraph="一（一）",
        zh="须在我市依法注册、具备独立法人资格、信用良好",
        en="the company must be a legal person registered here, in good standing",
    ),
    Condition.NO_TRAINING_BUSINESS: _Words(
        paragraph="一（一）",
        zh="经营范围中有“培训”“评价”或者“咨询”字样，由审核人员核实是否属于该类业务",
        en="its scope names training, assessment or consulting: the reviewer finds whether it is",
    ),
    Condition.INSURED_STAFF: _Words(
        paragraph="一（二）", zh="在我市参保的职工人数", en="insured staff", unit="人"
    ),
    Condition.STATIONS: _Words(paragraph="一（三）", zh="工位数", en="stations", unit="个"),
    Condition.MECHANISMS: _Words(
        paragraph="一（四）",
        zh="须建有技能人才培养、评价、使用、激励机制，并上传文件",
        en="mechanisms for training, assessing, using and rewarding skills, with their document",
    ),
    Condition.PAY_RULES: _Words(
        paragraph="一（五）",
        zh="须有技能等级与岗位、薪资相挂钩的规章制度，并上传文件",
        en="rules that tie skill level to post and pay, with their document",
    ),
    Condition.MANAGERS: _Words(
        paragraph="一（六）",
        zh="须配备专职评价工作管理人员，并上传名单",
        en="full-time managers of assessment, with their list",
    ),
    Condition.EXPERTS: _Words(
        paragraph="一（六）",
        zh="须有专家和质量督导人员，并上传名单",
        en="experts and quality supervisors, with their list",
    ),
    Condition.ASSESSORS: _Words(paragraph="一（六）", zh="考评人员数", en="assessors", unit="名"),
    Condition.RELATED: _Words(
        paragraph="二（一）",
        zh="须与本企业主营业务直接相关，请写明关系",
        en="the occupation must be related to the main business; say how",
    ),
    Condition.APPLICANTS: _Words(
        paragraph="二（三）", zh="拟申报职工人数", en="applicants", unit="人"
    ),
    Condition.NOT_NATIONAL: _Words(
        paragraph="二（四）",
        zh="在国家职业资格目录内，不能由企业认定",
        en="the occupation is in the national qualification catalogue",
    ),
    Condition.CATALOGUE: _Words(
        paragraph="二",
        zh="不是职业分类大典中的技能类职业或者新职业",
        en="the occupation is not in the classification",
    ),
}


def shortfall_text(shortfall: Shortfall, occupation: str = "") -> str:
    """Say a shortfall in Chinese; ``occupation`` is the name to show for its code."""
    words = _TEXTS[shortfall.condition]
    where = f"{occupation or shortfall.occupation}：" if shortfall.occupation else ""
    if not words.unit:
        return f"{where}{words.zh}（{words.paragraph}）"
    rule = "不少于" if shortfall.bars else "原则上不少于"
    said = f"{words.zh}填报 {shortfall.declared} {words.unit}"
    return f"{where}{said}，{rule} {shortfall.wanted} {words.unit}（{words.paragraph}）"


def shortfall_text_en(shortfall: Shortfall) -> str:
    """Say a shortfall in English."""
    words = _TEXTS[shortfall.condition]
    where = f"{shortfall.occupation}: " if shortfall.occupation else ""
    if not words.unit:
        return f"{where}{words.en}"
    rule = "at least" if shortfall.bars else "in principle at least"
    return f"{where}{words.en}: {shortfall.declared} declared, {rule} {shortfall.wanted} wanted"
