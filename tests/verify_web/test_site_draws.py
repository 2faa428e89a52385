"""Draws of supervision in the open: shown, given out as published, and nothing else read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from verify_web.app import create_app
from verify_web.config import SiteConfig

GOOD = {
    "draws": [
        {
            "reference": "CQ-2026-0001",
            "visits": [
                {"plan": "JH-2026-0003", "result": "规范"},
                {"plan": "JH-2026-0007", "result": ""},
            ],
        }
    ],
    "on": "2026-11-26",
    "v": 1,
}


def site(public: Path, index: bytes | None = None, **files: bytes) -> Any:
    folder = public / "draws"
    folder.mkdir()
    if index is not None:
        (folder / "index.json").write_bytes(index)
    for name, data in files.items():
        (folder / f"{name.replace('_', '-')}.json").write_bytes(data)
    config = SiteConfig(public_dir=public, pepper=bytes(32), base_url="http://127.0.0.1:8000")
    return create_app(config).test_client()


def test_a_draw_is_shown_with_what_was_found_and_given_out(tmp_path: Path) -> None:
    client = site(tmp_path, json.dumps(GOOD).encode(), CQ_2026_0001=b'{"v":1}')
    page = client.get("/draws").text
    for text in ("CQ-2026-0001", "JH-2026-0003", "规范", "计划未实施，不再督导"):
        assert text in page
    file = client.get("/draws/CQ-2026-0001.json")
    assert (file.data, file.headers["Access-Control-Allow-Origin"]) == (b'{"v":1}', "*")
    assert client.get("/draws/index.json").get_json() == GOOD


def test_before_the_first_draw_the_page_says_so(tmp_path: Path) -> None:
    client = site(tmp_path)
    assert "尚无已完成督导的抽取" in client.get("/draws").text
    assert client.get("/draws/CQ-2026-0001.json").status_code == 404


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        json.dumps({**GOOD, "v": 2}).encode(),
        json.dumps({**GOOD, "more": 1}).encode(),
        json.dumps(GOOD).encode()[:-3],
    ],
)
def test_a_damaged_index_is_trouble_and_no_empty_list(tmp_path: Path, data: bytes) -> None:
    assert site(tmp_path, data).get("/draws").status_code == 503


@pytest.mark.parametrize(
    "name", ["directory", "../directory", "CQ-2026-0001x", "%2e%2e/directory", "CQ-٢٠٢٦-0001"]
)
def test_no_other_file_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "directory.json").write_bytes(b"{}")
    assert site(tmp_path, directory=b"{}").get(f"/draws/{name}.json").status_code == 404
