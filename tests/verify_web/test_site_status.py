"""Status files as the site gives them out, and what its pages say of papers that were replaced."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient

from signing.bundle import bundle_file
from signing.record import canonical, edition_digest
from signing.statusfile import format_status_file, parse_status_file, status_file_of
from signing.tlog.entry import State

FORM = "multipart/form-data"


@pytest.fixture
def file(world: Any) -> Path:
    """Publish the status file of the one page there is."""
    evidence = world.evidence("valid")
    made = status_file_of(evidence.staple, evidence.proof.checkpoint_note)
    path: Path = world.public / "status" / "0.tlog-proof"
    path.write_bytes(format_status_file(made))
    return path


def test_each_certificate_s_status_file(world: Any, client: FlaskClient, file: Path) -> None:
    for index in range(len(world.records)):
        answer = client.get(f"/status/{index}")
        assert answer.status_code == 200
        assert answer.data == file.read_bytes()
        assert parse_status_file(answer.data).holds(index)
        assert answer.content_type == "text/plain; charset=utf-8"
        assert answer.headers["Cache-Control"] == "public, max-age=5"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert client.get("/status/0.tlog-proof").data == file.read_bytes()


def test_it_names_nobody(world: Any, client: FlaskClient, file: Path) -> None:
    data = client.get("/status/0").data
    for record in world.records.values():
        for value in (record.name, record.id_number, record.number):
            assert value.encode() not in data
    assert file.exists()


@pytest.mark.parametrize(
    "path",
    [
        *("6", "4096", "-1", "00", "01", "+1", "1.0", "１", "0x0", "x", "9" * 17, "9" * 5000),
        *("1.tlog-proof", "00.tlog-proof", ".tlog-proof", "x.tlog-proof", "..%2f0.tlog-proof"),
        *("latest.json", "pages-306.bin", "..%2fmirror.db", ""),
    ],
)
def test_what_is_not_there_is_404(client: FlaskClient, file: Path, path: str) -> None:
    assert file.exists()
    assert client.get(f"/status/{path}").status_code == 404


def test_before_the_first_publication_there_is_none(client: FlaskClient) -> None:
    assert client.get("/status/0").status_code == 404


def test_a_damaged_file_is_trouble_and_not_passed_on(client: FlaskClient, file: Path) -> None:
    whole = file.read_bytes()
    for harm in (whole[:200], b"", whole + bytes(1 << 18)):
        file.write_bytes(harm)
        answer = client.get("/status/0")
        assert answer.status_code == 503
        assert harm[:20] not in answer.data or not harm
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_corrected_paper_names_the_edition_to_see(world: Any, client: FlaskClient) -> None:
    page = client.get(f"/v/{world.token('old')}").text
    assert "已更正" in page
    assert "<strong>第 2 版</strong>（或其后各版）" in page
    assert f'href="/v/{world.token("new")}"' in page
    told = client.get(f"/v/{world.token('old')}", headers={"Accept": "application/json"})
    assert json.loads(told.data)["see_edition"] == 2
    for name in ("valid", "new", "revoked", "suspended"):
        page = client.get(f"/v/{world.token(name)}").text
        assert "其后各版" not in page
        told = client.get(f"/v/{world.token(name)}", headers={"Accept": "application/json"})
        assert json.loads(told.data)["see_edition"] is None


@pytest.fixture
def reissued(world: Any, tmp_path: Path) -> Any:
    """Publish two editions with the same facts, the first superseded."""
    old = world.records["old"]
    new = msgspec.structs.replace(old, edition=2, previous=edition_digest(canonical(old)))
    kind = type(world)
    other = kind(
        tmp_path / "reissued",
        records={"old": old, "new": new},
        states={"old": State.SUPERSEDED},
    )
    other.build()
    return other


def test_a_reissued_paper_says_so_wherever_it_is_looked_up(reissued: Any) -> None:
    client = reissued.app().test_client()
    old = reissued.records["old"]
    data = bundle_file(reissued.evidence("old"))
    upload = {"file": (BytesIO(data), "file.json")}
    for page in (
        client.get(f"/v/{reissued.token('old')}").text,
        client.post("/verify", data=upload, content_type=FORM).text,
        client.post("/lookup", data={"number": old.number, "name": old.name}).text,
    ):
        assert "已补发" in page
        assert "已更正" not in page
    page = client.get(f"/v/{reissued.token('old')}").text
    assert "查看补发的证书" in page
    assert "第 2 版" in page
    told = client.get(f"/v/{reissued.token('old')}", headers={"Accept": "application/json"})
    assert json.loads(told.data)["verdict"] == "corrected"
    assert "已补发" not in client.get(f"/v/{reissued.token('new')}").text


@pytest.mark.parametrize("harm", ["changed", "unlinked", "gone"])
def test_where_it_cannot_be_told_it_is_a_correction(reissued: Any, harm: str) -> None:
    record = reissued.records["new"]
    match harm:
        case "changed":
            reissued.records["new"] = msgspec.structs.replace(record, admission="2026110099")
        case "unlinked":
            reissued.records["new"] = msgspec.structs.replace(record, previous="0" * 64)
        case _:
            pass
    reissued.build()
    if harm == "gone":
        old = msgspec.structs.replace(reissued.entries["old"], superseded_by="a" * 16)
        reissued.write_mirror(old=old)
    page = reissued.app().test_client().get(f"/v/{reissued.token('old')}").text
    assert "已更正" in page
    assert "已补发" not in page
