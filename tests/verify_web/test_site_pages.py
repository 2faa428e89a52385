"""The certificate's page: one word first, the printed facts, five answers, and good HTML."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from flask.testing import FlaskClient

from signing.tlog.entry import State

VOID = {"meta", "link", "input", "br", "path", "circle"}
WORDS = {
    "valid": "有效",
    "second": "有效",
    "new": "有效",
    "revoked": "已撤销",
    "old": "已更正",
    "suspended": "已暂停",
}


class Page(HTMLParser):
    """Reads a page strictly enough to catch what a browser would mend in silence."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.live: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), (tag, names)
        self.tags.append((tag, dict(attrs)))
        if "template" not in self.open:
            self.live.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data.strip())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def heading(text: str) -> str:
    return Page(text).texts["h1"][0]


@pytest.mark.parametrize(("name", "word"), WORDS.items())
def test_the_state_stands_first_in_one_word(
    world: Any, client: FlaskClient, name: str, word: str
) -> None:
    answer = client.get(f"/v/{world.token(name)}")
    assert answer.status_code == 200
    assert heading(answer.text) == word
    tone = {"有效": "good", "已撤销": "bad"}.get(word, "warn")
    assert f'class="verdict {tone}"' in answer.text


def test_every_printed_field_is_shown_and_the_id_masked(world: Any, client: FlaskClient) -> None:
    text = client.get(f"/v/{world.token('valid')}").text
    record = world.records["valid"]
    for shown in ("欧阳示例", "居民身份证", "电工", "维修电工", "三级/高级工", record.issuer):
        assert shown in text
    assert "2026年11月20日" in text
    assert "440***********0019" in text
    assert record.id_number not in text
    assert record.admission not in text
    # Parted, or a screen reader makes one number of twenty-one digits of it.
    number = " ".join(
        f'<span class="group">{part}</span>'
        for part in ("Y", "0000", "44", "999001", "26", "3", "000001")
    )
    assert number in text


def test_a_missing_direction_is_dashes(world: Any, client: FlaskClient) -> None:
    assert '<dd data-fact="direction">--</dd>' in client.get(f"/v/{world.token('old')}").text


def test_five_checks_each_with_its_answer_and_the_time_in_beijing(
    world: Any, client: FlaskClient
) -> None:
    text = client.get(f"/v/{world.token('valid')}").text
    assert text.count('class="answer good"') == 5
    assert '<time datetime="2026-11-23T16:02:00+08:00">2026年11月23日 16:02</time>' in text
    revoked = client.get(f"/v/{world.token('revoked')}").text
    assert revoked.count('class="answer good"') == 4
    assert revoked.count('class="answer bad"') == 1
    assert "证书已被撤销" in revoked


def test_what_is_not_proven_is_said(world: Any, client: FlaskClient) -> None:
    text = client.get(f"/v/{world.token('valid')}").text
    assert "出示证书的人就是持证人" in text
    assert "http://zscx.osta.org.cn" in text
    assert 'href="http' not in text


def test_a_corrected_certificate_points_on_to_its_new_edition(
    world: Any, client: FlaskClient
) -> None:
    old = client.get(f"/v/{world.token('old')}").text
    assert f'href="/v/{world.token("new")}"' in old
    new = client.get(f"/v/{world.token('new')}").text
    assert "第 2 版" in new
    assert "更正后的证书" not in new


@pytest.mark.parametrize("token", ["zzzzzzzzzzzzzzzz", "AAAAAAAAAAAAAAAA", "short", "a" * 400])
def test_an_unknown_token_is_not_found(client: FlaskClient, token: str) -> None:
    answer = client.get(f"/v/{token}")
    assert answer.status_code == 404
    assert heading(answer.text) == "未找到"
    problem = client.get(f"/v/{token}", headers={"Accept": "application/json"})
    assert problem.content_type == "application/problem+json"
    assert problem.get_json()["code"] == "not-found"


def test_json_is_the_same_report(world: Any, client: FlaskClient) -> None:
    answer = client.get(f"/v/{world.token('old')}", headers={"Accept": "application/json"})
    report = answer.get_json()
    assert report["verdict"] == "corrected"
    assert report["superseded_by"] == world.token("new")
    assert [step["number"] for step in report["steps"]] == [1, 2, 3, 4, 5]
    assert report["record"]["id_number"] == "440***********0025"
    assert world.records["old"].id_number not in json.dumps(report)
    assert answer.headers["Vary"] == "Accept, Accept-Language, Cookie"


def test_a_browser_gets_the_page(world: Any, client: FlaskClient) -> None:
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    answer = client.get(f"/v/{world.token('valid')}", headers={"Accept": accept})
    assert answer.mimetype == "text/html"


PAGES = ["/", "/lookup", "/verify", "/log", "/offline", "/nothing", "/v/zzzzzzzzzzzzzzzz", *WORDS]


@pytest.mark.parametrize("where", PAGES)
def test_html_is_sound_and_reachable_for_everybody(
    world: Any, client: FlaskClient, where: str
) -> None:
    path = where if where.startswith("/") else f"/v/{world.token(where)}"
    text = client.get(path).text
    page = Page(text)
    assert len(text.encode()) < 50_000
    assert page.all("html") == [{"lang": "zh-Hans"}]
    assert [page.live.count(tag) for tag in ("h1", "main", "title")] == [1, 1, 1]
    assert page.all("a")[0] == {"class": "skip", "href": "#main"}
    assert all(attrs.get("aria-label") for attrs in page.all("nav"))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(set(ids)) == len(ids)
    for _, attrs in page.tags:
        for name in ("aria-labelledby", "aria-describedby"):
            assert set((attrs.get(name) or "").split()) <= set(ids)
    labelled = {attrs["for"] for attrs in page.all("label")}
    assert {attrs["id"] for attrs in page.all("input")} <= labelled
    assert all(attrs.get("aria-hidden") == "true" for attrs in page.all("svg"))


@pytest.mark.parametrize("where", PAGES)
def test_nothing_comes_from_elsewhere_and_nothing_is_inline(
    world: Any, client: FlaskClient, where: str
) -> None:
    path = where if where.startswith("/") else f"/v/{world.token(where)}"
    page = Page(client.get(path).text)
    # Two pages have a script: one, from a file of this origin, and no inline one.
    scripts = page.all("script")
    assert len(scripts) == (where in WORDS or where == "/offline")
    for attrs in scripts:
        assert attrs.keys() == {"type", "src"}
        assert attrs["type"] == "module"
        with client.get(attrs["src"]) as script:
            assert script.status_code == 200
            assert script.mimetype == "text/javascript"
    assert not page.texts.get("script")
    assert not page.all("style")
    for _, attrs in page.tags:
        assert "style" not in attrs
        assert not any(name.startswith("on") for name in attrs)
        for name in ("href", "src", "action"):
            assert (attrs.get(name) or "/").startswith(("/", "#", "?display="))
            assert not (attrs.get(name) or "").startswith("//")


def test_the_health_answer(world: Any, client: FlaskClient) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok"}
    (world.public / "status" / "latest.json").unlink()
    assert client.get("/healthz").status_code == 503
    (world.public / "mirror.db").unlink()
    assert client.get("/healthz").status_code == 503


def test_the_log_page(world: Any, client: FlaskClient) -> None:
    text = client.get("/log").text
    assert "127.0.0.1:8155/log" in text
    assert f"{len(world.leaves)}" in text
    assert "2026年11月23日 16:02" in text


def test_a_new_checkpoint_is_noticed(world: Any, client: FlaskClient) -> None:
    assert heading(client.get(f"/v/{world.token('valid')}").text) == "有效"
    world.change_state("valid", State.REVOKED)
    world.write_log(status_time=datetime(2026, 11, 23, 9, 0, tzinfo=UTC))
    assert heading(client.get(f"/v/{world.token('valid')}").text) == "已撤销"
