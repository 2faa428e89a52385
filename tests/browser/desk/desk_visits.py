"""The pages beside the course: registers, supervision, accounts, and every kind of refusal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest

from registry.cli import demo_plans as plans
from registry.cli.demo_browser import OK
from registry.cli.demo_cast import PRECISION
from registry.cli.demo_people import demo_people
from registry.cli.demo_sheets import faulty_roster, write_roster
from registry.errors import RegistryError
from registry.sheets.layout_import import IMPORT
from registry.sheets.template import write_empty
from registry.web import cases as case_pages
from registry.web import gate, table_upload

DOWNLOADS = {
    "/assessors/template",
    "/batches/<int:case_id>/scores/report",
    "/batches/<int:case_id>/scores/template",
    "/cases/<int:case_id>/documents/<int:document_id>",
    "/filings/<int:case_id>/application.pdf",
    "/imports/form",
    "/imports/report",
    "/occupations/template",
    "/plans/<int:case_id>/roster/report",
    "/plans/roster-template",
    "/requests/<int:request_id>/document",
    "/statistics/subsidy/table",
    "/statistics/table",
    "/supervision/draws/<int:draw_id>/file",
    "/uploads/<upload_id>/package",
    "/uploads/<upload_id>/summary",
}
"""Routes that give a file to be kept in the place of a page."""

ELSEWHERE = {"/uploads/<upload_id>/receipt"}
"""What only a centre's answer brings: `tests/web/test_upload_pages.py` takes it."""

PAPER = (
    b"%PDF-1.7\n1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj\n"
    b"2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj\n"
    b"3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>> endobj\n"
    b"trailer <</Root 1 0 R>>\n%%EOF\n"
)
REFUSALS = {400, 403, 404, 405, 409, 413, 422, 429, 500, 503}


PAGES = {
    "editor": """
        / /list/plan /companies /schemes/published /rules /supervision /supervision/{visit}
        /assessors /assessors/1 /assessors/import /filings/{filing}/tasks
        /cases/{filing}/documents /me /me/password /me/totp
        """,
    "clerk": """
        / /list/filing /list/assigned /overview /statistics /statistics/subsidy
        /companies /companies/1 /occupations
        /assessors /cases/{plan}
        /plans/{plan}/people /batches/{batch}/publicity/list
        /supervision /supervision/propose /supervision/draws/{draw} /supervision/batches/revoke
        /supervision/assessors/1/disqualify /supervision/companies/1/delist
        /supervision/companies/1/evaluate /uploads/dead /uploads/chain /visibility /requests
        /imports /imports/new
        """,
    "approver": """
        /calendar/{year} /calendar/{next}/notice /rules /rules/terms/plan-ahead
        /rules/thresholds/stations
        """,
    "supervisor": "/supervision/propose /supervision/assessors/1/fault",
    "auditor": "/ /audit /audit/check",
    "admin": "/accounts /accounts/2 /me",
}
"""Pages that the course does not come to, by who opens them."""

EMPTY = {
    "editor": "/assessors/new /assessors/import /schemes/new /plans/new /me/password",
    "clerk": """
        /imports/new /occupations/import /experts /companies /supervision/draws/new
        /supervision/batches/revoke /supervision/companies/1/delist
        /supervision/assessors/1/disqualify
        """,
    "supervisor": "/supervision/assessors/1/fault",
    "admin": "/accounts/new",
}
"""Pages with a form in which something must be filled in."""

OFFICE = ("clerk", "approver", "supervisor", "auditor", "admin")


def visit(stage: Any, cases: dict[str, int]) -> None:
    """Open every page that the course did not come to."""
    staff, year = stage.walk.staff, stage.walk.today().year
    for login, paths in PAGES.items():
        browser = staff(PRECISION.editor if login == "editor" else login)
        for path in paths.format(**cases, year=year, next=year + 1).split():
            browser.get(path)
    one, first = stage.walk.assessments["main"], stage.walk.today() + timedelta(days=40)
    ask_for_change(stage.walk)
    import_existing(stage.walk)
    stage.services.anchor()
    report(stage.walk)
    cases["draft"] = plans.draft_plan(staff, one, first)
    upload_roster(stage.walk, staff(PRECISION.editor), cases["draft"])
    watch_long_work(stage, cases["draft"])
    add_passkey(stage)
    if stage.thorough:
        open_as_every_role(stage)
        send_nothing(stage)


def ask_for_change(walk: Any) -> None:
    """Ask for a correction with its paper, and read it at the office's desk."""
    number = f"{PRECISION.prefix}{walk.today():%y}5000001"
    fields = {
        "number": number,
        "kind": "correction",
        "cause": "name-changed",
        "name": "欧阳示范",
        "reason": "户籍登记姓名已变更",
    }
    editor, clerk = walk.staff(PRECISION.editor), walk.staff("clerk")
    editor.open("/requests/new")
    editor.fill_in("/requests/new", fields)
    editor.choose("document", "户籍.pdf", PAPER)
    path = editor.click("/requests/new").location
    clerk.open(path)
    clerk.download(f"{path}/document")


def import_existing(walk: Any) -> None:
    """Hand a table of older certificates in, with a fault at first; another person refuses it."""
    clerk, chief, form = walk.staff("clerk"), walk.staff("approver"), "/imports/new"
    clerk.download("/imports/form")
    for length in (16, 22):
        file = walk.sheets / "补录.xlsx"
        write_empty(file, IMPORT, {}, [older_certificate(length)])
        clerk.open(form)
        clerk.fill_in(form, {"prefix": PRECISION.prefix})
        clerk.choose("table", file.name, file.read_bytes())
        sent = clerk.click(form)
        if not sent.location:
            clerk.download("/imports/report")
    clerk.open(f"{sent.location}/rows")
    chief.open("/")
    chief.open(sent.location)
    refused = f"{sent.location}/steps/reject"
    chief.page.locator("details summary").first.click()
    chief.fill_in(refused, {"note-reject": "与证书原件不符"})
    chief.click(refused)


def older_certificate(length: int) -> dict[str, str]:
    """Give the row of one certificate, its number cut to so many characters."""
    person = demo_people(1, offset=8_000, issued=date(2023, 6, 30))[0]
    return {
        "name": person.name,
        "id_type": person.id_type,
        "id_number": person.id_number,
        "number": f"{PRECISION.prefix}23{person.level}000001"[:length],
        "occupation": person.occupation,
        "occupation_code": person.occupation_code,
        "level": person.level,
        "issued": "2023-06-30",
    }


def report(walk: Any) -> None:
    """Put what is owed together for the provincial centre, fix it and take its files."""
    clerk = walk.staff("clerk")
    clerk.open("/uploads")
    clerk.open("/uploads/prepare")
    clerk.fill_in("/uploads/prepare", {"prefix": PRECISION.prefix, "batch": "GD-2026-0001"})
    path = clerk.click("/uploads/prepare").location
    clerk.open(path)
    clerk.click(f"{path}/freeze")
    for file in ("package", "summary"):
        clerk.download(f"{path}/{file}")
    for table in ("/statistics/table", "/statistics/subsidy/table"):
        clerk.download(table)


def open_as_every_role(stage: Any) -> None:
    """Open each page that was looked at as each role that may, in whatever state it is now."""
    staff, decided = stage.walk.staff, gate.decisions(stage.app)
    addresses = stage.app.url_map.bind("localhost")
    for (route, status), path in sorted(stage.looker.looked.items()):
        if status != OK or not route or route.startswith("/signin"):
            continue
        allowed = decided[addresses.match(path, method="GET")[0]] or ()
        for login in (*OFFICE, PRECISION.editor, PRECISION.head):
            if staff.people[login].role in allowed:
                staff(login).open(path, None)


def send_nothing(stage: Any) -> None:
    """Send forms as they are opened, with nothing filled in: each says what is missing."""
    for login, paths in EMPTY.items():
        browser = stage.walk.staff(PRECISION.editor if login == "editor" else login)
        for path in paths.split():
            browser.open(path)
            assert "error-summary" in browser.click(path).text, path


def add_passkey(stage: Any) -> None:
    """Make a passkey in Chromium's own authenticator, and sign in with it."""
    login = PRECISION.editor
    person = stage.walk.staff.people[login]
    hands, page = person.browser, person.browser.page
    protocol = page.context.new_cdp_session(page)
    protocol.send("WebAuthn.enable")
    key = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
    }
    protocol.send("WebAuthn.addVirtualAuthenticator", {"options": key})
    hands.open("/me/passkey")
    page.get_by_label("名称").fill("办公电脑")
    page.locator("#passkey-start").click()
    page.wait_for_url("**/me?done=passkey")
    page.locator("header form button").click()
    page.wait_for_url("**/signin")
    fields = {"login": login, "password": person.password}
    for name, value in fields.items():
        page.locator(f"#{name}").fill(value)
    hands.click("/signin")
    hands.open("/signin/passkey")
    page.locator("#passkey-start").click()
    page.wait_for_url(lambda address: address.endswith("/"))
    hands.open("/me")


def refuse(stage: Any, cases: dict[str, int]) -> None:
    """Be refused in every way there is; the last of them shuts the way in."""
    walk, app = stage.walk, stage.app
    clerk, editor = walk.staff("clerk"), walk.staff(PRECISION.editor)
    clerk.open("/accounts", 403)
    clerk.open("/none", 404)
    clerk.open("/signout", 405)
    editor.open(f"/plans/{cases['plan']}/times", 422)
    draft = cases["draft"]
    form = f"/plans/{draft}/training"
    editor.open(form)
    day = walk.today().isoformat()
    held = {"hours": "8", "content": "岗位技能提升", "training_first": day, "training_last": day}
    editor.fill_in(form, held)
    walk.staff(PRECISION.head).fill(form, held)
    assert "已被他人办理" in editor.click(form).text
    editor.open(form)
    editor.page.eval_on_selector('[name="version"]', "field => field.remove()")
    editor.click(form)
    with set_config(app, MAX_CONTENT_LENGTH=1000):
        upload_roster(walk, editor, draft)
    for fault in (RuntimeError("broken"), RegistryError("公开日志已停用，暂不能办理。")):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(case_pages, "docket", raising(fault))
            clerk.open("/", 500 if isinstance(fault, RuntimeError) else 503)
    shut_out(stage)


def watch_long_work(stage: Any, draft: int) -> None:
    """See a large table's check go on, step by step, and lead on by itself."""
    go_on, path = threading.Event(), f"/plans/{draft}/roster"
    editor, check = stage.walk.staff(PRECISION.editor), table_upload.check_now

    def slowly(desk: Any, *given: Any) -> Any:
        desk.tell(1, 3)
        assert go_on.wait(60)
        return check(desk, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table_upload, "LARGE_FILE", 1)
        patch.setattr(table_upload, "check_now", slowly)
        choose_roster(stage.walk, editor, draft)
        editor.page.locator("main form button").last.click(no_wait_after=True)
        editor.page.wait_for_selector('progress[value="1"]')
        stage.looker.look(editor.page, PRECISION.editor, 200, other="/progress")
        go_on.set()
        editor.page.wait_for_url(f"**{path}?found=*")
    assert "处问题，没有保存" in editor.page.content()


def upload_roster(walk: Any, editor: Any, draft: int) -> None:
    """Send a roster of which nearly each row is wrong."""
    choose_roster(walk, editor, draft)
    editor.click(f"/plans/{draft}/roster")


def choose_roster(walk: Any, editor: Any, draft: int) -> None:
    """Open the roster's page and choose the file."""
    file = walk.sheets / "有误.xlsx"
    write_roster(file, faulty_roster())
    editor.open(f"/plans/{draft}/roster")
    editor.choose("roster", file.name, file.read_bytes())


def raising(fault: Exception) -> Any:
    """Return a function that fails."""

    def fail(*_given: Any, **_more: Any) -> None:
        raise fault

    return fail


@contextmanager
def set_config(app: Any, **values: Any) -> Iterator[None]:
    """Let the application be set otherwise for a while."""
    kept = {name: app.config[name] for name in values}
    app.config.update(values)
    yield
    app.config.update(kept)


def shut_out(stage: Any) -> None:
    """Try passwords until the address is refused."""
    hands = stage.walk.staff.browse()
    hands.open("/signin")
    for number in range(20):
        given = {"login": f"nobody{number}", "password": "wrong", "next": "/"}
        assert hands.post("/signin", given).status == 422, number
    hands.open("/signin")
    hands.page.locator("#login").fill("nobody")
    hands.click("/signin")


def take_downloads(stage: Any, cases: dict[str, int]) -> None:
    """Download every file that the course did not come to."""
    filing, draft = cases["filing"], cases["draft"]
    paths = {
        PRECISION.editor: (
            *("/assessors/template", "/plans/roster-template"),
            *(f"/filings/{filing}/application.pdf", f"/cases/{filing}/documents/1"),
            f"/plans/{draft}/roster/report",
        ),
        "clerk": ("/occupations/template", f"/supervision/draws/{cases['draw']}/file"),
    }
    for login, addresses in paths.items():
        for path in addresses:
            assert stage.walk.staff(login).download(path)
