"""People who sign in step by step, for the tests of sessions and passwords."""

from __future__ import annotations

from base64 import b32decode
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from registry.office import passwords
from registry.office.sessions import Stage, identifier
from registry.office.signing_in import (
    Change,
    change_password,
    sign_in,
    weigh_change,
    weigh_password,
)
from registry.office.totp import confirm_totp, offer_totp, sign_in_by_code
from registry.store.accounts import Account

HERE = "192.0.2.10"
PASSWORD = "Correct-Horse-42"


class Person:
    """Somebody who signs in step by step; mutable: it carries the token of the moment."""

    def __init__(self, small: Any, login: str, *, own: bool = True) -> None:
        self.small, self.login, self.token, self.secret = small, login, "", b""
        with small.write() as session:
            account = session.get_one(Account, small.who(login).account_id)
            mark = "" if own else passwords.FIRST
            account.password = mark + passwords.hash_password(PASSWORD)

    def enter(self, password: str = PASSWORD, source: str = HERE) -> Stage | None:
        with self.small.read() as session:
            now = self.small.clock.now()
            weighed = weigh_password(session, self.login, password, source=source, now=now)
        with self.small.write() as session:
            context = self.small.desk.context()
            return self._keep(sign_in(session, weighed, source=source, context=context))

    def enrol(self) -> Stage | None:
        with self.small.write() as session:
            context = self.small.desk.context()
            offer = offer_totp(session, self.token, issuer="示例", context=context)
        self.secret = b32decode(offer.text)
        with self.small.write() as session:
            done = confirm_totp(session, self.token, self.code(), source=HERE, context=context)
            return self._keep(done)

    def code(self, later: int = 0) -> str:
        now = int(self.small.clock.now().timestamp()) + later
        return TOTP(self.secret, 6, SHA1(), 30).generate(now).decode()  # noqa: S303

    def show(self, code: str) -> Stage | None:
        with self.small.write() as session:
            context = self.small.desk.context()
            done = sign_in_by_code(session, self.token, code, source=HERE, context=context)
            return self._keep(done)

    def change(self, current: str, new: str, again: str | None = None) -> Any:
        typed = {"current": current, "new": new, "again": new if again is None else again}
        with self.small.read() as session:
            now = self.small.clock.now()
            change = weigh_change(session, self.token, now=now, **typed)
        if not isinstance(change, Change):
            return change
        with self.small.write() as session:
            context = self.small.desk.context()
            done = change_password(session, self.token, change, source=HERE, context=context)
            return self._keep(done)

    def known(self) -> bool:
        return identifier(self.small.desk)(self.token, HERE) is not None

    def _keep(self, done: Any) -> Stage | None:
        if done is None:
            return None
        self.token = done.token
        return Stage(done.stage)


def wait(small: Any, **span: float) -> None:
    small.clock.moment += timedelta(**span)


def enrolled(small: Any, login: str = "clerk") -> Person:
    """Give somebody with a second factor whose password was just right again."""
    person = Person(small, login)
    assert person.enter() is Stage.ENROL
    assert person.enrol() is Stage.DONE
    wait(small, minutes=1)
    assert person.enter() is Stage.CODE
    return person
