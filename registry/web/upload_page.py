"""The page of one upload (上报批) and what a clerk does there, by hand or after the program.

A package or summary sheet carries persons out of the office: its audit line stands before the
first byte goes out (`freezing.hand_out`). Many rows are frozen on a page that tells how far it has
come; a second click, or one after a crash, finds the upload frozen or freezes it.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from registry.errors import NotFound, Refused
from registry.office.identity import Role
from registry.office.unit import Desk
from registry.upload.agreeing import differs
from registry.upload.by_hand import (
    give_back,
    mark_sent,
    may_give_back,
    owe_again,
    send_again,
    withdraw_row,
)
from registry.upload.errors import UploadError
from registry.upload.freezing import freeze, hand_out
from registry.upload.listing import (
    PAGE,
    ROW_WORDS,
    STATE_WORDS,
    RowState,
    Upload,
    UploadState,
    count_rows,
    rows_of_upload,
)
from registry.upload.outbox import check_batch_number, dissolve, events_of, get_upload
from registry.upload.problems import Problem, next_step, row_step
from registry.upload.receiving import LONGEST, import_receipt, receipts_of
from registry.web.cases import page_asked
from registry.web.exchange import READERS, demand_city, doing_of, exchange
from registry.web.gate import decide, me
from registry.web.long_work import LARGE, Tell, Words, follow

EVENT_WORDS: Final = {
    "prepare": "组批",
    "dissolve": "取消组批",
    "freeze": "定稿",
    "package": "下载上报包",
    "send": "开始上报",
    "sent": "已报送省中心",
    "problem": "上报受阻",
    "dead": "转人工处理",
    "refuse": "省中心整批不予接收",
    "again": "重新发送",
    "give-back": "退回重报",
    "receipt": "导入回执",
    "receipt-kept": "回执暂存",
    "receipt-aside": "撤下回执",
    "row-again": "退回数据重新上报",
    "row-withdraw": "退回数据不再上报",
}
_FREEZING: Final = Words(
    title="正在定稿", english="Freezing", counted="已写入行数（数据文件和两份表格合计）"
)
_WAYS: Final = {"push": "网上报送", "hand": "手工报送"}
_WITH_FILE: Final = frozenset(
    {UploadState.FROZEN, UploadState.SENDING, UploadState.SENT, UploadState.DEAD}
)


def install(routes: Blueprint, desk: Desk) -> None:
    """Add the routes of one upload."""
    _reading(routes, desk)
    _making(routes, desk)
    _sending(routes, desk)
    _rows(routes, desk)


def _reading(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/uploads/<upload_id>")
    @decide(of=READERS)
    def show(upload_id: str) -> str:
        return _page(desk, upload_id)

    @routes.get("/uploads/<upload_id>/receipt")
    @decide(of=READERS)
    def receipt(upload_id: str) -> Response:
        demand_city(me())
        with desk.read() as session:
            kept = receipts_of(session, upload_id)
        if not kept:
            raise NotFound("此批还没有回执")
        return _file(kept[0].envelope, f"{upload_id}-receipt.json", "application/json")

    @routes.get("/uploads/<upload_id>/package")
    @decide(Role.CLERK)
    def package(upload_id: str) -> Response:
        demand_city(me())
        return _file(_handed(desk, upload_id), f"{upload_id}.zip", "application/zip")

    @routes.get("/uploads/<upload_id>/summary")
    @decide(Role.CLERK)
    def summary(upload_id: str) -> Response:
        demand_city(me())
        with zipfile.ZipFile(io.BytesIO(_handed(desk, upload_id))) as files:
            data = files.read("summary.pdf")
        return _file(data, f"{upload_id}-汇总表.pdf", "application/pdf")


def _making(routes: Blueprint, desk: Desk) -> None:
    @routes.post("/uploads/<upload_id>/freeze")
    @decide(Role.CLERK)
    def freeze_upload(upload_id: str) -> Response | tuple[str, int]:
        demand_city(me())
        batch = request.form.get("batch", "").strip()
        doing, done = doing_of(desk, me()), url_for("uploads.show", upload_id=upload_id)
        with desk.read() as session:
            large = get_upload(session, upload_id).row_count >= LARGE
        try:
            check_batch_number(batch)
            found = exchange()
            found.before()
            kit = found.kit()

            def run(tell: Tell) -> str:
                freeze(desk.engine, upload_id, replace(kit, tell=tell), doing, batch=batch)
                return done

            if large:
                return follow(run, _FREEZING, done)
            run(desk.tell)
        except (UploadError, Refused) as refused:
            return _page(desk, upload_id, str(refused), field="batch"), 422
        return _back(upload_id)

    @routes.post("/uploads/<upload_id>/cancel")
    @decide(Role.CLERK)
    def cancel(upload_id: str) -> Response:
        demand_city(me())
        with desk.write() as session:
            dissolve(session, upload_id, doing_of(desk, me()))
        return redirect(url_for("uploads.index"), 303)


def _sending(routes: Blueprint, desk: Desk) -> None:
    @routes.post("/uploads/<upload_id>/sent")
    @decide(Role.CLERK)
    def sent(upload_id: str) -> Response:
        demand_city(me())
        with desk.write() as session:
            mark_sent(session, upload_id, doing_of(desk, me()))
        return _back(upload_id)

    @routes.post("/uploads/<upload_id>/receipt")
    @decide(Role.CLERK)
    def attach(upload_id: str) -> Response | tuple[str, int]:
        demand_city(me())
        file = request.files.get("receipt")
        if file is None or not file.filename:
            return _page(desk, upload_id, "请选择省中心给的回执文件", field="receipt"), 422
        data = file.read(LONGEST + 1)
        try:
            found = exchange()
            found.before()
            with desk.write() as session:
                doing = doing_of(desk, me())
                import_receipt(session, data, found.reception(), doing, upload_id=upload_id)
        except UploadError as refused:
            return _page(desk, upload_id, str(refused), field="receipt"), 422
        return _back(upload_id)

    @routes.post("/uploads/<upload_id>/again")
    @decide(Role.CLERK)
    def again(upload_id: str) -> Response:
        demand_city(me())
        with desk.write() as session:
            send_again(session, upload_id, doing_of(desk, me()))
        return _back(upload_id)

    @routes.post("/uploads/<upload_id>/give-back")
    @decide(Role.CLERK)
    def back(upload_id: str) -> Response:
        demand_city(me())
        with desk.write() as session:
            give_back(session, upload_id, doing_of(desk, me()))
        return _back(upload_id)


def _rows(routes: Blueprint, desk: Desk) -> None:
    @routes.post("/uploads/<upload_id>/rows/<int:row>/again")
    @decide(Role.CLERK)
    def row_again(upload_id: str, row: int) -> Response:
        demand_city(me())
        with desk.write() as session:
            owe_again(session, upload_id, row, doing_of(desk, me()))
        return _back(upload_id)

    @routes.post("/uploads/<upload_id>/rows/<int:row>/withdraw")
    @decide(Role.CLERK)
    def row_withdraw(upload_id: str, row: int) -> Response | tuple[str, int]:
        demand_city(me())
        try:
            with desk.write() as session:
                why = request.form.get("why", "")
                withdraw_row(session, upload_id, row, why, doing_of(desk, me()))
        except Refused as refused:
            return _page(desk, upload_id, str(refused), field=f"why-{row}"), 422
        return _back(upload_id)


def _handed(desk: Desk, upload_id: str) -> bytes:
    out = io.BytesIO()
    hand_out(desk.engine, upload_id, exchange().kit(), doing_of(desk, me()), out)
    return out.getvalue()


def _file(data: bytes, name: str, media_type: str) -> Response:
    disposition = f"attachment; filename*=UTF-8''{quote(name)}"
    return Response(data, mimetype=media_type, headers={"Content-Disposition": disposition})


def _back(upload_id: str) -> Response:
    return redirect(url_for("uploads.show", upload_id=upload_id), 303)


def _page(desk: Desk, upload_id: str, fault: str = "", *, field: str = "") -> str:
    demand_city(me())
    page = page_asked()
    with desk.read() as session:
        upload = get_upload(session, upload_id)
        rows, total = rows_of_upload(session, upload_id, page=page)
        refused, _ = rows_of_upload(session, upload_id, state=RowState.REFUSED)
        counts = count_rows(session, upload_id)
        events = events_of(session, upload_id)
        receipts = receipts_of(session, upload_id)
        returnable = may_give_back(session, upload)
        chain = Problem.RECEIPT_CHAIN.value if differs(session, upload_id) else ""
    state = UploadState(upload.state)
    return render_template(
        "uploads/upload.html",
        upload=upload,
        facts=_facts(upload),
        state_word=STATE_WORDS[state],
        state=state,
        rows=rows,
        total=total,
        refused=refused,
        counts=[(ROW_WORDS[one], count) for one, count in counts.items()],
        events=[(one, EVENT_WORDS.get(one.kind, one.kind), _note(one.detail)) for one in events],
        receipts=receipts,
        steps=[(next_step(code), code) for code in (chain, upload.last_problem) if code],
        row_step=row_step,
        with_file=state in _WITH_FILE,
        returnable=returnable,
        clerk=me().role is Role.CLERK,
        fault=fault,
        field=field,
        page=page,
        pages=-(-total // PAGE),
    )


def _facts(upload: Upload) -> list[tuple[str, str]]:
    rows = [
        ("评价机构代码", upload.prefix),
        ("批次号", upload.authority_batch or "（由省中心编列）"),
        ("数据", f"{upload.row_count} 条"),
        ("顺序号", str(upload.sequence or "定稿时编列")),
        ("报送方式", _WAYS.get(upload.sent_way or "", "—")),
    ]
    if upload.snapshot:
        rows.append(("数据快照 SHA-256", upload.snapshot))
    return rows


def _note(detail: str) -> str:
    """Return what stands beside an event: a problem's code is said in words."""
    code = detail.rpartition(": ")[2]
    words = next_step(code) if code and " " not in code else ""
    return words if words and "代码" not in words else detail
