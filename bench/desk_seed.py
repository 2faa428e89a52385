"""A city's desks filled for the benchmark: the procedure played once, then its companies copied.

Two companies and the office go through the real desks, with rosters of over a thousand people at
the first. The second company, with its cases, timeline, people and accounts, is then copied until
the city has its companies: direct inserts, each sealed field sealed anew for its own row, so that
every page opens what it would open in life. Certificates are issued by the real commands.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from desk_registers import fill_audit, fill_registers
from measure import today as machine_now
from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session

from registry.cli.batches import CHINA, check_file, issue_file
from registry.cli.demo_browser import Browser, DemoClock, Fields, File, Page
from registry.cli.demo_cast import POWER, PRECISION
from registry.cli.demo_filings import Firm
from registry.cli.demo_people import demo_people
from registry.cli.demo_plans import Assessment
from registry.cli.demo_sheets import row_of, write_csv
from registry.cli.demo_staff import Staff
from registry.cli.demo_states import (
    fix_pool,
    leave_filings,
    leave_plans,
    leave_schemes,
    leave_visit,
)
from registry.cli.demo_walk import BEGUN, Walk, with_clock
from registry.cli.desk_app import create_application
from registry.cli.services import Services
from registry.cli.setup import enrol
from registry.office import assessors, cases, supervising, votes
from registry.office.identity import AccountId
from registry.office.supervising import Kind, Result, Stage, Text
from registry.store.accounts import Account, Passkey
from registry.store.base import write_unit
from registry.store.fields import NONCE_LENGTH, FieldCipher
from registry.store.organisations import Issuer
from registry.store.procedure import Case, CaseDocument, CaseEvent, CasePerson, Company, Vote
from registry.store.registers import Assessor, Expert

OFTEN: Final = 3
"""Held plans with issued results of each copied company, beside the one that has its people."""

DISTRICTS: Final = ("", "4403A", "4403B", "4403C")
_LED_TO: Final = re.compile(r'<meta http-equiv="refresh" content="0; url=([^"]+)">')
_SETTLED: Final = timedelta(minutes=5)
_PEOPLE_APART: Final = 20_000
_LINES: Final = 5_000
_USCC: Final = "91449999MA5DEM9005"
_PREFIX: Final = "Y000044999900"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much there is of each."""

    companies: int
    certificates: int
    people: int
    """Rows of a large roster and of a large results table."""
    audit_lines: int


class Patient(Browser):
    """The demo's browser, which follows a page that tells how long work goes."""

    def post(self, path: str, fields: Fields, files: Iterable[File] = ()) -> Page:
        """Send a form; where work was done before the answer's end, answer with where it led."""
        page = super().post(path, fields, files)
        end = _LED_TO.search(page.text) if page.status == HTTPStatus.OK else None
        return replace(page, status=HTTPStatus.SEE_OTHER, location=end[1]) if end else page


@dataclass(slots=True, kw_only=True)  # not frozen: it counts its people
class Crowd(Walk):
    """The demo's walk with large rosters at the first company; nobody stands on two of them."""

    size: int
    taken: int = 0

    def name(self, name: str, firm: Firm, count: int, offset: int, file: str) -> Assessment:  # noqa: ARG002
        """Write a roster, as many as it takes."""
        count = self.size if firm is PRECISION else count
        self.taken += _PEOPLE_APART
        return Walk.name(self, name, firm, count, self.taken, file)


def play(services: Services, url: str, sizes: Sizes, folder: Path) -> None:
    """Issue certificates, and play the procedure up to now, with a case left in every state."""
    now = services.context.clock.now() - _SETTLED
    clock = DemoClock(moment=now - timedelta(days=BEGUN))
    past = with_clock(services, clock)
    issue(past, sizes.certificates, folder, clock.moment)
    app = create_application(past, url, clock)
    staff = Staff(browse=lambda: Patient(app, url), clock=clock, people={})
    sheets = services.home.path / "sheets"
    sheets.mkdir()
    (services.home.path / "documents").mkdir(exist_ok=True)
    walk = Crowd(
        services=past, staff=staff, clock=clock, sheets=sheets, step=lambda: None, size=sizes.people
    )
    staff.found(past)
    walk.open_registers()
    for part in (walk.list_companies, walk.publish_schemes, walk.hold_plans, walk.report_results):
        part()
    clock.moment = now
    leave_filings(walk)
    leave_schemes(walk)
    leave_plans(walk)
    draw(walk)


def draw(walk: Walk) -> None:
    """Draw a plan for supervision, by the log's own checkpoints."""
    services = walk.services
    services.anchor()
    number = fix_pool(walk)
    services.anchor()
    leave_visit(walk, number)


def fill(services: Services, sizes: Sizes) -> None:
    """Copy the second company until the city has its companies; fill registers and records."""
    now = machine_now()
    with write_unit(services.engine) as session:
        copier = Copier(session=session, services=services, now=now)
        copier.companies(sizes.companies)
        copier.supervisions()
        fill_registers(session, services, now)
        fill_audit(session, sizes.audit_lines, now)


def issue(services: Services, count: int, folder: Path, now: datetime) -> None:
    """Issue certificates in lists of 20,000 by the real commands, before there is a company's case.

    From then on certificates come from cases only.
    """
    issued = now.astimezone(CHINA).date()
    enrol(services, name="深圳市示例量具有限公司", uscc=_USCC, prefix=_PREFIX, levels="5,4,3,2,1")
    for first in range(0, count, _PEOPLE_APART):
        some = min(_PEOPLE_APART, count - first)
        people = demo_people(some, offset=1_000_000 + first, issued=issued)
        file = folder / f"{first}.csv"
        write_csv(file, [row_of(number, person) for number, person in enumerate(people, 1)])
        checked = check_file(services, file, _PREFIX, now)
        if issue_file(services, checked, f"list {first}") is None:
            raise SystemExit("the list was refused")


@dataclass(slots=True, kw_only=True)  # not frozen: it hands out numbers
class Copier:
    """Copies rows of the second company under new numbers, each seal made anew."""

    session: Session
    services: Services
    now: datetime
    serial: int = 50_000

    def companies(self, wanted: int) -> None:
        """Add companies until there are so many."""
        there = len(self.session.scalars(select(Company.company_id)).all())
        source = self._one(Company, Company.uscc == POWER.uscc)
        base = max(self.session.scalars(select(Company.company_id))) + 1
        made = [self._company(source, base + n, n) for n in range(wanted - there)]
        self._add(Issuer, [_issuer(row, self.now) for row in made])
        self._add(Company, made)
        numbers = [row["company_id"] for row in made]
        self._district_clerk()
        owners = list(self._owners(source["company_id"], numbers))
        self._copy(Assessor, owners, "sealed", assessors.SEALED)
        self._accounts(source["company_id"], numbers)
        self._cases(source["company_id"], numbers)

    def _company(self, source: Row, number: int, place: int) -> Row:
        return {
            **source,
            "company_id": number,
            "uscc": f"91449999{number:010}",
            "name": f"深圳市示例第{number}电力设备制造有限公司",
            "district": DISTRICTS[place % len(DISTRICTS)],
            "prefix": f"Y000044999{100 + place}",
            # Half of them were listed long enough ago to be evaluated.
            "listed_on": source["listed_on"] - timedelta(days=(place * 7) % 730),
        }

    def _owners(self, source: int, numbers: Iterable[int]) -> Iterator[tuple[Row, Row]]:
        rows = self._all(Assessor, Assessor.company_id == source)
        for number in numbers:
            for row in rows:
                yield row, {"company_id": number}

    def _accounts(self, source: int, numbers: list[int]) -> None:
        rows = self._all(Account, Account.company_id == source)
        first = max(self.session.scalars(select(Account.account_id))) + 1
        made = [
            {**row, "account_id": first + n, "login": f"{row['login']}-{number}", "display": b""}
            | {"company_id": number}
            for n, (number, row) in enumerate((number, row) for number in numbers for row in rows)
        ]
        self._add(Account, made)
        keys = [
            {
                "credential_id": secrets.token_bytes(32),
                "account_id": row["account_id"],
                "public_key": b"k" * 77,
                "sign_count": 0,
                "label": "手机",
                "added_at": self.now,
            }
            for row in made[::3]
        ]
        self._add(Passkey, keys)

    def _district_clerk(self) -> None:
        number = max(self.session.scalars(select(Account.account_id))) + 1
        row = self._one(Account, Account.login == "clerk")
        fresh = {"account_id": number, "login": "clerk-a", "staff_number": "SL-CLERK-A"}
        fresh |= {"district": DISTRICTS[1]}
        self._add(Account, [{**row, **fresh, "display": b""}])

    def _cases(self, source: int, numbers: list[int]) -> None:
        """Copy a company's cases, its held plan and results several times over."""
        rows = self._all(Case, Case.company_id == source)
        copies: list[tuple[Row, Row]] = []
        parents: dict[tuple[int, int, int], int] = {}
        first = max(self.session.scalars(select(Case.case_id))) + 1
        for number in numbers:
            for time in range(1 + OFTEN):
                for row in rows:
                    if time and row["kind"] not in ("plan", "batch"):
                        continue
                    case = first + len(copies)
                    parents[number, time, row["case_id"]] = case
                    parent = parents.get(
                        (number, time, row["parent_id"]),
                        parents.get((number, 0, row["parent_id"])),
                    )
                    fresh = {"case_id": case, "company_id": number, "parent_id": parent}
                    copies.append((row, fresh | self._place(row, time, number)))
        self._copy(Case, copies, "form", cases.FORM)
        self._beside(copies)

    def _place(self, row: Row, time: int, number: int) -> Row:
        self.serial += 1
        due = self.now.date() + timedelta(days=(number * 3 + time) % 45 - 3)
        letters = row["reference"].partition("-")[0]
        changed: Row = {"reference": f"{letters}-{self.now.year}-{self.serial}"}
        # One set of each company's waits for the office, the others have run their course.
        waits = {"plan": "submitted", "batch": "submitted"}
        if time == 1 and row["state"] in ("held", "issued"):
            changed |= {"state": waits[row["kind"]], "turn": "office", "due_on": due}
        return changed

    def _beside(self, copies: list[tuple[Row, Row]]) -> None:
        """Copy what stands beside the cases: timelines, opinions, papers, and the first people."""
        of: dict[int, list[Row]] = {}
        for row, fresh in copies:
            of.setdefault(row["case_id"], []).append(fresh)
        for table, place, field in (
            (CaseEvent, cases.NOTE, "note"),
            (Vote, votes.OPINION, "opinion"),
            (CaseDocument, "", ""),
        ):
            pairs = [
                (row, {"case_id": fresh["case_id"]})
                for row in self._all(table, table.case_id.in_(of))
                for fresh in of[row["case_id"]]
            ]
            self._copy(table, pairs, field, place)
        self._people(of)

    def _people(self, of: dict[int, list[Row]]) -> None:
        context, cipher = self.services.context, self._cipher("case_persons.sealed")
        made = []
        for row in self._all(CasePerson, CasePerson.case_id.in_(of)):
            plain = cipher.open(row["case_id"] << 32 | row["row"], row["sealed"])
            seen: set[int] = set()
            for fresh in of[row["case_id"]]:
                if fresh["company_id"] in seen:
                    continue
                seen.add(fresh["company_id"])
                place = fresh["case_id"] << 32 | row["row"]
                sealed = cipher.seal(place, context.random(NONCE_LENGTH), plain)
                made.append({**row, "case_id": fresh["case_id"], "sealed": sealed})
        self._add(CasePerson, made)

    def supervisions(self) -> None:
        """Record evaluations of the older companies, and visits with their findings."""
        context = self.services.context
        clerk = AccountId(self._one(Account, Account.login == "clerk")["account_id"])
        supervisor = self._one(Expert, Expert.account_id.is_not(None))["expert_id"]
        listed = self._all(Company, Company.listed_on.is_not(None))
        for place, company in enumerate(listed):
            number = company["company_id"]
            evaluated = place % 3 == 0
            # One finding in eight still waits for its company's answer.
            visited = Stage.REPORTED if place % 8 == 1 else Stage.CLOSED
            kind, stage = (Kind.EVALUATION, Stage.RECORDED) if evaluated else (Kind.VISIT, visited)
            row = supervising.new_row(kind, stage, number, by=clerk, context=context)
            row.expert_id = None if evaluated else supervisor
            row.result = (Result.PASSED if evaluated else Result.TO_MEND).value
            text = Text(reason="现场考评组织规范，评分表填写完整")
            supervising.add_row(self.session, row, text, context)
            if place % 8 == 0:
                sanction = supervising.new_row(
                    Kind.DELISTING, Stage.PROPOSED, number, by=clerk, context=context
                )
                supervising.add_row(self.session, sanction, Text(reason="一年内未评价"), context)

    def _copy(
        self, model: Any, pairs: list[tuple[Row, Row]], field: str = "", place: str = ""
    ) -> None:
        """Insert copies with what is new in each, under new keys, the sealed field sealed anew."""
        key = model.__table__.primary_key.columns.values()[0].name
        first = (max(self.session.scalars(select(getattr(model, key))), default=0)) + 1
        context, cipher = self.services.context, self._cipher(place)
        opened: dict[int, bytes] = {}
        made = []
        for number, (row, fresh) in enumerate(pairs, first):
            copy = {**row, key: number, **fresh}
            if field and row[field]:
                old = row[key]
                if old not in opened:
                    opened[old] = cipher.open(old, row[field])
                copy[field] = cipher.seal(copy[key], context.random(NONCE_LENGTH), opened[old])
            made.append(copy)
        self._add(model, made)

    def _cipher(self, place: str) -> FieldCipher:
        return FieldCipher(self.services.context.field_key, place)

    def _all(self, model: Any, *where: Any) -> list[Row]:
        table: Table = model.__table__
        found = self.session.connection().execute(select(table).where(*where)).mappings()
        return [dict(row) for row in found]

    def _one(self, model: Any, *where: Any) -> Row:
        (row,) = self._all(model, *where)
        return row

    def _add(self, model: Any, rows: list[Row]) -> None:
        for start in range(0, len(rows), _LINES):
            self.session.execute(insert(model), rows[start : start + _LINES])


def _issuer(company: Row, now: datetime) -> Row:
    facts = {name: company[name] for name in ("prefix", "name", "uscc")}
    return {**facts, "levels": "54321", "added_at": now}
