"""Open data (开放数据): how many certificates, by district, occupation and month, each by level.

As of the end of a quarter: certificates that are valid, were issued by that day, and were shown
nationally by it. Small counts are withheld by `registry.rules.small_cells`; the levels' sums are
printed, and levels too rare for that are joined. Companies are left out: one is a handful of people
whom colleagues know.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import msgspec
from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from registry.office.statistics import (
    Names,
    level_name,
    month_of,
    names_of,
    seen_nationally,
)
from registry.rules.levels import BY_SYMBOL
from registry.rules.small_cells import LEAST, join_small, publish_table
from registry.store.certificates import Batch, Certificate, CertificateState
from registry.store.prepared import Prepared
from signing.canonical import Canonical, encode

FOLDER: Final = "open"
JSON_FILE: Final = "certificates.json"
WITHHELD: Final = "*"
"""What stands in a csv in the place of a withheld count; in JSON it is -1."""

_HIDDEN: Final = -1
_TITLES: Final = {
    "district": "按辖区和等级",
    "occupation": "按职业和等级",
    "month": "按发证月份和等级",
}
_MONTHS: Final = 24
_QUARTER: Final = 3
_EARLIER: Final = "更早"
_SUM: Final = "合计"
_FORMULA: Final = tuple("=+-@\t\r")

_Cell = tuple[str, str, str, date, int]


class Row(Canonical, frozen=True, kw_only=True):
    """One line of a table; -1 stands for what is withheld."""

    counts: tuple[int, ...]
    label: str
    total: int


class Table(Canonical, frozen=True, kw_only=True):
    """One table; its columns are the document's levels."""

    name: str
    rows: tuple[Row, ...]
    title: str


class OpenData(Canonical, frozen=True, kw_only=True):
    """The document; fields in the order of the canonical bytes.

    ``levels`` are the columns' names and ``totals`` their sums, both empty if all together are
    fewer than ``least``.
    """

    as_of: date
    least: int
    levels: tuple[str, ...]
    tables: tuple[Table, ...]
    total: int
    totals: tuple[int, ...]
    v: int = 1


def quarter_end(today: date) -> date:
    """Return the last day of the last quarter that is over."""
    first = date(today.year, (today.month - 1) // _QUARTER * _QUARTER + 1, 1)
    return first - timedelta(days=1)


def open_data(session: Session, *, as_of: date) -> OpenData:
    """Count the whole city as of a quarter's end, and withhold what is small."""
    cells = _CELLS.all(session, until=as_of)
    return make_document(cells, names_of(session), as_of=as_of)


def make_document(cells: Iterable[_Cell], names: Names, *, as_of: date) -> OpenData:
    """Make the document of counts (prefix, occupation, level, issued, count)."""
    cells = tuple(cells)
    symbols = [*BY_SYMBOL, *sorted({cell[2] for cell in cells} - set(BY_SYMBOL))]
    sums = [sum(cell[4] for cell in cells if cell[2] == symbol) for symbol in symbols]
    groups = join_small(sums)
    if not groups:
        # Empty tables, and not none: the files of the quarter before are written over.
        tables = tuple(Table(name=name, rows=(), title=title) for name, title in _TITLES.items())
        return OpenData(
            as_of=as_of, least=LEAST, levels=(), tables=tables, total=_HIDDEN, totals=()
        )
    column = {symbols[place]: at for at, group in enumerate(groups) for place in group}
    recent = _months(as_of)

    def by_month(cell: _Cell) -> str:
        month = month_of(cell[3])
        return month if month >= recent[0] else _EARLIER

    labels: tuple[Callable[[_Cell], str], ...] = (
        lambda cell: names.district(cell[0]),
        lambda cell: names.occupation(cell[1]),
        by_month,
    )
    counted = []
    for (name, title), label in zip(_TITLES.items(), labels, strict=True):
        rows: dict[str, list[int]] = {}
        for cell in cells:
            line = rows.setdefault(label(cell), [0] * len(groups))
            line[column[cell[2]]] += cell[4]
        counted.append(_table(name, title, {key: rows[key] for key in sorted(rows)}))
    totals = tuple(sum(sums[place] for place in group) for group in groups)
    levels = tuple("、".join(level_name(symbols[place]) for place in group) for group in groups)
    return OpenData(
        as_of=as_of,
        least=LEAST,
        levels=levels,
        tables=tuple(counted),
        total=sum(totals),
        totals=totals,
    )


def open_files(document: OpenData) -> list[tuple[str, bytes]]:
    """Return the files below the public folder: the tables' first, the JSON last, as their mark."""
    files = [
        (f"{FOLDER}/certificates-by-{table.name}.csv", _csv(table, document))
        for table in document.tables
    ]
    return [*files, (f"{FOLDER}/{JSON_FILE}", encode(document))]


def date_of(data: bytes) -> date | None:
    """Return the day a written document is as of; None if it is none that is written today."""
    try:
        return msgspec.json.decode(data, type=OpenData).as_of
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _table(name: str, title: str, rows: Mapping[str, Sequence[int]]) -> Table:
    printed = publish_table(rows)
    lines = zip(printed.labels, printed.cells, printed.sums, strict=True)
    return Table(
        name=name,
        rows=tuple(
            Row(counts=tuple(map(_shown, cells)), label=label, total=_shown(whole))
            for label, cells, whole in lines
        ),
        title=title,
    )


def _shown(value: int | None) -> int:
    return _HIDDEN if value is None else value


def _months(as_of: date) -> list[str]:
    last = as_of.year * 12 + as_of.month - 1
    months = range(last - _MONTHS + 1, last + 1)
    return [f"{month // 12}-{month % 12 + 1:02}" for month in months]


def _csv(table: Table, document: OpenData) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([f"{table.title}（截至{document.as_of}）", *document.levels, _SUM])
    for row in table.rows:
        # A district is what a clerk typed: no cell may act as a formula.
        label = f"'{row.label}" if row.label.startswith(_FORMULA) else row.label
        writer.writerow([label, *map(_text, row.counts), _text(row.total)])
    writer.writerow([_SUM, *document.totals, _text(document.total)])
    # The byte order mark is what makes spreadsheets read the file as UTF-8.
    return out.getvalue().encode("utf-8-sig")


def _text(count: int) -> str:
    return WITHHELD if count == _HIDDEN else str(count)


_CELLS: Final = Prepared(
    select(
        Batch.prefix,
        Certificate.occupation_code,
        Certificate.level,
        Certificate.issued,
        func.count(),
    )
    .join(Batch, Batch.batch_id == Certificate.batch_id)
    .where(
        Certificate.state == CertificateState.VALID,
        Certificate.issued <= bindparam("until", type_=Certificate.issued.type),
        seen_nationally(until=bindparam("until", type_=Certificate.issued.type)),
    )
    .group_by(Batch.prefix, Certificate.occupation_code, Certificate.level, Certificate.issued)
)
