"""Registers at the machine API (名录): companies, the catalogue of occupations, the pool."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from msgspec import Meta

from registry.office import (
    companies,
    company_changes,
    directory,
    occupations,
    pool_accounts,
    registers,
)
from registry.office.company_changes import Change, Fact
from registry.office.directory import Entry
from registry.office.disclosures import Disclosed, note_disclosure
from registry.office.identity import Role
from registry.office.registers import Member, PoolKind
from registry.sheets.layout_catalogue import CATALOGUE
from registry.web.api.cases import Page
from registry.web.api.endpoint import CREATED, Call, Given, Nothing, Sent, Table, Taken
from registry.web.api.filings import APPROVERS, CLERKS
from registry.web.api.sheets import demand_sound, sent_table
from registry.web.batch_scores import drawable
from registry.web.gate import CASES, OFFICE
from registry.web.registers import LIMITS

TABLE = Table("registers")
SEES_POOL = OFFICE | {Role.SUPERVISOR, Role.AUDITOR}
SEES_COMPANIES = SEES_POOL


class Directory(Given, frozen=True, kw_only=True):
    """The companies on the list, with what they may assess (备案企业目录)."""

    companies: tuple[Entry, ...]


class Company(Given, frozen=True, kw_only=True):
    """A company as the office records it; ``barred_until`` is when a filing is taken again."""

    company_id: int
    uscc: str
    name: str
    district: str
    state: str
    prefix: str | None
    pilot: bool
    listed_on: date | None
    barred_until: date | None


class Companies(Given, frozen=True, kw_only=True):
    """The companies the asker may see, listed or not."""

    companies: tuple[Company, ...]


class NewCompany(Taken, frozen=True, kw_only=True):
    """A company before it files; ``district`` "" is the asker's own."""

    name: str
    uscc: str
    district: Annotated[str, Meta(max_length=12)] = ""


class NewChange(Taken, frozen=True, kw_only=True):
    """A change of a company's facts and the paper it rests on; ``pilot`` takes yes or no."""

    fact: Fact
    value: Annotated[str, Meta(max_length=120)]
    basis: Annotated[str, Meta(max_length=200)]
    based_on: date


class Decision(Taken, frozen=True, kw_only=True):
    """Whether a proposed change is adopted, or dropped."""

    adopt: bool


class Changes(Given, frozen=True, kw_only=True):
    """A company's changes, the newest first."""

    changes: tuple[Change, ...]


class CatalogueQuery(Taken, frozen=True, kw_only=True):
    """Which occupations, 50 a page; ``text`` is part of a code, name or trade."""

    text: Annotated[str, Meta(max_length=60)] = ""
    edition: int | None = None
    page: Page = 1


class Occupation(Given, frozen=True, kw_only=True):
    """One occupation of an edition; ``national``: in the national catalogue, so not for filing.

    ``directions`` are its trades (工种), parted by ``、``.
    """

    code: str
    edition: int
    name: str
    directions: str
    levels: str
    national: bool


class Catalogue(Given, frozen=True, kw_only=True):
    """One page of the catalogue, and how many there are."""

    occupations: tuple[Occupation, ...]
    total: int


class Imported(Given, frozen=True, kw_only=True):
    """What an import did."""

    added: int
    updated: int


class Pool(Given, frozen=True, kw_only=True):
    """Experts and supervisors; names masked unless the office asks."""

    members: tuple[Member, ...]


class NewMember(Taken, frozen=True, kw_only=True):
    """A person for the pool; ``fields``: occupations or subjects they know."""

    kind: PoolKind
    name: str
    fields: str


class Tie(Taken, frozen=True, kw_only=True):
    """The login a supervisor of the pool works with, "" for none."""

    login: Annotated[str, Meta(max_length=64)]


class Activity(Taken, frozen=True, kw_only=True):
    """Whether the person may be asked and drawn."""

    active: bool


@TABLE.get("/directory", roles=CASES, takes=Nothing, gives=Directory)
def show_directory(call: Call, _: Nothing) -> Directory:
    """Show directory (备案企业目录)."""
    with call.desk.read() as session:
        return Directory(companies=directory.directory(session, call.context))


@TABLE.get("/companies", roles=SEES_COMPANIES, takes=Nothing, gives=Companies)
def list_companies(call: Call, _: Nothing) -> Companies:
    """List companies (所有登记的企业)."""
    with call.desk.read() as session:
        found = companies.companies_seen(session, call.by)
        return Companies(companies=tuple(_company(row, call.desk.today()) for row in found))


@TABLE.post("/companies", roles=CLERKS, takes=NewCompany, gives=Company, status=CREATED)
def add_company(call: Call, given: NewCompany) -> Company:
    """Add company (登记企业)."""
    facts = companies.NewCompany(
        name=given.name, uscc=given.uscc, district=given.district or call.by.district
    )
    with call.desk.write() as session:
        row = companies.add_company(session, facts, by=call.by, context=call.context)
        session.flush()
        return _company(row, call.desk.today())


@TABLE.get("/companies/<int:company_id>/changes", roles=CASES, takes=Nothing, gives=Changes)
def list_company_changes(call: Call, _: Nothing) -> Changes:
    """List company changes (企业信息变更)."""
    with call.desk.read() as session:
        company_id = call.number("company_id")
        return Changes(changes=company_changes.changes_of(session, company_id, call.by))


@TABLE.post(
    "/companies/<int:company_id>/changes",
    roles=CLERKS,
    takes=NewChange,
    gives=Changes,
    status=CREATED,
)
def propose_company_change(call: Call, given: NewChange) -> Changes:
    """Propose company change (提出企业信息变更)."""
    company_id = call.number("company_id")
    new = company_changes.NewChange(
        fact=given.fact, value=given.value, basis=given.basis, based_on=given.based_on
    )
    with call.desk.write() as session:
        company_changes.propose_change(
            session,
            company_id,
            new,
            drawable=drawable,
            by=call.by,
            context=call.context,
            today=call.desk.today(),
        )
        return Changes(changes=company_changes.changes_of(session, company_id, call.by))


@TABLE.post(
    "/companies/changes/<int:change_id>/decide", roles=APPROVERS, takes=Decision, gives=Changes
)
def decide_company_change(call: Call, given: Decision) -> Changes:
    """Decide company change (审批企业信息变更，由另一人办理)."""
    change_id = call.number("change_id")
    with call.desk.write() as session:
        company_changes.decide_change(
            session, change_id, adopt=given.adopt, by=call.by, context=call.context
        )
        company_id = company_changes.company_of_change(session, change_id, call.by)
        return Changes(changes=company_changes.changes_of(session, company_id, call.by))


@TABLE.get("/occupations", roles=CASES, takes=CatalogueQuery, gives=Catalogue)
def search_occupations(call: Call, given: CatalogueQuery) -> Catalogue:
    """Search occupations (职业目录)."""
    with call.desk.read() as session:
        found, total = occupations.search_occupations(
            session, given.text, edition=given.edition, page=given.page
        )
        return Catalogue(
            occupations=tuple(
                Occupation(
                    code=row.code,
                    edition=row.edition,
                    name=row.name,
                    directions=row.directions,
                    levels=row.levels,
                    national=row.national,
                )
                for row in found
            ),
            total=total,
        )


@TABLE.post("/occupations/table", roles=OFFICE, takes=Nothing, gives=Imported, sent=Sent.FILE)
def import_occupations(call: Call, _: Nothing) -> Imported:
    """Import occupations (导入职业目录（正文为 xlsx 或 csv）)."""
    with sent_table(call, LIMITS, CATALOGUE) as table, call.desk.write() as session:
        done = occupations.import_occupations(
            session, table, form=table.findings, by=call.by, context=call.context
        )
        demand_sound(done.findings)
    return Imported(added=done.added, updated=done.updated)


@TABLE.get("/experts", roles=SEES_POOL, takes=Nothing, gives=Pool)
def list_pool(call: Call, _: Nothing) -> Pool:
    """List pool (专家和督导员库)."""
    with call.desk.read() as session:
        kinds = tuple(PoolKind)
        found = registers.members(session, kinds, by=call.by, context=call.context)
    if call.by.role in OFFICE:
        note_disclosure(call.desk, Disclosed.POOL, "pool", call.by)
    return Pool(members=found)


@TABLE.post("/experts", roles=OFFICE, takes=NewMember, gives=Member, status=CREATED)
def add_member(call: Call, given: NewMember) -> Member:
    """Add member (入库)."""
    new = registers.NewMember(kind=given.kind, name=given.name, fields=given.fields)
    with call.desk.write() as session:
        row = registers.add_member(session, new, by=call.by, context=call.context)
        session.flush()
        return registers.get_member(session, row.expert_id, by=call.by, context=call.context)


@TABLE.post("/experts/<int:expert_id>/active", roles=OFFICE, takes=Activity, gives=Member)
def set_active(call: Call, given: Activity) -> Member:
    """Set active (出库或者恢复)."""
    expert_id = call.number("expert_id")
    with call.desk.write() as session:
        registers.set_active(
            session, expert_id, active=given.active, by=call.by, context=call.context
        )
        session.flush()
        return registers.get_member(session, expert_id, by=call.by, context=call.context)


@TABLE.post("/experts/<int:expert_id>/account", roles=OFFICE, takes=Tie, gives=Member)
def tie_account(call: Call, given: Tie) -> Member:
    """Tie account (绑定督导员的账号；login 为空即解除)."""
    expert_id = call.number("expert_id")
    with call.desk.write() as session:
        pool_accounts.tie_account(session, expert_id, given.login, by=call.by, context=call.context)
        return registers.get_member(session, expert_id, by=call.by, context=call.context)


def _company(row: companies.CompanyRow, today: date) -> Company:
    return Company(
        company_id=row.company_id,
        uscc=row.uscc,
        name=row.name,
        district=row.district,
        state=row.state,
        prefix=row.prefix,
        pilot=row.pilot,
        listed_on=row.listed_on,
        barred_until=companies.barred_until(row, today),
    )
