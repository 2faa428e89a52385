"""A company on the list with one approved occupation, and the people who handle its scheme."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from registry.office import scheme_review, schemes
from registry.office.almanac import read_almanac
from registry.office.cases import CaseKind, open_case
from registry.office.filing_form import Applied, FilingForm, form_bytes
from registry.office.registers import NewMember, PoolKind, add_member
from registry.office.steps import take
from registry.office.votes import Said
from registry.store.procedure import Case, CaseEvent, Company
from registry.store.registers import Expert

CODE = "6-18-01-01"
STANDARD = {
    "standard_kind": "national",
    "standard": "国家职业技能标准 车工（2018年版）",
    "standard_number": "6-18-01-01",
}
PARTS = {
    "use-theory": "yes",
    "weight-theory": "30",
    "pass-theory": "60",
    "veto-theory": "yes",
    "use-skill": "yes",
    "weight-skill": "50",
    "pass-skill": "60",
    "veto-skill": "yes",
    "use-safety": "yes",
    "weight-safety": "10",
    "pass-safety": "60",
    "veto-safety": "yes",
    "use-ethics": "yes",
    "weight-ethics": "5",
    "pass-ethics": "60",
    "use-performance": "yes",
    "weight-performance": "5",
    "pass-performance": "60",
    "weight-credits": "0",
    "pass-credits": "0",
    "weight-review": "0",
    "pass-review": "0",
    "total_mark": "60",
}


def form(levels: str = "43", code: str = CODE) -> FilingForm:
    applied = Applied(
        applicants=60,
        assessors=4,
        code=code,
        direction="数控车工",
        edition=2015,
        levels=levels,
        name="车工",
        reason="主体工种",
        stations=12,
    )
    return FilingForm(occupations=(applied,))


class SchemeMaking:
    """What company 1 and the office do, by the use cases the pages call."""

    def __init__(self, small: Any) -> None:
        self.small = small
        self.experts: list[int] = []

    def list_company(self, levels: str = "43", login: str = "editor1") -> None:
        """Put the person's company on the list by an approved filing."""
        small, by = self.small, self.small.who(login)
        with small.write() as session:
            company = session.get_one(Company, by.company_id)
            company.state, company.listed_on = "listed", small.desk.today()
            filing = open_case(
                session,
                CaseKind.FILING,
                company,
                title="备案",
                form=form_bytes(form(levels)),
                by=by,
                context=small.context(login),
            )
            filing.state = "approved"
            session.add(
                CaseEvent(
                    case_id=filing.case_id,
                    at=small.clock.now(),
                    actor="approver",
                    event="approve",
                    from_state="prepared",
                    to_state="approved",
                )
            )

    def pool(self, count: int = 3) -> None:
        """Put experts into the pool."""
        with self.small.write() as session:
            for number in range(count):
                new = NewMember(
                    kind=PoolKind.EXPERT, name=f"专{chr(0x4E00 + number)}示", fields="车工"
                )
                context = self.small.context("clerk")
                expert = add_member(session, new, by=self.small.who("clerk"), context=context)
                self.experts.append(expert.expert_id)

    def start(self, login: str = "editor1") -> int:
        """Open a scheme and return its id."""
        small = self.small
        with small.write() as session:
            case = schemes.start_scheme(
                session,
                CODE,
                "数控车工",
                by=small.who(login),
                context=small.context(login),
                almanac=read_almanac(session),
                today=small.desk.today(),
            )
            return int(case.case_id)

    def fill(self, case_id: int, levels: str = "43", **changed: str) -> None:
        """Fill in the standard and the levels."""
        small = self.small
        with small.write() as session:
            case = session.get_one(Case, case_id)
            doing = small.doing("editor1", case)
            context = small.context("editor1")
            schemes.save_standard(session, case, STANDARD, doing=doing, context=context)
        for level in levels:
            with small.write() as session:
                case = session.get_one(Case, case_id)
                doing = small.doing("editor1", case)
                values = PARTS | changed
                schemes.save_level(session, case, level, values, doing=doing, context=context)

    def step(self, case_id: int, event: str, login: str, note: str = "") -> None:
        """Take a step as its button does."""
        with self.small.write() as session:
            case = session.get_one(Case, case_id)
            take(session, case, event, self.small.doing(login, case, note), self.small.desk)

    def say(self, case_id: int, *answers: bool) -> None:
        """Record one expert's opinion after another."""
        with self.small.read() as session:
            asked = [row.expert_id for row in session.query(Expert).order_by(Expert.expert_id)]
        for expert, answer in zip(asked, answers, strict=False):
            with self.small.write() as session:
                case = session.get_one(Case, case_id)
                scheme_review.record_opinion(
                    session,
                    case_id,
                    Said(expert_id=expert, in_favour=answer, opinion="意见"),
                    doing=self.small.doing("clerk", case),
                    context=self.small.context("clerk"),
                )

    def publish(self, levels: str = "43") -> int:
        """Carry a scheme from its opening to its publication, and return its id."""
        if not self.experts:
            self.pool()
        case_id = self.start()
        self.fill(case_id, levels)
        self.step(case_id, "submit", "head1")
        self.step(case_id, "call-experts", "clerk")
        self.say(case_id, True, True, False)
        self.step(case_id, "prepare", "clerk", "拟同意")
        self.step(case_id, "approve", "approver", "同意")
        return case_id

    def later(self, **ahead: float) -> None:
        """Let time pass."""
        self.small.clock.moment += timedelta(**ahead)
