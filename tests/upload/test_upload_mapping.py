"""The mapping file: the one shipped says what the field's source says; flaws are named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.upload.errors import MappingError
from registry.upload.mapping import SOURCES, ColumnType, load_mapping, mapping_names, read_mapping

GOOD = """
version = 3
title = "表"
sheet = "数据"
in_force_from = 2026-01-01
source = "a notice"
[[columns]]
header = "证书编号"
source = "number"
type = "text"
required = true
width = 26
[[columns]]
header = "发证日期"
source = "issued"
type = "date"
format = "YYYYMMDD"
required = true
width = 12
[[columns]]
header = "数据类型"
source = "kind"
type = "code"
codes = "kind"
required = true
width = 10
[codes.kind]
new = "新增"
"""


def test_the_shipped_table_is_the_one_the_field_uses() -> None:
    mapping = load_mapping("guangdong-certificates")
    assert [c.header for c in mapping.columns] == [
        *("姓名", "证件类型", "证件号码", "所在单位", "职业名称", "工种名称", "职业技能等级"),
        *("证书编号", "发证日期", "评价机构", "发证机构", "数据类型"),
    ]
    by_source = {c.source: c for c in mapping.columns}
    assert tuple(by_source) == SOURCES
    # 201 is the only identity code any source names; another entry here would be a guess.
    assert by_source["id_type"].codes == {"resident-id": "201"}
    assert by_source["employer"].empty == "其他"
    assert by_source["issued"].date_format == "%Y-%m-%d"
    assert set((by_source["kind"].codes or {}).values()) == {"新增", "更正", "补录"}
    assert mapping.label == "guangdong-certificates@1"


def test_every_shipped_mapping_loads() -> None:
    assert mapping_names()
    for name in mapping_names():
        assert load_mapping(name).name == name


@pytest.mark.parametrize("name", ["nowhere", "../errors", "", "Guangdong-Certificates", "a/b"])
def test_a_name_that_is_not_shipped_is_refused_and_the_known_ones_named(name: str) -> None:
    with pytest.raises(MappingError, match="guangdong-certificates"):
        load_mapping(name)


def test_the_smallest_good_file() -> None:
    mapping = read_mapping(GOOD.encode(), "small")
    assert mapping.version == 3
    assert [c.type for c in mapping.columns] == [
        ColumnType.TEXT,
        ColumnType.DATE,
        ColumnType.CODE,
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version = 3", "", "'version' is missing"),
        ("version = 3", "version = 0", "version: is a whole number"),
        ("version = 3", "version = true", "version: is a whole number"),
        ("version = 3", "version = 3\nverson = 3", "'verson' is not known"),
        ("2026-01-01", '"2026-01-01"', "in_force_from: is a day"),
        ("2026-01-01", "2026-01-01T00:00:00", "in_force_from: is a day"),
        ('title = "表"', 'title = " "', "title: is a text"),
        ('sheet = "数据"', 'sheet = "汇总"', "sheet: not a name"),
        ('sheet = "数据"', 'sheet = "a/b"', "sheet: not a name"),
        ('sheet = "数据"', f'sheet = "{"x" * 32}"', "sheet: is a text of 1 to 31"),
        ('type = "text"', 'type = "number"', r"columns\[1\].type: is one of"),
        ('type = "text"', 'type = "text"\nformat = "x"', "'format' is not known"),
        ('type = "text"', 'type = "text"\nempty = "x"', "required column is never empty"),
        ('type = "text"', 'type = "date"\nformat = "YYYYMMDD"', "only 'issued' is a date"),
        ('format = "YYYYMMDD"', 'format = "DD.MM.YY"', r"columns\[2\].format: is one of"),
        ('source = "number"', 'source = "numbr"', r"columns\[1\].source: is one of"),
        ('source = "number"', 'source = "name"', "source 'number' is needed"),
        ('header = "发证日期"', 'header = "证书编号"', "'证书编号' stands twice"),
        ('source = "number"', 'source = "kind"', "'kind' stands twice"),
        ("required = true", "requird = true", "'required' is missing"),
        ("required = true", 'required = "yes"', "required: is true or false"),
        ("width = 26", "width = 256", "width: is a whole number"),
        ('codes = "kind"', 'codes = "kinds"', r"write the table \[codes.kinds\]"),
        ("[codes.kind]", '[codes.old]\na = "b"\n[codes.kind]', "codes.old: no column uses it"),
        ('new = "新增"', "new = 1", "codes.kind.new: is a text"),
        ('new = "新增"', 'new = "a\\u0007"', "control character"),
        ("version = 3", "version = ", "not TOML"),
    ],
)
def test_each_flaw_is_named_with_file_and_key(old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(MappingError, match=said) as caught:
        read_mapping(GOOD.replace(old, new, 1).encode(), "small")
    assert "small.toml" in str(caught.value)


def test_a_file_of_another_encoding_is_refused() -> None:
    with pytest.raises(MappingError, match="UTF-8"):
        read_mapping(GOOD.encode("gbk"), "small")


def test_a_file_without_columns_is_refused() -> None:
    head = GOOD.partition("[[columns]]")[0]
    with pytest.raises(MappingError, match="at least one"):
        read_mapping((head + "columns = []\n[codes]\n").encode(), "small")


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_make_the_reader_fail_otherwise(data: bytes) -> None:
    with pytest.raises(MappingError):
        read_mapping(data, "noise")


@given(st.integers(0, len(GOOD) - 1), st.sampled_from(["", "[", "=", '"', "\n", "0", "x", "\0"]))
def test_a_damaged_file_is_read_or_refused_never_half_read(at: int, put: str) -> None:
    try:
        mapping = read_mapping((GOOD[:at] + put + GOOD[at + 1 :]).encode(), "small")
    except MappingError:
        return
    assert len(mapping.columns) == 3
    assert {"number", "kind"} < {c.source for c in mapping.columns}
