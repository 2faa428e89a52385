"""The pages: home, offline checks, the log, health."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from flask import Blueprint, Response, jsonify, render_template

from signing.report import Verdict
from signing.tlog.entry import parse_time
from verify_web.errors import ServiceTrouble
from verify_web.security import CAMERA_POLICY
from verify_web.views import blank_steps
from verify_web.wording import STATES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from signing.report import Report
    from verify_web.site import Site


def blueprint(site: Site) -> Blueprint:
    """Build the routes over `site`."""
    routes = Blueprint("pages", __name__)

    @routes.get("/")
    def home() -> str:
        return render_template("home.html")

    @routes.get("/offline")
    def offline() -> Response:
        return _offline(site)

    @routes.get("/log")
    def log() -> str:
        return _log(site)

    @routes.get("/healthz")
    def health() -> Response:
        return _health(site)

    return routes


def _offline(site: Site) -> Response:
    """Give the page that the browser keeps; the only one that may use the camera."""
    page = render_template(
        "offline.html",
        state=STATES["cannot-say"],
        steps=blank_steps(),
        now=site.config.clock.now(),
    )
    response = Response(page)
    response.headers["Permissions-Policy"] = CAMERA_POLICY
    return response


def status_of(reports: Iterable[Report]) -> int:
    """503 when an answer is missing that the site should have, so that nobody caches a doubt."""
    unsaid = any(report.verdict is Verdict.CANNOT_SAY for report in reports)
    return ServiceTrouble.status if unsaid else 200


def _log(site: Site) -> str:
    snapshot = site.public.snapshot()
    head, status = snapshot.head, snapshot.status
    return render_template(
        "log.html",
        head=head.checkpoint,
        # A frozen log's successor has a folder of its own.
        folder=head.checkpoint.origin.rpartition("/")[2],
        root=base64.b64encode(head.checkpoint.root).decode(),
        witnesses=sorted(head.signed_by),
        status_time=parse_time(status.facts.time) if status else None,
        certificates=status.facts.count if status else 0,
    )


def _health(site: Site) -> Response:
    """Whether certificates can be verified now; tells a load balancer, and no more."""
    snapshot = site.public.snapshot()
    site.mirror.check()
    ready = snapshot.status is not None
    response = jsonify(status="ok" if ready else "no-status-list")
    response.status_code = 200 if ready else ServiceTrouble.status
    return response
