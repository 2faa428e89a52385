"""Requests to change a certificate at the machine API (证书变更申请)."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from msgspec import Meta
from sqlalchemy.orm import Session

from registry.office import change_deciding as deciding
from registry.office import change_making as making
from registry.office.cases import Doing
from registry.office.change_checks import look, sides
from registry.office.change_list import ListedRequest, list_requests, listed
from registry.office.change_making import suggested
from registry.office.change_papers import Examined, examined
from registry.office.change_steps import steps_open_to, timeline
from registry.office.changes import (
    Kind,
    get_request,
    open_document,
    opened,
    reference,
)
from registry.office.disclosures import Disclosed, note_disclosure
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Role
from registry.office.reasons import Reason
from registry.rules.changing import CHANGE
from registry.rules.workflow import Guard
from registry.web.api.cases import Page
from registry.web.api.endpoint import (
    CREATED,
    Call,
    Download,
    Given,
    Nothing,
    Remark,
    Table,
    Taken,
)
from registry.web.api.filings import APPROVERS, CLERKS
from registry.web.batch_scores import drawable
from registry.web.documents import examiner
from registry.web.gate import COMPANY, OFFICE
from registry.wording import message

TABLE = Table("requests")
_SEES = OFFICE | COMPANY
_ASKS = COMPANY | {Role.CLERK}
Text = Annotated[str, Meta(max_length=60)]


class ListQuery(Taken, frozen=True, kw_only=True):
    """Which page, of 50."""

    page: Page = 1


class Requests(Given, frozen=True, kw_only=True):
    """One page of the requests the asker may see, open ones first, and how many there are."""

    requests: tuple[ListedRequest, ...]
    total: int


class Compared(Given, frozen=True, kw_only=True):
    """One line of old and new; ``new`` is empty for what stays as it is."""

    field: str
    old: str
    new: str


class Checked(Given, frozen=True, kw_only=True):
    """One check: passed, failed, or null while it cannot be said."""

    word: str
    passed: bool | None
    detail: str
    findings: tuple[str, ...]


class OpenStep(Given, frozen=True, kw_only=True):
    """A step the asker may take now."""

    event: str
    word: str
    asks_reason: bool


class Told(Given, frozen=True, kw_only=True):
    """One line of the timeline."""

    at: datetime
    word: str
    who: str
    note: str


class Whole(Given, frozen=True, kw_only=True):
    """A request with what was asked, old and new, the checks, the steps and the timeline."""

    request: ListedRequest
    field: str
    wanted: str
    reason: str
    answer: str
    cause: str
    document: str
    compared: tuple[Compared, ...]
    checks: tuple[Checked, ...]
    steps: tuple[OpenStep, ...]
    timeline: tuple[Told, ...]


class Changes(Taken, frozen=True, kw_only=True):
    """A correction's values as they shall stand; what is empty stays as it is."""

    name: Text = ""
    id_type: Text = ""
    id_number: Text = ""
    admission: Text = ""
    occupation: Text = ""
    direction: Text = ""

    def by_field(self) -> dict[str, str]:
        """Give the values by field."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


class NewRequest(Taken, frozen=True, kw_only=True):
    """What is asked for; ``document`` is the paper in base64, empty for none.

    A paper over 700 KB does not fit a JSON body and is sent at the page.
    """

    number: Annotated[str, Meta(min_length=1, max_length=40)]
    kind: Kind
    cause: Reason
    reason: Annotated[str, Meta(min_length=1, max_length=500)]
    changes: Changes = Changes()
    document: str = ""


class Found(Remark, frozen=True, kw_only=True):
    """What the clerk found: the reason that stands in the public leaf, and the values."""

    cause: Reason
    changes: Changes = Changes()


class Approval(Remark, frozen=True, kw_only=True):
    """An approval; ``carry_out`` false leaves the certificate for somebody else to change."""

    carry_out: bool = True


class Returned(Remark, frozen=True, kw_only=True):
    """What was mended; ``document`` is a new paper in base64, empty to keep the old one."""

    document: str = ""


@TABLE.get("/requests", roles=_SEES, takes=ListQuery, gives=Requests)
def list_change_requests(call: Call, given: ListQuery) -> Requests:
    """List change requests (证书变更申请列表)."""
    with call.desk.read() as session:
        rows, total = list_requests(session, call.by, page=given.page)
    return Requests(requests=rows, total=total)


@TABLE.post("/requests", roles=_ASKS, takes=NewRequest, gives=ListedRequest, status=CREATED)
def open_change_request(call: Call, given: NewRequest) -> ListedRequest:
    """Open change request (提出证书变更申请)."""
    wish = making.Wish(
        number=given.number,
        kind=given.kind.value,
        cause=given.cause.value,
        changes=given.changes.by_field(),
        reason=given.reason,
    )
    sent, by, context = _sent(given.document), call.by, call.context
    try:
        with call.desk.read() as session:
            making.may_ask(session, wish, sent, by=by, drawable=drawable, context=context)
        wish = replace(wish, document=_looked_into(call, sent))
        with call.desk.write() as session:
            row = making.ask(session, wish, by=by, drawable=drawable, context=context)
            session.flush()
            return listed(row)
    except making.AskUnsound as unsound:
        making.note_unsound(call.desk.engine, unsound, by, context)
        raise


@TABLE.get("/requests/<int:request_id>", roles=_SEES, takes=Nothing, gives=Whole)
def show_change_request(call: Call, _: Nothing) -> Whole:
    """Show change request (一件申请：新旧对照、检查、可办事项、办理记录)."""
    with call.desk.read() as session:
        return _whole(session, call)


@TABLE.get("/requests/<int:request_id>/document", roles=_SEES, takes=Nothing, gives=Download)
def download_change_document(call: Call, _: Nothing) -> Download:
    """Download change document (下载证明材料)."""
    with call.desk.read() as session:
        _kind, data = open_document(session, _id(call), call.by, context=call.context)
    note_disclosure(call.desk, Disclosed.REQUEST_PAPER, reference(_id(call)), call.by)
    return Download(data=data, media_type="application/octet-stream", size=len(data))


@TABLE.post("/requests/<int:request_id>/check", roles=CLERKS, takes=Found, gives=ListedRequest)
def check_change(call: Call, given: Found) -> ListedRequest:
    """Check change (核对：写明变更原因和更正后的内容)."""
    with call.desk.write() as session:
        deciding.check(
            session,
            _id(call),
            given.cause.value,
            given.changes.by_field(),
            _doing(call, given),
            drawable=drawable,
            today=call.desk.today(),
            context=call.context,
        )
        return _after(session, call)


@TABLE.post(
    "/requests/<int:request_id>/steps/<event>", roles=OFFICE, takes=Remark, gives=ListedRequest
)
def take_change_step(call: Call, given: Remark) -> ListedRequest:
    """Take change step (退回、拟同意、拟不予办理、不予办理、撤回审批意见)."""
    with call.desk.write() as session:
        event = str(call.path["event"])
        deciding.take(session, _id(call), event, _doing(call, given), context=call.context)
        return _after(session, call)


@TABLE.post("/requests/<int:request_id>/resubmit", roles=_ASKS, takes=Returned, gives=ListedRequest)
def resubmit_change(call: Call, given: Returned) -> ListedRequest:
    """Resubmit change (补正后重新提交)."""
    sent, doing = _sent(given.document), _doing(call, given)
    with call.desk.read() as session:
        making.may_resubmit(session, _id(call), sent, doing)
    paper = _looked_into(call, sent)
    with call.desk.write() as session:
        making.resubmit(session, _id(call), paper, doing, context=call.context)
        return _after(session, call)


@TABLE.post(
    "/requests/<int:request_id>/approve", roles=APPROVERS, takes=Approval, gives=ListedRequest
)
def approve_change(call: Call, given: Approval) -> ListedRequest:
    """Approve change (同意，并按需当即执行)."""
    with call.desk.write() as session:
        doing = _doing(call, given)
        deciding.approve(session, _id(call), doing, _tools(call), now=given.carry_out)
        return _after(session, call)


@TABLE.post("/requests/<int:request_id>/carry-out", roles=OFFICE, takes=Remark, gives=ListedRequest)
def carry_out_change(call: Call, given: Remark) -> ListedRequest:
    """Carry out change (执行已同意的变更)."""
    with call.desk.write() as session:
        deciding.carry_out(session, _id(call), _doing(call, given), _tools(call))
        return _after(session, call)


def _sent(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        fault = FieldFault(field="document", text="证明材料应为 base64")
        raise FormFaults([fault]) from None


def _looked_into(call: Call, data: bytes) -> Examined:
    """Look into a paper, no transaction being open: it takes a while.

    Raises ``FormFaults``, ``PaperNotScanned``.
    """
    desk = call.desk
    return examined(desk.documents, data, examiner=examiner(), now=desk.clock.now())


def _id(call: Call) -> int:
    return call.number("request_id")


def _doing(call: Call, given: Remark) -> Doing:
    return Doing(by=call.by, version=given.version, note=given.note)


def _tools(call: Call) -> deciding.Tools:
    return deciding.Tools(
        signer=call.desk.record_signer,
        before_signing=call.desk.before_signing,
        drawable=drawable,
        today=call.desk.today(),
        context=call.context,
    )


def _after(session: Session, call: Call) -> ListedRequest:
    session.flush()
    return listed(get_request(session, _id(call), call.by))


def _whole(session: Session, call: Call) -> Whole:
    row = get_request(session, _id(call), call.by)
    context, found = call.context, opened(row, call.context)
    plan = suggested(row, context)
    checks: tuple[Checked, ...] = ()
    if row.state not in CHANGE.final:
        today = call.desk.today()
        seen = look(session, row, plan, by=call.by, drawable=drawable, today=today, context=context)
        checks = tuple(
            Checked(
                word=one.word,
                passed=one.passed,
                detail=one.detail,
                findings=tuple(map(message, one.findings)),
            )
            for one in seen.checks
        )
    return Whole(
        request=listed(row),
        field=found.field,
        wanted=found.wanted,
        reason=found.reason,
        answer=found.answer,
        cause=plan.cause,
        document=row.document_kind,
        compared=tuple(
            Compared(field=side.field, old=side.old, new=side.new)
            for side in sides(session, row, plan, context=context)
        ),
        checks=checks,
        steps=tuple(
            OpenStep(
                event=step.event,
                word=CHANGE.words[step.event],
                asks_reason=Guard.REASON_GIVEN in step.guards,
            )
            for step in steps_open_to(row, call.by)
        ),
        timeline=tuple(
            Told(at=line.at, word=line.word, who=line.who, note=line.note)
            for line in timeline(session, row, call.by, context)
        ),
    )
