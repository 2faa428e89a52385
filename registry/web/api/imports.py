"""Imports of existing certificates at the machine API (证书补录)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from sqlalchemy.orm import Session

from registry.errors import NotFound
from registry.office import importing
from registry.office.cases import Doing
from registry.office.importing import ImportRecord, find_import, require_city
from registry.office.importing_checks import check_table
from registry.office.importing_history import BodyCount
from registry.office.importing_list import ListedImport, list_imports, one_listed
from registry.office.importing_steps import timeline
from registry.office.importing_sums import Sums
from registry.office.issuers import all_issuers
from registry.rules.importing import IMPORT
from registry.rules.workflow import Guard
from registry.sheets.layout_import import IMPORT as LAYOUT
from registry.web.api.changes import Approval, Checked, ListQuery, OpenStep, Told
from registry.web.api.endpoint import CREATED, Call, Given, Nothing, Remark, Sent, Table, Taken
from registry.web.api.filings import APPROVERS, CLERKS
from registry.web.api.problems import SheetFinding, findings_of
from registry.web.api.sheets import demand_sound, sent_table
from registry.web.batch_scores import drawable
from registry.web.gate import OFFICE
from registry.web.import_checks import look, steps_for
from registry.web.import_steps import said_to_clerks, tools_of
from registry.web.import_upload import LIMITS
from registry.wording import message

TABLE = Table("imports")
_UNKNOWN = "没有这个机构编码的评价机构：请核对 prefix（13 位）"


class Imports(Given, frozen=True, kw_only=True):
    """One page of the imports, open ones first, and how many there are."""

    imports: tuple[ListedImport, ...]
    total: int


class NewImport(Taken, frozen=True, kw_only=True):
    """Whose certificates the table holds: the organisation's 13 characters."""

    prefix: Annotated[str, Meta(min_length=13, max_length=13)]


class HandedIn(Given, frozen=True, kw_only=True):
    """The import a table became; ``recognised``: this very table had come before, as that one."""

    imported: ListedImport
    recognised: bool
    warnings: tuple[SheetFinding, ...]


class WholeImport(Given, frozen=True, kw_only=True):
    """An import with its table in sums, the checks, the steps and the timeline.

    ``digest`` is over the table's rows (SHA-256, hex). ``why_not`` says why there are no steps,
    where that is to be said. ``bodies`` are the names of the assessing body that the rows of an
    open import have.
    """

    imported: ListedImport
    digest: str
    sums: Sums
    bodies: tuple[BodyCount, ...]
    checks: tuple[Checked, ...]
    steps: tuple[OpenStep, ...]
    why_not: str
    timeline: tuple[Told, ...]


@TABLE.get("/imports", roles=OFFICE, takes=ListQuery, gives=Imports)
def list_certificate_imports(call: Call, given: ListQuery) -> Imports:
    """List imports (证书补录列表)."""
    with call.desk.read() as session:
        rows, total = list_imports(session, call.by, page=given.page)
    return Imports(imports=rows, total=total)


@TABLE.post(
    "/imports", roles=CLERKS, takes=NewImport, gives=HandedIn, status=CREATED, sent=Sent.FILE
)
def hand_in_import(call: Call, given: NewImport) -> HandedIn:
    """Hand in import (提交补录表（正文为 xlsx 或 csv）)."""
    require_city(call.by, *CLERKS)
    today = call.desk.today()
    with call.desk.read() as session:
        if not any(one.prefix == given.prefix for one in all_issuers(session)):
            raise NotFound(_UNKNOWN)
    with sent_table(call, LIMITS, LAYOUT) as table:
        checked = check_table(
            table, given.prefix, today=today, drawable=drawable, form=table.findings
        )
    with call.desk.write() as session:
        done = importing.prepare(session, checked, by=call.by, today=today, context=call.context)
        if done.import_id is None:
            demand_sound(done.findings)
        row = find_import(session, done.reference)
        return HandedIn(
            imported=one_listed(session, row),
            recognised=done.recognised,
            warnings=findings_of(done.findings.listed),
        )


@TABLE.get("/imports/<reference>", roles=OFFICE, takes=Nothing, gives=WholeImport)
def show_import(call: Call, _: Nothing) -> WholeImport:
    """Show import (一件补录：统计、检查、可办事项、办理记录)."""
    with call.desk.read() as session:
        return _whole(session, call)


@TABLE.post("/imports/<reference>/approve", roles=APPROVERS, takes=Approval, gives=ListedImport)
def approve_import(call: Call, given: Approval) -> ListedImport:
    """Approve import (同意补录，并按需当即执行)."""
    with said_to_clerks(), call.desk.write() as session:
        row, doing = _row(session, call), _doing(call, given)
        tools = tools_of(call.desk, call.by)
        importing.approve(session, row.import_id, doing, tools, now=given.carry_out)
        return _after(session, row)


@TABLE.post("/imports/<reference>/carry-out", roles=OFFICE, takes=Remark, gives=ListedImport)
def carry_out_import(call: Call, given: Remark) -> ListedImport:
    """Carry out import (执行已同意的补录)."""
    with said_to_clerks(), call.desk.write() as session:
        row = _row(session, call)
        importing.carry_out(
            session, row.import_id, _doing(call, given), tools_of(call.desk, call.by)
        )
        return _after(session, row)


@TABLE.post("/imports/<reference>/steps/<event>", roles=OFFICE, takes=Remark, gives=ListedImport)
def take_import_step(call: Call, given: Remark) -> ListedImport:
    """Take import step (不予补录、撤回、撤回审批意见)."""
    with call.desk.write() as session:
        row, event = _row(session, call), str(call.path["event"])
        importing.take(session, row.import_id, event, _doing(call, given), context=call.context)
        return _after(session, row)


def _row(session: Session, call: Call) -> ImportRecord:
    # Asked first: a district's account does not learn which references there are.
    require_city(call.by, *OFFICE)
    return find_import(session, str(call.path["reference"]))


def _doing(call: Call, given: Remark) -> Doing:
    return Doing(by=call.by, version=given.version, note=given.note)


def _after(session: Session, row: ImportRecord) -> ListedImport:
    session.flush()
    return one_listed(session, row)


def _whole(session: Session, call: Call) -> WholeImport:
    row = _row(session, call)
    seen = look(call.desk, session, row, call.by)
    open_now = steps_for(session, row, call.by)
    return WholeImport(
        imported=one_listed(session, row),
        digest=row.digest,
        sums=seen.sums,
        bodies=seen.bodies,
        checks=tuple(
            Checked(
                word=one.word,
                passed=one.passed,
                detail=one.detail,
                findings=tuple(map(message, one.findings)),
            )
            for one in seen.checks
        ),
        steps=tuple(
            OpenStep(
                event=step.event,
                word=IMPORT.words[step.event],
                asks_reason=Guard.REASON_GIVEN in step.guards,
            )
            for step in open_now.steps
        ),
        why_not=open_now.why_not,
        timeline=tuple(
            Told(at=line.at, word=line.word, who=line.who, note=line.note)
            for line in timeline(session, row, call.context)
        ),
    )
