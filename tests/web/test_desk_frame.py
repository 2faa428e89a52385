"""The frame of the desks: the gate, forged posts, headers, and pages of faults."""

from __future__ import annotations

from typing import Any

import pytest

from registry.web import gate


def test_every_route_has_a_decision(desks: Any) -> None:
    undecided = [
        name for name, roles in gate.decisions(desks).items() if roles is None and name != "static"
    ]
    assert undecided == []


def test_a_route_without_a_decision_is_shut(desks: Any, small: Any) -> None:
    desks.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    with desks.test_client() as client:
        assert client.get("/forgotten").status_code == 404


@pytest.mark.parametrize("login", ["editor1", "clerk", "approver", "auditor", "supervisor"])
def test_home_is_a_page_for_whoever_sees_cases(browse: Any, login: str) -> None:
    page = browse(login).get("/")
    assert "待办" in page
    assert login in page


def test_a_page_of_another_tenant_is_not_there(browse: Any) -> None:
    assert "没有此办件" in browse("editor2").get("/cases/1", 404)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_a_forged_post_is_refused(desks: Any, headers: dict[str, str]) -> None:
    client = desks.test_client()
    with client.session_transaction() as session:
        session["token"] = "clerk"
    response = client.post("/cases/1/steps/accept", data={"version": 1}, headers=headers)
    assert response.status_code == 403
    assert "不是从本平台页面发出" in response.get_data(as_text=True)


def test_headers_keep_browsers_in_check(desks: Any) -> None:
    response = desks.test_client().get("/static/desk.css", buffered=True)
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["X-Frame-Options"] == "DENY"


def test_an_unexpected_fault_shows_a_fixed_text_and_logs_no_value(
    desks: Any, browse: Any, monkeypatch: Any, caplog: Any
) -> None:
    from registry.web import cases

    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise ZeroDivisionError("张三 440301199001011234")

    monkeypatch.setattr(cases, "docket", fail)
    page = browse("clerk").get("/", 500)
    assert "故障已记录" in page
    assert "张三" not in page + caplog.text
    assert "ZeroDivisionError" in caplog.text
