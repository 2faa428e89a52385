"""A company that is listed, has a published scheme and assessors, and makes a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from registry.office.assessor_entry import AssessorEntry
from registry.office.assessors import add_assessor
from registry.office.cases import CaseKind, get_case, open_case
from registry.office.filing_form import Applied, FilingForm, form_bytes
from registry.office.plan_form import Times, Training
from registry.office.plans import open_plan, put_roster, set_assessors, set_times, set_training
from registry.office.scheme_form import LevelForm, SchemeForm, scheme_bytes
from registry.office.steps import take
from registry.rules.findings import Findings
from registry.rules.people import check_character
from registry.store.procedure import Case, CaseEvent, Company

FIRST, LAST = date(2026, 12, 21), date(2026, 12, 22)
CODE = "6-18-01-01"
SITES = (("一号实训车间", "示例市示例区示例路1号"),)


def id_number(serial: int) -> str:
    first = f"44030119850101{serial:03d}"
    return first + check_character(first)


def cells(serial: int, **changed: Any) -> dict[str, Any]:
    row = {
        "name": f"员工{chr(0x4E00 + serial)}",
        "id_type": "居民身份证",
        "id_number": id_number(serial),
        "employment": "本企业",
        "employer": "",
        "dispatched_since": "",
        "applied_level": "4",
        "remark": "",
    }
    return {**row, **changed}


def filed(levels: str) -> bytes:
    applied = Applied(
        applicants=60,
        assessors=4,
        code=CODE,
        direction="数控车工",
        edition=2015,
        levels="".join(level for level in "54321" if level in levels),
        name="车工",
        reason="主体工种",
        stations=12,
    )
    return form_bytes(FilingForm(occupations=(applied,)))


class Planning:
    """What company 1 does, by the use cases the pages call."""

    def __init__(self, small: Any) -> None:
        self.small = small
        self.scheme = 0
        self.assessors: list[int] = []

    def today(self) -> date:
        return self.small.desk.today()  # type: ignore[no-any-return]

    def prepare(self, levels: Iterable[str] = ("4", "3")) -> None:
        """List the company, publish its scheme, register three assessors."""
        small = self.small
        form = SchemeForm(
            direction="数控车工",
            edition=2015,
            levels=tuple(
                LevelForm(level=level, parts=(), reasons=(), total_mark=60) for level in levels
            ),
            occupation="车工",
            occupation_code=CODE,
        )
        with small.write() as session:
            company = session.get_one(Company, 1)
            company.state, company.listed_on = "listed", self.today()
            self.decided(session, CaseKind.FILING, filed("".join(levels)), "approved")
            self.scheme = self.decided(session, CaseKind.SCHEME, scheme_bytes(form), "published")
        self.assessors = [self.assessor(900 + serial) for serial in range(3)]

    def decided(self, session: Any, kind: CaseKind, form: bytes, state: str) -> int:
        """Give a case of company 1 that the office has decided today."""
        case = open_case(
            session,
            kind,
            session.get_one(Company, 1),
            title="车工",
            form=form,
            by=self.small.who("editor1"),
            context=self.small.context("editor1"),
        )
        case.state = state
        session.add(
            CaseEvent(
                case_id=case.case_id,
                at=self.small.clock.now(),
                actor="approver",
                event="approve",
                from_state="prepared",
                to_state=state,
            )
        )
        return int(case.case_id)

    def assessor(self, serial: int, **changed: Any) -> int:
        entry = {
            "name": f"考评{chr(0x4E00 + serial)}",
            "id_type": "resident-id",
            "id_number": id_number(serial),
            "occupations": CODE,
            "certificate": f"KP-{serial}",
            "valid_until": date(2028, 12, 31),
        }
        with self.small.write() as session:
            return add_assessor(
                session,
                AssessorEntry(**{**entry, **changed}),
                by=self.small.who("editor1"),
                context=self.small.context("editor1"),
                today=self.today(),
            )

    def open(self) -> int:
        with self.small.write() as session:
            case = open_plan(
                session,
                self.scheme,
                by=self.small.who("editor1"),
                context=self.small.context("editor1"),
                today=self.today(),
            )
            return int(case.case_id)

    def edit(self, case_id: int, use_case: Callable[..., Any], *args: Any, **more: Any) -> Any:
        with self.small.write() as session:
            case = get_case(session, case_id, self.small.who("editor1"))
            doing = self.small.doing("editor1", case)
            context = self.small.context("editor1")
            return use_case(session, case, *args, doing=doing, context=context, **more)

    def times(self, case_id: int, first: date = FIRST, last: date = LAST, **more: Any) -> None:
        levels = more.get("levels", ("4", "3"))
        times = Times(first_day=first, last_day=last, levels=levels, sites=SITES)
        self.edit(case_id, set_times, times, today=self.today())

    def training(self, case_id: int, last: date = date(2026, 11, 20)) -> None:
        training = Training(
            hours=40, content="岗位技能提升", first_day=date(2026, 11, 2), last_day=last
        )
        self.edit(case_id, set_training, training)

    def choose(self, case_id: int, ids: Iterable[int]) -> None:
        self.edit(case_id, set_assessors, ids, today=self.today())

    def roster(self, case_id: int, rows: Iterable[dict[str, Any]]) -> Any:
        numbered = list(enumerate(rows, 2))
        return self.edit(case_id, put_roster, numbered, form=Findings(), today=self.today())

    def draft(self, people: int = 3) -> int:
        """Make a plan that may be sent in."""
        if not self.scheme:
            self.prepare()
        case_id = self.open()
        self.times(case_id)
        self.choose(case_id, self.assessors)
        self.roster(case_id, [cells(serial) for serial in range(people)])
        self.training(case_id)
        return case_id

    def step(self, case_id: int, event: str, login: str, note: str = "") -> None:
        with self.small.write() as session:
            case = get_case(session, case_id, self.small.who(login))
            take(session, case, event, self.small.doing(login, case, note), self.small.desk)

    def state(self, case_id: int) -> str:
        with self.small.read() as session:
            return str(session.get_one(Case, case_id).state)
