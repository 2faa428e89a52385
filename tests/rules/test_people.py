"""ID numbers: every single wrong digit is caught, and no fault echoes a number."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.findings import Fault, FindingCode
from registry.rules.people import (
    IdType,
    check_character,
    normalise_id,
    read_id_number,
    read_id_type,
)
from registry.rules.text import mask_id, mask_name, shown

TODAY = date(2026, 11, 23)
KIND = IdType.RESIDENT_ID


def make_id(head: str = "440301", born: str = "19900101", serial: str = "123") -> str:
    first = f"{head}{born}{serial}"
    return first + check_character(first)


def code_of(cell: str | float, kind: IdType = KIND) -> FindingCode | None:
    answer = read_id_number(cell, kind, today=TODAY)
    return answer.code if isinstance(answer, Fault) else None


def reference_check(first17: str) -> str:
    """GB 11643 from the standard's formula: sum of a_i * 2^(i-1) is 1 mod 11."""
    total = sum(int(digit) * 2 ** (17 - i) for i, digit in enumerate(first17))
    return next(c for c in "0123456789X" if (total + (10 if c == "X" else int(c))) % 11 == 1)


@given(st.from_regex(r"\A[0-9]{17}\Z"))
def test_check_character_agrees_with_the_formula(first17: str) -> None:
    assert check_character(first17) == reference_check(first17)


@given(
    born=st.dates(date(1900, 1, 1), TODAY),
    serial=st.integers(0, 999),
    place=st.integers(0, 17),
    digit=st.sampled_from("0123456789"),
)
def test_every_single_wrong_digit_is_caught(
    born: date, serial: int, place: int, digit: str
) -> None:
    good = make_id(born=born.strftime("%Y%m%d").rjust(8, "0"), serial=f"{serial:03d}")
    assert code_of(good) is None
    bad = good[:place] + digit + good[place + 1 :]
    if bad != good:
        assert code_of(bad) is not None


@given(st.text(max_size=25) | st.floats() | st.integers())
def test_any_cell_is_read_or_faulted_without_echo(cell: str | float) -> None:
    for kind in IdType:
        answer = read_id_number(cell, kind, today=TODAY)
        if isinstance(answer, Fault):
            shown_value = answer.facts.get("value", "")
            text = normalise_id(str(cell))
            assert len(text) < 2 or shown_value != text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("居民身份证", IdType.RESIDENT_ID),
        (" 身份证 ", IdType.RESIDENT_ID),
        ("２０１", IdType.RESIDENT_ID),
        ("港澳台居民居住证", IdType.RESIDENCE_PERMIT),
        ("外国人永久居留身份证", IdType.FOREIGN_PERMANENT_RESIDENT),
        ("护照", IdType.PASSPORT),
    ],
)
def test_kinds_by_name_and_code(text: str, kind: IdType) -> None:
    assert read_id_type(text) is kind


def test_unknown_kind() -> None:
    answer = read_id_type("往来内地通行证")
    assert isinstance(answer, Fault)
    assert answer.facts == {"value": "往来内地通行证"}


def test_normalised_silently() -> None:
    good = next(i for i in (make_id(serial=f"{n:03d}") for n in range(100)) if i.endswith("X"))
    wide = "".join(chr(ord(c) + 0xFEE0) for c in good.lower())
    for text in (good.lower(), wide, f" {good}\u00a0", f"\u200b{good[:6]} {good[6:]}\ufeff"):
        assert read_id_number(text, KIND, today=TODAY) == good


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (440301199001011234.0, FindingCode.ID_AS_NUMBER),
        ("4.40301E+17", FindingCode.ID_AS_NUMBER),
        ("440301900101123", FindingCode.ID_LENGTH),
        (440301900101123.0, FindingCode.ID_LENGTH),
        (make_id()[:-1], FindingCode.ID_LENGTH),
        ("44030119900101１２?4", FindingCode.ID_FORM),
        ("٤" + make_id()[1:], FindingCode.ID_FORM),
        (make_id(head="990301"), FindingCode.ID_TYPE_CONTRADICTS),
        (make_id(head="810000"), FindingCode.ID_TYPE_CONTRADICTS),
        (make_id(head="160301"), FindingCode.ID_REGION),
        (make_id(born="19900230"), FindingCode.ID_BIRTH),
        (make_id(born="18991231"), FindingCode.ID_BIRTH),
        (make_id(born=(TODAY + timedelta(days=1)).strftime("%Y%m%d")), FindingCode.ID_BIRTH),
        (float("nan"), FindingCode.ID_LENGTH),
        (float("inf"), FindingCode.ID_AS_NUMBER),
    ],
)
def test_faults(cell: str | float, code: FindingCode) -> None:
    assert code_of(cell) is code


def test_wrong_check_digit_is_named_and_masked() -> None:
    good = make_id()
    bad = good[:-1] + ("0" if good[-1] != "0" else "1")
    answer = read_id_number(bad, KIND, today=TODAY)
    assert isinstance(answer, Fault)
    assert answer.code is FindingCode.ID_CHECK_DIGIT
    assert answer.facts["value"] == f"440***********{bad[-4:]}"


def test_other_documents() -> None:
    permit, foreign = make_id(head="830000"), make_id(head="944156")
    assert code_of(permit, IdType.RESIDENCE_PERMIT) is None
    assert code_of(make_id(), IdType.RESIDENCE_PERMIT) is FindingCode.ID_TYPE_CONTRADICTS
    assert code_of(foreign, IdType.FOREIGN_PERMANENT_RESIDENT) is None
    assert code_of("ABC123456789012", IdType.FOREIGN_PERMANENT_RESIDENT) is None
    assert code_of("e12345678", IdType.PASSPORT) is None
    assert code_of(123456789.0, IdType.PASSPORT) is None
    assert code_of("E123 4567-8", IdType.PASSPORT) is FindingCode.ID_FORM
    assert code_of("E1", IdType.PASSPORT) is FindingCode.ID_FORM
    assert code_of(make_id(), IdType.PASSPORT) is FindingCode.ID_TYPE_CONTRADICTS


@given(st.text(max_size=40))
def test_masks_hide_most(text: str) -> None:
    masked = mask_id(text)
    assert len(masked) == len(text)
    assert sum(a == b for a, b in zip(text, masked, strict=True)) <= 7 + text.count("*")
    if text:
        assert mask_name(text)[1:].strip("*") == ""


def test_shown_values_mask_what_does_not_belong() -> None:
    assert shown("2026-13-01", "0123456789") == "2026-13-01"
    assert shown("张三丰", "0123456789") == "张**"
    assert make_id() not in shown(make_id(), "0123456789")
