"""A small office with two companies and one account of each role, for the procedure's use cases.

Nobody here exists. The tables are made once and copied for each test.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from registry.errors import Refused
from registry.office.cases import Doing
from registry.office.context import Context
from registry.office.identity import AccountId, Identity, Role
from registry.office.issuers import is_known
from registry.office.unit import Desk
from registry.store.accounts import Account
from registry.store.base import open_engine, read_unit, write_unit
from registry.store.organisations import Issuer
from registry.store.procedure import Case, Company
from registry.store.registers import Expert, Occupation
from registry.store.schema import migrate

NOW = datetime(2026, 11, 26, 2, 0, tzinfo=UTC)
"""Ten in the morning of a Thursday in China."""

COMPANIES = (
    (1, "91449999MA5DEM0015", "深圳市示例精密制造有限公司", "4403A"),
    (2, "91449999MA5DEM0028", "深圳市示例电力设备有限公司", "4403B"),
)
STAFF = (
    (1, "editor1", Role.COMPANY_EDITOR, "", 1),
    (2, "head1", Role.COMPANY_HEAD, "", 1),
    (3, "editor2", Role.COMPANY_EDITOR, "", 2),
    (4, "head2", Role.COMPANY_HEAD, "", 2),
    (5, "clerk", Role.CLERK, "", None),
    (6, "approver", Role.APPROVER, "", None),
    (7, "supervisor", Role.SUPERVISOR, "", None),
    (8, "admin", Role.ADMIN, "", None),
    (9, "auditor", Role.AUDITOR, "", None),
    (10, "clerk-a", Role.CLERK, "4403A", None),
)


@dataclass
class Clock:
    """A clock that stands; mutable: a test moves it."""

    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment


@dataclass
class SmallOffice:
    """The database and the desk over it; mutable: the plain fields are a test's to set."""

    home: Path
    clock: Clock = field(default_factory=Clock)
    enrolled: list[tuple[str, str, str]] = field(default_factory=list)
    signer: Any = None
    refusal: Exception | None = None
    logged: frozenset[tuple[int, str]] | None = frozenset()

    @cached_property
    def engine(self) -> Engine:
        return open_engine(f"sqlite:///{self.home}/registry.db")

    @cached_property
    def desk(self) -> Desk:
        return Desk(
            engine=self.engine,
            clock=self.clock,
            field_key=b"f" * 32,
            index_key=b"i" * 32,
            random=secrets.token_bytes,
            documents=self.home / "documents",
            office_name="示例市职业技能鉴定指导办公室",
            base_url="http://127.0.0.1:8001",
            record_signer=lambda _prefix: self.signer,
            enrol=self._enrol,
            before_signing=self._before_signing,
            logged_heads=lambda: self.logged,
        )

    def _enrol(self, name: str, uscc: str, prefix: str, levels: str) -> None:
        self.enrolled.append((name, uscc, prefix))
        if self.refusal is not None:
            raise self.refusal
        with self.write() as session:
            if is_known(session, prefix=prefix, uscc=uscc):
                raise Refused("recorded already")
            session.add(Issuer(prefix=prefix, name=name, uscc=uscc, levels=levels, added_at=NOW))

    def _before_signing(self) -> None:
        if self.refusal is not None:
            raise self.refusal

    def who(self, login: str) -> Identity:
        for account, name, role, district, company in STAFF:
            if name == login:
                return Identity(
                    account_id=AccountId(account),
                    login=login,
                    role=role,
                    district=district,
                    company_id=company,
                    source="127.0.0.1",
                )
        raise KeyError(login)

    def context(self, login: str) -> Context:
        return self.desk.context(self.who(login))

    def doing(self, login: str, case: Case, note: str = "") -> Doing:
        return Doing(by=self.who(login), version=case.version, note=note)

    @contextmanager
    def write(self) -> Iterator[Any]:
        with write_unit(self.engine) as session:
            yield session

    @contextmanager
    def read(self) -> Iterator[Any]:
        with read_unit(self.engine) as session:
            yield session

    def close(self) -> None:
        if "engine" in self.__dict__:
            self.engine.dispose()


def found_office(home: Path) -> None:
    """Make the tables, the two companies and the accounts."""
    office = SmallOffice(home=home)
    migrate(office.engine)
    with office.write() as session:
        for company_id, uscc, name, district in COMPANIES:
            session.add(
                Company(
                    company_id=company_id,
                    uscc=uscc,
                    name=name,
                    district=district,
                    state="unlisted",
                    created_at=NOW,
                )
            )
        session.flush()
        for account_id, login, role, district, company_id in STAFF:
            session.add(
                Account(
                    account_id=account_id,
                    login=login,
                    display=b"",
                    role=role.value,
                    district=district,
                    staff_number="" if company_id else f"GH-{account_id:03}",
                    company_id=company_id,
                    password="!",
                    password_at=NOW,
                    created_at=NOW,
                )
            )
    office.close()


COMPANY_FIELDS = {
    "address": "示例市示例区示例路 1 号",
    "legal_person": "赵示例",
    "contact": "钱示例",
    "phone": "0755-00000001",
    "main_business": "精密机械零件制造",
    "scope": "机械零件、模具的制造和销售",
}
CONDITION_FIELDS = {
    "insured_staff": "520",
    "managers": "2",
    "experts": "5",
    "supervisors": "2",
    **dict.fromkeys(("registered_here", "good_standing", "mechanisms", "pay_rules"), "yes"),
}
OCCUPATION_FIELDS = {
    "occupation": "6-20-01-01",
    "direction": "装配钳工",
    "level-5": "yes",
    "level-4": "yes",
    "level-3": "yes",
    "stations": "12",
    "assessors": "4",
    "applicants": "60",
    "reason": "装配线主体工种",
}
SMALL_PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n"


def seed_registers(office: SmallOffice) -> None:
    """Put two occupations and a panel's three experts into the registers."""
    with office.write() as session:
        for code, name, national in (("6-20-01-01", "钳工", False), ("4-02-02-01", "电工", True)):
            session.add(
                Occupation(edition=2015, code=code, name=name, levels="54321", national=national)
            )
        for number in range(1, 4):
            session.add(
                Expert(
                    expert_id=number,
                    kind="expert",
                    label=f"ZJ-{number:03}",
                    fields="",
                    sealed=b"",
                )
            )


def fill_filing(office: SmallOffice, case_id: int, login: str = "editor1") -> None:
    """Fill in a whole application, with a document of each kind that must be there."""
    from registry.office import filings
    from registry.office.document_files import Examiner
    from registry.office.documents import take_in
    from registry.office.filing_form import REQUIRED

    for save, fields in (
        (filings.save_company, COMPANY_FIELDS),
        (filings.save_conditions, CONDITION_FIELDS),
        (filings.add_occupation, OCCUPATION_FIELDS),
    ):
        with office.write() as session:
            case = session.get_one(Case, case_id)
            doing = office.doing(login, case)
            save(session, case, fields, doing=doing, context=office.context(login))
    by, examiner = office.who(login), Examiner(look=lambda _path: "")
    for kind in REQUIRED:
        data = BytesIO(SMALL_PDF)
        take_in(office.desk, case_id, kind, "材料.pdf", data, by=by, examiner=examiner)


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the disk: nothing here is about power cuts."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture(scope="session")
def founded_office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("small-office")
    found_office(home)
    return home


@pytest.fixture
def small(founded_office: Path, tmp_path: Path) -> Iterator[SmallOffice]:
    """Give an office of this test's own."""
    home = tmp_path / "home"
    shutil.copytree(founded_office, home)
    office = SmallOffice(home=home)
    yield office
    office.close()


@pytest.fixture
def new_case(small: SmallOffice) -> Callable[..., int]:
    """Give a function that opens a bare case (an empty form) and returns its id."""
    from registry.office.cases import CaseKind, open_case

    def make(kind: str = "filing", login: str = "editor1") -> int:
        by = small.who(login)
        with small.write() as session:
            company = session.get_one(Company, by.company_id)
            case = open_case(
                session,
                CaseKind(kind),
                company,
                title="钳工 备案",
                form=b"{}",
                by=by,
                context=small.context(login),
            )
            return int(case.case_id)

    return make


@pytest.fixture
def planning(small: SmallOffice) -> Any:
    """Give company 1's people who make plans; `plan_office.py` beside this file."""
    return load_beside("plan_office").Planning(small)


@pytest.fixture
def assessing(small: SmallOffice, planning: Any) -> Any:
    """Give the results of a plan of company 1; `batch_office.py` beside this file."""
    return load_beside("batch_office").Assessing(small, planning)


@pytest.fixture
def supervised(small: SmallOffice) -> Any:
    """Give the office as supervision finds it; `supervising_office.py` beside this file."""
    return load_beside("supervising_office").Supervised(small)


def load_beside(name: str) -> Any:
    """Load a helper module of this folder: test folders are no packages."""
    path = Path(__file__).parent / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"small_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def filing_fields() -> dict[str, dict[str, str]]:
    """Give what a company types into each section of an application."""
    return {
        "company": dict(COMPANY_FIELDS),
        "conditions": dict(CONDITION_FIELDS),
        "occupation": dict(OCCUPATION_FIELDS),
    }


@pytest.fixture
def new_filing(small: SmallOffice) -> Callable[..., int]:
    """Give a function that starts an application and returns its id; registers are seeded."""
    from registry.office.almanac import read_almanac
    from registry.office.filings import start_filing

    seed_registers(small)

    def make(login: str = "editor1", *, filled: bool = True) -> int:
        with small.write() as session:
            case = start_filing(
                session,
                by=small.who(login),
                context=small.context(login),
                almanac=read_almanac(session),
                today=small.desk.today(),
            )
            case_id = int(case.case_id)
        if filled:
            fill_filing(small, case_id, login)
        return case_id

    return make


@pytest.fixture
def act(small: SmallOffice) -> Callable[..., None]:
    """Give the function that takes a filing's step by its handler."""
    from registry.office import filing_review, filings
    from registry.office.steps import take

    assert filing_review.accept
    assert filings.submit

    def step(case_id: int, event: str, login: str, note: str = "") -> None:
        with small.write() as session:
            case = session.get_one(Case, case_id)
            take(session, case, event, small.doing(login, case, note), small.desk)

    return step


@pytest.fixture
def beside() -> Callable[[str], Any]:
    """Give the function that loads a helper module of this folder."""
    return load_beside


@pytest.fixture
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make password hashes that cost little."""
    from argon2 import PasswordHasher

    from registry.office import passwords

    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "HASHER", cheap)
    passwords._dummy.cache_clear()


@pytest.fixture
def scheming(small: SmallOffice) -> Any:
    """Give the people who handle schemes; `scheme_office.py` beside this file."""
    return load_beside("scheme_office").SchemeMaking(small)
