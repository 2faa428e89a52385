"""An office on the command line: a home with two companies, and commands run in this process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from registry.cli.base import CLOCK, run
from registry.cli.batches import CHINA
from registry.cli.demo_people import DemoPerson, demo_people
from registry.cli.demo_sheets import row_of, write_xlsx
from registry.cli.main import certreg

PREFIX = "Y000044999001"
OTHER = "Y000044999002"
ADD = ("issuer", "add", "--name", "深圳市示例精密制造有限公司", "--uscc", "91449999MA5DEM0015")
ADD_OTHER = (*ADD[:3], "深圳市示例电力设备有限公司", "--uscc", "91449999MA5DEM0028")


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


class Office:
    """One home and its command line."""

    def __init__(self, home: Path, capsys: Any) -> None:
        self.home = home
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Ran:
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            run(certreg, list(arguments))
        streams = self._capsys.readouterr()
        code = ended.value.code
        return Ran(status=int(code or 0), out=streams.out, err=streams.err)

    def people(self, count: int, offset: int = 0, **changes: Any) -> list[DemoPerson]:
        issued = CLOCK.now().astimezone(CHINA).date() - timedelta(days=3)
        found = demo_people(count, offset=offset, issued=issued)
        return [replace(person, **changes) for person in found]

    def sheet(self, people: Sequence[DemoPerson], name: str = "list.xlsx") -> str:
        file = self.home.parent / name
        write_xlsx(file, [row_of(number, person) for number, person in enumerate(people, 1)])
        return str(file)

    def issue(self, file: str, prefix: str = PREFIX) -> Ran:
        approval = "深技鉴备〔2026〕第001号"
        return self("issue", file, "--issuer", prefix, "--approval", approval, "--json")

    def check(self, file: str, prefix: str = PREFIX) -> Ran:
        return self("check", file, "--issuer", prefix, "--json")


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory, cheap_passphrases: Any) -> Path:
    """A home made once, whose ring opens cheaply: stretching would cost more than the tests."""
    home = tmp_path_factory.mktemp("made") / "home"
    for arguments in (
        ("init", "--direct", "--home", str(home), "--base-url", "http://127.0.0.1:8000"),
        (*ADD, "--prefix", PREFIX, "--home", str(home)),
        (*ADD_OTHER, "--prefix", OTHER, "--levels", "5,4", "--home", str(home)),
    ):
        with pytest.raises(SystemExit) as ended, cheap_passphrases():
            run(certreg, list(arguments))
        assert not ended.value.code
    return home


@pytest.fixture
def office(
    _made: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    home = tmp_path / "home"
    shutil.copytree(_made, home)
    monkeypatch.setenv("CERTREG_HOME", str(home))
    return Office(home, capsys)
