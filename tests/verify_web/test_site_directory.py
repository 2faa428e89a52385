"""The directory of companies: shown as published; missing or damaged is trouble, never empty."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from verify_web.app import create_app
from verify_web.config import SiteConfig

GOOD = {
    "companies": [
        {
            "listed": "2026-10-12",
            "name": "深圳市示例精密制造有限公司",
            "occupations": [
                {
                    "code": "6-20-01-01",
                    "direction": "",
                    "levels": "543",
                    "name": "装配钳工",
                    "since": "2026-10-12",
                }
            ],
            "prefix": "Y000044999001",
            "uscc": "91449999MA5DEM0015",
        }
    ],
    "on": "2026-11-26",
    "v": 1,
}


def site(public: Path, data: bytes | None) -> Any:
    if data is not None:
        (public / "directory.json").write_bytes(data)
    config = SiteConfig(public_dir=public, pepper=bytes(32), base_url="http://127.0.0.1:8000")
    return create_app(config).test_client()


def test_companies_are_shown_with_what_they_may_assess(tmp_path: Path) -> None:
    client = site(tmp_path, json.dumps(GOOD).encode())
    page = client.get("/directory")
    assert page.status_code == 200
    for text in ("深圳市示例精密制造有限公司", "装配钳工", "三级/高级工", "2026年10月12日"):
        assert text in page.text
    data = client.get("/directory.json")
    assert data.get_json() == GOOD
    assert data.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    "data",
    [
        None,
        b"",
        b"{}",
        b"\xff",
        json.dumps({**GOOD, "v": 2}).encode(),
        json.dumps({**GOOD, "more": 1}).encode(),
        json.dumps(GOOD).encode()[:-3],
        b"[" * 100_000,
    ],
)
def test_what_is_no_directory_is_trouble(tmp_path: Path, data: bytes | None) -> None:
    client = site(tmp_path, data)
    for address in ("/directory", "/directory.json"):
        assert client.get(address).status_code == 503


def test_names_are_text_not_markup(tmp_path: Path) -> None:
    company = {**GOOD["companies"][0], "name": "<script>alert(1)</script>"}  # type: ignore[index]
    client = site(tmp_path, json.dumps({**GOOD, "companies": [company]}).encode())
    assert "<script>alert" not in client.get("/directory").text
