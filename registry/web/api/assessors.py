"""Assessors at the machine API (考评人员): listed masked, registered one by one or by a table."""

from __future__ import annotations

from datetime import date

from registry.office.assessor_entry import AssessorEntry, entry_of
from registry.office.assessor_list import list_assessors
from registry.office.assessors import (
    AssessorView,
    add_assessor,
    amend_assessor,
    get_assessor,
    import_assessors,
)
from registry.rules.people import IdType
from registry.sheets.layout_assessors import ASSESSORS
from registry.web.api.endpoint import CREATED, Call, Given, Nothing, Sent, Table, Taken, Version
from registry.web.api.sheets import demand_sound, sent_table
from registry.web.gate import CASES, COMPANY
from registry.web.table_upload import LIMITS

TABLE = Table("assessors")


class NewAssessor(Taken, frozen=True, kw_only=True):
    """An assessor; ``occupations`` are codes."""

    name: str
    id_type: IdType
    id_number: str
    occupations: tuple[str, ...]
    certificate: str
    valid_until: date


class AmendedAssessor(Version, frozen=True, kw_only=True):
    """What may change of an assessor; the person stays who they are."""

    occupations: tuple[str, ...]
    certificate: str
    valid_until: date


class Assessor(Given, frozen=True, kw_only=True):
    """An assessor, masked."""

    assessor_id: int
    company_id: int
    company: str
    version: int
    name: str
    id_number: str
    occupations: tuple[str, ...]
    certificate: str
    valid_until: date
    state: str
    struck_off: bool


class Assessors(Given, frozen=True, kw_only=True):
    """The assessors the asker may see."""

    assessors: tuple[Assessor, ...]


class Added(Given, frozen=True, kw_only=True):
    """How many rows were added."""

    added: int


@TABLE.get("/assessors", roles=CASES, takes=Nothing, gives=Assessors)
def show_assessors(call: Call, _: Nothing) -> Assessors:
    """Show assessors (考评人员列表)."""
    with call.desk.read() as session:
        found = list_assessors(session, call.by, call.context)
    return Assessors(assessors=tuple(_masked(view) for view in found))


@TABLE.post("/assessors", roles=COMPANY, takes=NewAssessor, gives=Assessor, status=CREATED)
def register_assessor(call: Call, given: NewAssessor) -> Assessor:
    """Register assessor (登记考评人员)."""
    entry = AssessorEntry(
        name=given.name,
        id_type=given.id_type.value,
        id_number=given.id_number,
        occupations=" ".join(given.occupations),
        certificate=given.certificate,
        valid_until=given.valid_until,
    )
    with call.desk.write() as session:
        new = add_assessor(
            session, entry, by=call.by, context=call.context, today=call.desk.today()
        )
        return _masked(get_assessor(session, new, call.by, call.context))


@TABLE.post("/assessors/table", roles=COMPANY, takes=Nothing, gives=Added, sent=Sent.FILE)
def upload_assessors(call: Call, _: Nothing) -> Added:
    """Upload assessors (成批登记考评人员（正文为 xlsx 或 csv）)."""
    with sent_table(call, LIMITS, ASSESSORS) as table:
        demand_sound(table.findings)
        rows = [(number, entry_of(cells)) for number, cells in table]
        with call.desk.write() as session:
            today = call.desk.today()
            added = import_assessors(session, rows, by=call.by, context=call.context, today=today)
    return Added(added=added)


@TABLE.post("/assessors/<int:assessor_id>", roles=COMPANY, takes=AmendedAssessor, gives=Assessor)
def change_assessor(call: Call, given: AmendedAssessor) -> Assessor:
    """Change assessor (变更考评范围、证书和有效期)."""
    assessor_id = call.number("assessor_id")
    with call.desk.write() as session:
        kept = get_assessor(session, assessor_id, call.by, call.context)
        entry = AssessorEntry(
            name=kept.name,
            id_type=kept.id_type,
            id_number=kept.id_number,
            occupations=" ".join(given.occupations),
            certificate=given.certificate,
            valid_until=given.valid_until,
        )
        amend_assessor(
            session,
            assessor_id,
            entry,
            version=given.version,
            by=call.by,
            context=call.context,
            today=call.desk.today(),
        )
        session.flush()
        session.expire_all()
        return _masked(get_assessor(session, assessor_id, call.by, call.context))


def _masked(view: AssessorView) -> Assessor:
    return Assessor(
        assessor_id=view.assessor_id,
        company_id=view.company_id,
        company=view.company,
        version=view.version,
        name=view.masked_name,
        id_number=view.masked_id,
        occupations=view.occupations,
        certificate=view.certificate,
        valid_until=view.valid_until,
        state=view.state,
        struck_off=view.struck_off,
    )
