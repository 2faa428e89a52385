"""Terms (期限) and thresholds (条件) of the procedure as dated rules with their legal basis.

Day counts and thresholds have changed since the notice and will change again, so each is a row
with the dates between which it is in force; a change is a new row, never a change of code. Rows
made at the desk are joined to these by `Rules.with_rows`. What began under one rule ends under
it: a rule is looked up by the day the term began.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, assert_never

from registry.rules.calendar import Deadline, WorkingDays
from registry.rules.errors import NoRuleInForce

NOTICE: Final = "《关于我市开展企业职业技能等级认定工作的通知（征求意见稿）》"
GUIDE_2022: Final = "深圳市企业职业技能等级认定工作指引（2022-08-31）"
CORRECTION_GUIDE: Final = "证书信息修改办事指南"
FOREVER: Final = date.max
SINCE: Final = date(2020, 1, 1)
GUIDE_SINCE: Final = date(2022, 8, 31)


class Term(StrEnum):
    """The terms by name."""

    FILING_DECISION = "filing-decision"
    """备案审核: the office decides a filing."""
    PLAN_AHEAD = "plan-ahead"
    """计划报送: a plan is sent in before its first day."""
    RESULTS_PUBLISHED = "results-published"
    """结果公示: results are in publicity after the last day of the assessment."""
    PUBLICITY = "publicity"
    """公示期: results stand in the company for objections."""
    RESULTS_FILING = "results-filing"
    """结果备案: results are sent in after the publicity."""
    RESULTS_REVIEW = "results-review"
    """结果审核: the office reviews a batch."""
    RESULTS_RETURN = "results-return"
    """退回补正: the company mends a returned batch."""
    CERTIFICATE_CORRECTION = "certificate-correction"
    """证书信息修改"""
    EVIDENCE_KEPT = "evidence-kept"
    """评价资料保存"""
    BAR_CHEATING = "bar-cheating"
    """取消备案资格（舞弊、造假）后不受理备案"""
    BAR_IDLE = "bar-idle"
    """移出备案名单（未开展评价或者不具备条件）后不受理备案"""
    IDLE_LIMIT = "idle-limit"
    """未组织实施评价的最长时间"""
    YEARLY_EVALUATION = "yearly-evaluation"
    """备案满一年后的年度评估"""
    SUBSIDY_CLAIM = "subsidy-claim"
    """技能提升补贴申领"""
    UPLOAD = "upload"
    """数据上报: what was issued, corrected or revoked is reported to the provincial centre."""
    UPLOAD_RECEIPT = "upload-receipt"
    """省中心回执: the centre answers what was reported to it."""
    UPLOAD_REFUSED = "upload-refused"
    """退回数据处理: the office mends what the centre refused, or decides not to report it."""
    NATIONAL_LISTING = "national-listing"
    """全国联网可查: what the centre has accepted is seen in the national lookup."""
    SUPERVISION_ANSWER = "supervision-answer"
    """督导意见答复: the company answers a finding. No rule gives it a length until one is made."""
    SUPERVISION_CHECK = "supervision-check"
    """督导答复核实: the office checks the answer. The notice says “及时”, and no number of days."""


class Threshold(StrEnum):
    """The thresholds by name."""

    INSURED_STAFF = "insured-staff"
    """参保职工人数"""
    STATIONS = "stations"
    """每个职业（工种）工位"""
    ASSESSORS = "assessors"
    """每个职业（工种）考评人员"""
    APPLICANTS = "applicants"
    """申报同一职业的职工人数（原则上）"""
    DISPATCHED_MONTHS = "dispatched-months"
    """派遣至本企业工作的月数"""
    EXPERTS = "experts"
    """每次评估抽取的专家"""
    EXPERTS_IN_FAVOUR = "experts-in-favour"
    """评估通过须同意的专家（且须过半数）"""


class Counting(StrEnum):
    """How a term is counted."""

    FROM_THE_DAY = "from-the-day"
    """当日起: the day itself is the first."""
    FROM_THE_NEXT = "from-the-next"
    """次日起: the day after is the first."""
    AHEAD = "ahead"
    """提前: counted backwards from the day something begins."""


class Unit(StrEnum):
    """What a term counts."""

    WORKING_DAYS = "working-days"
    MONTHS = "months"
    YEARS = "years"


class Turn(StrEnum):
    """Who has to act before the term ends (轮到谁办)."""

    OFFICE = "office"
    COMPANY = "company"
    HOLDER = "holder"
    CENTRE = "centre"


@dataclass(frozen=True, slots=True, kw_only=True)
class TermRule:
    """One term: `length` in `unit`, from `since` until just before `until`."""

    term: Term
    length: int
    unit: Unit
    counting: Counting
    turn: Turn
    basis: str
    since: date = SINCE
    until: date = FOREVER


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdRule:
    """One threshold: at least `least`; falling short bars, or only warns (原则上)."""

    threshold: Threshold
    least: int
    bars: bool
    basis: str
    since: date = SINCE
    until: date = FOREVER


_ROWS: Final = (
    # The notice of 2020.
    (Term.FILING_DECISION, 20, Counting.FROM_THE_DAY, Turn.OFFICE, f"{NOTICE}六（一）2"),
    (Term.PLAN_AHEAD, 10, Counting.AHEAD, Turn.COMPANY, f"{NOTICE}六（三）1"),
    (Term.PUBLICITY, 5, Counting.FROM_THE_NEXT, Turn.COMPANY, f"{NOTICE}六（三）3"),
    (Term.RESULTS_FILING, 15, Counting.FROM_THE_NEXT, Turn.COMPANY, f"{NOTICE}六（三）3"),
    (Term.CERTIFICATE_CORRECTION, 10, Counting.FROM_THE_NEXT, Turn.OFFICE, CORRECTION_GUIDE),
)
_GUIDE_ROWS: Final = (
    # The guide of 2022: ten days from the assessment's end, five to review, five to mend.
    (Term.RESULTS_PUBLISHED, 10, Turn.COMPANY),
    (Term.RESULTS_REVIEW, 5, Turn.OFFICE),
    (Term.RESULTS_RETURN, 5, Turn.COMPANY),
)
_YEAR_ROWS: Final = (
    # The notice asks for two years of evidence, other rules for up to five: five are kept.
    (Term.EVIDENCE_KEPT, 5, Turn.COMPANY, f"{NOTICE}六（三）2（不少于2年）"),
    (Term.BAR_CHEATING, 5, Turn.COMPANY, f"{NOTICE}七（二）"),
    (Term.BAR_IDLE, 2, Turn.COMPANY, f"{NOTICE}七（二）"),
    (Term.IDLE_LIMIT, 1, Turn.COMPANY, f"{NOTICE}七（二）"),
    (Term.YEARLY_EVALUATION, 1, Turn.OFFICE, f"{NOTICE}七（二）"),
)

UPLOAD_BASIS: Final = "市技能鉴定办工作安排（上级文件未规定上报和回执的天数）"
"""No rule found says how many days: the office's own, to be changed by it."""

_UPLOAD_ROWS: Final = (
    (Term.UPLOAD, 5, Turn.OFFICE),
    (Term.UPLOAD_RECEIPT, 10, Turn.CENTRE),
    (Term.UPLOAD_REFUSED, 5, Turn.OFFICE),
    (Term.NATIONAL_LISTING, 20, Turn.CENTRE),
)

TERMS: Final = (
    *(
        TermRule(
            term=term,
            length=length,
            unit=Unit.WORKING_DAYS,
            counting=counting,
            turn=turn,
            basis=basis,
        )
        for term, length, counting, turn, basis in _ROWS
    ),
    *(
        TermRule(
            term=term,
            length=length,
            unit=Unit.WORKING_DAYS,
            counting=Counting.FROM_THE_NEXT,
            turn=turn,
            basis=GUIDE_2022,
            since=GUIDE_SINCE,
        )
        for term, length, turn in _GUIDE_ROWS
    ),
    *(
        TermRule(
            term=term,
            length=length,
            unit=Unit.YEARS,
            counting=Counting.FROM_THE_NEXT,
            turn=turn,
            basis=basis,
        )
        for term, length, turn, basis in _YEAR_ROWS
    ),
    *(
        TermRule(
            term=term,
            length=length,
            unit=Unit.WORKING_DAYS,
            counting=Counting.FROM_THE_NEXT,
            turn=turn,
            basis=UPLOAD_BASIS,
        )
        for term, length, turn in _UPLOAD_ROWS
    ),
    TermRule(
        term=Term.SUBSIDY_CLAIM,
        length=12,
        unit=Unit.MONTHS,
        counting=Counting.FROM_THE_NEXT,
        turn=Turn.HOLDER,
        basis="技能提升补贴申领规定",
    ),
)

EXPERTS_BASIS: Final = "市技能鉴定办工作安排（通知六（一）2、六（二）未规定人数）"
"""The notice asks for experts and says no number: the office's own rule, to be changed by it."""

MADE_AT_THE_DESK: Final = {
    Term.SUPERVISION_ANSWER: Turn.COMPANY,
    Term.SUPERVISION_CHECK: Turn.OFFICE,
}
"""Terms without a row here, and whose turn they are: they run once the office has made a rule."""

THRESHOLDS: Final = (
    ThresholdRule(
        threshold=Threshold.INSURED_STAFF, least=300, bars=True, basis=f"{NOTICE}一（二）"
    ),
    ThresholdRule(threshold=Threshold.STATIONS, least=10, bars=True, basis=f"{NOTICE}一（三）"),
    ThresholdRule(threshold=Threshold.ASSESSORS, least=3, bars=True, basis=f"{NOTICE}一（六）"),
    ThresholdRule(threshold=Threshold.APPLICANTS, least=50, bars=False, basis=f"{NOTICE}二（三）"),
    ThresholdRule(
        threshold=Threshold.DISPATCHED_MONTHS, least=12, bars=True, basis=f"{NOTICE}三（三）"
    ),
    ThresholdRule(threshold=Threshold.EXPERTS, least=3, bars=True, basis=EXPERTS_BASIS),
    ThresholdRule(threshold=Threshold.EXPERTS_IN_FAVOUR, least=2, bars=True, basis=EXPERTS_BASIS),
)


class Rules:
    """The rules in force: those of this program, and the newer rows made at the desk."""

    def __init__(
        self,
        terms: Iterable[TermRule] = TERMS,
        thresholds: Iterable[ThresholdRule] = THRESHOLDS,
    ) -> None:
        self._terms = tuple(terms)
        self._thresholds = tuple(thresholds)

    def with_rows(
        self, terms: Iterable[TermRule] = (), thresholds: Iterable[ThresholdRule] = ()
    ) -> Rules:
        """Join rows made at the desk; where two are in force, the later `since` counts.

        Of two with the same day the later one of the rows counts: so a slip is corrected.
        """
        return Rules((*self._terms, *terms), (*self._thresholds, *thresholds))

    def term(self, term: Term, on: date) -> TermRule:
        """Give the rule in force on a day. Raises NoRuleInForce."""
        found = [rule for rule in self._terms if rule.term is term and _in_force(rule, on)]
        if not found:
            raise NoRuleInForce(f"no rule for the term {term} is in force on {on}")
        return max(reversed(found), key=lambda rule: rule.since)

    def find_term(self, term: Term, on: date) -> TermRule | None:
        """Give the rule in force on a day, or None while there is none."""
        try:
            return self.term(term, on)
        except NoRuleInForce:
            return None

    def threshold(self, threshold: Threshold, on: date) -> ThresholdRule:
        """Give the threshold in force on a day. Raises NoRuleInForce."""
        found = [
            rule for rule in self._thresholds if rule.threshold is threshold and _in_force(rule, on)
        ]
        if not found:
            raise NoRuleInForce(f"no rule for the threshold {threshold} is in force on {on}")
        return max(reversed(found), key=lambda rule: rule.since)


def _in_force(rule: TermRule | ThresholdRule, on: date) -> bool:
    return rule.since <= on < rule.until


def deadline(rule: TermRule, start: date, days: WorkingDays) -> Deadline:
    """Give the last day of a term that begins (or, counted ahead, whose object begins) on `start`.

    Months and years end on the day of the same number, or the last of a shorter month.
    """
    match rule.unit:
        case Unit.WORKING_DAYS:
            if rule.counting is Counting.AHEAD:
                return days.before(start, rule.length)
            counts_start = rule.counting is Counting.FROM_THE_DAY
            return days.after(start, rule.length, counts_start=counts_start)
        case Unit.MONTHS:
            return Deadline(day=months_later(start, rule.length), provisional=False)
        case Unit.YEARS:
            return Deadline(day=months_later(start, 12 * rule.length), provisional=False)
        case _:
            assert_never(rule.unit)


def months_later(start: date, months: int) -> date:
    """Give the day `months` later, of the same number or the last of a shorter month."""
    whole = start.year * 12 + start.month - 1 + months
    year, month = divmod(whole, 12)
    for day in range(start.day, start.day - 4, -1):
        try:
            return date(year, month + 1, day)
        except ValueError:
            continue
    raise AssertionError  # no month has fewer than 28 days
