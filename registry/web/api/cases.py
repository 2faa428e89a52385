"""Cases at the machine API (办件): what is due, lists, one case with its timeline, plain steps.

Steps that take more than a remark are rows of their own in the area's table.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta
from sqlalchemy.orm import Session

from registry.office.almanac import read_almanac
from registry.office.case_list import Listed, cases_of
from registry.office.cases import (
    CaseKind,
    CaseRow,
    Doing,
    get_case,
    machine_of,
    steps_open_to,
)
from registry.office.disclosures import Disclosed, note_disclosure
from registry.office.docket import Docket, Line, docket, lines_of
from registry.office.document_vault import vault_of
from registry.office.documents import (
    documents_of,
    get_document,
    kinds_of,
    paper_of,
    remove_document,
    take_in,
)
from registry.office.identity import Role
from registry.office.steps import HANDLERS, take
from registry.rules.workflow import Guard
from registry.web.api.endpoint import (
    CREATED,
    Call,
    Download,
    Given,
    Nothing,
    Remark,
    Sent,
    Table,
    Taken,
    Version,
)
from registry.web.documents import examiner
from registry.web.gate import CASES, COMPANY

TABLE = Table("cases")
Page = Annotated[int, Meta(ge=1, le=100_000)]


class Case(Given, frozen=True, kw_only=True):
    """A case as it stands; ``version`` is what the next change must name."""

    case_id: int
    reference: str
    kind: CaseKind
    title: str
    company_id: int
    parent_id: int | None
    state: str
    state_word: str
    final: bool
    version: int
    turn: str | None
    received_on: date | None
    due_on: date | None
    due_provisional: bool
    opened_at: datetime
    changed_at: datetime


class OpenStep(Given, frozen=True, kw_only=True):
    """A step the asker may take now; ``plain`` steps go by the steps address of the case."""

    event: str
    word: str
    plain: bool
    asks_reason: bool


class Whole(Given, frozen=True, kw_only=True):
    """A case with its timeline, oldest first, and the steps open to the asker."""

    case: Case
    steps: tuple[OpenStep, ...]
    timeline: tuple[Line, ...]


class ListQuery(Taken, frozen=True, kw_only=True):
    """Which cases, 50 a page."""

    kind: CaseKind
    page: Page = 1


class CaseList(Given, frozen=True, kw_only=True):
    """One page of the cases the asker may see, the newest first, and how many there are."""

    cases: tuple[Listed, ...]
    total: int


class Document(Given, frozen=True, kw_only=True):
    """A document of a case; its name is its sender's."""

    document_id: int
    kind: str
    name: str
    size: int
    sha256: str
    media_type: str


class Documents(Given, frozen=True, kw_only=True):
    """The documents of a case, and the kinds it takes with their words."""

    documents: tuple[Document, ...]
    kinds: dict[str, str]


class NewDocument(Taken, frozen=True, kw_only=True):
    """What the file in the body is: its kind and its name."""

    kind: str
    name: Annotated[str, Meta(min_length=1, max_length=200)]


def case_of(case: CaseRow) -> Case:
    """Give a case as the API shows it."""
    machine = machine_of(case)
    return Case(
        case_id=case.case_id,
        reference=case.reference,
        kind=CaseKind(case.kind),
        title=case.title,
        company_id=case.company_id,
        parent_id=case.parent_id,
        state=case.state,
        state_word=machine.words[case.state],
        final=case.state in machine.final,
        version=case.version,
        turn=case.turn,
        received_on=case.received_on,
        due_on=case.due_on,
        due_provisional=case.due_provisional,
        opened_at=case.opened_at,
        changed_at=case.changed_at,
    )


def after(session: Session, case: CaseRow) -> Case:
    """Give a case as the transaction leaves it."""
    session.flush()
    session.refresh(case)
    return case_of(case)


def doing_of(call: Call, given: Version) -> Doing:
    """Give who acts, on which version, with what remark."""
    note = given.note if isinstance(given, Remark) else ""
    return Doing(by=call.by, version=given.version, note=note)


@TABLE.get("/due", roles=CASES, takes=Nothing, gives=Docket)
def list_due(call: Call, _: Nothing) -> Docket:
    """List due (待办事项，按期限)."""
    with call.desk.read() as session:
        return docket(session, call.by, read_almanac(session), today=call.desk.today())


@TABLE.get("/cases", roles=CASES, takes=ListQuery, gives=CaseList)
def list_cases(call: Call, given: ListQuery) -> CaseList:
    """List cases (办件列表)."""
    with call.desk.read() as session:
        found, total = cases_of(
            session,
            call.by,
            read_almanac(session),
            today=call.desk.today(),
            kind=given.kind,
            page=given.page,
        )
    return CaseList(cases=found, total=total)


@TABLE.get("/cases/<int:case_id>", roles=CASES, takes=Nothing, gives=Whole)
def show_case(call: Call, _: Nothing) -> Whole:
    """Show case (一个办件：现状、可办事项、办理记录)."""
    with call.desk.read() as session:
        case = get_case(session, call.case_id, call.by)
        words = machine_of(case).words
        steps = tuple(
            OpenStep(
                event=row.event,
                word=words[row.event],
                plain=(CaseKind(case.kind), row.event) in HANDLERS,
                asks_reason=Guard.REASON_GIVEN in row.guards,
            )
            for row in steps_open_to(case, call.by)
        )
        lines = lines_of(session, case, call.by, call.context)
        return Whole(case=case_of(case), steps=steps, timeline=lines)


@TABLE.post(
    "/cases/<int:case_id>/steps/<event>", roles=CASES - {Role.AUDITOR}, takes=Remark, gives=Case
)
def take_step(call: Call, given: Remark) -> Case:
    """Take step (办理一个事项（受理、报送、同意等）)."""
    with call.desk.write() as session:
        case = get_case(session, call.case_id, call.by)
        take(session, case, str(call.path["event"]), doing_of(call, given), call.desk)
        return after(session, case)


@TABLE.get("/cases/<int:case_id>/documents", roles=CASES, takes=Nothing, gives=Documents)
def list_documents(call: Call, _: Nothing) -> Documents:
    """List documents (材料列表)."""
    with call.desk.read() as session:
        return _documents(session, get_case(session, call.case_id, call.by))


@TABLE.post(
    "/cases/<int:case_id>/documents",
    roles=COMPANY,
    takes=NewDocument,
    gives=Documents,
    status=CREATED,
    sent=Sent.FILE,
)
def upload_document(call: Call, given: NewDocument) -> Documents:
    """Upload document (上传材料（正文为文件）)."""
    take_in(
        call.desk,
        call.case_id,
        given.kind,
        given.name,
        call.file.stream,
        by=call.by,
        examiner=examiner(),
    )
    with call.desk.read() as session:
        return _documents(session, get_case(session, call.case_id, call.by))


@TABLE.get(
    "/cases/<int:case_id>/documents/<int:document_id>",
    roles=CASES,
    takes=Nothing,
    gives=Download,
)
def download_document(call: Call, _: Nothing) -> Download:
    """Download document (下载材料)."""
    with call.desk.read() as session:
        case = get_case(session, call.case_id, call.by)
        row = get_document(session, case, call.number("document_id"))
    data = vault_of(call.desk).open(paper_of(row))
    number = row.document_id
    note_disclosure(call.desk, Disclosed.DOCUMENT, case.reference, call.by, number=number)
    return Download(data=data, media_type=row.media_type, size=row.size)


@TABLE.delete(
    "/cases/<int:case_id>/documents/<int:document_id>",
    roles=COMPANY,
    takes=Nothing,
    gives=Documents,
)
def drop_document(call: Call, _: Nothing) -> Documents:
    """Drop document (移除材料)."""
    with call.desk.write() as session:
        case = get_case(session, call.case_id, call.by)
        document_id = call.number("document_id")
        remove_document(session, case, document_id, by=call.by, context=call.context)
        return _documents(session, case)


def _documents(session: Session, case: CaseRow) -> Documents:
    return Documents(
        documents=tuple(
            Document(
                document_id=row.document_id,
                kind=row.kind,
                name=row.name,
                size=row.size,
                sha256=row.sha256,
                media_type=row.media_type,
            )
            for row in documents_of(session, case)
        ),
        kinds=dict(kinds_of(case)),
    )
