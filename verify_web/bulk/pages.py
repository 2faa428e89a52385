"""The pages of the bulk check: signing in, handing a table in, watching it, taking the answers.

The session's cookie is sent with requests from this site's own pages alone (`SameSite=Strict`), so
a form on another site can do nothing in an employer's name. A table with faults is refused whole,
each fault by its row; nothing of it is kept, and no page repeats a cell.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from flask import Blueprint, Response, redirect, render_template, request

from verify_web.bulk import jobs, wording
from verify_web.bulk.accounts import (
    LONGEST_MAIL,
    LONGEST_NAME,
    AccountEnded,
    employer_of_session,
    enter_code,
    enter_key,
    is_mail,
    leave,
    send_code,
)
from verify_web.bulk.addresses import LONGEST_ADDRESS, parse_target
from verify_web.bulk.jobs import Asked, Purpose, State, accept, find_job, forget_job, jobs_of
from verify_web.bulk.quota import QUOTAS, Kind, used
from verify_web.bulk.reading import TableRefused, read_rows
from verify_web.bulk.watches import end, secret_of, send_again, watches_of
from verify_web.bulk.workbook import write_template
from verify_web.catalogue import both
from verify_web.clients import this_client
from verify_web.forms import Fault
from verify_web.sandbox import SANDBOX
from verify_web.wording import STATES, Tone

if TYPE_CHECKING:
    from verify_web.bulk.quota import Employer
    from verify_web.bulk.rows import AskedRow
    from verify_web.bulk.store import Desk
    from verify_web.site import Site

COOKIE: Final = "bulk"
REFRESH_SECONDS: Final = 3
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HOME: Final = "/bulk"

_MAX_FORM: Final = 4096
_REQUEST_BYTES: Final = 16
_STATE_CODES: Final = {
    "V": STATES["valid"],
    "C": STATES["corrected"],
    "R": STATES["revoked"],
    "S": STATES["suspended"],
    "N": replace(STATES["not-found"], word=both("未找到或不符"), tone=Tone.BAD, icon="cross"),
    "U": STATES["cannot-say"],
}


class Pages:
    """The routes' handlers over one site and one desk."""

    def __init__(self, site: Site, desk: Desk) -> None:
        self._site = site
        self._desk = desk

    def employer(self) -> Employer | None:
        """Find who is signed in; None for nobody."""
        token = request.cookies.get(COOKIE, "")
        return employer_of_session(self._desk, token) if token else None

    def home(self, *faults: Fault) -> Response:
        """Show the form for a table to who is signed in, the ways in to others."""
        employer = self.employer()
        if employer is None:
            return self._doors(*faults)
        # Whoever opens the form is about to send a table: the libraries load meanwhile.
        SANDBOX.warm()
        with self._desk.state.transaction() as connection:
            so_far = used(connection, employer.employer, self._desk.now())
        quota = QUOTAS[employer.kind]
        page = render_template(
            "bulk/home.html",
            faults=faults,
            wrong={fault.field: fault.text for fault in faults},
            purposes=wording.PURPOSES,
            states=wording.JOB_STATES,
            jobs=jobs_of(self._desk, employer.employer),
            rows_left=max(0, quota.rows - so_far.rows),
            misses_left=max(0, quota.misses - so_far.misses),
            longest=LONGEST_NAME,
            longest_address=LONGEST_ADDRESS,
            by_mail=employer.kind is Kind.MAIL,
            watches=watches_of(self._desk, employer.employer),
            call_faults=wording.CALL_FAULTS,
            back=HOME,
        )
        return Response(page, 422 if faults else 200)

    def _doors(self, *faults: Fault, address: str = "", handle: str = "") -> Response:
        page = render_template(
            "bulk/enter.html",
            faults=faults,
            wrong={fault.field: fault.text for fault in faults},
            address=address,
            handle=handle,
            longest=LONGEST_MAIL,
            back=HOME,
        )
        return Response(page, 422 if faults else 200)

    def ask_code(self) -> Response:
        """Have a code sent. The page is the same whether or not the address has an account."""
        request.max_content_length = _MAX_FORM
        address = request.form.get("mail", "").strip()
        if not is_mail(address):
            return self._doors(Fault(field="mail", text=wording.BAD_MAIL))
        client = this_client(self._site.config.trusted_proxies)
        self._site.allowance.send_code(client, address.lower())
        return self._doors(address=address, handle=send_code(self._desk, address))

    def enter(self) -> Response:
        """Open a session by a code or a key."""
        request.max_content_length = _MAX_FORM
        address, key = request.form.get("mail", "").strip(), request.form.get("key", "").strip()
        self._site.allowance.sign_in(this_client(self._site.config.trusted_proxies))
        if key:
            token = enter_key(self._desk, key)
            fault = Fault(field="key", text=wording.BAD_KEY)
        else:
            token, fault = self._by_code(address)
        if token is None:
            handle = request.form.get("handle", "")
            return self._doors(fault, address="" if key else address, handle=handle)
        response = _see(HOME)
        response.set_cookie(
            COOKIE,
            token,
            path=HOME,
            secure=self._site.config.base_url.startswith("https:"),
            httponly=True,
            samesite="Strict",
        )
        return response

    def _by_code(self, address: str) -> tuple[str | None, Fault]:
        """Open a session by a code; None where there is none, and why."""
        handle, code = request.form.get("handle", ""), request.form.get("code", "")
        try:
            token = enter_code(self._desk, handle, address, "".join(code.split()))
        except AccountEnded:
            return None, Fault(field="code", text=wording.ENDED)
        return token, Fault(field="code", text=wording.BAD_CODE)

    def leave(self) -> Response:
        """End the session."""
        leave(self._desk, request.cookies.get(COOKIE, ""))
        response = _see(HOME)
        response.delete_cookie(COOKIE, path=HOME)
        return response

    def hand_in(self) -> Response:
        """Take a table, check its form, and put a job down."""
        employer = self.employer()
        if employer is None:
            return _see(HOME)
        sent = request.files.get("table")
        data = sent.read() if sent else b""
        asker = request.form.get("asker", "").strip()
        faults = [*self._faults(data, asker), *_webhook_faults(employer)]
        if faults:
            return self.home(*faults)
        try:
            client = this_client(self._site.config.trusted_proxies)
            rows = read_rows(self._site, client, data)
        except TableRefused as refused:
            return self._refused(refused)
        asked = replace(self._asked(data, rows, asker), webhook=_webhook(employer))
        job = accept(self._desk, employer, asked)
        secret = secret_of(self._desk, employer.employer, job)
        if not secret:
            return _see(f"{HOME}/{job}")
        # Shown in the answer to this very request, which no later one can bring back.
        page = render_template("bulk/secret.html", job=job, secret=secret, back=f"{HOME}/{job}")
        return Response(page)

    def _faults(self, data: bytes, asker: str) -> list[Fault]:
        found = []
        if not data:
            found.append(Fault(field="table", text=wording.NO_FILE))
        if not 0 < len(asker) <= LONGEST_NAME or not asker.isprintable():
            found.append(Fault(field="asker", text=wording.NO_ASKER))
        if request.form.get("purpose") not in set(Purpose):
            found.append(Fault(field="purpose", text=wording.NO_PURPOSE))
        if request.form.get("consent") != "yes":
            found.append(Fault(field="consent", text=wording.NO_CONSENT))
        return found

    def _asked(self, data: bytes, rows: list[AskedRow], asker: str) -> Asked:
        # The same table sent twice within a minute is one job: somebody pressed the button twice.
        minute = int(self._desk.now()) // 60
        purpose = Purpose(request.form["purpose"])
        webhook = request.form.get("webhook", "").strip()
        beginning = f"{minute}|{purpose}|{asker}|{webhook}|".encode("utf-8", "replace")
        same = hashlib.sha256(beginning + data).digest()[:_REQUEST_BYTES]
        return Asked(rows=rows, purpose=purpose, asker=asker, request=same)

    def _refused(self, refused: TableRefused) -> Response:
        if refused.table is not None:
            text = wording.TABLE_FAULTS[refused.table]
            return self.home(Fault(field="table", text=text))
        page = render_template(
            "bulk/faults.html",
            rows=[(one.place, wording.ROW_FAULTS[one.fault]) for one in refused.listed],
            count=refused.count,
            back=HOME,
        )
        return Response(page, 422)

    def job(self, job: str) -> Response:
        """Show how far a job is, or its answers."""
        employer = self.employer()
        if employer is None:
            return _see(HOME)
        found = find_job(self._desk, employer.employer, job)
        counts = [
            (_STATE_CODES[letter], found.counts[letter])
            for letter in _STATE_CODES
            if letter in found.counts
        ]
        page = render_template(
            "bulk/job.html",
            job=found,
            state=wording.JOB_STATES[found.state],
            purpose=wording.PURPOSES[found.purpose],
            counts=counts,
        )
        response = Response(page)
        if found.state in (State.WAITING, State.WORKING):
            response.headers["Refresh"] = str(REFRESH_SECONDS)
        return response

    def file(self, job: str, *, receipt: bool) -> Response:
        """Give a job's spreadsheet or receipt."""
        employer = self.employer()
        if employer is None:
            return _see(HOME)
        return job_file(self._desk, employer, job, receipt=receipt)

    def forget(self, job: str) -> Response:
        """Delete a job before its term."""
        employer = self.employer()
        if employer is not None:
            forget_job(self._desk, employer.employer, job)
        return _see(HOME)

    def unwatch(self, job: str) -> Response:
        """End a job's notices of later changes."""
        employer = self.employer()
        if employer is not None:
            end(self._desk, employer.employer, job)
        return _see(HOME)

    def resend(self, job: str) -> Response:
        """Have a job's notices that were given up tried again."""
        employer = self.employer()
        if employer is not None:
            send_again(self._desk, employer.employer, job)
        return _see(HOME)


def _webhook(employer: Employer) -> str | None:
    """Read where later changes are to be told: to an address by key, to the mailbox by mail."""
    given = request.form.get("webhook", "").strip()
    if employer.kind is Kind.MAIL:
        return "" if given == "mail" else None
    return given or None


def _webhook_faults(employer: Employer) -> list[Fault]:
    address = _webhook(employer)
    if not address or parse_target(address) is not None:
        return []
    return [Fault(field="webhook", text=wording.BAD_WEBHOOK)]


def blueprint(site: Site, desk: Desk) -> Blueprint:
    """Build the routes."""
    routes, pages = Blueprint("bulk", __name__), Pages(site, desk)

    @routes.get("/bulk")
    def home() -> Response:
        return pages.home()

    @routes.get("/bulk/template.xlsx")
    def template() -> Response:
        return attachment(write_template(), XLSX, "批量查验模板.xlsx", "bulk-check.xlsx")

    routes.post("/bulk/code")(pages.ask_code)
    routes.post("/bulk/enter")(pages.enter)
    routes.post("/bulk/leave")(pages.leave)
    routes.post("/bulk")(pages.hand_in)
    routes.get("/bulk/<job>")(pages.job)

    @routes.get("/bulk/<job>/result.xlsx")
    def result(job: str) -> Response:
        return pages.file(job, receipt=False)

    @routes.get("/bulk/<job>/receipt.json")
    def receipt(job: str) -> Response:
        return pages.file(job, receipt=True)

    routes.post("/bulk/<job>/forget")(pages.forget)
    routes.post("/bulk/<job>/unwatch")(pages.unwatch)
    routes.post("/bulk/<job>/resend")(pages.resend)
    return routes


def job_file(desk: Desk, employer: Employer, job: str, *, receipt: bool) -> Response:
    """Give a done job's receipt or spreadsheet as a file. Raises NoSuchJob, ServiceTrouble."""
    data = jobs.read_file(desk, employer.employer, job, receipt=receipt)
    if receipt:
        names = f"查验凭证-{job}.receipt.json", f"{job}.receipt.json"
        return attachment(data, "application/json", *names)
    return attachment(data, XLSX, f"查验结果-{job}.xlsx", f"{job}.xlsx")


def attachment(data: bytes, kind: str, name: str, plain: str) -> Response:
    """Give a file to be saved under `name`, or `plain` where only ASCII is understood."""
    response = Response(data, content_type=kind)
    response.headers.set("Content-Disposition", "attachment", filename=plain)
    quoted = "".join(f"%{byte:02X}" for byte in name.encode())
    response.headers["Content-Disposition"] += f"; filename*=UTF-8''{quoted}"
    return response


def _see(path: str) -> Response:
    return cast("Response", redirect(path, 303))
