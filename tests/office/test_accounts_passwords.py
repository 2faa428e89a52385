"""Passwords: equal answers at equal cost, what one must be like, and changing it."""

from __future__ import annotations

from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from registry.office import passwords
from registry.office.account_confirming import confirm_all
from registry.office.accounts import reset_password
from registry.office.sessions import Stage, find_visit
from registry.office.signing_in import sign_in, weigh_password
from registry.store.audit import AuditLine

HERE = "192.0.2.10"
PASSWORD = "Correct-Horse-42"


@pytest.fixture(autouse=True)
def _cheap_hashes(cheap_hashes: None) -> None:
    """Hash cheaply: nothing here measures it."""


@pytest.fixture
def people(beside: Any) -> Any:
    return beside("signing_people")


def test_the_answer_and_its_cost_are_the_same_for_nobody(
    small: Any, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.Person(small, "editor1")
    passwords._dummy()
    asked: list[str] = []
    verify = PasswordHasher.verify

    def counted(self: PasswordHasher, known: Any, given: Any) -> bool:
        asked.append(str(known).rsplit("$", 2)[0])
        return bool(verify(self, known, given))

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    answers = []
    for login in ("editor1", "nobody-here", "clerk", ""):
        person = people.Person.__new__(people.Person)
        person.small, person.login, person.token = small, login, ""
        answers.append(person.enter("wrong"))
    assert answers == [None] * 4
    assert len(asked) == 4
    assert len(set(asked)) == 1


def test_what_an_unknown_login_typed_is_not_kept(small: Any, people: Any) -> None:
    person = people.Person.__new__(people.Person)
    person.small, person.login, person.token = small, "My-Password-1!", ""
    person.enter("x")
    with small.read() as session:
        (line,) = session.scalars(select(AuditLine))
        assert (line.subject, line.result, line.source) == ("unknown", "refused", HERE)
        assert "My-Password" not in f"{line.actor}{line.detail}"


def test_changing_the_password_ends_other_sessions(small: Any, people: Any) -> None:
    person = people.Person(small, "editor1")
    person.enter()
    other = person.token
    person.enter()
    assert person.change(PASSWORD, "Another-Horse-43") is Stage.DONE
    assert person.known()
    person.token = other
    assert not person.known()
    assert person.enter() is None
    assert person.enter("Another-Horse-43") is Stage.DONE


def test_the_present_password_is_asked_for_and_guessing_it_locks(small: Any, people: Any) -> None:
    person = people.Person(small, "editor1")
    person.enter()
    for _ in range(5):
        assert person.change("wrong", "Another-Horse-43") is None
    assert not person.known()
    assert person.enter() is None


@pytest.mark.parametrize(
    ("new", "again", "field"),
    [
        ("Short-1", None, "new"),
        ("A1-" + "x" * 126, None, "new"),
        ("xx-Editor1-Xx", None, "new"),
        ("alllowercaseletters", None, "new"),
        ("aB1aB1aB1aB1", None, "new"),
        ("Another-Horse-43", "Another-Horse-44", "again"),
        (PASSWORD, None, "new"),
    ],
)
def test_a_weak_password_is_refused(
    small: Any, people: Any, new: str, again: str | None, field: str
) -> None:
    person = people.Person(small, "editor1")
    person.enter()
    (wrong,) = person.change(PASSWORD, new, again)
    assert wrong.field == field
    assert person.enter() is Stage.DONE


def test_signs_typed_by_another_keyboard_are_the_same_password() -> None:
    stored = passwords.hash_password("Ｐass-é-123456")
    assert passwords.matches(stored, "Pass-e\u0301-123456")


def test_longer_than_a_password_can_be_is_no_password() -> None:
    stored = passwords.hash_password("A1-" + "x" * 125)
    assert passwords.matches(stored, "A1-" + "x" * 125)
    assert not passwords.matches(stored, "A1-" + "x" * 126)


def test_a_first_password_is_void_after_a_week(small: Any, people: Any) -> None:
    person = people.Person(small, "clerk")
    with small.write() as session:
        given = reset_password(session, 5, by=small.who("admin"), context=small.context("admin"))
        confirm_all(session, 5, context=small.desk.context())
    people.wait(small, days=7, seconds=1)
    assert person.enter(given) is None
    people.wait(small, days=-1)
    assert person.enter(given) is Stage.PASSWORD


def test_a_reset_password_does_not_do_without_the_factor(small: Any, people: Any) -> None:
    person = people.enrolled(small)
    person.show(person.code())
    with small.write() as session:
        given = reset_password(session, 5, by=small.who("admin"), context=small.context("admin"))
        confirm_all(session, 5, context=small.desk.context())
    assert not person.known()
    assert person.enter(given) is Stage.CODE
    people.wait(small, seconds=30)
    assert person.show(person.code()) is Stage.PASSWORD
    assert person.change(given, "Another-Horse-43") is Stage.DONE


def test_a_password_changed_while_it_was_weighed_opens_nothing(small: Any, people: Any) -> None:
    person = people.Person(small, "editor1")
    with small.read() as session:
        now = small.clock.now()
        weighed = weigh_password(session, "editor1", PASSWORD, source=HERE, now=now)
    with small.write() as session:
        reset_password(session, 1, by=small.who("admin"), context=small.context("admin"))
    with small.write() as session:
        assert sign_in(session, weighed, source=HERE, context=small.desk.context()) is None
    with small.read() as session:
        assert find_visit(session, person.token, small.clock.now()) is None
