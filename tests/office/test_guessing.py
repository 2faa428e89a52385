"""Guessing is bounded, and bounding it shuts nobody else out."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from registry.errors import Refused
from registry.office.guessing import LONGEST_LOCK, TooManyAttempts
from registry.office.passkeys import Site, offer_passkey, remove_passkey
from registry.office.sessions import Stage
from registry.office.totp import offer_totp
from registry.store.accounts import Account, Passkey

FAR = "203.0.113.9"
SITE = Site(host="desk.example.cn", origin="https://desk.example.cn", name="示例")


@pytest.fixture(autouse=True)
def _cheap_hashes(cheap_hashes: None) -> None:
    """Hash cheaply: nothing here measures it."""


@pytest.fixture
def people(beside: Any) -> Any:
    return beside("signing_people")


def _guess(person: Any, times: int, source: str = FAR) -> None:
    for _ in range(times):
        assert person.enter("wrong", source) is None


def test_a_stranger_locks_an_account_for_strangers_only(small: Any, people: Any) -> None:
    person = people.Person(small, "editor1")
    assert person.enter() is Stage.DONE
    _guess(person, 5)
    assert person.enter(source=FAR) is None
    assert person.enter() is Stage.DONE


def test_an_account_never_opened_from_here_stays_locked(small: Any, people: Any) -> None:
    person = people.Person(small, "editor1")
    _guess(person, 5)
    assert person.enter() is None


def test_the_password_alone_makes_no_network_ones_own(small: Any, people: Any) -> None:
    person = people.enrolled(small)
    assert person.enter(source=FAR) is Stage.CODE
    _guess(person, 5)
    assert person.enter(source=FAR) is None


def test_ones_own_network_is_no_door_for_guessing(small: Any, people: Any) -> None:
    person = people.Person(small, "editor1")
    assert person.enter() is Stage.DONE
    _guess(person, 5, people.HERE)
    assert person.enter() is None
    people.wait(small, minutes=16)
    assert person.enter() is Stage.DONE


def test_a_network_is_forgotten_after_a_month(small: Any, people: Any) -> None:
    person = people.Person(small, "editor1")
    assert person.enter() is Stage.DONE
    people.wait(small, days=31)
    _guess(person, 5)
    assert person.enter() is None


def test_no_lock_is_longer_than_an_hour(small: Any, people: Any) -> None:
    person = people.Person(small, "editor1")
    for _ in range(14):
        person.enter("wrong", FAR)
        with small.read() as session:
            until = session.get_one(Account, 1).locked_until
        now = small.clock.now()
        assert until is None or until - now <= LONGEST_LOCK
        if until:
            small.clock.moment = until


def test_a_crowd_behind_one_address_keeps_its_own_people(small: Any, people: Any) -> None:
    known, new = people.Person(small, "editor1"), people.Person(small, "editor2")
    assert known.enter() is Stage.DONE
    for number in range(20):
        people.Person(small, ("head1", "head2", "clerk", "auditor")[number % 4]).enter("wrong")
    with pytest.raises(TooManyAttempts):
        new.enter()
    assert known.enter() is Stage.DONE


def _with_passkey(small: Any, people: Any) -> Any:
    person = people.Person(small, "clerk")
    assert person.enter() is Stage.ENROL
    assert person.enrol() is Stage.DONE
    with small.write() as session:
        account = session.scalars(select(Account).where(Account.login == "clerk")).one()
        session.add(
            Passkey(
                credential_id=b"key",
                account_id=account.account_id,
                public_key=b"",
                sign_count=0,
                label="办公电脑",
                added_at=small.clock.now(),
            )
        )
    return person


def test_a_session_left_open_adds_and_removes_no_factor(small: Any, people: Any) -> None:
    person = _with_passkey(small, people)
    people.wait(small, minutes=11)
    context = small.desk.context()
    with small.write() as session, pytest.raises(Refused, match="10 分钟"):
        offer_passkey(session, person.token, SITE, context=context)
    with small.write() as session, pytest.raises(Refused, match="10 分钟"):
        remove_passkey(session, person.token, b"key".hex(), source="", context=context)
    with small.write() as session:
        account = session.scalars(select(Account).where(Account.login == "clerk")).one()
        account.totp = b""
    with small.write() as session, pytest.raises(Refused, match="10 分钟"):
        offer_totp(session, person.token, issuer="示例", context=context)


def test_the_last_factor_stays(small: Any, people: Any) -> None:
    person = _with_passkey(small, people)
    with small.write() as session:
        account = session.scalars(select(Account).where(Account.login == "clerk")).one()
        account.totp = b""
    context = small.desk.context()
    with small.write() as session, pytest.raises(Refused, match="唯一"):
        remove_passkey(session, person.token, b"key".hex(), source="", context=context)
