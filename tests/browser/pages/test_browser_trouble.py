"""Published files missing or damaged under a running site: a doubt, never a yes and never a no."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from signing.tlog.merkle import leaf_hash, root_of
from signing.tlog.tiles import decode_bundle

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("trouble", "name"),
    [
        ("without", "mirror.db"),
        ("without", "log/checkpoint"),
        ("damaged", "log/checkpoint"),
        ("without", "trust/issuers.json"),
        ("damaged", "trust/issuers.json"),
    ],
)
def test_the_page_does_not_know_while_a_file_is_missing_or_damaged(
    office: Any, visit: Callable[..., Any], trouble: str, name: str
) -> None:
    visitor = visit()
    person = office.valid.person
    with getattr(office, trouble)(name):
        for path in (office.valid.path, office.revoked.path):
            assert visitor.open(path) == 503
            assert visitor.word == "暂无法确认"
            assert visitor.page.locator(".facts").count() == 0
        visitor.look_up(name=person.name, id_number=person.id_number)
        assert visitor.word == "暂无法确认"
        visitor.open("/v/" + "a" * 16)
        # A whole mirror does know which tokens there are, whatever the state of the log.
        assert visitor.word == ("暂无法确认" if name == "mirror.db" else "未找到")
    for paper, word in ((office.valid, "有效"), (office.revoked, "已撤销")):
        assert visitor.open(paper.path) == 200
        assert visitor.word == word


def test_an_emptied_mirror_is_no_mirror(office: Any, visit: Callable[..., Any]) -> None:
    visitor = visit()
    with office.without("mirror.db"):
        (office.public / "mirror.db").write_bytes(b"\0" * 8192)
        assert visitor.open(office.valid.path) == 503
        assert visitor.word == "暂无法确认"
    assert visitor.open(office.valid.path) == 200


def test_without_a_status_list_the_other_checks_still_answer(
    office: Any, visit: Callable[..., Any]
) -> None:
    visitor = visit()
    for paper in (office.valid, office.revoked):
        with office.without("status/latest.json"):
            assert visitor.open(paper.path) == 503
            assert visitor.word == "暂无法确认"
            assert list(visitor.checks.values()) == ["通过"] * 4 + ["无法确认"]
    assert visitor.open(office.valid.path) == 200


def test_the_log_page_shows_the_head_that_anyone_computes(
    office: Any, visit: Callable[..., Any]
) -> None:
    visitor = visit()
    assert visitor.open("/log") == 200
    facts = visitor.facts
    status, headers, note = office.get("/log/checkpoint")
    assert status == 200
    assert headers["content-type"] == "text/plain; charset=utf-8"
    assert headers["cache-control"] == "public, max-age=5"
    assert headers["access-control-allow-origin"] == "*"
    origin, size, root = note.decode().split("\n")[:3]
    assert (facts["日志名称"], facts["条目数"], facts["根哈希"]) == (origin, size, root)
    status, headers, bundle = office.get(f"/log/tile/entries/000.p/{size}")
    assert status == 200
    assert headers["content-type"] == "application/octet-stream"
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    leaves = [leaf_hash(entry) for entry in decode_bundle(bundle, int(size))]
    assert len(leaves) == int(size)
    assert base64.b64encode(root_of(leaves)).decode() == root
    status, headers, tile = office.get(f"/log/tile/0/000.p/{size}")
    assert (status, tile) == (200, b"".join(leaves))
    # The issuers' names and keys are public; a person is in nothing that the log publishes.
    everything = bundle.decode("utf-8", "replace")
    assert [value for value in office.private if value in everything] == []


def test_the_checkpoint_opens_from_the_page(office: Any, visit: Callable[..., Any]) -> None:
    visitor = visit()
    visitor.open("/log")
    visitor.follow_link("/log/checkpoint")
    assert visitor.text("body").startswith(f"{office.base_url.split('://')[1]}/log ")


@pytest.mark.parametrize(
    "path",
    ["/log/tile/0/999", "/log/tile/../../../certreg.toml", "/log/tile/entries/0", "/mirror.db"],
)
def test_nothing_else_is_served(office: Any, path: str) -> None:
    assert office.get(path)[0] == 404


def test_a_program_gets_the_same_answers(office: Any) -> None:
    answers = {}
    for paper in ("valid", "old_edition", "revoked"):
        _status, headers, body = office.get(getattr(office, paper).path, "application/json")
        assert headers["content-type"] == "application/json"
        assert getattr(office, paper).person.id_number not in body.decode()
        answers[paper] = json.loads(body)["verdict"]
    assert answers == {"valid": "valid", "old_edition": "corrected", "revoked": "revoked"}
