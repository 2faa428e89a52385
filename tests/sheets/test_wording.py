"""Every finding has words in both languages that name place, value and what to do."""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING

import pytest

from registry.rules.findings import Finding, FindingCode, Where
from registry.rules.numbers import recognise
from registry.sheets.columns import COLUMNS
from registry.wording import message, message_en
from registry.wording_numbers import explain
from registry.wording_texts import TEXTS

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

FACTS = frozenset(
    {"value", "length", "limit", "position", "codepoint", "other_row", "found", "expected"}
    | {"today", "earliest", "count", "first_row", "last_row", "column"}
    | {"number", "year", "level", "free", "wanted"}
)


def fields(text: str) -> AbstractSet[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("code", list(FindingCode))
def test_every_code_has_both_languages_and_says_what_is_known(code: FindingCode) -> None:
    chinese, english = TEXTS[code]
    assert re.search("[一-鿿]", chinese)
    assert chinese.endswith("。")
    assert english.endswith(".")
    assert english[0].islower() or english[0] in "“{"
    assert fields(chinese) <= FACTS
    assert fields(english) <= FACTS
    finding = Finding(code=code, where=Where(row=5, column="name"))
    assert message(finding).startswith("第 5 行「姓名」：")
    assert message_en(finding).startswith("row 5, name: ")


def test_a_message_as_a_clerk_reads_it() -> None:
    finding = Finding(
        code=FindingCode.ID_CHECK_DIGIT,
        where=Where(row=5, column="id_number"),
        facts={"value": "440***********1234"},
    )
    assert message(finding) == (
        "第 5 行「证件号码」：校验位不符（440***********1234），请核对原件后改正。"
    )


def test_whole_file_messages_have_no_place() -> None:
    finding = Finding(code=FindingCode.FILE_EMPTY, where=Where())
    assert message(finding).startswith("文件是空的")
    assert message_en(finding).startswith("The file is empty")


def test_braces_in_values_are_only_text() -> None:
    finding = Finding(
        code=FindingCode.COLUMN_EXTRA, where=Where(row=1), facts={"found": "{column.__class__}"}
    )
    assert "{column.__class__}" in message(finding)


def test_every_column_has_an_english_name() -> None:
    for column in COLUMNS:
        finding = Finding(code=FindingCode.VALUE_MISSING, where=Where(row=2, column=column.key))
        assert message_en(finding).count(":") == 1
        assert column.key == "name" or not message_en(finding).startswith("row 2:")


def test_number_explained() -> None:
    explained = explain(recognise("Y000044999001263000001"))
    assert [part.text for part in explained] == ["Y", "0000", "44", "999001", "26", "3", "000001"]
    assert [part.meaning for part in explained][:3] == ["用人单位", "在省级人社部门备案", "广东省"]
    assert explained[5].meaning == "三级/高级工"
    assert all(part.label and part.label_en for part in explained)
    assert explain(recognise("Y00004499900126T000001"))[5].meaning.startswith("五级以外")
    assert len(explain(recognise("1244401234500001"))) == 7
