"""The answers of the holder's pages: what a browser is shown, told to keep, and told to forget."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import quote

from flask import Response, redirect, render_template

from signing.tlog.entry import parse_time
from verify_web.holder import typed, wording
from verify_web.holder.views import held_view

if TYPE_CHECKING:
    from signing.holder_messages import Holding
    from verify_web.forms import Fault
    from verify_web.site import Site

HOME: Final = "/holder"
COOKIE: Final = "holder"
WAITING: Final = "holder-ask"
CODE: Final = "holder-code"
REFRESH_SECONDS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an answer is shown: a page, and the certificate or code that it is about.

    `at` is the certificate's place on the holder's page, from 1.
    """

    page: str
    about: str = ""
    at: int = 0

    @property
    def address(self) -> str:
        """The page to go back to."""
        return f"{HOME}/{self.at}" if self.at else HOME


def holding_page(held: Holding, place: Place, faults: tuple[Fault, ...]) -> Response:
    """Show all certificates, or the one at a place; `faults` are of a form sent there."""
    today = date.fromisoformat(held.today)
    views = [held_view(one, today) for one in held.certificates]
    wrong = {fault.field: fault.text for fault in faults}
    status = 422 if faults else 200
    if place.page == "one":
        at = next(
            (n for n, v in enumerate(views, 1) if v.certificate.number == place.about), place.at
        )
        if not 1 <= at <= len(views):
            return see(HOME)
        view = views[at - 1]
        number = view.certificate.number
        page = render_template(
            "holder/certificate.html",
            held=view,
            copies=[c for c in held.copies if c.number == number],
            shares=[s for s in held.shares if s.number == number],
            requests=[r for r in held.requests if r.number == number],
            kinds=wording.KINDS,
            fields=wording.REQUEST_FIELDS,
            states=wording.REQUEST_STATES,
            time=parse_time,
            latest=(today + typed.LONGEST_VALIDITY).isoformat(),
            usual=(today + timedelta(days=30)).isoformat(),
            today=held.today,
            faults=faults,
            wrong=wrong,
            answer_by=held.answer_by,
            back=f"{HOME}/{at}",
        )
        return Response(page, status)
    page = render_template("holder/home.html", views=views, held=held, time=parse_time, back=HOME)
    return Response(page, status)


def set_cookie(site: Site, response: Response, name: str, value: str) -> None:
    """Have a browser keep a secret until it is closed, for this site's own pages alone."""
    response.set_cookie(
        name,
        value,
        path="/s/" if value.startswith("share.") else HOME,
        secure=site.config.base_url.startswith("https:"),
        httponly=True,
        samesite="Strict",
    )


def waiting_page(site: Site, place: Place, ask_id: bytes) -> Response:
    """Say that the answer is to come, and come back for it."""
    response = Response(render_template("holder/waiting.html", back=HOME))
    where = "/s/wait" if place.page == "share" else f"{HOME}/wait"
    response.headers["Refresh"] = f"{REFRESH_SECONDS}; url={where}"
    set_cookie(site, response, WAITING, f"{place.page}.{place.about}.{place.at}.{ask_id.hex()}")
    return response


def no_longer_waiting(response: Response) -> Response:
    """Have the browser forget what it waited for."""
    response.delete_cookie(WAITING, path=HOME)
    response.delete_cookie(WAITING, path="/s/")
    return response


def signed_out(response: Response) -> Response:
    """Have the browser forget its session."""
    response.delete_cookie(COOKIE, path=HOME)
    return response


def enter_page(*faults: Fault) -> Response:
    """Show the way in."""
    page = render_template(
        "holder/enter.html", faults=faults, wrong={f.field: f.text for f in faults}, back=HOME
    )
    return Response(page, 422 if faults else 200)


def code_page(handle: str, *faults: Fault) -> Response:
    """Show where a code is typed."""
    page = render_template(
        "holder/code.html",
        handle=handle,
        faults=faults,
        wrong={fault.field: fault.text for fault in faults},
        back=HOME,
    )
    return Response(page, 422 if faults else 200)


def pdf(data: bytes, place: Place) -> Response:
    """Hand a PDF over."""
    response = Response(data, content_type="application/pdf")
    names = {"filename": f"{place.about}.pdf"}
    if place.page == "copy":
        # Whoever keeps both must not pass the original on for a copy. RFC 6266 §4.3: headers are
        # ASCII, and the name in Chinese comes beside a plain one.
        names = {
            "filename": f"{place.about}-copy.pdf",
            "filename*": f"UTF-8''{quote(f'{place.about}-副本.pdf')}",
        }
    response.headers.set("Content-Disposition", "attachment", **names)
    return response


def see(path: str) -> Response:
    """Lead to another page by GET."""
    return cast("Response", redirect(path, 303))
