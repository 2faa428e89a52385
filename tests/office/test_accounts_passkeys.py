"""Passkeys: added and shown; another host, key, challenge or a copy opens nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from registry.errors import NotFound, Refused
from registry.office.passkeys import (
    Site,
    add_passkey,
    ask_passkey,
    offer_passkey,
    passkeys_of,
    remove_passkey,
    sign_in_by_passkey,
    site_of,
)
from registry.office.sessions import SignedIn, Stage, start_session
from registry.store.accounts import Account, Passkey

HOST, ORIGIN = "desk.example.cn", "https://desk.example.cn"
SITE = Site(host=HOST, origin=ORIGIN, name="示例")


class Holder:
    """An editor with sessions to act in; mutable: the token of the moment."""

    def __init__(self, small: Any, key: Any, login: str = "editor1") -> None:
        self.small, self.key, self.login, self.token = small, key, login, ""

    def begin(self, *, strong: bool) -> Stage:
        with self.small.write() as session:
            account = session.get_one(Account, self.small.who(self.login).account_id)
            context = self.small.desk.context()
            begun = start_session(session, account, context=context, strong=strong)
        self.token = begun.token
        return begun.stage

    def add(self, made: Callable[[str], str] | None = None) -> None:
        with self.small.write() as session:
            context = self.small.desk.context()
            options = offer_passkey(session, self.token, SITE, context=context)
        credential = (made or self.key.make)(options)
        self.answer(credential)

    def answer(self, credential: str) -> None:
        with self.small.write() as session:
            begun = add_passkey(
                session,
                self.token,
                credential,
                label="办公电脑",
                site=SITE,
                source="192.0.2.1",
                context=self.small.desk.context(),
            )
        assert begun.stage is Stage.DONE
        assert begun.token != self.token
        self.token = begun.token

    def ask(self) -> str:
        with self.small.write() as session:
            context = self.small.desk.context()
            return ask_passkey(session, self.token, SITE, context=context)

    def show(self, credential: str) -> SignedIn | None:
        with self.small.write() as session:
            return sign_in_by_passkey(
                session,
                self.token,
                credential,
                site=SITE,
                source="192.0.2.1",
                context=self.small.desk.context(),
            )


@pytest.fixture
def soft_key(beside: Any) -> Any:
    return beside("soft_key").SoftKey


@pytest.fixture
def holder(small: Any, soft_key: Any) -> Holder:
    """Give an editor who has added a passkey and whose password was just right again."""
    person = Holder(small, soft_key(HOST, ORIGIN))
    assert person.begin(strong=False) is Stage.DONE
    person.add()
    assert person.begin(strong=False) is Stage.CODE
    return person


def test_a_passkey_signs_in(holder: Holder) -> None:
    for _ in range(2):
        begun = holder.show(holder.key.show(holder.ask()))
        assert begun is not None
        assert begun.stage is Stage.DONE
        holder.begin(strong=False)


def test_a_challenge_serves_once(holder: Holder) -> None:
    answer = holder.key.show(holder.ask())
    assert holder.show(answer) is not None
    holder.begin(strong=False)
    assert holder.show(answer) is None
    options = holder.ask()
    holder.show("{}")
    assert holder.show(holder.key.show(options)) is None


def test_another_sessions_challenge_is_nothing(holder: Holder) -> None:
    options = holder.ask()
    holder.begin(strong=False)
    holder.ask()
    assert holder.show(holder.key.show(options)) is None


@pytest.mark.parametrize(
    ("host", "origin"), [("evil.example", ORIGIN), (HOST, "https://evil.example")]
)
def test_another_page_gets_nothing(holder: Holder, host: str, origin: str) -> None:
    holder.key.host, holder.key.origin = host, origin
    assert holder.show(holder.key.show(holder.ask())) is None


def test_a_copied_passkey_is_noticed(holder: Holder) -> None:
    holder.key.count = 5
    assert holder.show(holder.key.show(holder.ask())) is not None
    holder.begin(strong=False)
    holder.key.count = 3
    assert holder.show(holder.key.show(holder.ask())) is None


def test_another_accounts_passkey_opens_nothing(small: Any, holder: Holder, soft_key: Any) -> None:
    other = Holder(small, soft_key(HOST, ORIGIN), "editor2")
    other.begin(strong=False)
    other.add()
    assert holder.show(other.key.show(holder.ask())) is None
    with small.read() as session:
        (held,) = passkeys_of(session, 3)
    holder.begin(strong=True)
    with small.write() as session, pytest.raises(NotFound):
        remove_passkey(session, holder.token, held.key, source="", context=small.desk.context())


@pytest.mark.parametrize("credential", ["", "null", "[]", "{}", '{"id":1,"rawId":"*"}', "x" * 9])
def test_what_is_no_credential_is_refused(holder: Holder, credential: str) -> None:
    holder.ask()
    assert holder.show(credential) is None
    holder.begin(strong=True)
    with pytest.raises(Refused):
        holder.add(lambda _options: credential)


def test_five_wrong_passkeys_lock(small: Any, holder: Holder) -> None:
    for _ in range(5):
        holder.ask()
        holder.show("{}")
        holder.begin(strong=False)
    assert holder.show(holder.key.show(holder.ask())) is None
    with small.read() as session:
        assert session.get_one(Account, 1).locked_until is not None


def test_a_passkey_is_added_by_whoever_is_wholly_signed_in(small: Any, holder: Holder) -> None:
    with pytest.raises(Refused, match="重新登录"):
        holder.add()
    holder.begin(strong=True)
    with pytest.raises(Refused, match="未能登记"):
        holder.add()
    with pytest.raises(Refused, match="未能登记"):
        holder.answer("{}")
    with small.read() as session:
        assert session.query(Passkey).count() == 1


def test_a_removed_passkey_opens_nothing(small: Any, holder: Holder) -> None:
    holder.begin(strong=True)
    key = holder.key.id.hex()
    for wrong in ("zz", "", "00"):
        with small.write() as session, pytest.raises(NotFound):
            remove_passkey(session, holder.token, wrong, source="", context=small.desk.context())
    with small.write() as session:
        remove_passkey(session, holder.token, key, source="", context=small.desk.context())
    assert holder.begin(strong=False) is Stage.DONE


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://desk.example.cn", "desk.example.cn"),
        ("http://localhost:8001", "localhost"),
        ("http://127.0.0.1:8001", None),
        ("http://[::1]:8001", None),
    ],
)
def test_addresses_without_a_name_have_no_passkeys(address: str, host: str | None) -> None:
    site = site_of(address, "示例")
    assert (site.host if site else None) == host
    if site:
        assert site.origin == address
