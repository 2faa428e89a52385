"""Nobody gets a certificate twice: a list that comes again, and a person who comes again."""

from __future__ import annotations

import traceback
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.errors import AlreadyHeld
from registry.office import issuing
from registry.rules.candidate import content_digest
from registry.store.certificates import Certificate


def test_a_list_sent_again_is_recognised_and_not_issued_again(office: Any) -> None:
    people = office.people(40)
    first = office.issue(people)
    before = office.contents()
    again = office.issue(people)
    assert again.recognised
    assert again == replace(first, recognised=True)
    assert office.contents() == before


def test_a_list_saved_again_by_another_program_is_recognised(office: Any) -> None:
    people = office.people(40)
    first = office.issue(people)
    # A blank line more at the top: other bytes, other row numbers, the same meaning.
    saved_again = [replace(person, row=person.row + 3) for person in people]
    assert office.issue(saved_again, approval="深技鉴备〔2026〕2号").batch_id == first.batch_id
    assert len(office.rows(Certificate)) == 40


def test_the_list_is_recognised_after_later_batches_and_a_revision(office: Any) -> None:
    people = office.people(30)
    first = office.issue(people)
    office.issue(office.people(30, offset=30))
    number = first.ranges[0][0]
    office.correct(number, {"direction": "数控"})
    assert office.issue(people) == replace(first, recognised=True)


def test_the_same_list_of_another_company_is_its_own(office: Any) -> None:
    office.issue(office.people(1))
    office.prefix = "Y000044999002"
    with pytest.raises(AlreadyHeld):
        office.issue(office.people(1))


@settings(max_examples=30)
@given(data=st.data())
def test_any_change_of_meaning_makes_another_list(office: Any, data: st.DataObject) -> None:
    people = office.people(3)
    place = data.draw(st.integers(0, 2))
    field = data.draw(st.sampled_from(["name", "id_number", "admission", "direction", "issued"]))
    value: Any = (
        date(2026, 11, data.draw(st.integers(1, 19)))
        if field == "issued"
        else data.draw(st.text(min_size=1, max_size=9))
    )
    changed = [*people]
    changed[place] = replace(people[place], **{field: value})
    same = getattr(people[place], field) == value
    assert (content_digest(changed) == content_digest(people)) == same
    assert content_digest(people[::-1]) != content_digest(people)


def check_silent(error: BaseException, people: list[Any]) -> None:
    """No value of a person is in the message, nor in what a log would print of the error."""
    assert error.__cause__ is None
    assert error.__suppress_context__
    printed = "".join(traceback.format_exception(error))
    for person in people:
        for value in (person.name, person.id_number, person.admission):
            assert value not in str(error)
            assert value not in printed


@pytest.mark.parametrize("chunk", [3, 4000])
@pytest.mark.parametrize("place", [0, 11, 23])
def test_one_person_who_holds_it_stops_the_whole_list(
    office: Any, monkeypatch: Any, chunk: int, place: int
) -> None:
    monkeypatch.setattr(issuing, "CHUNK", chunk)
    holders = office.people(5)
    office.issue(holders)
    before = office.contents()
    people = office.people(24, offset=100)
    people[place] = replace(holders[2], admission="202699999999", issued=date(2026, 11, 1))
    with pytest.raises(AlreadyHeld, match="certreg check") as refused:
        office.issue(people)
    assert refused.value.code == "already-held"
    check_silent(refused.value, people)
    assert office.contents() == before


def test_a_person_twice_in_one_list_is_refused(office: Any) -> None:
    before = office.contents()
    people = office.people(6)
    with pytest.raises(AlreadyHeld) as refused:
        office.issue([*people, replace(people[0], name="另一名字")])
    check_silent(refused.value, people)
    assert office.contents() == before


def test_another_level_or_occupation_is_another_certificate(office: Any) -> None:
    (person,) = office.people(1)
    office.issue([person])
    others = [
        replace(person, level="4"),
        replace(person, occupation="焊工", occupation_code="6-18-02-04"),
    ]
    assert office.issue(others).count == 2
