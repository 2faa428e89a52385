"""The machine API for HR systems: the same checks, quotas and audit lines as the pages'.

A request carries an organisation's key (`Authorization: Bearer`, RFC 6750). Faults are problem
details (RFC 9457) that name rows and codes and never repeat a value.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, ClassVar, Final

import msgspec
from flask import Blueprint, Response, request

from signing.tlog.entry import parse_time
from verify_web.bulk.accounts import LONGEST_NAME, employer_of_key
from verify_web.bulk.addresses import parse_target
from verify_web.bulk.checker import Checker, check_rows
from verify_web.bulk.jobs import (
    Asked,
    Purpose,
    accept,
    charge_at_once,
    find_job,
    forget_job,
)
from verify_web.bulk.messages import (
    LONGEST_KEY,
    NAMES,
    Change,
    CheckAnswer,
    CheckRequest,
    JobAnswer,
    JobMade,
    Log,
    RowAnswer,
    TableError,
    UndeliveredAnswer,
    WatchAnswer,
    WatchesAnswer,
    document,
)
from verify_web.bulk.pages import job_file
from verify_web.bulk.reading import TableRefused, read_rows
from verify_web.bulk.rows import AskedRow, is_plain, row_faults
from verify_web.bulk.watches import end, secret_of, watches_of
from verify_web.clients import this_client
from verify_web.errors import PROBLEM_TYPE, SiteError, problem_json

if TYPE_CHECKING:
    from datetime import datetime

    from verify_web.bulk.checker import Answered
    from verify_web.bulk.jobs import Job
    from verify_web.bulk.quota import Employer
    from verify_web.bulk.store import Desk
    from verify_web.bulk.watches import Watch
    from verify_web.public import Snapshot
    from verify_web.site import Site

_MAX_CHECK: Final = 64 * 1024
_REQUEST_BYTES: Final = 16
_BEARER: Final = "Bearer "
_DECODER: Final = msgspec.json.Decoder(CheckRequest)


class Unauthorised(SiteError):
    """No key, or none in force."""

    code = "unauthorised"
    status: ClassVar[int] = 401


class BadRequest(SiteError):
    """A request that is not as the OpenAPI document says."""

    code = "bad-request"
    status: ClassVar[int] = 400


class Api:
    """The routes' handlers over one site and one desk."""

    def __init__(self, site: Site, desk: Desk) -> None:
        self._site = site
        self._desk = desk

    def employer(self) -> Employer:
        """Find whose key this is. Raises Unauthorised, TooMany."""
        header = request.headers.get("Authorization", "")
        key = header.removeprefix(_BEARER)
        found = employer_of_key(self._desk, key) if key != header else None
        if found is None:
            # Only what fails is counted: a key has 256 random bits, and a flood has its end here.
            self._site.allowance.sign_in(this_client(self._site.config.trusted_proxies))
            raise Unauthorised
        return found

    def check(self) -> Response:
        """Answer up to 100 rows at once."""
        request.max_content_length = _MAX_CHECK
        employer = self.employer()
        try:
            asked = _DECODER.decode(request.get_data())
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise BadRequest from None
        if not is_plain(asked.asker):
            raise BadRequest
        rows = [
            AskedRow(place=at, number=row.number, name=row.name, last_six=row.last_six)
            for at, row in enumerate(asked.rows, 1)
        ]
        if faults := row_faults(rows):
            return _refused([TableError(row=one.place, code=one.fault) for one in faults])
        snapshot, now = self._site.public.snapshot(), self._site.config.clock.now()
        charge_at_once(self._desk, employer, asked.purpose, len(rows))
        answers = self._answers(employer, snapshot, rows, now)
        return _json(_check_answer(snapshot, answers, now))

    def _answers(
        self, employer: Employer, snapshot: Snapshot, rows: list[AskedRow], now: datetime
    ) -> list[Answered]:
        checker = Checker(
            snapshot=snapshot,
            mirror=self._site.mirror,
            allowance=self._site.allowance,
            desk=self._desk,
            employer=employer,
            now=now,
            max_age=self._site.config.max_age,
        )
        return [one for piece in check_rows(checker, rows) for one in piece]

    def create(self) -> Response:
        """Take a table and put a job down."""
        employer = self.employer()
        sent = request.files.get("table")
        data = sent.read() if sent else b""
        asker, purpose = request.form.get("asker", "").strip(), request.form.get("purpose", "")
        stated = request.form.get("consent") == "yes" and purpose in set(Purpose)
        named = 0 < len(asker) <= LONGEST_NAME and is_plain(asker)
        if not data or not stated or not named:
            raise BadRequest
        key = request.headers.get("Idempotency-Key", "")
        webhook = request.form.get("webhook") or None
        if len(key) > LONGEST_KEY or (webhook is not None and parse_target(webhook) is None):
            raise BadRequest
        try:
            rows = read_rows(self._site, this_client(self._site.config.trusted_proxies), data)
        except TableRefused as refused:
            errors = [TableError(row=one.place, code=one.fault) for one in refused.listed]
            return _refused(errors or [TableError(row=0, code=refused.table or "")])
        fresh = self._desk.random(_REQUEST_BYTES)
        same = hashlib.sha256(f"key|{key}".encode("utf-8", "replace")).digest()[:_REQUEST_BYTES]
        asked = Asked(
            rows=rows,
            purpose=Purpose(purpose),
            asker=asker,
            request=same if key else fresh,
            webhook=webhook,
        )
        job = accept(self._desk, employer, asked)
        facts = _job_facts(find_job(self._desk, employer.employer, job))
        secret = secret_of(self._desk, employer.employer, job)
        response = _json(JobMade(**facts, secret=secret))
        response.status_code = 202
        response.headers["Location"] = f"/api/v1/jobs/{job}"
        return response

    def show(self, job: str) -> Response:
        """Tell how far a job is."""
        found = find_job(self._desk, self.employer().employer, job)
        return _json(JobAnswer(**_job_facts(found)))

    def forget(self, job: str) -> Response:
        """Delete a job before its term."""
        forget_job(self._desk, self.employer().employer, job)
        return Response(status=204)

    def watches(self) -> Response:
        """List the account's notices of later changes."""
        found = watches_of(self._desk, self.employer().employer)
        return _json(WatchesAnswer(watches=[_watch(one) for one in found]))

    def unwatch(self, job: str) -> Response:
        """End a job's notices."""
        end(self._desk, self.employer().employer, job)
        return Response(status=204)

    def file(self, job: str, *, receipt: bool) -> Response:
        """Give a job's spreadsheet or receipt."""
        return job_file(self._desk, self.employer(), job, receipt=receipt)


def blueprint(site: Site, desk: Desk) -> Blueprint:
    """Build the routes."""
    routes, api = Blueprint("bulk_api", __name__, url_prefix="/api/v1"), Api(site, desk)
    described = msgspec.json.encode(document(site.config.base_url))

    @routes.get("/openapi.json")
    def openapi() -> Response:
        return Response(described, content_type="application/json")

    routes.post("/check")(api.check)
    routes.post("/jobs")(api.create)
    routes.get("/jobs/<job>")(api.show)
    routes.delete("/jobs/<job>")(api.forget)
    routes.get("/watches")(api.watches)
    routes.delete("/watches/<job>")(api.unwatch)

    @routes.get("/jobs/<job>/result")
    def result(job: str) -> Response:
        return api.file(job, receipt=False)

    @routes.get("/jobs/<job>/receipt")
    def receipt(job: str) -> Response:
        return api.file(job, receipt=True)

    @routes.after_request
    def ask_for_key(response: Response) -> Response:
        if response.status_code == Unauthorised.status:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response

    return routes


def _job_facts(job: Job) -> dict[str, Any]:
    return {name: getattr(job, name) for name in JobAnswer.__struct_fields__}


def _watch(watch: Watch) -> WatchAnswer:
    return WatchAnswer(
        job=watch.job,
        created=watch.created,
        until=watch.until,
        rows=watch.rows,
        watched=watch.watched,
        address=watch.address,
        pending=watch.pending,
        undelivered=[
            UndeliveredAnswer(fault=one.fault, change=msgspec.json.decode(one.body, type=Change))
            for one in watch.undelivered
        ],
    )


def _check_answer(snapshot: Snapshot, answers: list[Answered], now: datetime) -> CheckAnswer:
    head = snapshot.head.checkpoint
    return CheckAnswer(
        checked=now,
        as_of=parse_time(snapshot.status.facts.time) if snapshot.status else None,
        log=Log(origin=head.origin, size=head.size, root=head.root.hex()),
        results=[
            RowAnswer(
                result=NAMES[one.result],
                edition=int(one.row.edition) if one.row.edition else None,
                occupation=one.row.occupation,
                level=one.row.level,
            )
            for one in answers
        ],
    )


def _refused(errors: list[TableError]) -> Response:
    response = problem_json("bad-table", 422)
    details = {**msgspec.json.decode(response.data), "errors": errors}
    return Response(msgspec.json.encode(details), 422, content_type=PROBLEM_TYPE)


def _json(value: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(value), content_type="application/json")
