"""Notices of later changes by page and API: asked for, shown, sent again, ended."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any

import pytest

from signing.tlog.entry import State
from verify_web.bulk.addresses import CallFault
from verify_web.bulk.quota import Kind
from verify_web.bulk.watches import WATCH_QUOTAS, WatchQuota
from verify_web.work import tell_once

ADDRESS = "https://hr.example.com/hooks"
SECRET = re.compile(r"whs_[a-z2-7]{52}")


@pytest.fixture
def tell(bulk: Any, receiver: Any, postman: Any) -> Any:
    """Give a function that revokes the certificate and tells of it for four days."""

    def told() -> None:
        bulk.world.change_state("valid", State.REVOKED)
        bulk.world.write_log(status_time=bulk.clock.moment + timedelta(hours=1))
        receiver.fault = CallFault.REDIRECT
        for _ in range(96):
            bulk.clock.moment += timedelta(hours=1)
            tell_once(bulk.bench, postman)

    return told


def table(bulk: Any) -> bytes:
    record = bulk.world.records["valid"]
    return f"证书编号,姓名\n{record.number},{record.name}\n".encode()


def form(bulk: Any, **instead: str) -> dict[str, Any]:
    usual = {"asker": "示例单位", "purpose": "staff", "consent": "yes", **instead}
    return {**usual, "table": (io.BytesIO(table(bulk)), "a.csv")}


@pytest.fixture
def key(bulk: Any) -> str:
    return str(bulk.organisation()[1])


@pytest.fixture
def page(bulk: Any, key: str) -> Any:
    client = bulk.client()
    assert client.post("/bulk/enter", data={"key": key}).status_code == 303
    return client


@pytest.fixture
def api(bulk: Any, key: str) -> Any:
    client = bulk.client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return client


def test_the_secret_is_shown_once(bulk: Any, page: Any) -> None:
    made = page.post("/bulk", data=form(bulk, webhook=ADDRESS))
    assert made.status_code == 200
    assert SECRET.search(made.text)
    assert made.headers["Cache-Control"] == "no-store"
    job = re.search(r'href="/bulk/([a-z2-7]{16})"', made.text)
    assert job
    bulk.work()
    for path in ("/bulk", f"/bulk/{job[1]}"):
        shown = page.get(path)
        assert shown.status_code == 200
        assert not SECRET.search(shown.text)
    assert "1 / 1" in page.get("/bulk").text
    assert ADDRESS in page.get("/bulk").text


def test_without_an_address_nothing_is_watched(bulk: Any, page: Any) -> None:
    assert page.post("/bulk", data=form(bulk)).status_code == 303
    bulk.work()
    assert "跟踪行数" not in page.get("/bulk").text


@pytest.mark.parametrize("address", ["http://hr.example.com/", "https://127.0.0.1/", "x"])
def test_an_address_that_cannot_be_called_is_refused(
    bulk: Any, page: Any, api: Any, address: str
) -> None:
    wrong = page.post("/bulk", data=form(bulk, webhook=address))
    assert wrong.status_code == 422
    assert "https:// 开头的域名地址" in wrong.text
    refused = api.post("/api/v1/jobs", data=form(bulk, webhook=address))
    assert (refused.status_code, refused.json["code"]) == (400, "bad-request")
    assert bulk.work() == 0


def test_the_account_page_shows_dead_letters(
    bulk: Any, key: str, tell: Any, receiver: Any, postman: Any
) -> None:
    client = bulk.client()
    client.post("/bulk/enter", data={"key": key})
    client.post("/bulk", data=form(bulk, webhook=ADDRESS))
    bulk.work()
    tell()
    client.post("/bulk/enter", data={"key": key})
    shown = client.get("/bulk").text
    assert "有 1 个通知 3 天内未能送达" in shown
    assert "本站不跟随跳转" in shown
    again = re.search(r'action="(/bulk/[a-z2-7]{16}/resend)"', shown)
    assert again
    assert client.post(again[1]).status_code == 303
    assert "未能送达" not in client.get("/bulk").text
    receiver.fault = None
    tell_once(bulk.bench, postman)
    assert receiver.bodies[-1]["rows"] == [{"row": 1, "state": "revoked"}]
    assert client.post(again[1]).status_code == 404
    over = again[1].replace("resend", "unwatch")
    assert client.post(over).status_code == 303
    assert ADDRESS not in client.get("/bulk").text


def test_nobody_ends_or_resends_anothers(bulk: Any, page: Any) -> None:
    page.post("/bulk", data=form(bulk, webhook=ADDRESS))
    bulk.work()
    shown = page.get("/bulk").text
    path = re.search(r'action="(/bulk/[a-z2-7]{16}/unwatch)"', shown)
    assert path
    other = bulk.client()
    other.post("/bulk/enter", data={"key": bulk.organisation("示例另一单位")[1]})
    assert other.post(path[1]).status_code == 404
    assert bulk.client().post(path[1]).status_code == 303
    assert path[1] in page.get("/bulk").text


def test_by_mail_there_is_a_box_to_tick_and_no_address(bulk: Any) -> None:
    client = bulk.client()
    page = client.post("/bulk/code", data={"mail": "hr@example.com"})
    bulk.enter_by_mail(client, page)
    assert 'inputmode="url"' not in client.get("/bulk").text
    # An address given all the same is nothing: by mail means to the mailbox that was proven.
    client.post("/bulk", data=form(bulk, webhook=ADDRESS))
    assert "跟踪行数" not in client.get("/bulk").text
    assert client.post("/bulk", data=form(bulk, webhook="mail")).status_code == 303
    assert "登录邮箱" in client.get("/bulk").text


def test_the_api_subscribes_lists_and_ends(bulk: Any, api: Any, tell: Any) -> None:
    headers = {"Idempotency-Key": "k-1"}
    made = api.post("/api/v1/jobs", data=form(bulk, webhook=ADDRESS), headers=headers)
    assert made.status_code == 202
    assert SECRET.fullmatch(made.json["secret"])
    again = api.post("/api/v1/jobs", data=form(bulk, webhook=ADDRESS), headers=headers)
    assert again.json == made.json
    other = api.post("/api/v1/jobs", data=form(bulk, webhook=ADDRESS + "2"), headers=headers)
    assert (other.status_code, other.json["code"]) == (409, "request-reused")
    job = made.json["job"]
    assert "secret" not in api.get(f"/api/v1/jobs/{job}").json
    (waiting,) = api.get("/api/v1/watches").json["watches"]
    assert waiting["watched"] is None
    bulk.work()
    tell()
    (watch,) = api.get("/api/v1/watches").json["watches"]
    assert (watch["job"], watch["address"], watch["watched"]) == (job, ADDRESS, 1)
    (dead,) = watch["undelivered"]
    assert dead["fault"] == "redirect"
    assert dead["change"]["rows"] == [{"row": 1, "state": "revoked"}]
    assert api.delete(f"/api/v1/watches/{job}").status_code == 204
    gone = api.delete(f"/api/v1/watches/{job}")
    assert (gone.status_code, gone.json["code"]) == (404, "no-watch")
    assert api.get("/api/v1/watches").json == {"watches": []}
    assert bulk.client().get("/api/v1/watches").status_code == 401


def test_the_quota_is_told(bulk: Any, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WATCH_QUOTAS, Kind.KEY, WatchQuota(jobs=0, rows=0))
    refused = api.post("/api/v1/jobs", data=form(bulk, webhook=ADDRESS))
    assert (refused.status_code, refused.json["code"]) == (409, "watch-quota-used")
    assert bulk.work() == 0


def test_the_document_describes_the_notice(api: Any) -> None:
    described = api.get("/api/v1/openapi.json").json
    notice = described["webhooks"]["change"]["post"]
    named = {one["name"] for one in notice["parameters"]}
    assert named == {"Certreg-Event", "Certreg-Timestamp", "Certreg-Signature"}
    schema = described["components"]["schemas"]["Change"]
    assert set(schema["properties"]) == {"event", "job", "rows", "log", "as_of", "time"}
