"""What every answer carries, what is refused, and what never reaches a log line."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from flask.testing import FlaskClient

from verify_web.security import HEADERS

VALUES = ("欧阳示例", "440301190001010019", "2026110001", "Y000044999001263000001")
FORM = dict(zip(("name", "id-number", "admission", "number"), VALUES, strict=True))
PATHS = [
    *("/", "/lookup", "/verify", "/log", "/healthz", "/log/checkpoint", "/nothing", "/static/no"),
    *("/sw.js", "/tail/1/5", "/v/aaaaaaaaaaaaaaaa.tlog-proof"),
]


@pytest.mark.parametrize("path", PATHS)
def test_security_headers_are_on_every_answer(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    for name, value in HEADERS.items():
        if name != "Cross-Origin-Resource-Policy":
            assert answer.headers[name] == value
    assert "Cache-Control" in answer.headers
    assert "Set-Cookie" not in answer.headers
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "http" not in policy


def test_strict_transport_is_asked_for_where_there_is_tls(world: Any) -> None:
    plain = world.app().test_client().get("/")
    secure = world.app(base_url="https://zs.example.cn").test_client().get("/")
    assert "Strict-Transport-Security" not in plain.headers
    assert secure.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_certificate_pages_are_kept_out_of_search_engines(world: Any, client: FlaskClient) -> None:
    assert "noindex" in client.get(f"/v/{world.token('valid')}").headers["X-Robots-Tag"]
    assert "X-Robots-Tag" not in client.get("/").headers


@pytest.mark.parametrize("path", ["/lookup", "/verify"])
@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8155"}, False),
        ({"Sec-Fetch-Site": ""}, False),
        ({"Origin": "http://127.0.0.1:8155"}, True),
        ({"Origin": "http://localhost"}, True),
        ({"Origin": "null"}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "https://127.0.0.1.evil.example:8155"}, False),
    ],
)
def test_forms_from_other_sites_are_refused(
    client: FlaskClient, path: str, headers: dict[str, str], passes: bool
) -> None:
    answer = client.post(path, headers=headers)
    assert (answer.status_code != 403) == passes
    if not passes:
        assert "其他网站" in answer.text


def test_a_page_may_be_opened_from_anywhere(world: Any, client: FlaskClient) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert client.get(f"/v/{world.token('valid')}", headers=headers).status_code == 200


def test_errors_have_their_own_pages_and_problem_details(client: FlaskClient) -> None:
    assert client.delete("/lookup").status_code == 405
    assert "GET" in client.delete("/lookup").headers["Allow"]
    assert "没有这个页面" in client.get("/nothing").text
    answer = client.get("/nothing", headers={"Accept": "application/problem+json"})
    assert answer.content_type == "application/problem+json"
    assert answer.get_json() == {
        "code": "no-page",
        "detail": "请核对网址，或者从首页重新进入。",
        "status": 404,
        "title": "没有这个页面",
        "type": "about:blank",
    }


def test_an_unforeseen_error_is_a_page_and_tells_nothing(
    world: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app = world.app()

    def burst(*args: object, **kwargs: object) -> None:
        raise RuntimeError(f"cannot handle {VALUES}")

    monkeypatch.setattr("verify_web.lookup.open_entry", burst)
    with caplog.at_level(logging.DEBUG):
        answer = app.test_client().post("/lookup", data=FORM)
    assert answer.status_code == 500
    assert "系统出现故障" in answer.text
    assert "RuntimeError" in caplog.text
    assert_no_value(caplog.text + answer.text)


@pytest.mark.parametrize("spoil", ["nothing", "mirror", "status", "trust", "too-large"])
def test_no_log_line_holds_a_value(
    world: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], spoil: str
) -> None:
    form = dict(FORM)
    match spoil:
        case "mirror":
            (world.public / "mirror.db").write_bytes(b"broken" * 1000)
        case "status":
            (world.public / "status/latest.json").unlink()
        case "trust":
            (world.public / "trust/issuers.json").write_bytes(b"{}")
        case "too-large":
            form["name"] *= 2000
    client = world.app().test_client()
    with caplog.at_level(logging.DEBUG):
        client.post("/lookup", data=form)
        client.post("/lookup", data={**form, "name": "另一个"})
        client.get(f"/v/{world.token('valid')}")
    captured = capfd.readouterr()
    assert_no_value(caplog.text + captured.out + captured.err)


def assert_no_value(text: str) -> None:
    for value in VALUES:
        assert value not in text


def test_the_configuration_never_shows_the_pepper(world: Any) -> None:
    from verify_web.config import SiteConfig

    config = SiteConfig(public_dir=world.public, pepper=b"P" * 32, base_url="http://x")
    assert "PPPP" not in repr(config)


def test_static_files_are_kept_by_their_content(client: FlaskClient) -> None:
    import re

    text = client.get("/").text
    for address in re.findall(r'href="(/static/[^"]+)"', text):
        with client.get(address) as answer:
            assert answer.status_code == 200
            assert re.search(r"\?v=[0-9a-f]{12}$", address)
            assert "max-age=31536000" in answer.headers["Cache-Control"]
