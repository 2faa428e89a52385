"""Freezing beside the centre's card: damaged or gone, it is no reason to leave the proof out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET

from signing.upload.manifest import Manifest, open_manifest
from signing.upload.package import MANIFEST_NAME, open_package

PREFIX, OTHER = "Y000044999001", "Y000044999002"


@pytest.fixture
def card(stock: Any, tmp_path: Path) -> Path:
    """Give the card of a centre that the city trusts, with one upload frozen."""
    home = tmp_path / "centre"
    named = ("--name", "示例省职业技能鉴定指导中心", "--province", "44")
    assert stock("centre", "init", *named, "--home", str(home)).status == 0
    file = home / "public" / "centre.json"
    assert stock("upload", "centre", str(file)).status == 0
    frozen(stock, PREFIX, "U00000001")
    stock.issued(stock.rows(3, offset=100, level="四级/中级工"), OTHER)
    assert stock("anchor").status == 0
    return file


def frozen(desk: Any, prefix: str, upload: str) -> None:
    assert desk("upload", "prepare", prefix).status == 0
    assert desk("upload", "freeze", upload, "--batch", "GD-1").status == 0


def manifest_of(desk: Any, upload: str, folder: Path) -> Manifest:
    file = folder / f"{upload}.zip"
    assert desk("upload", "package", upload, "-o", str(file)).status == 0
    with open_package(file) as package, package.open(MANIFEST_NAME) as data:
        return open_manifest(data.read()).manifest


def test_nothing_is_frozen_beside_a_damaged_card(stock: Any, card: Path, tmp_path: Path) -> None:
    kept = stock.home / "centre.json"
    good = kept.read_bytes()
    kept.write_bytes(good[:99])
    assert stock("upload", "prepare", OTHER).status == 0
    refused = stock("upload", "freeze", "U00000002", "--batch", "GD-1")
    assert refused.status == 1
    assert "centre.json 已损坏" in refused.line
    assert stock("upload", "show", "U00000002", "--json").facts["state"] == "prepared"
    # What is frozen already needs no card.
    assert manifest_of(stock, "U00000001", tmp_path).consistency is UNSET
    assert stock("upload", "centre", str(card)).status == 0
    assert kept.read_bytes() == good
    assert stock("upload", "freeze", "U00000002", "--batch", "GD-1").status == 0
    assert manifest_of(stock, "U00000002", tmp_path).consistency is not UNSET


def test_a_city_that_proves_goes_on_without_a_card(stock: Any, card: Path, tmp_path: Path) -> None:
    frozen(stock, OTHER, "U00000002")
    (stock.home / "centre.json").unlink()
    stock.issued(stock.rows(3, offset=200, level="四级/中级工"), OTHER)
    assert stock("anchor").status == 0
    frozen(stock, OTHER, "U00000003")
    assert manifest_of(stock, "U00000003", tmp_path).consistency is not UNSET
