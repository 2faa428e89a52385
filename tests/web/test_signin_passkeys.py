"""Passkeys by their pages, at a desk that has a name."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from argon2 import PasswordHasher

from registry.office import passwords
from registry.office.sessions import identifier
from registry.store.accounts import Account
from registry.web.app import create_desks

HEADERS = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}
PASSWORD = "Correct-Horse-42"


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "HASHER", cheap)


def client_at(small: Any, base_url: str) -> Any:
    with small.write() as session:
        session.get_one(Account, 1).password = passwords.hash_password(PASSWORD)
    desk = dataclasses.replace(small.desk, base_url=base_url)
    app = create_desks(desk, secret=b"s" * 32, identify=identifier(desk))
    return app.test_client()


def enter(client: Any) -> str:
    fields = {"login": "editor1", "password": PASSWORD, "next": "/me"}
    answer = client.post("/signin", data=fields, headers={"Sec-Fetch-Site": "same-origin"})
    return str(answer.location)


def test_a_passkey_is_added_shown_and_removed(small: Any, soft_key: Any) -> None:
    client = client_at(small, "http://localhost:8001")
    key = soft_key("localhost", "http://localhost:8001")
    assert enter(client) == "/me"
    options = client.post("/me/passkey/options", headers=HEADERS).text
    body = json.dumps({"credential": json.loads(key.make(options)), "label": "<b>电脑</b>"})
    added = client.post("/me/passkey", data=body, headers=HEADERS)
    assert added.json["next"] == "/me?done=passkey"
    assert "&lt;b&gt;电脑" in client.get("/me").text
    assert enter(client) == "/signin/code"
    assert "/signin/passkey" in client.get("/signin/code").text
    assert "script-src 'self'" in client.get("/signin/passkey").headers["Content-Security-Policy"]
    options = client.post("/signin/passkey/options", headers=HEADERS).text
    refused = client.post("/signin/passkey", data="{}", headers=HEADERS)
    assert (refused.status_code, refused.json["next"]) == (422, "")
    assert client.get("/me").status_code == 302
    enter(client)
    options = client.post("/signin/passkey/options", headers=HEADERS).text
    shown = client.post("/signin/passkey", data=key.show(options), headers=HEADERS)
    assert shown.json["next"] == "/me"
    assert client.get("/me").status_code == 200
    gone = client.post(f"/me/passkey/{key.id.hex()}/remove", headers=HEADERS)
    assert gone.location == "/me?done=removed"
    assert enter(client) == "/me"


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"credential":1}', "\x00"])
def test_what_is_no_passkey_gets_a_page(small: Any, body: str) -> None:
    client = client_at(small, "http://localhost:8001")
    enter(client)
    client.post("/me/passkey/options", headers=HEADERS)
    assert client.post("/me/passkey", data=body, headers=HEADERS).status_code == 400


def test_a_desk_without_a_name_says_that_it_has_no_passkeys(small: Any) -> None:
    client = client_at(small, "http://127.0.0.1:8001")
    enter(client)
    assert "IP 地址访问" in client.get("/me").text
    assert client.post("/me/passkey/options", headers=HEADERS).status_code == 400


@pytest.fixture
def soft_key(office_helper: Any) -> Any:
    return office_helper("soft_key").SoftKey
