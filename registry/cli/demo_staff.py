"""The demo's accounts: made by the administrator's page, signed in as people do it.

Passwords and TOTP secrets are made anew at each run and printed: whoever can read the terminal
can sign in. These are accounts of a demonstration and nothing else.
"""

from __future__ import annotations

import re
import secrets
from base64 import b32decode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from registry.cli.demo_browser import OK, Browser, DemoClock
from registry.cli.services import Services
from registry.office.account_confirming import confirm_all
from registry.office.accounts import NewAccount, add_account, find_login
from registry.office.identity import ROLE_WORDS, Role
from registry.office.totp import DIGITS, PERIOD
from registry.store.base import write_unit

ADMIN: Final = "admin"
SECOND: Final = "admin2"
"""The administrator who confirms what the first one does."""

OFFICE: Final = (
    ("clerk", Role.CLERK),
    ("approver", Role.APPROVER),
    ("supervisor", Role.SUPERVISOR),
    ("auditor", Role.AUDITOR),
)
_ACCOUNT: Final = r'<a href="/accounts/([0-9]+)">{}</a>'
_CHANGE: Final = re.compile(r'action="(/accounts/changes/[0-9]+/confirm)"')
_FIRST: Final = re.compile(r'<p class="mono lead">([^<]+)</p>')
_SECRET: Final = re.compile(r'手工输入密钥.*?<span class="mono">(.*?)</span>', re.DOTALL)


@dataclass(slots=True, kw_only=True)  # not frozen: it changes as the demo goes on
class Person:
    """One account and its browser; it signs in again when the clock has moved on."""

    login: str
    role: Role
    password: str
    browser: Browser
    secret: bytes = b""
    here: datetime | None = None

    @property
    def word(self) -> str:
        """What the role is called."""
        return ROLE_WORDS[self.role]

    def code(self, at: datetime) -> str:
        """Return the authenticator's code (RFC 6238) at a moment."""
        totp = TOTP(self.secret, DIGITS, SHA1(), PERIOD)  # noqa: S303
        return totp.generate(int(at.timestamp())).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """All accounts by login, over one clock; ``browse`` gives a new browser."""

    browse: Callable[[], Browser]
    clock: DemoClock
    people: dict[str, Person]

    def __call__(self, login: str) -> Browser:
        """Return a person's browser, signed in at the clock's present moment."""
        person = self.people[login]
        if person.here != self.clock.moment:
            _sign_in(person, self.clock.moment)
        return person.browser

    def found(self, services: Services) -> None:
        """Add the first account as the machine's owner does, and those of the office by it."""
        new = NewAccount(login=ADMIN, role=Role.ADMIN, staff_number=number_of(ADMIN))
        with write_unit(services.engine) as session:
            first = add_account(session, new, by=None, context=services.context)
        self._enter(ADMIN, Role.ADMIN, first)
        given = self._add(SECOND, Role.ADMIN, "")
        with write_unit(services.engine) as session:
            confirm_all(session, find_login(session, SECOND), context=services.context)
        self._enter(SECOND, Role.ADMIN, given)
        for login, role in OFFICE:
            self.add(login, role)

    def add(self, login: str, role: Role, company: str = "") -> None:
        """Add an account by the administrator's page, and let its person sign in first."""
        first = self._add(login, role, company)
        if not company:
            second = self(SECOND)
            number = second.get("/accounts").only(re.compile(_ACCOUNT.format(re.escape(login))))
            change = second.get(f"/accounts/{number}").only(_CHANGE)
            second.send(change, {})
        self._enter(login, role, first)

    def _add(self, login: str, role: Role, company: str) -> str:
        number = "" if company else number_of(login)
        fields = {"login": login, "role": role.value, "company": company, "district": ""}
        fields = {**fields, "name": "", "staff_number": number}
        return self(ADMIN).post("/accounts/new", fields).expect(OK).only(_FIRST)

    def _enter(self, login: str, role: Role, first: str) -> None:
        browser = self.browse()
        chosen = f"Demo-{secrets.token_hex(8)}"
        person = Person(login=login, role=role, password=chosen, browser=browser)
        browser.send("/signin", {"login": login, "password": first, "next": "/"})
        answer = browser.send(
            "/signin/password", {"current": first, "new": chosen, "again": chosen}
        )
        if answer.location.endswith("/signin/enrol"):
            shown = browser.get("/signin/enrol").only(_SECRET)
            person.secret = b32decode(re.sub(r"<[^>]*>|[^A-Z2-7]", "", shown))
            browser.send("/signin/enrol", {"code": person.code(self.clock.moment)})
        person.here = self.clock.moment
        self.people[login] = person


def number_of(login: str) -> str:
    """Give a demonstration's staff number."""
    return f"SL-{login.upper()}"


def _sign_in(person: Person, at: datetime) -> None:
    fields = {"login": person.login, "password": person.password, "next": "/"}
    answer = person.browser.send("/signin", fields)
    if answer.location.endswith("/signin/code"):
        person.browser.send("/signin/code", {"code": person.code(at)})
    person.here = at
