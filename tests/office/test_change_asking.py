"""Putting a request for a change down: what is refused at once, by field, and for whom."""

from __future__ import annotations

from typing import Any

import pytest

from registry.errors import AlreadyHeld, Refused
from registry.office import change_checks
from registry.office.change_making import AskUnsound
from registry.office.form_faults import FormFaults
from registry.office.identity import NotAllowed
from registry.store.certificates import Certificate

PAPER = b"%PDF-1.4 \xff a paper"


@pytest.fixture
def changing(small: Any, supervised: Any, beside: Any) -> Any:
    return beside("change_office").Changing(small, supervised)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"changes": {"name": "欧阳示范"}}, "document"),
        ({"changes": {"id_number": "440301190001010027"}}, "document"),
        ({"changes": {"direction": "长" * 61}}, "direction"),
        ({"changes": {"level": "1"}}, "changes"),
        ({"changes": {"issued": "2026-01-01"}}, "changes"),
        ({"changes": {}}, "name"),
        ({"changes": {"id_number": "440301190001010018"}, "document": PAPER}, "id_number"),
        ({"cause": "lost"}, "cause"),
        ({"cause": ""}, "cause"),
        ({"kind": "reissue", "cause": "lost"}, "direction"),
        ({"kind": "restoration", "cause": "cleared", "changes": {}}, "name"),
        ({"kind": "nothing"}, "kind"),
        ({"reason": " "}, "reason"),
        ({"reason": "长" * 501}, "reason"),
        ({"document": b"MZ"}, "document"),
        ({"number": "Y000044999001263999999"}, "number"),
    ],
)
def test_a_request_out_of_form_is_refused_by_field(
    small: Any, changing: Any, given: dict[str, Any], field: str
) -> None:
    before = changing.standing()
    with pytest.raises(FormFaults) as refused:
        changing.ask(**given)
    assert field in {fault.field for fault in refused.value.faults}
    # What was typed stands in no message.
    said = str(refused.value)
    assert not any(value and value in said for value in given.get("changes", {}).values())
    assert changing.standing() == before


def test_a_value_equal_to_the_old_is_no_correction(changing: Any) -> None:
    old = changing.records()[0].record
    with pytest.raises(FormFaults, match="相同"):
        changing.ask(changes={"occupation": old.occupation})


def same_work(small: Any, changing: Any) -> Any:
    """Let the second certificate be of the first one's occupation and level; its record."""
    first, second = (changing.records(number)[0].row for number in changing.numbers[:2])
    with small.write() as session:
        row = session.get_one(Certificate, second.status_index)
        row.occupation_code, row.level = first.occupation_code, first.level
    return changing.records(changing.numbers[1])[0].record


def test_a_correction_to_somebody_who_holds_it_already_is_refused(
    small: Any, changing: Any
) -> None:
    """The roster's own rule: nobody holds one occupation and level twice."""
    other = same_work(small, changing)
    with pytest.raises(FormFaults, match="已有同职业、同等级证书") as refused:
        changing.ask(changes={"id_number": other.id_number}, document=PAPER)
    assert other.id_number not in str(refused.value)


def test_a_company_learns_of_no_certificate_of_another(small: Any, changing: Any) -> None:
    other = same_work(small, changing)
    elsewhere = "Y000044999002263000001"
    with small.write() as session:
        index = changing.records(changing.numbers[1])[0].row.status_index
        session.get_one(Certificate, index).number = elsewhere
    wish = {"changes": {"id_number": other.id_number}, "document": PAPER}
    with pytest.raises(AskUnsound) as refused:
        changing.ask("editor1", **wish)
    (fault,) = refused.value.faults
    assert "请联系办公室核对" in fault.text
    for told in (elsewhere, elsewhere[:13], "已有", "等级", other.id_number):
        assert told not in fault.text
    # The city's clerk, who is to solve it, is told which.
    with pytest.raises(AskUnsound, match=elsewhere):
        changing.ask("clerk", **wish)


def test_whoever_came_to_hold_it_since_the_check_is_refused_by_the_database(
    small: Any, changing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = same_work(small, changing)
    seen = change_checks.Check(word="重复", passed=True)
    monkeypatch.setattr(change_checks, "_holding", lambda *_: seen)
    changes = {"id_number": other.id_number}
    request_id = changing.ask(changes=changes, document=PAPER)
    changing.check(request_id, changes=changes)
    changing.take(request_id, "prepare")
    before = changing.standing()
    with pytest.raises(AlreadyHeld, match="已持有") as refused:
        changing.approve(request_id)
    assert other.id_number not in str(refused.value)
    assert changing.standing() == before


def test_one_request_of_a_kind_at_a_time(changing: Any) -> None:
    changing.ask("editor1")
    with pytest.raises(Refused, match="R-000001"):
        changing.ask("clerk")
    changing.ask("clerk", kind="suspension", cause="disputed", changes={})


def test_a_company_asks_for_its_own_and_for_what_is_its_to_ask(small: Any, changing: Any) -> None:
    with pytest.raises(FormFaults) as refused:
        changing.ask("editor2")
    assert [fault.field for fault in refused.value.faults] == ["number"]
    with pytest.raises(FormFaults):
        changing.ask("editor1", kind="suspension", cause="disputed", changes={})
    for login in ("approver", "supervisor", "admin", "auditor"):
        with pytest.raises(NotAllowed):
            changing.ask(login)
    assert changing.row(changing.ask("editor1")).origin == "company"
