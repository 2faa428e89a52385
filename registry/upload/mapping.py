"""The provincial centre's upload table as a declarative, versioned mapping file (TOML).

Headers, codes and formats are the province's and change by its notice, so none of them stands in
code: `mappings/NAME.toml` holds them with the day they are in force from and their source. The
file is read strictly: an unknown key is refused, since a misspelt `requird` would otherwise drop
a rule without a word. A code that the file does not list is unknown, never guessed.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from importlib import resources
from typing import TYPE_CHECKING, Final, NoReturn

from registry.upload.errors import MappingError

if TYPE_CHECKING:
    from collections.abc import Mapping as Table

SOURCES: Final = (
    "name",
    "id_type",
    "id_number",
    "employer",
    "occupation",
    "direction",
    "level",
    "number",
    "issued",
    "assessor",
    "issuer_body",
    "kind",
)
"""The fields of an upload row, by the names a mapping file uses for them."""

DATE_FORMATS: Final = {"YYYY-MM-DD": "%Y-%m-%d", "YYYY/MM/DD": "%Y/%m/%d", "YYYYMMDD": "%Y%m%d"}
"""The date formats a mapping file may name, and what `date.strftime` calls them."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
_MUST_MAP = ("number", "kind")
_TOP = frozenset({"version", "title", "sheet", "in_force_from", "source", "columns", "codes"})
_COLUMN = frozenset({"header", "source", "type", "required", "width"})
_SHEET_NAME_MAX = 31  # Excel's own limit
_WIDTH_MAX = 255  # likewise


class ColumnType(StrEnum):
    """How a column's value is made: as it stands, by a date format, or through a code table."""

    TEXT = "text"
    DATE = "date"
    CODE = "code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the table; every cell of it is written as text.

    `date_format` is set for dates, `codes` for codes; `empty` is written where an optional text is
    missing (所在单位: 其他).
    """

    header: str
    source: str
    type: ColumnType
    required: bool
    width: int
    empty: str = ""
    date_format: str = ""
    codes: Table[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """A mapping file, checked. `label` names it and its version in manifests and on the sheet."""

    name: str
    version: int
    title: str
    sheet: str
    in_force_from: date
    source: str
    columns: tuple[Column, ...]

    @property
    def label(self) -> str:
        """Name and version in one, such as ``guangdong-certificates@1``."""
        return f"{self.name}@{self.version}"


def mapping_names() -> tuple[str, ...]:
    """Return the names of the mapping files that come with the product, in order."""
    found = resources.files("registry.upload").joinpath("mappings").iterdir()
    return tuple(sorted(f.name.removesuffix(".toml") for f in found if f.name.endswith(".toml")))


def load_mapping(name: str) -> Mapping:
    """Read one of the product's mapping files by name; `MappingError` says what is wrong."""
    if not _NAME.fullmatch(name) or name not in mapping_names():
        known = ", ".join(mapping_names())
        raise MappingError(f"no upload mapping of that name; known are: {known}")
    file = resources.files("registry.upload").joinpath("mappings", f"{name}.toml")
    return read_mapping(file.read_bytes(), name)


def read_mapping(data: bytes, name: str) -> Mapping:
    """Parse and check a mapping file's bytes; `name` is its file name without the ending.

    Raises `MappingError`, which names the file, the key and what to do.
    """
    file = f"{name}.toml"
    try:
        top = tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise MappingError(f"{file}: not UTF-8; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as fault:
        raise MappingError(f"{file}: not TOML: {fault}") from None
    except RecursionError:
        raise MappingError(f"{file}: nested too deeply; a mapping needs two levels") from None
    return _Reader(file=file).mapping(name, top)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Takes a parsed file apart, so that every complaint can name the file and the key."""

    file: str

    def refuse(self, key: str, what: str) -> NoReturn:
        raise MappingError(f"{self.file}: {key}: {what}")

    def mapping(self, name: str, top: Table[str, object]) -> Mapping:
        self.keys("the file", top, must=_TOP, may=frozenset())
        codes = self.codes(top["codes"])
        raw = top["columns"]
        if not isinstance(raw, list) or not raw:
            self.refuse("columns", "write at least one [[columns]] table")
        columns = tuple(self.column(f"columns[{n}]", c, codes) for n, c in enumerate(raw, 1))
        for what in ("header", "source"):
            seen = [getattr(c, what) for c in columns]
            for twice in sorted({v for v in seen if seen.count(v) > 1}):
                self.refuse("columns", f"{what} {twice!r} stands twice; keep one")
        for source in _MUST_MAP:
            if not any(c.source == source for c in columns):
                self.refuse("columns", f"a column with source {source!r} is needed")
        used = {c.get("codes") for c in raw}
        for table in codes:
            if table not in used:
                self.refuse(f"codes.{table}", "no column uses it; remove it or name it in a column")
        sheet = self.text("sheet", top["sheet"], _SHEET_NAME_MAX)
        if set(sheet) & set("[]:*?/\\'") or sheet in {"汇总", "History"}:
            self.refuse("sheet", "not a name a data sheet can have; choose another")
        return Mapping(
            name=name,
            version=self.whole("version", top["version"], 1_000_000),
            title=self.text("title", top["title"], 255),
            sheet=sheet,
            in_force_from=self.day("in_force_from", top["in_force_from"]),
            source=self.text("source", top["source"], 4096),
            columns=columns,
        )

    def column(self, key: str, raw: object, codes: Table[str, Table[str, str]]) -> Column:
        table = self.table(key, raw)
        try:
            kind = ColumnType(self.text(f"{key}.type", table.get("type"), 16))
        except ValueError:
            self.refuse(f"{key}.type", "is one of text, date, code")
        extra = {
            ColumnType.TEXT: frozenset({"empty"}),
            ColumnType.DATE: frozenset({"format"}),
            ColumnType.CODE: frozenset({"codes"}),
        }[kind]
        optional = extra if kind is ColumnType.TEXT else frozenset[str]()
        self.keys(key, table, must=_COLUMN | (extra - optional), may=optional)
        source = self.text(f"{key}.source", table["source"], 64)
        if source not in SOURCES:
            self.refuse(f"{key}.source", f"is one of {', '.join(SOURCES)}")
        if (source == "issued") is not (kind is ColumnType.DATE):
            self.refuse(f"{key}.type", "'issued' and only 'issued' is a date")
        required = table["required"]
        if not isinstance(required, bool):
            self.refuse(f"{key}.required", "is true or false")
        if required and "empty" in table:
            self.refuse(f"{key}.empty", "a required column is never empty; remove one of the two")
        return Column(
            header=self.text(f"{key}.header", table["header"], 64),
            source=source,
            type=kind,
            required=required,
            width=self.whole(f"{key}.width", table["width"], _WIDTH_MAX),
            empty=self.text(f"{key}.empty", table["empty"], 64) if "empty" in table else "",
            date_format=self.date_format(f"{key}.format", table["format"])
            if kind is ColumnType.DATE
            else "",
            codes=self.code_table(f"{key}.codes", table["codes"], codes)
            if kind is ColumnType.CODE
            else None,
        )

    def codes(self, raw: object) -> dict[str, dict[str, str]]:
        tables: dict[str, dict[str, str]] = {}
        for name, entries in self.table("codes", raw).items():
            key = f"codes.{name}"
            tables[name] = {
                ours: self.text(f"{key}.{ours}", theirs, 64)
                for ours, theirs in self.table(key, entries).items()
            }
        return tables

    def code_table(
        self, key: str, raw: object, codes: Table[str, Table[str, str]]
    ) -> Table[str, str]:
        name = self.text(key, raw, 64)
        if name not in codes:
            self.refuse(key, f"write the table [codes.{name}], or name one that is there")
        return codes[name]

    def date_format(self, key: str, raw: object) -> str:
        text = self.text(key, raw, 16)
        if text not in DATE_FORMATS:
            self.refuse(key, f"is one of {', '.join(DATE_FORMATS)}")
        return DATE_FORMATS[text]

    def keys(
        self, key: str, table: Table[str, object], *, must: frozenset[str], may: frozenset[str]
    ) -> None:
        for missing in sorted(must - table.keys()):
            self.refuse(key, f"the key {missing!r} is missing; add it")
        for unknown in sorted(table.keys() - must - may):
            self.refuse(key, f"the key {unknown!r} is not known here; correct or remove it")

    def table(self, key: str, raw: object) -> Table[str, object]:
        if not isinstance(raw, dict):
            self.refuse(key, "is a table")
        return raw

    def text(self, key: str, raw: object, limit: int) -> str:
        if not isinstance(raw, str) or not raw.strip() or len(raw) > limit:
            self.refuse(key, f"is a text of 1 to {limit} characters")
        if any(c < " " and c != "\n" for c in raw):
            self.refuse(key, "holds a control character; remove it")
        return raw

    def whole(self, key: str, raw: object, limit: int) -> int:
        if not isinstance(raw, int) or isinstance(raw, bool) or not 1 <= raw <= limit:
            self.refuse(key, f"is a whole number from 1 to {limit}")
        return raw

    def day(self, key: str, raw: object) -> date:
        if not isinstance(raw, date) or isinstance(raw, datetime):
            self.refuse(key, "is a day such as 2022-08-31, without quotes")
        return raw
