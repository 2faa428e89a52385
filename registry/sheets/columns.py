"""The columns of the tables that come in: key, Chinese header, other accepted headers, help.

The results table (评价结果) stands here; `registry.sheets.layouts` names all tables there are.

Least necessary (PIPL art. 6): sex, birth date, education and scores are not printed on a
certificate, so they are not asked for, and a column that is none of these is not even read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from registry.rules.text import fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SHEET_NAME: Final = "评价结果"
HELP_SHEET_NAME: Final = "填写说明"
WHOLE_FILE_SHEET_NAME: Final = "总体问题"
HEADERS_READ_AT_MOST: Final = 256
RECOGNISED_AT_LEAST: Final = 3  # fewer known headers than this are no header row


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: ``key`` as in Candidate; ``width`` in Excel's character units."""

    key: str
    header: str
    help: str
    width: int
    required: bool = True
    aliases: tuple[str, ...] = ()
    as_text: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One kind of table: its ``name`` for the worker, its sheet, its columns in order.

    ``notes`` stand below the help sheet's list of columns.
    """

    name: str
    sheet: str
    columns: tuple[Column, ...]
    notes: tuple[str, ...]
    keys: Mapping[str, str] = field(init=False, repr=False)
    """Column key by comparable header."""

    def __post_init__(self) -> None:
        keys = {
            normalise_header(header): column.key
            for column in self.columns
            for header in (column.header, *column.aliases)
        }
        object.__setattr__(self, "keys", keys)

    def column(self, key: str) -> Column:
        """Give the column of a key. Raises KeyError."""
        return {column.key: column for column in self.columns}[key]


_NOTE: Final = re.compile(r"(?<=.)(?:\((?:必填|选填|可不填|可选)\)|[*:])+$")


def normalise_header(text: str) -> str:
    """Make a header comparable: widths folded, blanks and marks of obligation removed."""
    return _NOTE.sub("", fold(text).replace(" ", "").lstrip("*"))


SEQUENCE: Final = Column(
    key="sequence",
    header="序号",
    help="可不填，系统不读取。",
    width=6,
    required=False,
    aliases=("编号",),
    as_text=False,
)
COLUMNS: Final = (
    SEQUENCE,
    Column(
        key="name",
        header="姓名",
        help="与证件一致；少数民族姓名用间隔号“·”。",
        width=12,
        aliases=("考生姓名", "人员姓名", "员工姓名"),
    ),
    Column(
        key="id_type",
        header="证件类型",
        help="从下拉列表选择；也可填代码 201（居民身份证）。",
        width=20,
        aliases=("证件种类", "证件名称"),
    ),
    Column(
        key="id_number",
        header="证件号码",
        help="按文本填写，18 位居民身份证末位 X 大写；不要以数字格式填写。",
        width=22,
        aliases=("证件号", "身份证号", "身份证号码", "身份证件号码"),
    ),
    Column(
        key="admission",
        header="准考证号",
        help="没有可不填；字母、数字和“-”，不超过 32 位。",
        width=16,
        required=False,
        aliases=("准考证号码", "准考证编号"),
    ),
    Column(
        key="occupation",
        header="职业名称",
        help="按备案的职业名称填写。",
        width=18,
        aliases=("职业", "评价职业", "认定职业"),
    ),
    Column(
        key="occupation_code",
        header="职业编码",
        help="职业分类大典编码，形如 6-31-01-03，第一位为 3、4、5 或 6。",
        width=13,
        aliases=("职业代码",),
    ),
    Column(
        key="direction",
        header="工种/职业方向",
        help="没有可不填，证书上印为“--”。",
        width=18,
        required=False,
        aliases=("工种", "职业方向", "工种名称", "工种/方向", "工种(职业方向)", "工种或职业方向"),
    ),
    Column(
        key="level",
        header="职业技能等级",
        help="从下拉列表选择；填 3、三级、高级工或三级/高级工均可。",
        width=14,
        aliases=("技能等级", "等级", "职业等级", "评价等级", "认定等级", "级别"),
    ),
    Column(
        key="conclusion",
        header="评定结论",
        help="只报评定合格的人员，一律填“合格”。",
        width=10,
        aliases=("评价结论", "认定结论", "结论"),
    ),
    Column(
        key="issued",
        header="发证日期",
        help="形如 2026-11-23，不得晚于今天。",
        width=12,
        aliases=("发证时间", "证书日期"),
        as_text=False,
    ),
)
BY_KEY: Final = {column.key: column for column in COLUMNS}

# Headers of our own report of findings: a clerk corrects in the report and hands it in again.
REPORT_ROW: Final = "原表行号"
REPORT_FINDINGS: Final = "问题"
OUR_OWN: Final = frozenset({REPORT_ROW, REPORT_FINDINGS})

RESULTS: Final = Layout(
    name="results",
    sheet=SHEET_NAME,
    columns=COLUMNS,
    notes=(
        "橙色表头为必填，灰色表头可不填；列的顺序可以调整，表头文字请勿改动。",
        "每人一行，中间不要合并单元格，不要使用公式；从别处复制时请用“选择性粘贴—数值”。",
        "本表不收集性别、出生日期、文化程度和成绩，请勿增加这些列。",
    ),
)


def key_of(header: str, layout: Layout = RESULTS) -> str | None:
    """Give the column key that a header names, if any."""
    return layout.keys.get(normalise_header(header))


def positions(headers: Sequence[str], layout: Layout = RESULTS) -> dict[str, int]:
    """Give the place (from 0) of each known column that is read; the first one counts."""
    found: dict[str, int] = {}
    for place, header in enumerate(headers[:HEADERS_READ_AT_MOST]):
        key = key_of(header, layout)
        if key is not None and key != "sequence":
            found.setdefault(key, place)
    return found


def is_header(headers: Sequence[str], layout: Layout = RESULTS) -> bool:
    """Say whether a row is the header row: it names at least three of the columns read."""
    return len(positions(headers, layout)) >= RECOGNISED_AT_LEAST
