"""`certreg account` and `certreg desk serve`: the first administrator, and the desks coming up."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import time
from typing import Any

import pytest
from argon2 import PasswordHasher

from registry.office import passwords

FIRST = re.compile(r"[a-z2-7]{6}(?:-[a-z2-7]{6}){3}")
HEAD = ("--role", "company-head", "--company", "91449999MA5DEM0015")


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "HASHER", cheap)


def test_the_first_administrator_is_made_listed_reset_and_disabled(desk: Any) -> None:
    ran = desk("account", "add", "boss", "--role", "admin", "--staff-number", "GH-1", "--json")
    assert FIRST.fullmatch(ran.facts["first password"])
    assert desk("account", "list", "--json").facts == {"boss": "admin city no-factor active"}
    again = desk("account", "reset", "boss", "--factors", "--json")
    assert FIRST.fullmatch(again.facts["first password"])
    assert again.facts["first password"] != ran.facts["first password"]
    waits = "admin city no-factor active waits:factors waits:password"
    assert desk("account", "list", "--json").facts == {"boss": waits}
    confirmed = desk("account", "confirm", "boss", "--json")
    assert confirmed.facts["confirmed"] == ["factors", "password"]
    assert desk("account", "confirm", "boss").status == 1
    assert desk("account", "disable", "boss").status == 0
    assert desk("account", "list", "--json").facts == {"boss": "admin city no-factor disabled"}


def test_what_cannot_be_is_refused(desk: Any) -> None:
    assert desk("account", "add", "Boss", "--role", "admin", "--staff-number", "1").status == 1
    assert "工号" in desk("account", "add", "boss", "--role", "admin").line
    assert desk("account", "add", "head", "--role", "company-head").status == 1
    assert desk("account", "add", "head", *HEAD).status == 1
    assert desk("account", "add", "boss", "--role", "god").status == 1
    assert "certreg account list" in desk("account", "disable", "nobody").line
    assert "lower case" in desk("desk", "serve", "--url", "ftp://x").line


def test_a_home_that_is_not_there_is_said_before_serving(empty: Any) -> None:
    assert "certreg init" in empty("desk", "serve").line


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def asked(port: int, path: str, **headers: str) -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return (
            answer.status,
            answer.read().decode(),
            {name.lower(): value for name, value in answer.getheaders()},
        )
    finally:
        connection.close()


def test_the_desks_come_up_and_end_with_a_signal(desk: Any) -> None:
    port = free_port()
    process = desk.process("desk", "serve", "--port", str(port), "--workers", "1")
    try:
        for _ in range(200):
            try:
                status, page, headers = asked(port, "/signin")
                break
            except OSError:
                assert process.poll() is None, process.communicate()
                time.sleep(0.1)
        assert status == 200
        assert "用户名" in page
        assert "script-src" not in headers["content-security-policy"]
        assert asked(port, "/")[0] == 302
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
    assert process.returncode == 0


def test_behind_tls_the_address_is_the_proxys_word_and_cookies_are_secure(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy import select

    from registry.cli.desk_app import create
    from registry.store.audit import AuditLine
    from registry.store.base import open_engine, read_unit

    monkeypatch.setenv("CERTREG_DESK_URL", "https://desk.example.cn")
    client = create().test_client()
    answer = client.post(
        "/signin",
        data={"login": "nobody", "password": "x"},
        headers={"Sec-Fetch-Site": "same-origin", "X-Forwarded-For": "203.0.113.9, 192.0.2.7"},
    )
    assert answer.status_code == 422
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    engine = open_engine(f"sqlite:///{desk.home}/registry.db")
    with read_unit(engine) as session:
        sources = session.scalars(select(AuditLine.source).where(AuditLine.action == "sign-in"))
        # The last step alone: what the browser itself claims to be is not believed.
        assert list(sources) == ["192.0.2.7"]
    engine.dispose()
