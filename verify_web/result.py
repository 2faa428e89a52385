"""The result page (核验结果) of one certificate, by its QR token, and the evidence behind it.

`/v/<token>` is the page, or the same report as JSON. `/v/<token>.tlog-proof` is the public part of
the evidence: leaf, path, checkpoint and status, without the record. The whole bundle holds the ID
number, which the page masks: it is given to whoever shows the paper's own signature, as the
symbol's fragment has it, and to nobody for the token alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, abort, render_template, request

from signing.bundle import BUNDLE_SUFFIX, bundle_file, proof_file
from signing.errors import SigningError
from signing.qr import SHOWN_BYTES, is_symbol_of, is_token
from signing.record import parse_record
from signing.report import Verdict
from verify_web import api
from verify_web.clients import this_client
from verify_web.display import DEPENDS_ON, display
from verify_web.errors import problem_json, wants_json
from verify_web.evidence import evidence_of, weigh_entry
from verify_web.expert import expert_view
from verify_web.frames import Frames
from verify_web.pages import status_of
from verify_web.reach import compared, reach_of
from verify_web.sight import sight_of
from verify_web.skeleton import ResultPage, Skeletons
from verify_web.successors import is_reissued
from verify_web.views import trusted_record, view_of
from verify_web.wording import STATES

if TYPE_CHECKING:
    from signing.bundle import Evidence
    from signing.mirror import MirrorEntry
    from verify_web.evidence import Weighed
    from verify_web.site import Site

PAGE: Final = "/v/"
"""Where the pages are, each by its token."""

VARIES_BY: Final = ("Accept", *DEPENDS_ON)
"""The request's headers by which the page, its language or the report's JSON is chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """What pages have in common: rendered once, and filled for each visitor."""

    skeletons: Skeletons = field(default_factory=Skeletons)
    frames: Frames = field(default_factory=Frames)


def blueprint(site: Site, rendering: Rendering) -> Blueprint:
    """Build the routes over `site`; the pages they render leave their frames in `rendering`."""
    routes = Blueprint("result", __name__)

    @routes.get("/v/<token>")
    def certificate(token: str) -> Response:
        entry = _find(site, token)
        if entry is None:
            if wants_json():
                return problem_json("not-found", 404)
            return Response(render_template("unknown.html", state=STATES["not-found"]), 404)
        return _answer(site, entry, rendering)

    @routes.get("/v/<token>.tlog-proof")
    def proof(token: str) -> Response:
        evidence = _evidence(site, token)
        data = proof_file(replace(evidence, opening=None), with_record=False)
        return _file(data, "text/plain; charset=utf-8", ".tlog-proof")

    @routes.post(f"/v/<token>{BUNDLE_SUFFIX}")
    def bundle(token: str) -> Response:
        request.max_content_length = SHOWN_BYTES
        shown = request.get_data()
        evidence = _evidence(site, token)
        if not _is_paper_of(site, evidence, shown):
            return problem_json("paper-not-shown", 403)
        return _file(bundle_file(evidence), "application/json", BUNDLE_SUFFIX)

    return routes


def _find(site: Site, token: str) -> MirrorEntry | None:
    client = this_client(site.config.trusted_proxies)
    site.allowance.refuse_token_guesser(client)
    entry = site.mirror.by_token(token) if is_token(token) else None
    if entry is None:
        site.allowance.token_missed(client)
    return entry


def _answer(site: Site, entry: MirrorEntry, rendering: Rendering) -> Response:
    weighed = weigh_entry(site, entry)
    if wants_json():
        body = api.report_json(weighed.report, superseded_by=entry.superseded_by)
        response = Response(body, content_type="application/json")
    else:
        response = Response(_rendered(_page(site, entry, weighed), entry, weighed, rendering))
    response.status_code = status_of([weighed.report])
    response.vary.update(VARIES_BY)
    return response


def _rendered(page: ResultPage, entry: MirrorEntry, weighed: Weighed, rendering: Rendering) -> str:
    """Render the page, and make its frame for those to come."""
    whole = rendering.skeletons.render(page)
    reissued = page.view.state is STATES["reissued"]
    sight = sight_of(entry, weighed, reissued=reissued, display=display())
    if sight is not None:
        rendering.frames.learn(sight, page, whole, rendering.skeletons.render)
    return whole


def _page(site: Site, entry: MirrorEntry, weighed: Weighed) -> ResultPage:
    report = weighed.report
    onward = entry.superseded_by if report.verdict is Verdict.CORRECTED else ""
    return ResultPage(
        view=view_of(report, checked_at=weighed.now, reissued=is_reissued(site, report, onward)),
        onward=onward,
        token=entry.token,
        expert=expert_view(weighed.evidence),
        compared=compared(trusted_record(report)),
        reach=reach_of(entry.chain),
        policy=weighed.snapshot.policy_digest,
    )


def _evidence(site: Site, token: str) -> Evidence:
    entry = _find(site, token)
    if entry is None:
        abort(404)
    return evidence_of(site, entry)


def _is_paper_of(site: Site, evidence: Evidence, shown: bytes) -> bool:
    try:
        record = parse_record(evidence.envelope.payload)
    except SigningError:
        return False
    return is_symbol_of(record, shown, site.public.snapshot().trust)


def _file(data: bytes, kind: str, suffix: str) -> Response:
    name = f'attachment; filename="certificate{suffix}"'
    return Response(data, content_type=kind, headers={"Content-Disposition": name})
