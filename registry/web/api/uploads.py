"""Reporting at the machine API (省级上报): owed rows, uploads, receipts, chains, spot checks."""

from __future__ import annotations

import io
from datetime import date, datetime
from typing import Annotated

from msgspec import Meta
from sqlalchemy.orm import Session

from registry.office.almanac import read_almanac
from registry.office.chain import ChainView, chain_of_number
from registry.office.identity import Role
from registry.office.upload_due import UploadMatter, upload_matters
from registry.rules.numbers import parse_number
from registry.upload.by_hand import give_back, mark_sent, owe_again, send_again, withdraw_row
from registry.upload.freezing import freeze, hand_out
from registry.upload.listing import (
    RowShown,
    RowState,
    Upload,
    UploadState,
    page_of_uploads,
    rows_of_upload,
)
from registry.upload.outbox import Owed, assemble, dissolve, get_upload, owed
from registry.upload.problems import next_step
from registry.upload.receiving import LONGEST, import_receipt, receipts_of
from registry.upload.visible import mark_seen
from registry.web.api.cases import Page
from registry.web.api.endpoint import CREATED, Call, Download, Given, Nothing, Sent, Table, Taken
from registry.web.api.filings import CLERKS
from registry.web.exchange import READERS, demand_city, doing_of, exchange

TABLE = Table("uploads")
BatchNumber = Annotated[str, Meta(max_length=64)]


class UploadShown(Given, frozen=True, kw_only=True):
    """One upload; ``next_step`` is what a person is to do, "" if nothing is in the way."""

    upload_id: str
    prefix: str
    batch: str
    state: UploadState
    rows: int
    sequence: int | None
    snapshot: str
    frozen_at: datetime | None
    sent_at: datetime | None
    sent_way: str
    problem: str
    next_step: str


class Uploads(Given, frozen=True, kw_only=True):
    """One page of uploads, newest first, and how many there are."""

    uploads: tuple[UploadShown, ...]
    total: int


class OwedRows(Given, frozen=True, kw_only=True):
    """What is still owed, by organisation and kind."""

    owed: tuple[Owed, ...]


class Rows(Given, frozen=True, kw_only=True):
    """One page of an upload's rows, and how many there are."""

    rows: tuple[RowShown, ...]
    total: int


class Due(Given, frozen=True, kw_only=True):
    """What reporting waits for."""

    matters: tuple[UploadMatter, ...]


class Chains(Given, frozen=True, kw_only=True):
    """How far each edition of a number has come, the newest first."""

    chains: tuple[ChainView, ...]


class Seen(Given, frozen=True, kw_only=True):
    """Whether the day is new; the first one that is known stays."""

    new: bool


class UploadsQuery(Taken, frozen=True, kw_only=True):
    """Which uploads, 50 a page."""

    state: UploadState | None = None
    page: Page = 1


class RowsQuery(Taken, frozen=True, kw_only=True):
    """Which rows, 50 a page."""

    state: RowState | None = None
    page: Page = 1


class NewUpload(Taken, frozen=True, kw_only=True):
    """An organisation's owed rows for a new upload; ``batch`` "" if it has no number yet."""

    prefix: Annotated[str, Meta(max_length=13)]
    batch: BatchNumber = ""


class Freezing(Taken, frozen=True, kw_only=True):
    """The batch number that the centre gave, "" to leave it as it is."""

    batch: BatchNumber = ""


class Why(Taken, frozen=True, kw_only=True):
    """Why a refused row is not reported any more; names no person."""

    why: Annotated[str, Meta(max_length=100)]


class Sighting(Taken, frozen=True, kw_only=True):
    """A number that was seen in the national lookup by hand, and the day (China)."""

    number: Annotated[str, Meta(max_length=40)]
    day: date


@TABLE.get("/uploads", roles=READERS, takes=UploadsQuery, gives=Uploads)
def list_uploads(call: Call, given: UploadsQuery) -> Uploads:
    """List uploads (上报批)."""
    demand_city(call.by)
    with call.desk.read() as session:
        found, total = page_of_uploads(session, state=given.state, page=given.page)
    return Uploads(uploads=tuple(map(_shown, found)), total=total)


@TABLE.get("/uploads/owed", roles=READERS, takes=Nothing, gives=OwedRows)
def list_owed(call: Call, _: Nothing) -> OwedRows:
    """List owed rows (待上报数据)."""
    demand_city(call.by)
    with call.desk.read() as session:
        return OwedRows(owed=tuple(owed(session)))


@TABLE.get("/uploads/due", roles=READERS, takes=Nothing, gives=Due)
def list_upload_matters(call: Call, _: Nothing) -> Due:
    """List upload matters (上报待办)."""
    demand_city(call.by)
    with call.desk.read() as session:
        found = upload_matters(session, read_almanac(session), today=call.desk.today())
    return Due(matters=found)


@TABLE.post("/uploads", roles=CLERKS, takes=NewUpload, gives=UploadShown, status=CREATED)
def prepare_upload(call: Call, given: NewUpload) -> UploadShown:
    """Prepare upload (组批)."""
    demand_city(call.by)
    with call.desk.write() as session:
        doing = doing_of(call.desk, call.by)
        return _shown(assemble(session, given.prefix, doing, batch=given.batch))


@TABLE.get("/uploads/<upload_id>", roles=READERS, takes=Nothing, gives=UploadShown)
def show_upload(call: Call, _: Nothing) -> UploadShown:
    """Show upload (上报批详情)."""
    demand_city(call.by)
    with call.desk.read() as session:
        return _shown(get_upload(session, _id(call)))


@TABLE.get("/uploads/<upload_id>/rows", roles=READERS, takes=RowsQuery, gives=Rows)
def list_upload_rows(call: Call, given: RowsQuery) -> Rows:
    """List upload rows (上报数据行)."""
    demand_city(call.by)
    with call.desk.read() as session:
        get_upload(session, _id(call))
        found, total = rows_of_upload(session, _id(call), state=given.state, page=given.page)
    return Rows(rows=tuple(found), total=total)


@TABLE.post("/uploads/<upload_id>/freeze", roles=CLERKS, takes=Freezing, gives=UploadShown)
def freeze_upload(call: Call, given: Freezing) -> UploadShown:
    """Freeze upload (定稿)."""
    demand_city(call.by)
    found, doing = exchange(), doing_of(call.desk, call.by)
    found.before()
    freeze(call.desk.engine, _id(call), found.kit(), doing, batch=given.batch)
    with call.desk.write() as session:
        return _shown(get_upload(session, _id(call)))


@TABLE.post("/uploads/<upload_id>/cancel", roles=CLERKS, takes=Nothing, gives=UploadShown)
def cancel_upload(call: Call, _: Nothing) -> UploadShown:
    """Cancel upload (取消组批)."""
    demand_city(call.by)
    with call.desk.write() as session:
        dissolve(session, _id(call), doing_of(call.desk, call.by))
        return _after(session, call)


@TABLE.get("/uploads/<upload_id>/package", roles=CLERKS, takes=Nothing, gives=Download)
def fetch_package(call: Call, _: Nothing) -> Download:
    """Fetch package (下载上报包)."""
    demand_city(call.by)
    out = io.BytesIO()
    doing = doing_of(call.desk, call.by)
    hand_out(call.desk.engine, _id(call), exchange().kit(), doing, out)
    return Download(data=out.getvalue(), media_type="application/zip")


@TABLE.get("/uploads/<upload_id>/receipt", roles=READERS, takes=Nothing, gives=Download)
def fetch_receipt(call: Call, _: Nothing) -> Download:
    """Fetch receipt (省中心回执)."""
    demand_city(call.by)
    with call.desk.read() as session:
        get_upload(session, _id(call))
        kept = receipts_of(session, _id(call))
    return Download(data=kept[0].envelope if kept else b"", media_type="application/json")


@TABLE.post(
    "/uploads/<upload_id>/receipt",
    roles=CLERKS,
    takes=Nothing,
    gives=UploadShown,
    sent=Sent.FILE,
)
def attach_receipt(call: Call, _: Nothing) -> UploadShown:
    """Attach receipt (导入回执（正文为回执文件）)."""
    demand_city(call.by)
    found = exchange()
    found.before()
    data = call.file.read(LONGEST + 1)
    with call.desk.write() as session:
        doing = doing_of(call.desk, call.by)
        import_receipt(session, data, found.reception(), doing, upload_id=_id(call))
        return _after(session, call)


@TABLE.post("/uploads/<upload_id>/sent", roles=CLERKS, takes=Nothing, gives=UploadShown)
def mark_upload_sent(call: Call, _: Nothing) -> UploadShown:
    """Mark upload sent (登记为已报送)."""
    demand_city(call.by)
    with call.desk.write() as session:
        return _shown(mark_sent(session, _id(call), doing_of(call.desk, call.by)))


@TABLE.post("/uploads/<upload_id>/again", roles=CLERKS, takes=Nothing, gives=UploadShown)
def send_upload_again(call: Call, _: Nothing) -> UploadShown:
    """Send upload again (重新发送)."""
    demand_city(call.by)
    with call.desk.write() as session:
        return _shown(send_again(session, _id(call), doing_of(call.desk, call.by)))


@TABLE.post("/uploads/<upload_id>/give-back", roles=CLERKS, takes=Nothing, gives=UploadShown)
def give_upload_back(call: Call, _: Nothing) -> UploadShown:
    """Give upload back (退回重报)."""
    demand_city(call.by)
    with call.desk.write() as session:
        return _shown(give_back(session, _id(call), doing_of(call.desk, call.by)))


@TABLE.post(
    "/uploads/<upload_id>/rows/<int:row>/again", roles=CLERKS, takes=Nothing, gives=UploadShown
)
def report_row_again(call: Call, _: Nothing) -> UploadShown:
    """Report row again (退回数据重新上报)."""
    demand_city(call.by)
    with call.desk.write() as session:
        owe_again(session, _id(call), call.number("row"), doing_of(call.desk, call.by))
        return _after(session, call)


@TABLE.post(
    "/uploads/<upload_id>/rows/<int:row>/withdraw", roles=CLERKS, takes=Why, gives=UploadShown
)
def withdraw_upload_row(call: Call, given: Why) -> UploadShown:
    """Withdraw upload row (退回数据不再上报)."""
    demand_city(call.by)
    with call.desk.write() as session:
        doing = doing_of(call.desk, call.by)
        withdraw_row(session, _id(call), call.number("row"), given.why, doing)
        return _after(session, call)


@TABLE.get("/certificates/<number>/chain", roles=READERS, takes=Nothing, gives=Chains)
def show_chain(call: Call, _: Nothing) -> Chains:
    """Show chain (证书上报进度)."""
    demand_city(call.by)
    number = str(parse_number(str(call.path["number"])))
    with call.desk.read() as session:
        almanac = read_almanac(session)
        return Chains(chains=chain_of_number(session, number, almanac, today=call.desk.today()))


@TABLE.post("/visibility", roles=frozenset({Role.CLERK}), takes=Sighting, gives=Seen)
def mark_certificate_seen(call: Call, given: Sighting) -> Seen:
    """Mark certificate seen (登记全国联网可查)."""
    demand_city(call.by)
    number = str(parse_number(given.number))
    with call.desk.write() as session:
        new = mark_seen(session, number, given.day, doing_of(call.desk, call.by))
    return Seen(new=new)


def _id(call: Call) -> str:
    return str(call.path["upload_id"])


def _after(session: Session, call: Call) -> UploadShown:
    return _shown(get_upload(session, _id(call)))


def _shown(upload: Upload) -> UploadShown:
    return UploadShown(
        upload_id=upload.upload_id,
        prefix=upload.prefix,
        batch=upload.authority_batch or "",
        state=UploadState(upload.state),
        rows=upload.row_count,
        sequence=upload.sequence,
        snapshot=upload.snapshot or "",
        frozen_at=upload.frozen_at,
        sent_at=upload.sent_at,
        sent_way=upload.sent_way or "",
        problem=upload.last_problem,
        next_step=next_step(upload.last_problem),
    )
