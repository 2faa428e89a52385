"""The machine API: the same answers, quotas and audit lines; faults that repeat no value."""

from __future__ import annotations

import io
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, local
from typing import Any

import pytest

from signing.receipt import parse_receipt
from verify_web.bulk import checker
from verify_web.bulk.audit import check_chain
from verify_web.bulk.quota import QUOTAS
from verify_web.bulk.rows import is_plain


@pytest.fixture
def api(bulk: Any) -> Any:
    _, key = bulk.organisation()
    client = bulk.client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return client


def body(bulk: Any, *rows: dict[str, str], **instead: Any) -> dict[str, Any]:
    usual = {"asker": "示例单位", "consent": "yes", "purpose": "hiring", "rows": list(rows)}
    return usual | instead


def form(data: bytes, **instead: str) -> dict[str, Any]:
    usual: dict[str, Any] = {"asker": "示例单位", "consent": "yes", "purpose": "staff"}
    return usual | instead | {"table": (io.BytesIO(data), "a.csv")}


def test_a_hundred_rows_are_answered_at_once(bulk: Any, api: Any) -> None:
    valid, revoked = (bulk.world.records[name] for name in ("valid", "revoked"))
    answer = api.post(
        "/api/v1/check",
        json=body(
            bulk,
            {"number": valid.number, "name": valid.name},
            {"number": revoked.number, "last_six": revoked.id_number[-6:]},
            {"number": valid.number, "name": "示例不符"},
        ),
    )
    assert answer.status_code == 200
    assert [row["result"] for row in answer.json["results"]] == ["valid", "revoked", "not-found"]
    assert answer.json["results"][0]["occupation"] == "电工"
    assert answer.json["as_of"] == "2026-11-23T08:02:00Z"
    assert answer.json["log"]["size"] == len(bulk.world.leaves)
    assert check_chain(bulk.desk).lines == 1
    row = {"number": valid.number, "name": valid.name}
    assert api.post("/api/v1/check", json=body(bulk, *[row] * 101)).status_code == 400


def test_a_table_becomes_a_job_with_a_receipt(bulk: Any, api: Any) -> None:
    record = bulk.world.records["valid"]
    table = f"证书编号,姓名\n{record.number},{record.name}\n".encode()
    made = api.post("/api/v1/jobs", data=form(table), headers={"Idempotency-Key": "a-1"})
    assert made.status_code == 202
    again = api.post("/api/v1/jobs", data=form(table), headers={"Idempotency-Key": "a-1"})
    assert again.json["job"] == made.json["job"]
    other = table + f"{record.number},示例\n".encode()
    reused = api.post("/api/v1/jobs", data=form(other), headers={"Idempotency-Key": "a-1"})
    assert (reused.status_code, reused.json["code"]) == (409, "request-reused")
    path = made.headers["Location"]
    assert api.get(path).json["state"] == "waiting"
    assert api.get(f"{path}/receipt").json["code"] == "no-job"
    bulk.work()
    assert api.get(path).json["counts"] == {"V": 1}
    assert parse_receipt(api.get(f"{path}/receipt").data).receipt.results == "V"
    assert api.get(f"{path}/result").data[:2] == b"PK"
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404


def test_faults_name_rows_and_repeat_nothing(bulk: Any, api: Any) -> None:
    answer = api.post("/api/v1/check", json=body(bulk, {"number": "Y示例秘密"}))
    assert answer.status_code == 422
    assert answer.json["errors"] == [{"row": 1, "code": "no-fact"}]
    table = "证书编号,姓名\n,示例秘密\n".encode()
    refused = api.post("/api/v1/jobs", data=form(table))
    assert refused.json["errors"] == [{"row": 2, "code": "no-number"}]
    nothing = api.post("/api/v1/jobs", data=form(b"a,b\n"))
    assert nothing.json["errors"] == [{"row": 0, "code": "no-header"}]
    odd = api.post("/api/v1/check", json=body(bulk, {"number": "示例秘密", "salary": "1"}))
    assert odd.status_code == 400
    for one in (answer, refused, nothing, odd):
        assert one.content_type == "application/problem+json"
        assert "秘密" not in one.text


@pytest.mark.parametrize("instead", [{"consent": "no"}, {"purpose": "x"}, {"asker": ""}])
def test_without_who_what_for_and_consent_nothing_is_answered(
    bulk: Any, api: Any, instead: dict[str, str]
) -> None:
    row = {"number": "Y000044999001263000001", "name": "示例"}
    assert api.post("/api/v1/check", json=body(bulk, row, **instead)).status_code == 400
    table = "证书编号,姓名\nY000044999001263000001,示例\n".encode()
    assert api.post("/api/v1/jobs", data=form(table, **instead)).status_code == 400
    assert check_chain(bulk.desk).lines == 0


@pytest.mark.parametrize("header", ["", "Bearer cbk_wrong", "Basic cbk_wrong", "Bearer "])
def test_without_a_key_nothing_is_said(bulk: Any, header: str) -> None:
    client = bulk.client()
    headers = {"Authorization": header} if header else {}
    for path in ("/api/v1/jobs/abcdefgh234567aa", "/api/v1/jobs/abcdefgh234567aa/result"):
        answer = client.get(path, headers=headers)
        assert (answer.status_code, answer.json["code"]) == (401, "unauthorised")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    answer = client.post("/api/v1/check", headers=headers, json=body(bulk))
    assert answer.status_code == 401


def test_guesses_run_out(bulk: Any, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    few = {kind: type(quota)(rows=100, misses=3) for kind, quota in QUOTAS.items()}
    monkeypatch.setattr("verify_web.bulk.quota.QUOTAS", few)
    wrong = [{"number": f"Y0000449990012630{at:05d}", "name": f"示例{at}"} for at in range(3)]
    first = api.post("/api/v1/check", json=body(bulk, *wrong))
    assert {row["result"] for row in first.json["results"]} == {"not-found"}
    later = api.post("/api/v1/check", json=body(bulk, wrong[0]))
    assert (later.status_code, later.json["code"]) == (429, "quota-used")
    assert later.headers["Retry-After"] == "3600"


def test_requests_at_once_share_one_quota_of_misses(
    bulk: Any, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {kind: type(quota)(rows=1000, misses=20) for kind, quota in QUOTAS.items()}
    monkeypatch.setattr("verify_web.bulk.quota.QUOTAS", few)
    real, both = checker.answer_row, Barrier(2)
    met = local()

    def answer_row(*asked: Any) -> Any:
        # Both have been charged, and neither has its answers yet.
        if not hasattr(met, "there"):
            met.there = both.wait(timeout=30)
        return real(*asked)

    monkeypatch.setattr(checker, "answer_row", answer_row)

    def check(beginning: int) -> Counter[str]:
        rows = [
            {"number": f"Y0000449990012630{beginning + at:05d}", "name": f"示例{beginning + at}"}
            for at in range(15)
        ]
        client = bulk.client()
        answer = client.post(
            "/api/v1/check",
            json=body(bulk, *rows),
            headers={"Authorization": api.environ_base["HTTP_AUTHORIZATION"]},
        )
        return Counter(row["result"] for row in answer.json["results"])

    with ThreadPoolExecutor(2) as threads:
        answers = sum(threads.map(check, (0, 50)), Counter())
    assert answers == {"not-found": 20, "unconfirmed": 10}


@pytest.mark.parametrize("bad", ["\ufffe", "\x00", "\n", "\x1b", "\ud800", "\u2028", "\ufdd0"])
def test_what_no_spreadsheet_gives_back_is_refused(bulk: Any, api: Any, bad: str) -> None:
    assert not is_plain(bad)
    number = bulk.world.records["valid"].number
    if bad != "\ud800":
        answer = api.post(
            "/api/v1/check", json=body(bulk, {"number": number, "name": f"示{bad}例"})
        )
        assert answer.json["errors"] == [{"row": 1, "code": "bad-character"}]
        odd = body(bulk, {"number": number, "name": "示例"}, asker=f"示例{bad}单位")
        assert api.post("/api/v1/check", json=odd).status_code == 400
        table = f"证书编号,姓名\n{number},示例\n".encode()
        asked = form(table, asker=f"示例{bad}单位")
        assert api.post("/api/v1/jobs", data=asked).status_code == 400


def test_the_document_describes_every_route(bulk: Any, api: Any) -> None:
    described = api.get("/api/v1/openapi.json").json
    assert described["openapi"] == "3.1.0"
    told = {
        (method.upper(), path.replace("{job}", "<job>"))
        for path, item in described["paths"].items()
        for method in item
        if method != "parameters"
    }
    routed = {
        (method, rule.rule)
        for rule in api.application.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/v1/") and not rule.rule.endswith("openapi.json")
    }
    assert told == routed
    text = str(described)
    for ref in set(re.findall(r"#/components/schemas/(\w+)", text)):
        assert ref in described["components"]["schemas"]
