"""The log as others' tools read it: bytes, headers, and nothing but the log."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st


def test_the_checkpoint_is_text_kept_for_seconds(world: Any, client: FlaskClient) -> None:
    answer = client.get("/log/checkpoint")
    assert answer.data == (world.public / "log/checkpoint").read_bytes()
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=5"


def test_every_published_tile_is_served_for_ever(world: Any, client: FlaskClient) -> None:
    files = [file for file in (world.public / "log/tile").rglob("*") if file.is_file()]
    assert len(files) == 5
    for file in files:
        answer = client.get(f"/log/{file.relative_to(world.public / 'log')}")
        assert answer.data == file.read_bytes()
        assert answer.content_type == "application/octet-stream"
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_the_log_leads_to_its_root_by_its_own_bytes(client: FlaskClient) -> None:
    """RFC 6962 written out once more, over what HTTP gives."""
    size, root = client.get("/log/checkpoint").text.split("\n")[1:3]
    tail = int(size) % 256
    bundles = [
        client.get("/log/tile/entries/000").data,
        client.get(f"/log/tile/entries/001.p/{tail}").data,
    ]
    leaves = []
    for data in bundles:
        at = 0
        while at < len(data):
            end = at + 2 + int.from_bytes(data[at : at + 2])
            leaves.append(hashlib.sha256(b"\0" + data[at + 2 : end]).digest())
            at = end

    def tree(hashes: list[bytes]) -> bytes:
        if len(hashes) == 1:
            return hashes[0]
        split = 1 << (len(hashes) - 1).bit_length() - 1
        return hashlib.sha256(b"\1" + tree(hashes[:split]) + tree(hashes[split:])).digest()

    import base64

    assert len(leaves) == int(size)
    assert base64.b64encode(tree(leaves)).decode() == root


@pytest.mark.parametrize("name", ["log.policy", "issuers.json"])
def test_the_trust_files(world: Any, client: FlaskClient, name: str) -> None:
    answer = client.get(f"/trust/{name}")
    assert answer.data == (world.public / "trust" / name).read_bytes()
    assert answer.headers["Cache-Control"] == "public, max-age=300"


@pytest.mark.parametrize(
    "path",
    [
        "0/000/../../checkpoint",
        "../../mirror.db",
        "..%2f..%2fmirror.db",
        "0/0",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/01",
        "0/x000/000",
        "9/000",
        "-1/000",
        "entries/000/",
        "entries/000.p",
        "entries//000",
        "entries/\uff10\uff10\uff10",
        "0/999",
        "",
    ],
)
def test_nothing_else_is_served(client: FlaskClient, path: str) -> None:
    answer = client.get(f"/log/tile/{path}")
    assert answer.status_code in (301, 308, 404)
    assert b"SQLite" not in answer.data


@given(st.text(alphabet="./%x0123456789pentrisLW\\", max_size=40))
def test_no_path_leaves_the_tiles(served: Any, path: str) -> None:
    _world, client = served
    answer = client.get(f"/log/tile/{path}")
    if answer.status_code == 200:
        assert re.fullmatch(r"(\d|entries)/\d{3}(\.p/\d+)?", path)
    else:
        assert answer.status_code in (301, 308, 404, 405)


@pytest.fixture
def served(world: Any, client: FlaskClient) -> Any:
    return world, client


@pytest.mark.parametrize(
    "path", ["/mirror.db", "/status/latest.json", "/log/", "/static/../app.py"]
)
def test_the_mirror_and_status_files_are_not_served(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404
