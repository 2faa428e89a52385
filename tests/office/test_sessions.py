"""Signing in: stages, lockout, codes taken once, and how sessions end."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from registry.errors import Refused
from registry.office.account_confirming import confirm_all
from registry.office.accounts import reset_factors, set_disabled
from registry.office.guessing import TooManyAttempts
from registry.office.sessions import Stage, identifier, sign_out, token_hash
from registry.office.totp import confirm_totp, offer_totp
from registry.store.accounts import Account, WebSession

HERE = "192.0.2.10"
PASSWORD = "Correct-Horse-42"


@pytest.fixture(autouse=True)
def _cheap_hashes(cheap_hashes: None) -> None:
    """Hash cheaply: nothing here measures it."""


@pytest.fixture
def people(beside: Any) -> Any:
    return beside("signing_people")


def test_an_editor_needs_no_second_factor_and_everybody_else_does(small: Any, people: Any) -> None:
    assert people.Person(small, "editor1").enter() is Stage.DONE
    for login in ("head1", "clerk", "approver", "supervisor", "admin", "auditor"):
        person = people.Person(small, login)
        assert person.enter() is Stage.ENROL
        assert not person.known()


def test_the_whole_first_way_in(small: Any, people: Any) -> None:
    person = people.Person(small, "clerk", own=False)
    assert person.enter() is Stage.PASSWORD
    tokens = [person.token]
    assert person.change(PASSWORD, "Another-Horse-43") is Stage.ENROL
    tokens.append(person.token)
    assert not person.known()
    assert person.enrol() is Stage.DONE
    assert person.known()
    assert len({*tokens, person.token}) == 3
    with small.read() as session:
        assert [session.get(WebSession, token_hash(old)) for old in tokens] == [None, None]
        secret = session.get_one(Account, 5).totp
        assert person.secret not in secret


def test_identity_has_role_tenant_and_address(small: Any, people: Any) -> None:
    person = people.Person(small, "editor1")
    person.enter()
    found = identifier(small.desk)(person.token, "2001:db8::7")
    assert found is not None
    assert (found.login, found.company_id, found.source) == ("editor1", 1, "2001:db8::7")
    assert identifier(small.desk)("x" * 43, HERE) is None
    assert identifier(small.desk)("", HERE) is None


def test_a_token_is_not_in_the_database(small: Any, people: Any) -> None:
    person = people.Person(small, "editor1")
    person.enter()
    with small.read() as session:
        (row,) = session.scalars(select(WebSession))
        assert person.token.encode() not in row.token_hash
        assert len(row.token_hash) == 32


def test_a_code_is_taken_once(small: Any, people: Any) -> None:
    person = people.enrolled(small)
    used = person.code()
    assert person.show(used) is Stage.DONE
    assert person.enter() is Stage.CODE
    assert person.show(used) is None
    people.wait(small, seconds=30)
    assert person.show(person.code()) is Stage.DONE


def test_an_older_code_is_not_taken_after_a_newer_one(small: Any, people: Any) -> None:
    person = people.enrolled(small)
    older = person.code(-30)
    assert person.show(person.code()) is Stage.DONE
    assert person.enter() is Stage.CODE
    assert person.show(older) is None


@pytest.mark.parametrize(
    ("later", "taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)]
)
def test_codes_of_one_step_before_and_after_are_taken(
    small: Any, people: Any, later: int, taken: bool
) -> None:
    person = people.enrolled(small)
    assert (person.show(person.code(later)) is Stage.DONE) is taken


@pytest.mark.parametrize("code", ["", "12345", "1234567", "١٢٣٤٥٦", "abcdef", "-12345"])
def test_what_is_no_code_is_refused(small: Any, people: Any, code: str) -> None:
    assert people.enrolled(small).show(code) is None


def test_a_code_without_the_password_is_nothing(small: Any, people: Any) -> None:
    person = people.enrolled(small)
    person.token = "x" * 43
    assert person.show(person.code()) is None


def test_guessing_codes_locks_although_the_password_is_known(small: Any, people: Any) -> None:
    person = people.enrolled(small)
    for _ in range(2):
        person.show("000000")
        person.show("000000")
        # Signing in again must not forgive what was guessed.
        assert person.enter() is Stage.CODE
    person.show("000000")
    assert person.enter() is None
    people.wait(small, minutes=15)
    assert person.enter() is Stage.CODE
    assert person.show(person.code()) is Stage.DONE


def test_five_failures_lock_for_a_quarter_and_then_twice_as_long(small: Any, people: Any) -> None:
    person = people.Person(small, "editor1")
    for _ in range(5):
        assert person.enter("wrong") is None
    assert person.enter() is None
    people.wait(small, minutes=14, seconds=59)
    assert person.enter() is None
    people.wait(small, seconds=1)
    assert person.enter("wrong") is None
    people.wait(small, minutes=29)
    assert person.enter() is None
    people.wait(small, minutes=1)
    assert person.enter() is Stage.DONE
    for _ in range(4):
        person.enter("wrong")
    assert person.enter() is Stage.DONE


def test_a_stranger_cannot_end_somebodys_session(small: Any, people: Any) -> None:
    person = people.Person(small, "editor1")
    person.enter()
    held = person.token
    for _ in range(5):
        person.enter("wrong", "203.0.113.9")
    person.token = held
    assert person.known()


def test_guessing_codes_ends_all_sessions(small: Any, people: Any) -> None:
    person = people.enrolled(small)
    for _ in range(5):
        assert person.show("000000") is None
    assert not person.known()
    with small.read() as session:
        assert session.scalar(select(func.count()).select_from(WebSession)) == 0


def test_guessing_over_many_accounts_from_one_network_is_bounded(small: Any, people: Any) -> None:
    logins = ("editor1", "editor2", "head1", "head2", "clerk")
    guessed = [people.Person(small, login) for login in logins]
    for number in range(20):
        guessed[number % 5].enter("wrong", f"2001:db8::{number}")
    with pytest.raises(TooManyAttempts):
        guessed[0].enter(source="2001:db8::ffff")
    assert people.Person(small, "auditor").enter(source="2001:db8:0:1::1") is Stage.ENROL
    people.wait(small, minutes=16)
    assert guessed[0].enter(source="2001:db8::ffff") is Stage.DONE


def test_a_session_ends_when_idle_and_after_a_day(small: Any, people: Any) -> None:
    person = people.Person(small, "editor1")
    person.enter()
    for _ in range(19):
        people.wait(small, minutes=29)
        assert person.known()
    people.wait(small, minutes=30)
    assert not person.known()
    person.enter()
    for _ in range(20):
        people.wait(small, minutes=29)
        assert person.known()
    people.wait(small, minutes=20)
    assert not person.known()


def test_looking_is_written_down_once_a_minute(small: Any, people: Any) -> None:
    person = people.Person(small, "editor1")
    person.enter()

    def seen() -> Any:
        with small.read() as session:
            return session.get_one(WebSession, token_hash(person.token)).seen_at

    began = seen()
    people.wait(small, seconds=59)
    assert person.known()
    assert seen() == began
    people.wait(small, seconds=1)
    assert person.known()
    assert seen() == small.clock.now()


def test_the_way_in_is_short(small: Any, people: Any) -> None:
    person = people.enrolled(small)
    people.wait(small, minutes=10)
    assert person.show(person.code()) is None


def test_signing_out_ends_the_token(small: Any, people: Any) -> None:
    person = people.Person(small, "editor1")
    person.enter()
    with small.write() as session:
        sign_out(session, person.token, source=HERE, context=small.desk.context())
    assert not person.known()
    with small.write() as session:
        sign_out(session, person.token, source=HERE, context=small.desk.context())


def test_a_disabled_accounts_sessions_end_at_once(small: Any, people: Any) -> None:
    person = people.Person(small, "editor1")
    person.enter()
    for disabled in (True, False):
        with small.write() as session:
            admin = small.who("admin")
            set_disabled(session, 1, disabled=disabled, by=admin, context=small.context("admin"))
        assert not person.known()
        assert (person.enter() is None) is disabled


def test_a_factor_is_not_replaced_from_a_session(small: Any, people: Any) -> None:
    person = people.enrolled(small)
    person.show(person.code())
    with pytest.raises(Refused, match="管理员重置"):
        person.enrol()
    with small.write() as session:
        reset_factors(session, 5, by=small.who("admin"), context=small.context("admin"))
        confirm_all(session, 5, context=small.desk.context())
    assert not person.known()
    assert person.enter() is Stage.ENROL


def test_a_factor_counts_only_when_confirmed(small: Any, people: Any) -> None:
    person = people.Person(small, "clerk")
    person.enter()
    context = small.desk.context()
    with small.write() as session:
        first = offer_totp(session, person.token, issuer="示例", context=context)
        assert offer_totp(session, person.token, issuer="示例", context=context) == first
    with small.write() as session:
        assert confirm_totp(session, person.token, "000000", source=HERE, context=context) is None
    assert person.enter() is Stage.ENROL
