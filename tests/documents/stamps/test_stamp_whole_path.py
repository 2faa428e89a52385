"""From a list to a timestamped PDF that certverify finds valid, its authority a real server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from keys import ring
from keys.sealed import ScryptParams
from registry.cli.base import CLOCK
from registry.cli.batches import CHINA, check_file, issue_file
from registry.cli.demo_people import demo_people
from registry.cli.demo_sheets import row_of, write_xlsx
from registry.cli.home import Home, Settings
from registry.cli.press import make_copy, make_pdf
from registry.cli.services import Services
from registry.cli.setup import enrol, init_home
from registry.cli.stamp_roots import FOLDER
from registry.cli.stamping import SETTINGS_FILE
from signing.certverify import main as certverify

PREFIX = "Y000044999001"
KIND = "application/timestamp-reply"


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    monkeypatch.setattr(ring, "ScryptParams", partial(ScryptParams, n=1 << 4))
    home = Home(path=tmp_path / "home", environ={})
    init_home(
        home,
        Settings(
            office="示例市鉴定办", base_url="http://127.0.0.1", database="sqlite", direct=True
        ),
    )
    opened = Services.open(home)
    named = {"name": "深圳市示例精密制造有限公司", "uscc": "91449999MA5DEM0015"}
    enrol(opened, prefix=PREFIX, levels="5,4,3,2,1", **named)
    return opened


def issued(services: Services, folder: Path) -> str:
    day = CLOCK.now().astimezone(CHINA).date() - timedelta(days=3)
    sheet = folder / "list.xlsx"
    write_xlsx(sheet, [row_of(1, *demo_people(1, offset=0, issued=day))])
    checked = check_file(services, sheet, PREFIX, CLOCK.now())
    batch = issue_file(services, checked, "深技鉴备〔2026〕第001号")
    assert batch is not None
    ((number, _last),) = batch.ranges
    return number


@pytest.fixture
def set_up(services: Services, authority: Any, serve: Callable[..., str]) -> Callable[[str], str]:
    """Set the home's authority to a server of that level; gives the time it stamps."""

    def set_up(level: str) -> str:
        folder = services.home.path / FOLDER
        folder.mkdir()
        root = x509.load_der_x509_certificate(authority.root)
        (folder / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
        authority.at = CLOCK.now().replace(microsecond=0)
        url = serve(lambda request: (200, KIND, authority.answer(request)))
        settings = f'url = "{url}"\nlevel = "{level}"\nwithout = "refuse"\n'
        (folder / SETTINGS_FILE).write_text(settings)
        return str(authority.at.strftime("%Y-%m-%dT%H:%M:%SZ"))

    return set_up


@pytest.mark.parametrize("level", ["B-T", "B-LTA"])
def test_a_list_becomes_timestamped_pdfs(
    services: Services,
    set_up: Callable[[str], str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    level: str,
) -> None:
    stamped = set_up(level)
    number = issued(services, tmp_path)
    services.anchor()
    until = (CLOCK.now() + timedelta(days=9)).date()
    copy = make_copy(services, number, purpose="入职", recipient="甲公司", valid_until=until)
    trust = tmp_path / "trust"
    shutil.copytree(services.home.public / "trust", trust)
    for data in (make_pdf(services, number), copy):
        file = tmp_path / "one.pdf"
        file.write_bytes(data)
        status = certverify([str(file), "--trust", str(trust), "--json"])
        seal = json.loads(capsys.readouterr().out)["steps"][5]
        assert (status, seal["reason"]) == (0, "seal-good")
        assert seal["facts"]["stamped"] == stamped
    assert certverify([str(file), "--trust", str(trust)]) == 0
    assert "签章时间戳" in capsys.readouterr().out
    services.engine.dispose()
