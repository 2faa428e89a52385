"""Names are normalised silently, or refused with the place of the wrong character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.findings import Fault, FindingCode
from registry.rules.names import NameReader, normalise_name


def everything(_: str) -> bool:
    return True


def read(name: str, *, latin: bool = False) -> str | FindingCode:
    answer = NameReader(everything).read(name, latin=latin)
    return answer.code if isinstance(answer, Fault) else answer


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("张三", "张三"),
        ("张　三 ", "张三"),
        ("\u200b张\u00a0三\ufeff", "张三"),
        ("阿依古丽•买买提", "阿依古丽·买买提"),
        ("阿依古丽 ‧ 买买提", "阿依古丽·买买提"),
        ("阿依古丽・买买提", "阿依古丽·买买提"),
        ("阿依古丽･买买提·", "阿依古丽·买买提"),
        ("⼭本", "山本"),  # a Kangxi radical copied from a PDF file
        ("王〇一", "王〇一"),
        ("\U0002cb4e明", "\U0002cb4e明"),
        ("张\U000323af", "张\U000323af"),  # newer than this Python's tables
    ],
)
def test_normalised_silently(written: str, name: str) -> None:
    assert read(written) == name


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("张三1", FindingCode.NAME_DIGIT),
        ("张三２", FindingCode.NAME_DIGIT),
        ("张\ue000", FindingCode.NAME_PRIVATE_USE),
        ("张\U000f0001", FindingCode.NAME_PRIVATE_USE),
        ("张\u0378", FindingCode.NAME_UNASSIGNED),
        ("张\x01", FindingCode.NAME_UNASSIGNED),
        ("张?", FindingCode.NAME_CHARACTER),
        ("张\ufffd", FindingCode.NAME_CHARACTER),
        ("张□", FindingCode.NAME_CHARACTER),
        ("张三（大）", FindingCode.NAME_CHARACTER),
        ("=张三", FindingCode.NAME_CHARACTER),
        ("John Smith", FindingCode.NAME_LATIN),
        ("张San", FindingCode.NAME_LATIN),
        ("张" * 51, FindingCode.VALUE_TOO_LONG),
    ],
)
def test_faults(name: str, code: FindingCode) -> None:
    assert read(name) is code


def test_latin_names_on_passports() -> None:
    assert read("ｊohn  O'Brien-Smith", latin=True) == "john O'Brien-Smith"


def test_undrawable_character_is_named_by_place_and_code_point() -> None:
    reader = NameReader(lambda char: char != "䶮")
    answer = reader.read("龚䶮", latin=False)
    assert isinstance(answer, Fault)
    assert answer.code is FindingCode.NAME_NOT_DRAWABLE
    assert answer.facts == {"value": "龚*", "position": "2", "codepoint": "U+4DAE"}


def test_proved_characters_do_not_let_others_through() -> None:
    reader = NameReader(everything)
    assert reader.read("张三", latin=False) == "张三"
    assert isinstance(reader.read("张三1", latin=False), Fault)
    assert reader.read("三 张", latin=False) == "三张"
    assert reader.read("", latin=False) == ""


@given(st.text(max_size=20), st.booleans())
def test_reading_again_changes_nothing(name: str, latin: bool) -> None:
    reader = NameReader(everything)
    once = reader.read(name, latin=latin)
    if isinstance(once, str):
        assert reader.read(once, latin=latin) == once
        assert NameReader(everything).read(once, latin=latin) == once


@given(st.text(alphabet="张三李 ·•．.A1\u3000\u200b", max_size=12))
def test_normalising_is_idempotent(name: str) -> None:
    once = normalise_name(name)
    assert normalise_name(once) == once
