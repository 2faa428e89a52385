"""The holder's pages: entering, certificates with their chain, copies, links, requests.

The session's cookie goes with requests from this site's own pages alone (`SameSite=Strict`), and
no page is kept by a browser (`no-store`). What was asked and not answered yet stands in a cookie
of its own, not in an address: an answer may be a session. A code opens a session only in the
browser that asked for it: nobody can sign another in as somebody else.

An address names a certificate by its place on the holder's page, never by its number: addresses
are kept by browsers and logs. Forms carry the number in their body.
"""

from __future__ import annotations

import hmac
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, render_template, request

from signing.exchange import ASK_BYTES
from signing.holder_messages import (
    LARGEST_SHARE,
    MOST_DOCUMENT,
    Begin,
    Begun,
    Done,
    Draw,
    Enter,
    Entered,
    File,
    Holding,
    Leave,
    Look,
    OpenShare,
    Refusal,
    Shared,
    Unshare,
)
from verify_web.clients import this_client
from verify_web.errors import ServiceTrouble, SiteError
from verify_web.forms import Fault
from verify_web.holder import typed, wording
from verify_web.holder.answers import (
    CODE,
    COOKIE,
    HOME,
    WAITING,
    Place,
    code_page,
    enter_page,
    holding_page,
    no_longer_waiting,
    pdf,
    see,
    set_cookie,
    signed_out,
    waiting_page,
)
from verify_web.holder.desk import AskLost
from verify_web.holder.shared import NoSuchLink, shared_page
from verify_web.times import BEIJING

if TYPE_CHECKING:
    from signing.holder_messages import Answer, Ask
    from verify_web.holder.desk import HolderDesk
    from verify_web.site import Site

_MAX_FORM: Final = 8192
_NUMBER: Final = re.compile(r"[A-Z][0-9]{14}[0-9A-Z][0-9]{6}", re.ASCII)
_AT: Final = "<int(min=1, max=9999):at>"
_SECRET: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_PLACE: Final = re.compile(
    r"(home|code|one|copy|original|share)\.([A-Z0-9]{22}|[0-9a-f]{32}|)\.([0-9]{0,4})\."
    rf"([0-9a-f]{{{2 * ASK_BYTES}}})",
    re.ASCII,
)


class Pages:
    """The routes' handlers over one site and one exchange."""

    def __init__(self, site: Site, desk: HolderDesk) -> None:
        self._site = site
        self._desk = desk

    def home(self) -> Response:
        """Show the holder's certificates, or the way in."""
        session = self._session()
        if not session:
            return enter_page()
        return self._ask(Look(session=session), Place(page="home"))

    def one(self, at: int) -> Response:
        """Show one certificate with its forms."""
        session = self._session()
        if not session:
            return see(HOME)
        return self._ask(Look(session=session), Place(page="one", at=at))

    def begin(self) -> Response:
        """Have a code sent; the same page whether or not the facts fit anybody."""
        request.max_content_length = _MAX_FORM
        facts = typed.read_facts(request.form)
        if isinstance(facts, Fault):
            return enter_page(facts)
        client = this_client(self._site.config.trusted_proxies)
        # Charged as a miss, and never given back: a hit is not to be told from one.
        self._site.allowance.look_up(client, facts)
        ask = Begin(facts={str(k): v for k, v in facts.items()}, network=client.network)
        return self._ask(ask, Place(page="code"))

    def enter(self) -> Response:
        """Open a session by a code."""
        request.max_content_length = _MAX_FORM
        client = this_client(self._site.config.trusted_proxies)
        self._site.allowance.sign_in(client)
        handle = request.form.get("handle", "")
        code = "".join(request.form.get("code", "").split())[:12]
        asked = request.cookies.get(CODE, "")
        if not _SECRET.fullmatch(handle) or not hmac.compare_digest(handle, _plain(asked)):
            return enter_page()
        ask = Enter(handle=handle, code=code, network=client.network)
        return self._ask(ask, Place(page="code", about=handle))

    def leave(self) -> Response:
        """End the session; whatever the registry says, this browser forgets it."""
        session = self._session()
        if session:
            with suppress(SiteError):
                self._ask(Leave(session=session), Place(page="home"))
        return signed_out(see(HOME))

    def form(self, at: int, what: str) -> Response:
        """Download the original or an annotated copy, make a link, or put a request down."""
        session = self._session()
        if not session:
            return see(HOME)
        if what == "request":
            # A document is read for who is signed in, and for nobody else.
            if (other := self._stranger(session)) is not None:
                return other
        else:
            request.max_content_length = _MAX_FORM
        number = request.form.get("number", "")
        if not _NUMBER.fullmatch(number):
            return see(HOME)
        ask: Ask | list[Fault]
        page = "one"
        match what:
            case "original":
                page, ask = "original", Draw(session=session, number=number)
            case "copy":
                page = "copy"
                today = self._site.config.clock.now().astimezone(BEIJING).date()
                ask = typed.read_copy(request.form, session=session, number=number, today=today)
            case "share":
                ask = typed.read_share(request.form, session=session, number=number)
            case _:
                sent = request.files.get("document")
                document = sent.read(MOST_DOCUMENT + 1) if sent else b""
                ask = typed.read_request(request.form, document, session=session, number=number)
        if isinstance(ask, list):
            place = Place(page="one", about=number, at=at)
            return self._ask(Look(session=session), place, *ask)
        return self._ask(ask, Place(page=page, about=number, at=at))

    def unshare(self, share: int) -> Response:
        """End a link."""
        session = self._session()
        if not session:
            return see(HOME)
        return self._ask(Unshare(session=session, share=share), Place(page="home"))

    def shared(self, token: str) -> Response:
        """Show what a link leads to."""
        client = this_client(self._site.config.trusted_proxies)
        self._site.allowance.refuse_token_guesser(client)
        if not _SECRET.fullmatch(token):
            self._site.allowance.token_missed(client)
            raise NoSuchLink
        ask = OpenShare(token=token, network=client.network)
        return self._ask(ask, Place(page="share"))

    def wait(self) -> Response:
        """Look again for an answer that was not there in time."""
        found = _PLACE.fullmatch(request.cookies.get(WAITING, ""))
        if found is None:
            return see(HOME)
        place = Place(page=found[1], about=found[2], at=int(found[3] or 0))
        ask_id = bytes.fromhex(found[4])
        try:
            answer = self._desk.await_answer(ask_id)
        except AskLost:
            return no_longer_waiting(see(HOME))
        if answer is None:
            return waiting_page(self._site, place, ask_id)
        return no_longer_waiting(self._respond(answer, place))

    def _stranger(self, session: str) -> Response | None:
        """Answer who is not signed in; None for who is. Raises ServiceTrouble, TooMany."""
        self._site.allowance.ask_registry(this_client(self._site.config.trusted_proxies))
        try:
            _ask_id, answer = self._desk.ask(Look(session=session))
        except AskLost:
            answer = None
        match answer:
            case Holding():
                return None
            case Refusal():
                return self._refused(answer, Place(page="home"))
            case _:
                raise ServiceTrouble("the registry did not say in time whose session it is")

    def _ask(self, ask: Ask, place: Place, *faults: Fault) -> Response:
        self._site.allowance.ask_registry(this_client(self._site.config.trusted_proxies))
        try:
            ask_id, answer = self._desk.ask(ask)
        except AskLost:
            return see(HOME)
        if answer is None:
            return waiting_page(self._site, place, ask_id)
        return self._respond(answer, place, *faults)

    def _respond(self, answer: Answer, place: Place, *faults: Fault) -> Response:
        match answer:
            case Begun():
                response = code_page(answer.handle)
                set_cookie(self._site, response, CODE, answer.handle)
            case Entered():
                response = see(HOME)
                response.delete_cookie(CODE, path=HOME)
                set_cookie(self._site, response, COOKIE, answer.session)
            case File():
                response = pdf(answer.data, place)
            case Holding():
                response = holding_page(answer, place, faults)
            case Shared() if place.page == "share":
                response = shared_page(self._site, answer)
            case Shared() | Done():
                response = see(place.address)
            case Refusal():
                response = self._refused(answer, place)
        return response

    def _refused(self, answer: Refusal, place: Place) -> Response:
        if answer.code == "session-over":
            return signed_out(see(HOME))
        if place.page == "share":
            if answer.code != "share-over":
                # That there is no such link was not said.
                raise ServiceTrouble(f"a link was not opened: {answer.code}")
            self._site.allowance.token_missed(this_client(self._site.config.trusted_proxies))
            raise NoSuchLink
        text = wording.REFUSALS.get(answer.code, wording.OTHER_REFUSAL)
        if place.page == "code":
            return code_page(place.about, Fault(field="code", text=text))
        page = render_template("holder/refused.html", text=text, to=place.address, back=HOME)
        return Response(page, 422)

    def _session(self) -> str:
        token = request.cookies.get(COOKIE, "")
        return token if _SECRET.fullmatch(token) else ""


def _plain(text: str) -> str:
    """Keep what may be compared: `compare_digest` takes ASCII alone."""
    return text if text.isascii() else ""


def blueprint(site: Site, desk: HolderDesk) -> Blueprint:
    """Build the routes."""
    routes, pages = Blueprint("holder", __name__), Pages(site, desk)
    routes.get("/holder")(pages.home)
    routes.post("/holder/begin")(pages.begin)
    routes.post("/holder/enter")(pages.enter)
    routes.post("/holder/leave")(pages.leave)
    routes.get("/holder/wait", endpoint="wait")(pages.wait)
    routes.get("/s/wait", endpoint="share_wait")(pages.wait)
    routes.get(f"/holder/{_AT}")(pages.one)
    routes.post(f"/holder/{_AT}/<any(original,copy,share,request):what>")(pages.form)
    routes.post(f"/holder/shares/<int(min=1, max={LARGEST_SHARE}):share>/end")(pages.unshare)
    routes.get("/s/<token>")(pages.shared)
    return routes
