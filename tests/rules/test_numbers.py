"""The number grammar: minted numbers parse back, wrong ones name the wrong position."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.errors import LevelError, NumberError, PrefixError
from registry.rules.findings import FindingCode
from registry.rules.numbers import (
    CertificateNumber,
    OldNumber,
    PartKey,
    check_number,
    format_number,
    parse_number,
    parts,
    recognise,
)

PREFIX = "Y000044999001"
NUMBER = "Y000044999001263000001"

prefixes = st.builds(
    "{}{:04d}44{:06d}".format, st.sampled_from("YS"), st.integers(0, 9999), st.integers(0, 999999)
)


def fault_of(text: str) -> FindingCode:
    with pytest.raises(NumberError) as caught:
        parse_number(text)
    if len(text) > 2:
        assert text not in str(caught.value)
    return caught.value.fault.code


@given(
    prefix=prefixes,
    issued=st.dates(date(2019, 1, 1), date(2099, 12, 31)),
    level=st.sampled_from("54321"),
    serial=st.integers(1, 999_999),
)
def test_minted_numbers_parse_back(prefix: str, issued: date, level: str, serial: int) -> None:
    text = format_number(prefix=prefix, issued=issued, level=level, serial=serial)
    number = parse_number(text)
    assert str(number) == text
    assert len(text) == 22
    assert (number.prefix, number.level, number.serial) == (prefix, level, serial)
    assert number.year == f"{issued.year % 100:02d}"
    assert check_number(number, prefix=prefix, issued=issued, level=level) == ()


@given(st.text(max_size=30))
def test_any_text_parses_or_is_refused_and_never_both(text: str) -> None:
    try:
        number = recognise(text)
    except NumberError:
        return
    assert "".join(part.text for part in parts(number)) == str(number)


@given(st.from_regex(r"\A[A-Z][0-9]{14}[0-9A-Z][0-9]{6}\Z"))
def test_parts_cover_every_position_once(text: str) -> None:
    if text.endswith("000000"):
        assert fault_of(text) is FindingCode.NUMBER_SERIAL_ZERO
        return
    number = parse_number(text)
    found = parts(number)
    assert [p.first for p in found] == [1, 2, 6, 8, 14, 16, 17]
    assert [p.last for p in found] == [1, 5, 7, 13, 15, 16, 22]
    assert "".join(p.text for p in found) == text


def test_parts_of_a_number() -> None:
    number = parse_number(NUMBER)
    assert number.body_class == "Y"
    assert number.filed_with_province
    assert number.province == "44"
    assert not number.special_grade
    assert {p.key: p.text for p in parts(number)} == {
        PartKey.BODY_CLASS: "Y",
        PartKey.BODY_CODE: "0000",
        PartKey.PROVINCE: "44",
        PartKey.BODY_SERIAL: "999001",
        PartKey.YEAR: "26",
        PartKey.LEVEL: "3",
        PartKey.SERIAL: "000001",
    }


def test_two_letter_special_grade_parses_and_is_never_minted() -> None:
    number = parse_number("Y00004499900126T000001")
    assert number.special_grade
    with pytest.raises(LevelError):
        format_number(prefix=PREFIX, issued=date(2026, 1, 1), level="T", serial=1)


def test_old_sixteen_digit_number_is_recognised_and_explained() -> None:
    number = recognise("１2444０１234500001")
    assert isinstance(number, OldNumber)
    assert [p.text for p in parts(number)] == ["12", "44", "40", "1", "234", "5", "00001"]
    assert fault_of("1244401234500001") is FindingCode.NUMBER_OLD_FORM


def test_full_width_lower_case_and_blanks_are_normalised() -> None:
    assert str(parse_number(" ｙ0000 44999001 263000001\u200b")) == NUMBER


def test_other_scripts_digits_are_refused() -> None:
    assert fault_of(NUMBER[:-1] + "١") is FindingCode.NUMBER_CHARACTER


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("1" + NUMBER[1:], "1"),
        (NUMBER[:4] + "O" + NUMBER[5:], "5"),
        (NUMBER[:15] + "-000001", "16"),
    ],
)
def test_first_wrong_position_is_named(text: str, position: str) -> None:
    with pytest.raises(NumberError) as caught:
        parse_number(text)
    assert caught.value.fault.facts == {"position": position}


def test_wrong_lengths_and_serial_zero() -> None:
    assert fault_of(NUMBER[:-1]) is FindingCode.NUMBER_LENGTH
    assert fault_of(NUMBER + "1") is FindingCode.NUMBER_LENGTH
    assert fault_of("") is FindingCode.NUMBER_LENGTH
    assert fault_of(NUMBER[:16] + "000000") is FindingCode.NUMBER_SERIAL_ZERO


def test_finished_number_that_disagrees() -> None:
    number = CertificateNumber(prefix=PREFIX, year="26", level="3", serial=1)
    faults = check_number(number, prefix="Y000044999002", issued=date(2025, 5, 5), level="4")
    assert [f.code for f in faults] == [
        FindingCode.NUMBER_PREFIX,
        FindingCode.NUMBER_YEAR,
        FindingCode.NUMBER_LEVEL,
    ]


@pytest.mark.parametrize("serial", [0, -1, 1_000_000])
def test_serials_outside_are_not_minted(serial: int) -> None:
    with pytest.raises(NumberError):
        format_number(prefix=PREFIX, issued=date(2026, 1, 1), level="3", serial=serial)


@pytest.mark.parametrize("prefix", ["", "Y00004499900", "y000044999001", "Y000099999001"])
def test_malformed_prefix_is_not_minted_onto(prefix: str) -> None:
    with pytest.raises(PrefixError):
        format_number(prefix=prefix, issued=date(2026, 1, 1), level="3", serial=1)
