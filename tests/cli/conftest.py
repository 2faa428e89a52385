"""A registry on the command line: homes, lists, runs, and an ear for what must never be said.

Commands run in this process, where starting up costs nothing, and as real processes where that
matters. Every run is held to the same form: exit status 0, 1 or 2, one line on standard error
unless 0, no traceback, no value of a person. Nobody here exists.
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import select

from registry.cli.base import CLOCK, run
from registry.cli.batches import CHINA
from registry.cli.demo_people import demo_name, demo_people
from registry.cli.demo_sheets import row_of, write_xlsx
from registry.cli.home import Home
from registry.cli.main import certreg
from registry.sheets.columns import COLUMNS, SHEET_NAME
from registry.store.base import read_unit
from registry.store.certificates import Certificate
from signing.certverify import main as certverify

Cheaply = Callable[[], AbstractContextManager[None]]

PREFIX, OTHER = "Y000044999001", "Y000044999002"
COMPANIES = (
    (PREFIX, "深圳市示例精密制造有限公司", "91449999MA5DEM0015", "5,4,3,2,1"),
    (OTHER, "深圳市示例电力设备有限公司", "91449999MA5DEM0028", "5,4"),
)
APPROVAL = "深技鉴备〔2026〕第001号"
KEYS = [column.key for column in COLUMNS]
HEADERS = [column.header for column in COLUMNS]
ISSUED = CLOCK.now().astimezone(CHINA).date() - timedelta(days=3)

_NAMES = re.compile("|".join(sorted({demo_name(index) for index in range(400)})))
_ID = re.compile(r"4(?:4999|40301)[0-9]{12,13}[0-9Xx]")
# `show`, `pdf` and `prove` are for the clerk at the desk; lists and the ledger go on to others.
_SPEAKS_OF_PERSONS = {"show"}


def hear(command: str, out: str, err: str) -> None:
    """Fail if a run said what no run may say."""
    assert "Traceback" not in err
    said = err if command in _SPEAKS_OF_PERSONS else out + err
    assert not _ID.search(said)
    assert not _NAMES.search(said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a command did: exit status and both streams."""

    status: int
    out: str
    err: str

    @property
    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def line(self) -> str:
        """Give the one line on standard error that goes with a refusal."""
        assert self.status in {1, 2}, self
        assert self.err.endswith("\n"), self
        assert self.err.count("\n") == 1, self
        return self.err.strip()

    def found(self) -> set[tuple[str, int | None, str | None]]:
        """Give the findings of `check --json`: code, row, column."""
        return {(item["code"], item["row"], item["column"]) for item in self.facts["findings"]}

    def message(self, code: str) -> str:
        (told,) = [item["message"] for item in self.facts["findings"] if item["code"] == code]
        return str(told)


def captured(work: Callable[[], Any]) -> Ran:
    # Real text streams over bytes, as a process has them: encoding faults show.
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    code: object = None
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = work()
        except SystemExit as ended:
            code = ended.code
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())  # type: ignore[attr-defined]
    return Ran(status=int(str(int(code or 0))), out=texts[0], err=texts[1])  # type: ignore[call-overload]


@dataclass
class Desk:
    """One home and the people at its command line; mutable: lists are numbered."""

    home: Path
    folder: Path
    prefix: str = PREFIX
    lists: int = field(default=0)

    def __call__(self, *arguments: str) -> Ran:
        ran = captured(lambda: run(certreg, list(arguments)))
        hear(arguments[0] if arguments else "", ran.out, ran.err)
        if ran.status:
            assert ran.line.startswith("certreg: ")
        else:
            assert ran.err.strip() in {"", "demo"}
        return ran

    def process(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        """Start the real command."""
        command = [str(Path(sys.executable).with_name("certreg")), *arguments]
        return subprocess.Popen(
            command,
            env={**os.environ, "CERTREG_HOME": str(self.home), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def rows(self, count: int, offset: int = 0, **values: object) -> list[list[Any]]:
        """Give rows in the template's order; `values` go into every one."""
        people = demo_people(count, offset=offset, issued=ISSUED)
        rows: list[list[Any]] = [list(row_of(n, person)) for n, person in enumerate(people, 1)]
        for row in rows:
            for key, value in values.items():
                row[KEYS.index(key)] = value
        return rows

    def file(self, ending: str = "xlsx") -> Path:
        self.lists += 1
        return self.folder / f"list-{self.lists}.{ending}"

    def sheet(self, rows: Sequence[Sequence[Any]]) -> Path:
        """Write rows under the template's header, texts as texts."""
        file = self.file()
        write_xlsx(file, rows)
        return file

    def edited(
        self,
        rows: Sequence[Sequence[Any]],
        change: Callable[[Any], object] = lambda _sheet: None,
        headers: Sequence[str] = HEADERS,
    ) -> Path:
        """Write rows by openpyxl, as a clerk's own program would; `change` gets the sheet."""
        book = openpyxl.Workbook()
        sheet = book.worksheets[0]
        sheet.title = SHEET_NAME
        for row in (headers, *rows):
            sheet.append(list(row))
        change(sheet)
        file = self.file()
        book.save(file)
        return file

    def check(self, file: Path, *options: str, prefix: str = PREFIX) -> Ran:
        return self("check", str(file), "--issuer", prefix, "--json", *options)

    def issue(self, file: Path, prefix: str = PREFIX) -> Ran:
        return self("issue", str(file), "--issuer", prefix, "--approval", APPROVAL, "--json")

    def issued(self, rows: Sequence[Sequence[Any]], prefix: str = PREFIX) -> list[str]:
        """Issue rows and give the first number of each level."""
        ran = self.issue(self.sheet(rows), prefix)
        assert ran.status == 0, ran
        return [numbers.partition(" ")[0] for numbers in ran.facts["numbers"]]

    def certificates(self) -> list[Certificate]:
        """Read the database behind the command line's back."""
        engine = Home(path=self.home, environ=os.environ).engine()
        try:
            with read_unit(engine) as session:
                return list(session.scalars(select(Certificate).order_by(Certificate.status_index)))
        finally:
            engine.dispose()

    @property
    def trust(self) -> Path:
        return self.home / "public" / "trust"

    def verify(self, file: Path, *options: str, trust: Path | None = None) -> Ran:
        """Run certverify; a PDF or proof shows its holder, a refusal nobody."""
        arguments = [str(file), "--trust", str(trust or self.trust), *options]
        ran = captured(lambda: certverify(arguments))
        hear("show", ran.out, ran.err)
        if ran.status:
            assert ran.line.startswith("certverify: ")
        return ran


def open_desk(home: Path, folder: Path) -> Desk:
    os.environ["CERTREG_HOME"] = str(home)
    return Desk(home=home, folder=folder)


@pytest.fixture(scope="module", autouse=True)
def _cheap_passphrase(cheap_passphrases: Cheaply) -> Iterator[None]:
    """Make rings and accounts whose passphrase costs little: it is most of a short command."""
    with cheap_passphrases():
        yield


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory, cheap_passphrases: Cheaply) -> Path:
    """Give a home with two companies, to be copied."""
    folder = tmp_path_factory.mktemp("founded")
    desk = open_desk(folder / "home", folder)
    # A fixture of the session is made before the module's own; and the ring keeps what it cost.
    with cheap_passphrases():
        assert desk("init", "--direct").status == 0
        for prefix, name, code, levels in COMPANIES:
            named = ("--name", name, "--uscc", code, "--prefix", prefix, "--levels", levels)
            assert desk("issuer", "add", *named).status == 0
    return desk.home


@pytest.fixture(scope="session")
def stocked(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a home with 25 people's certificates in the published log, to be copied."""
    folder = tmp_path_factory.mktemp("stocked")
    shutil.copytree(founded, folder / "home")
    desk = open_desk(folder / "home", folder)
    desk.issued(desk.rows(25))
    assert desk("anchor").status == 0
    return desk.home


@pytest.fixture(autouse=True)
def _nothing_of_persons_in_logs(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.DEBUG):
        yield
    for record in caplog.get_records("call"):
        text = f"{record.getMessage()} {record.args!r}"
        assert not _ID.search(text)
        assert not _NAMES.search(text)


def _copied(source: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    home = folder / "home"
    shutil.copytree(source, home)
    monkeypatch.setenv("CERTREG_HOME", str(home))
    return Desk(home=home, folder=folder)


@pytest.fixture
def desk(founded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Give a desk over a home of this test's own, nothing issued."""
    return _copied(founded, tmp_path, monkeypatch)


@pytest.fixture
def stock(stocked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Give a desk over a home of this test's own, with 25 certificates."""
    return _copied(stocked, tmp_path, monkeypatch)


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Give a desk without a home."""
    monkeypatch.setenv("CERTREG_HOME", str(tmp_path / "home"))
    return Desk(home=tmp_path / "home", folder=tmp_path)


@pytest.fixture(scope="session")
def issued_on() -> date:
    """Give the date of issue of all lists."""
    return ISSUED
