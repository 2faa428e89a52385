"""Uploads at the office's desk (上报): what is owed, the batches by state, dead letters, chains."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from registry.errors import NotFound, Refused
from registry.office.almanac import read_almanac
from registry.office.chain import ChainView, chain_of_number
from registry.office.identity import Role
from registry.office.unit import Desk
from registry.office.upload_due import upload_matters
from registry.rules.errors import NumberError
from registry.rules.numbers import parse_number
from registry.upload.errors import UploadError
from registry.upload.listing import PAGE, STATE_WORDS, UploadState, count_states, page_of_uploads
from registry.upload.outbox import LONGEST_BATCH, assemble, owed
from registry.upload.problems import next_step, row_step
from registry.web import upload_page, visibility
from registry.web.cases import page_asked
from registry.web.exchange import READERS, demand_city, doing_of
from registry.web.gate import decide, me

TONES: Final = {
    UploadState.ACKNOWLEDGED: "good",
    UploadState.REFUSED: "bad",
    UploadState.DEAD: "bad",
    UploadState.SENT: "warn",
    UploadState.SENDING: "warn",
}


def blueprint(desk: Desk) -> Blueprint:
    """Build the routes."""
    routes = Blueprint("uploads", __name__)
    _lists(routes, desk)
    _prepare(routes, desk)
    _chain(routes, desk)
    upload_page.install(routes, desk)
    visibility.install(routes, desk)
    return routes


def _lists(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/uploads")
    @decide(of=READERS)
    def index() -> str:
        demand_city(me())
        state, page = _state_asked(), page_asked()
        with desk.read() as session:
            waiting = owed(session)
            counts = count_states(session)
            found, total = page_of_uploads(session, state=state, page=page)
            due = upload_matters(session, read_almanac(session), today=desk.today())
        return render_template(
            "uploads/index.html",
            owed=waiting,
            counts=counts,
            words=STATE_WORDS,
            tones=TONES,
            uploads=found,
            total=total,
            state=state,
            page=page,
            pages=-(-total // PAGE),
            due=due,
            today=desk.today(),
            clerk=me().role is Role.CLERK,
        )

    @routes.get("/uploads/dead")
    @decide(of=READERS)
    def dead() -> str:
        demand_city(me())
        page = page_asked()
        with desk.read() as session:
            found, total = page_of_uploads(session, state=UploadState.DEAD, page=page)
        return render_template(
            "uploads/dead.html",
            uploads=found,
            total=total,
            next_step=next_step,
            page=page,
            pages=-(-total // PAGE),
        )


def _state_asked() -> UploadState | None:
    asked = request.args.get("state", "")
    try:
        return UploadState(asked) if asked else None
    except ValueError:
        raise NotFound("没有此页") from None


def _prepare(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/uploads/prepare")
    @decide(Role.CLERK)
    def prepare_form() -> str:
        demand_city(me())
        return _prepare_page(desk)

    @routes.post("/uploads/prepare")
    @decide(Role.CLERK)
    def prepare() -> Response | tuple[str, int]:
        demand_city(me())
        prefix = request.form.get("prefix", "")[:13]
        batch = request.form.get("batch", "").strip()
        if not prefix:
            return _prepare_page(desk, wrong={"prefix": "请选择评价机构"}), 422
        try:
            with desk.write() as session:
                upload = assemble(session, prefix, doing_of(desk, me()), batch=batch)
        except NotFound:
            return _prepare_page(desk, wrong={"prefix": "没有这一评价机构，请重新选择"}), 422
        except Refused as refused:
            return _prepare_page(desk, wrong={"batch": str(refused)}), 422
        except UploadError as refused:
            return _prepare_page(desk, wrong={"prefix": str(refused)}), 422
        return redirect(url_for("uploads.show", upload_id=upload.upload_id), 303)


def _prepare_page(desk: Desk, wrong: dict[str, str] | None = None) -> str:
    chosen = request.values.get("prefix", "")[:13]
    with desk.read() as session:
        waiting = owed(session)
    sums: dict[str, list[str]] = {}
    for one in waiting:
        sums.setdefault(f"{one.prefix} {one.name}", []).append(f"{one.kind.value} {one.rows} 条")
    options = [(name[:13], f"{name}（{'、'.join(kinds)}）") for name, kinds in sums.items()]
    return render_template(
        "uploads/prepare.html",
        options=options,
        chosen=chosen,
        batch=request.form.get("batch", "")[:LONGEST_BATCH],
        wrong=wrong or {},
        faults=[{"field": field, "text": text} for field, text in (wrong or {}).items()],
    )


def _chain(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/uploads/chain")
    @decide(of=READERS)
    def chain() -> str | tuple[str, int]:
        demand_city(me())
        typed = request.args.get("number", "")[:40]
        views: tuple[ChainView, ...] = ()
        fault = ""
        if typed:
            try:
                number = str(parse_number(typed))
                with desk.read() as session:
                    almanac = read_almanac(session)
                    views = chain_of_number(session, number, almanac, today=desk.today())
            except NumberError:
                fault = "编号格式不对，请照证书填写 22 位编号"
            except NotFound as missing:
                fault = str(missing)
        page = render_template(
            "uploads/chain.html", views=views, typed=typed, fault=fault, row_step=row_step
        )
        return (page, 422) if fault else page
