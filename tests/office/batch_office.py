"""A company whose plan was held and whose results go their way, by the use cases the pages call."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.signer import public_bytes, software_signer
from registry.office.approving import (
    issue_approved,
    prepare_batch,
    return_batch,
)
from registry.office.batches import get_batch, open_batch, put_scores, set_evidence
from registry.office.cases import FORM, _seal
from registry.office.issuer_keys import announce_key
from registry.office.plan_steps import hold_due_plans
from registry.office.publicity import start_publicity, submit_batch
from registry.office.scheme_form import LevelForm, PartForm, SchemeForm, scheme_bytes
from registry.office.steps import take
from registry.rules.findings import Findings
from registry.rules.scores_sheet import NONE
from registry.store.organisations import Issuer
from registry.store.procedure import Case, Company

PREFIX = "Y000044999001"
ASSESSED = date(2026, 12, 22)
STARTED = date(2026, 12, 23)
OVER = date(2026, 12, 31)
"""Publicity from Wednesday 23 December: five working days are full on the 30th."""

PAPERS = f"文档\t理论试卷\t{'a' * 64}\t1024\n视频\t考核录像\t{'b' * 64}\t4096"


def signer(prefix: str = PREFIX) -> Any:
    private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"test key").digest())
    public = public_bytes(private)
    info = KeyInfo(
        key_id=key_id_of(Algorithm.ED25519, public),
        algorithm=Algorithm.ED25519,
        purpose=Purpose.RECORD,
        issuer=prefix,
        not_before=datetime(2026, 1, 1, tzinfo=UTC),
        not_after=datetime(2028, 1, 1, tzinfo=UTC),
        state=KeyState.ACTIVE,
        public_key=public,
    )
    return software_signer(info, private)


def part(kind: str, weight: int, *, veto: bool = True) -> PartForm:
    return PartForm(kind=kind, pass_mark=60, veto=veto, weight=weight)


def everything(_char: str) -> bool:
    return True


class Assessing:
    """What company 1 and the office do with the results of one plan."""

    def __init__(self, small: Any, planning: Any) -> None:
        self.small, self.planning = small, planning
        small.signer = signer()

    def at(self, day: date) -> None:
        self.small.clock.moment = datetime(day.year, day.month, day.day, 2, 0, tzinfo=UTC)

    def held_plan(self, people: int = 3) -> int:
        """Give a plan that was held: the scheme has its parts, the company its prefix."""
        first = not self.planning.scheme
        if first:
            self.planning.prepare()
            self._give_parts()
        plan = int(self.planning.draft(people=people))
        self.planning.step(plan, "submit", "head1")
        self.planning.step(plan, "record", "clerk")
        self.at(STARTED)
        with self.small.write() as session:
            hold_due_plans(session, self.small.desk.context(), STARTED)
        return plan

    def _give_parts(self) -> None:
        levels = tuple(
            LevelForm(
                level=level,
                parts=(part("theory", 40), part("skill", 60)),
                reasons=(),
                total_mark=60,
            )
            for level in ("4", "3")
        )
        form = SchemeForm(
            direction="数控车工",
            edition=2015,
            levels=levels,
            occupation="车工",
            occupation_code="6-18-01-01",
        )
        with self.small.write() as session:
            case = session.get_one(Case, self.planning.scheme)
            context = self.small.desk.context()
            case.form = _seal(context, FORM, case.case_id, scheme_bytes(form))
            company = session.get_one(Company, 1)
            session.add(
                Issuer(
                    prefix=PREFIX,
                    name=company.name,
                    uscc=company.uscc,
                    levels="54321",
                    added_at=self.small.clock.now(),
                )
            )
            session.flush()
            announce_key(session, PREFIX, self.small.signer.info, now=self.small.clock.now())
            company.prefix, company.listed_on = PREFIX, date(2026, 1, 4)

    def open(self, plan: int, login: str = "editor1") -> int:
        with self.small.write() as session:
            by, context = self.small.who(login), self.small.context(login)
            return int(open_batch(session, plan, by=by, context=context).case_id)

    def rows(self, case_id: int, *marks: tuple[str, str]) -> list[tuple[int, dict[str, Any]]]:
        """Give the plan's own table filled in: marks of theory and skill, person by person."""
        from registry.office.batches import basis_of, planned_people
        from registry.rules.scores_sheet import template_rows

        with self.small.read() as session:
            case = session.get_one(Case, case_id)
            basis = basis_of(session, case, self.small.desk.context())
            planned = planned_people(session, basis, self.small.desk.context())
            empty = template_rows(planned, plan=basis.plan.reference, occupation="车工")
            return [
                (row, {**cells, "mark_theory": t, "mark_skill": s, "safety_record": NONE})
                for (row, cells), (t, s) in zip(enumerate(empty, 2), marks, strict=True)
            ]

    def scores(self, case_id: int, rows: Iterable[tuple[int, dict[str, Any]]], **more: Any) -> Any:
        with self.small.write() as session:
            case = get_batch(session, case_id, self.small.who("editor1"))
            return put_scores(
                session,
                case,
                rows,
                form=Findings(),
                drawable=more.get("drawable", everything),
                doing=self.small.doing("editor1", case),
                context=self.small.context("editor1"),
            )

    def evidence(self, case_id: int, text: str = PAPERS) -> None:
        with self.small.write() as session:
            case = get_batch(session, case_id, self.small.who("editor1"))
            doing, context = self.small.doing("editor1", case), self.small.context("editor1")
            set_evidence(session, case, text, doing=doing, context=context)

    def filled(self, people: int = 3) -> int:
        """Give a batch that may go into publicity: all passed but the last person."""
        case_id = self.open(self.held_plan(people))
        marks = [("80", "75.5")] * (people - 1) + [("90", "59.9")]
        assert self.scores(case_id, self.rows(case_id, *marks)).acceptable
        self.evidence(case_id)
        return case_id

    def act(self, use_case: Any, case_id: int, login: str, *args: Any, **more: Any) -> Any:
        """Take one use case of the shape (session, case, …, doing, desk)."""
        note = more.pop("note", "")
        with self.small.write() as session:
            case = get_batch(session, case_id, self.small.who(login))
            doing = more.pop("doing", None) or self.small.doing(login, case, note)
            if "named" in more:
                more.pop("named")
                return use_case(session, case, *args, doing=doing, desk=self.small.desk, **more)
            return use_case(session, case, *args, doing, self.small.desk, **more)

    def publish(self, case_id: int) -> None:
        self.act(start_publicity, case_id, "head1")

    def submitted(self, people: int = 3) -> int:
        case_id = self.filled(people)
        self.publish(case_id)
        self.at(OVER)
        self.act(submit_batch, case_id, "head1")
        return case_id

    def prepare(self, case_id: int, **more: Any) -> None:
        more.setdefault("drawable", everything)
        self.act(prepare_batch, case_id, "clerk", **more)

    def approved(self, people: int = 3) -> int:
        case_id = self.submitted(people)
        self.prepare(case_id)
        self.approve(case_id)
        return case_id

    def approve(self, case_id: int, login: str = "approver", **more: Any) -> None:
        def step(session: Any, case: Case, doing: Any, desk: Any) -> None:
            take(session, case, "approve", doing, desk)

        self.act(step, case_id, login, **more)

    def give_back(self, case_id: int, login: str, rows: dict[int, str], note: str) -> None:
        self.act(return_batch, case_id, login, rows, note=note)

    def issue(self, case_id: int, login: str = "clerk", **more: Any) -> Any:
        return self.act(issue_approved, case_id, login, **more)

    def state(self, case_id: int) -> str:
        with self.small.read() as session:
            return str(session.get_one(Case, case_id).state)

    def wait(self, days: int) -> None:
        self.small.clock.moment += timedelta(days=days)
