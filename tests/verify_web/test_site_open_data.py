"""Open data on the site: the office's figures as published, withheld ones as stars."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from registry.office.open_data import make_document, open_files
from registry.office.statistics import Names
from verify_web.app import create_app
from verify_web.config import SiteConfig
from verify_web.open_data import TYPES

AS_OF = date(2026, 9, 30)
NAMES = Names(companies={}, districts={"A": "甲区", "B": "乙<区>"}, occupations={})
CELLS = [("A", "x", "4", AS_OF, 3), ("B", "x", "4", AS_OF, 30), ("A", "x", "5", AS_OF, 40)]


def site(public: Path, files: dict[str, bytes]) -> Any:
    (public / "open").mkdir()
    for name, data in files.items():
        (public / name).write_bytes(data)
    config = SiteConfig(public_dir=public, pepper=bytes(32), base_url="http://127.0.0.1:8000")
    return create_app(config).test_client()


def test_what_the_registry_writes_is_shown_and_given_out(tmp_path: Path) -> None:
    files = dict(open_files(make_document(CELLS, NAMES, as_of=AS_OF)))
    client = site(tmp_path, files)
    page = client.get("/open").text
    assert "截至 2026年9月30日" in page
    assert "的有效证书 73 本。" in page
    assert "乙&lt;区&gt;" in page
    assert page.count("<td>*</td>") > 0
    assert ">-1<" not in page
    assert {name.removeprefix("open/") for name in files} == set(TYPES)
    for name in TYPES:
        assert f'href="/open/{name}"' in page
        answer = client.get(f"/open/{name}")
        assert (answer.data, answer.content_type) == (files[f"open/{name}"], TYPES[name])
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_too_few_are_said_to_be_too_few(tmp_path: Path) -> None:
    client = site(tmp_path, dict(open_files(make_document(CELLS[:1], NAMES, as_of=AS_OF))))
    page = client.get("/open").text
    assert "不足 5 本。" in page
    assert "<table" not in page


def test_before_the_first_quarter_the_page_says_so(tmp_path: Path) -> None:
    client = site(tmp_path, {})
    assert "尚未发布统计数据" in client.get("/open").text
    assert client.get("/open/certificates.json").status_code == 404


@pytest.mark.parametrize("name", ["other.json", "certificates", "..%2fmirror.db", "index.json"])
def test_nothing_else_is_given_out(tmp_path: Path, name: str) -> None:
    client = site(tmp_path, {"mirror.db": b"x", "open/other.json": b"{}"})
    assert client.get(f"/open/{name}").status_code == 404


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"[]", b'{"v":2}', b'{"as_of":"2026-09-30","v":1}', b" " * (9 << 20)]
)
def test_a_damaged_file_is_trouble_and_no_figures(tmp_path: Path, data: bytes) -> None:
    client = site(tmp_path, {"open/certificates.json": data})
    assert client.get("/open").status_code == 503


def test_figures_of_another_form_are_trouble(tmp_path: Path) -> None:
    document = json.loads(open_files(make_document(CELLS, NAMES, as_of=AS_OF))[-1][1])
    document["persons"] = ["x"]
    client = site(tmp_path, {"open/certificates.json": json.dumps(document).encode()})
    assert client.get("/open").status_code == 503
