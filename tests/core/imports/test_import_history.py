"""What may come in as history: older than the registry's own issuing, and no mistyped number."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from registry.office.importing import preview
from registry.office.importing_checks import FARTHEST_JUMP, LEAST_FREE, NumbersHeld, require_unheld
from registry.office.importing_history import issuing_since
from registry.office.issuing import LAST_SERIAL
from registry.store.base import read_unit, write_unit
from registry.store.counters import number_scope, peek, raise_to
from registry.store.organisations import Issuer
from registry.store.registers import Occupation

TODAY = date(2026, 11, 23)


def looked_at(office: Any, importing: Any, rows: Any) -> Any:
    """Look at a table, and write nothing."""
    checked = importing.checked(rows)
    with read_unit(office.engine) as session:
        preview(session, checked, today=TODAY, context=office.context)
    return checked.findings


def found(office: Any, importing: Any, rows: Any, code: str) -> list[Any]:
    return [one for one in looked_at(office, importing, rows).listed if one.code.value == code]


def since(office: Any) -> date | None:
    with read_unit(office.engine) as session:
        return issuing_since(session, office.prefix)


def test_what_is_dated_since_the_first_batch_here_is_no_history(
    office: Any, importing: Any
) -> None:
    office.issue(office.people(1))
    office.clock.moment += timedelta(days=2)
    assert since(office) == TODAY
    # Free numbers, above the counter: nothing but the day speaks against them.
    rows = [
        *importing.rows([40], issued=TODAY),
        *importing.rows([41], offset=301, issued=TODAY - timedelta(days=1)),
    ]
    assert ("date-since-issuing", 2, "issued") in importing.findings(rows)
    (fault,) = found(office, importing, rows, "date-since-issuing")
    assert fault.facts == {"value": "2026-11-23", "limit": "2026-11-23"}
    assert importing.run(importing.rows([41], issued=TODAY - timedelta(days=1))).count == 1


def test_an_organisation_that_issued_nothing_is_held_to_the_day_it_was_recorded(
    office: Any, importing: Any
) -> None:
    with write_unit(office.engine) as session:
        session.get_one(Issuer, office.prefix).added_at = office.clock.now() - timedelta(days=20)
    assert since(office) == date(2026, 11, 3)
    for day, count in ((date(2026, 11, 3), 1), (date(2026, 11, 2), 0)):
        rows = importing.rows([1], issued=day)
        assert len(found(office, importing, rows, "date-since-issuing")) == count


def test_an_import_does_not_begin_the_issuing(office: Any, importing: Any) -> None:
    with write_unit(office.engine) as session:
        session.get_one(Issuer, office.prefix).added_at = office.clock.now()
    importing.run(importing.rows([7]))
    office.clock.moment += timedelta(days=5)
    office.issue(office.people(1))
    assert since(office) == TODAY + timedelta(days=5)


def test_nobody_knows_since_when_an_unknown_organisation_issues(office: Any) -> None:
    with read_unit(office.engine) as session:
        assert issuing_since(session, "Y000044999009") is None


@pytest.mark.parametrize("year", [2026, 2025])
def test_a_jump_that_would_use_a_level_up_is_an_error_at_its_row(
    office: Any, importing: Any, year: int
) -> None:
    issued = date(year, 5, 1)
    rows = importing.rows([1, FARTHEST_JUMP + 4, 2], issued=issued)
    assert ("number-jump-far", 3, "number") in importing.findings(rows)
    (fault,) = found(office, importing, rows, "number-jump-far")
    assert fault.facts == {
        "year": str(year),
        "level": "3",
        "value": f"{office.prefix}{year % 100}3{FARTHEST_JUMP + 4:06}",
        "count": str(FARTHEST_JUMP + 1),
        "free": str(LAST_SERIAL - FARTHEST_JUMP - 4),
    }


def test_the_longest_jump_there_may_be_is_only_told(office: Any, importing: Any) -> None:
    rows = importing.rows([FARTHEST_JUMP + 1], issued=date(2025, 5, 1))
    assert found(office, importing, rows, "number-jump-far") == []
    (hint,) = found(office, importing, rows, "number-jump")
    assert hint.facts["count"] == str(FARTHEST_JUMP)
    rows = importing.rows([FARTHEST_JUMP + 2], issued=date(2025, 5, 1))
    (fault,) = found(office, importing, rows, "number-jump-far")
    assert fault.facts["count"] == str(FARTHEST_JUMP + 1)


def test_a_jump_leaves_a_years_numbers(office: Any, importing: Any) -> None:
    scope, last = number_scope(office.prefix, 2026, "3"), LAST_SERIAL - LEAST_FREE
    with write_unit(office.engine) as session:
        raise_to(session, scope, last - 100)
    for serial, code in ((last, "number-jump"), (last + 1, "number-jump-far")):
        rows = importing.rows([serial], issued=date(2026, 5, 1))
        assert len(found(office, importing, rows, code)) == 1
    # What goes on without a jump loses nothing.
    rows = importing.rows([last - 100], issued=date(2026, 5, 1))
    assert looked_at(office, importing, rows).counts.get("number-jump-far", 0) == 0
    with read_unit(office.engine) as session:
        assert peek(session, scope, start=1) == last - 100


def test_years_that_are_over_lose_nothing(office: Any, importing: Any) -> None:
    rows = importing.rows([LAST_SERIAL], issued=date(2024, 5, 1))
    codes = {one.code.value for one in looked_at(office, importing, rows).listed}
    assert not codes & {"number-jump", "number-jump-far"}


def test_a_name_that_is_not_the_codes_in_any_edition_is_told(office: Any, importing: Any) -> None:
    rows = importing.rows([1])
    job = rows[0].candidate
    with write_unit(office.engine) as session:
        for edition, name in ((2015, "旧示例工"), (2022, "示例 工")):
            session.add(
                Occupation(
                    edition=edition, code=job.occupation_code, name=name,
                    directions="", levels="3", national=False,
                )
            )  # fmt: skip
    (hint,) = found(office, importing, rows, "occupation-name-differs")
    assert (hint.where.row, hint.where.column) == (2, "occupation")
    assert hint.facts == {"value": job.occupation_code, "expected": "旧示例工”或者“示例 工"}
    for name in ("旧示例工", "示例工"):
        rows = importing.rows([1], occupation=name)
        assert found(office, importing, rows, "occupation-name-differs") == []


def test_a_body_that_was_never_filed_is_a_hint_at_its_row(office: Any, importing: Any) -> None:
    with read_unit(office.engine) as session:
        own = session.get_one(Issuer, office.prefix).name
    rows = [
        *importing.rows([1], assessor="别处示例有限公司"),
        *importing.rows([2], offset=301, assessor=own),
        *importing.rows([3], offset=302),
    ]
    (hint,) = found(office, importing, rows, "assessor-unfiled")
    assert (hint.where.row, hint.where.column) == (2, "assessor")
    assert hint.facts == {"value": "别处示例有限公司"}
    assert looked_at(office, importing, rows).errors == 0


def test_the_same_rows_in_another_order_are_the_same_table(office: Any, importing: Any) -> None:
    rows = importing.rows([7, 120, 9])
    first = importing.run(rows)
    again = importing.run(rows[::-1])
    assert (again.recognised, again.batch_id) == (True, first.batch_id)


def test_held_numbers_are_said_in_chinese_first(office: Any, importing: Any) -> None:
    rows = importing.rows([7])
    importing.run(rows)
    with read_unit(office.engine) as session, pytest.raises(NumbersHeld) as refused:
        require_unheld(session, rows)
    assert str(refused.value).startswith("有 1 个证书编号已在本系统登记")
    assert "registered here already" in str(refused.value)
