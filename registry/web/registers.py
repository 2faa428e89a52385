"""The registers at the desks: the catalogue of occupations (职业目录), and the pool (专家库).

A table of occupations is read by the limited worker before the database's write lock is taken;
every fault comes back by row and column, and nothing of a table with faults is stored.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from registry.errors import NotFound
from registry.office.disclosures import Disclosed, note_disclosure
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Role
from registry.office.occupations import PAGE, Imported, import_occupations, search_occupations
from registry.office.pool_accounts import NONE, free_accounts, tie_account
from registry.office.registers import (
    KIND_WORDS,
    NewMember,
    PoolKind,
    add_member,
    count_members,
    get_member,
    members,
    set_active,
)
from registry.office.registers import PAGE as POOL_PAGE
from registry.office.unit import Desk
from registry.rules.catalogue import EDITIONS, starter_rows
from registry.rules.findings import Findings
from registry.sheets.errors import SheetError
from registry.sheets.layout_catalogue import CATALOGUE
from registry.sheets.limits import MEBIBYTE, Limits
from registry.sheets.reader import open_table
from registry.sheets.template import write_empty
from registry.web.cases import page_asked
from registry.web.gate import CASES, OFFICE, decide, me
from registry.web.plan_parts import first_words
from registry.web.spreadsheets import workbook_download
from registry.wording import message

Page = Response | str | tuple[str, int]
Faults = tuple[FieldFault, ...]
SHOWN: Final = 50
"""Faults the page lists."""

LIMITS: Final = Limits(
    file_bytes=4 * MEBIBYTE,
    unpacked_bytes=32 * MEBIBYTE,
    rows=5000,
    cpu_seconds=20,
    wall_seconds=40.0,
    table_bytes=8 * MEBIBYTE,
)
"""The classification has 1,639 occupations."""

_CHOOSE: Final = FieldFault(field="login", text="请选择账号")
UNTIE: Final = "-"
"""The choice of no account: no login is so written."""

_SEES_POOL: Final = OFFICE | {Role.SUPERVISOR, Role.AUDITOR}


def blueprint(desk: Desk) -> Blueprint:
    """Build the routes."""
    routes = Blueprint("registers", __name__)
    _catalogue(routes, desk)
    _importing(routes, desk)
    _pool(routes, desk)
    _tying(routes, desk)
    return routes


def _catalogue(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/occupations")
    @decide(of=CASES)
    def occupations() -> str:
        text = request.args.get("q", "")[:60]
        edition = request.args.get("edition", type=int)
        page = max(request.args.get("page", 1, type=int), 1)
        with desk.read() as session:
            found, total = search_occupations(session, text, edition=edition, page=page)
        return render_template(
            "registers/occupations.html",
            rows=found,
            total=total,
            text=text,
            edition=edition,
            editions=EDITIONS,
            page=page,
            pages=max(-(-total // PAGE), 1),
            keeps=me().role in OFFICE and not me().district,
            added=request.args.get("added", type=int),
            updated=request.args.get("updated", 0, type=int),
        )


def _importing(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/occupations/import")
    @decide(of=OFFICE)
    def importing() -> str:
        return _import_page()

    @routes.post("/occupations/import")
    @decide(of=OFFICE)
    def import_table() -> Page:
        file = request.files.get("table")
        if file is None or not file.filename:
            return _import_page(("请选择要导入的文件",), 1), 422
        with TemporaryDirectory(prefix="catalogue-") as folder:
            path = Path(folder, "upload")
            file.save(path)
            try:
                table = open_table(path, LIMITS, CATALOGUE)
            except SheetError as error:
                return _import_page((message(error.finding),), 1), 422
            with desk.write() as session:
                context = desk.context(me())
                done = import_occupations(
                    session, table, form=table.findings, by=me(), context=context
                )
        return _imported(done)

    @routes.post("/occupations/starter")
    @decide(of=OFFICE)
    def starter() -> Page:
        with desk.write() as session:
            context = desk.context(me())
            done = import_occupations(
                session, starter_rows(), form=Findings(), by=me(), context=context
            )
        return _imported(done)

    @routes.get("/occupations/template")
    @decide(of=OFFICE)
    def template() -> Response:
        with TemporaryDirectory() as folder:
            path = Path(folder, "template.xlsx")
            lists = {"edition": [str(e) for e in EDITIONS], "national": ["是", "否"]}
            write_empty(path, CATALOGUE, lists)
            return workbook_download(path.read_bytes(), "职业目录模板.xlsx")


def _imported(done: Imported) -> Page:
    if not done.acceptable:
        listed = tuple(message(finding) for finding in done.findings.listed[:SHOWN])
        return _import_page(listed, done.findings.errors + done.findings.warnings), 422
    address = url_for("registers.occupations", added=done.added, updated=done.updated)
    return redirect(address, 303)


def _import_page(faults: tuple[str, ...] = (), total: int = 0) -> str:
    items = tuple(FieldFault(field="table", text=text) for text in faults)
    return render_template("registers/import.html", faults=items, more=total - len(items))


def _pool(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/experts")
    @decide(of=_SEES_POOL)
    def experts() -> str:
        page = _pool_page(desk)
        if me().role in OFFICE:
            note_disclosure(desk, Disclosed.POOL, "pool", me(), number=page_asked())
        return page

    @routes.post("/experts")
    @decide(of=OFFICE)
    def add_expert() -> Page:
        kind = request.form.get("kind", "")
        if kind not in frozenset(PoolKind):
            return _pool_page(desk, (FieldFault(field="kind", text="请选择类别"),)), 422
        new = NewMember(
            kind=PoolKind(kind),
            name=request.form.get("name", ""),
            fields=request.form.get("fields", ""),
        )
        try:
            with desk.write() as session:
                add_member(session, new, by=me(), context=desk.context(me()))
        except FormFaults as refused:
            return _pool_page(desk, refused.faults), 422
        return redirect(url_for("registers.experts"), 303)

    @routes.post("/experts/<int:expert_id>/active")
    @decide(of=OFFICE)
    def activity(expert_id: int) -> Response:
        active = request.form.get("active") == "yes"
        with desk.write() as session:
            set_active(session, expert_id, active=active, by=me(), context=desk.context(me()))
        return redirect(url_for("registers.experts"), 303)


def _tying(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/experts/<int:expert_id>/account")
    @decide(of=OFFICE)
    def account(expert_id: int) -> str:
        return _account_page(desk, expert_id)

    @routes.post("/experts/<int:expert_id>/account")
    @decide(of=OFFICE)
    def tie(expert_id: int) -> Page:
        login = request.form.get("login")
        if login is None:
            return _account_page(desk, expert_id, (_CHOOSE,)), 422
        try:
            with desk.write() as session:
                context = desk.context(me())
                chosen = NONE if login == UNTIE else login
                tie_account(session, expert_id, chosen, by=me(), context=context)
        except FormFaults as refused:
            return _account_page(desk, expert_id, refused.faults), 422
        return redirect(url_for("registers.experts"), 303)


def _account_page(desk: Desk, expert_id: int, faults: Faults = ()) -> str:
    with desk.read() as session:
        accounts = free_accounts(session, me())
        member = get_member(session, expert_id, by=me(), context=desk.context(me()))
    if member.kind is not PoolKind.SUPERVISOR:
        raise NotFound("督导员库中没有此人")
    options = [(login, login) for login in accounts]
    if member.account:
        options.append((UNTIE, "解除绑定"))
    return render_template(
        "registers/account.html",
        member=member,
        accounts=accounts,
        options=options,
        faults=faults,
        wrong=first_words(faults),
        typed=request.form,
    )


def _pool_page(desk: Desk, faults: Faults = ()) -> str:
    page, context = page_asked(), desk.context(me())
    with desk.read() as session:
        pool = members(session, tuple(PoolKind), by=me(), context=context, page=page)
        total = count_members(session, tuple(PoolKind))
    return render_template(
        "registers/experts.html",
        total=total,
        page=page,
        pages=-(-total // POOL_PAGE),
        pool=[(member, KIND_WORDS[member.kind]) for member in pool],
        kinds=[(kind.value, word) for kind, word in KIND_WORDS.items()],
        keeps=me().role in OFFICE and not me().district,
        faults=faults,
        wrong=first_words(faults),
        typed=request.form,
    )
