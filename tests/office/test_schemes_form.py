"""A scheme's form: what does not read is said by field, what is kept is whole."""

from __future__ import annotations

from typing import Any

import pytest

from registry.office import schemes
from registry.office.form_faults import FormFaults
from registry.office.scheme_form import SchemeDamaged, parse_scheme, scheme_bytes, suggested
from registry.rules.scheme import PartKind
from registry.store.procedure import Case


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "standard_kind"),
        ({"standard_kind": "home-made"}, "standard_kind"),
        ({"standard_kind": "national", "standard": ""}, "standard"),
        ({"standard_kind": "national", "standard": "标" * 121}, "standard"),
        ({"standard_kind": "national", "standard": "标"}, "standard_number"),
        (
            {"standard_kind": "company", "standard": "标", "standard_number": "1"},
            "standard_reason",
        ),
    ],
)
def test_a_standard_is_kept_only_whole(
    small: Any, scheming: Any, values: dict[str, str], field: str
) -> None:
    scheming.list_company()
    case_id = scheming.start()
    context = small.context("editor1")
    with small.write() as session:
        case = session.get_one(Case, case_id)
        doing = small.doing("editor1", case)
        with pytest.raises(FormFaults) as refused:
            schemes.save_standard(session, case, values, doing=doing, context=context)
    assert field in {fault.field for fault in refused.value.faults}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"weight-theory": "三十"}, "weight-theory"),
        ({"pass-skill": "-1"}, "pass-skill"),
        ({"pass-skill": "60.5"}, "pass-skill"),
        ({"total_mark": ""}, "total_mark"),
        ({"weight-skill": "٥٠"}, "weight-skill"),
        ({"reason-theory": "理" * 301}, "reason-theory"),
        (
            {f"use-{kind}": "no" for kind in PartKind},
            "use-theory",
        ),
    ],
)
def test_what_does_not_read_is_said_by_field_and_not_kept(
    small: Any, scheming: Any, changed: dict[str, str], field: str
) -> None:
    scheming.list_company()
    case_id = scheming.start()
    with pytest.raises(FormFaults) as refused:
        scheming.fill(case_id, "4", **changed)
    assert [fault.field for fault in refused.value.faults] == [field]
    with small.read() as session:
        case = session.get_one(Case, case_id)
        assert schemes.form_of(case, small.context("editor1")).levels == ()


def test_full_width_digits_and_percent_signs_are_let_be(small: Any, scheming: Any) -> None:
    scheming.list_company()
    case_id = scheming.start()
    scheming.fill(case_id, **{"weight-theory": "３０%"})
    scheming.step(case_id, "submit", "head1")
    with small.read() as session:
        assert session.get_one(Case, case_id).state == "submitted"


def test_a_levels_page_begins_with_the_national_parts_or_the_level_before(
    small: Any, scheming: Any
) -> None:
    scheming.list_company("432")
    case_id = scheming.start()

    def shown(level: str) -> dict[str, int]:
        with small.read() as session:
            form = schemes.form_of(session.get_one(Case, case_id), small.context("editor1"))
        return {part.kind: part.weight for part in suggested(form, level).parts}

    assert shown("4") == {"theory": 40, "skill": 60}
    assert shown("2") == {"theory": 30, "skill": 50, "review": 20}
    scheming.fill(case_id, "4")
    assert shown("4")["safety"] == 10
    assert shown("3") == shown("4")
    assert shown("2") == shown("4") | {"review": 0}


def test_missing_qualities_are_a_warning_alone(small: Any, scheming: Any) -> None:
    scheming.list_company()
    case_id = scheming.start()
    scheming.fill(case_id, **{"use-ethics": "no", "weight-skill": "55"})
    with small.read() as session:
        case = session.get_one(Case, case_id)
        seen = schemes.preview(session, case, small.context("editor1"))
    assert seen.lacking == (("4", PartKind.ETHICS), ("3", PartKind.ETHICS))
    assert seen.ready


def test_a_form_of_another_make_is_refused(small: Any, scheming: Any) -> None:
    scheming.list_company()
    case_id = scheming.start()
    scheming.fill(case_id, "4")
    with small.read() as session:
        form = schemes.form_of(session.get_one(Case, case_id), small.context("editor1"))
    data = scheme_bytes(form)
    assert parse_scheme(data) == form
    for damaged in (b"", b"[]", data[:-1], data.replace(b'"theory"', b'"magic"')):
        with pytest.raises(SchemeDamaged):
            parse_scheme(damaged)
