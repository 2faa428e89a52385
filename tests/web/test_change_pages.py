"""The desks' pages and the API of a change: company asks, clerk checks, approver decides."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.event import listen, remove

from registry.office.changes import KIND_WORDS, Kind
from registry.rules.changing import CHANGE
from registry.store.audit import AuditLine
from registry.web.audit_words import action_word

PAPER = (
    b"%PDF-1.7\n1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj\n"
    b"2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj\n"
    b"3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>> endobj\n"
    b"trailer <</Root 1 0 R>>\n%%EOF\n"
)
API = "/api/v1"


@pytest.fixture
def changing(small: Any, office_helper: Any) -> Any:
    supervised = office_helper("supervising_office").Supervised(small)
    return office_helper("change_office").Changing(small, supervised)


def version(page: str) -> int:
    found = re.search(r'name="version" value="([0-9]+)"', page)
    assert found is not None
    return int(found[1])


def text_of(answer: Any) -> str:
    return str(answer.get_data(as_text=True))


def test_a_company_corrects_a_name_and_the_clerk_sees_old_and_new(
    changing: Any, browse: Any
) -> None:
    company, clerk, chief = browse("editor1"), browse("clerk"), browse("approver")
    old = changing.records()[0].record
    form = {
        "number": changing.numbers[0].lower(), "kind": "correction", "cause": "name-changed",
        "name": "欧阳示范", "reason": "户籍登记姓名已变更",
    }  # fmt: skip
    refused = text_of(company.post("/requests/new", status=422, **form))
    assert "须附证明材料" in refused
    # What was typed comes back with its fault.
    assert "欧阳示范" in refused
    told = company.post("/requests/new", **form, document=(BytesIO(PAPER), "户籍.pdf"))
    address = told.location
    assert "欧阳" not in address
    assert "由办公室经办人核对" in company.get("/requests")
    page = clerk.get(address)
    for words in (old.name, "欧阳示范", "不变", "第 1 版", "第 2 版", "姓名变更"):
        assert words in page
    assert "未通过" not in page
    # An ID that does not change is not shown whole.
    assert old.id_number not in page
    checked = {"version": version(page), "cause": "name-changed", "name": "欧阳示范"}
    wrong = checked | {"name": "欧阳示范", "cause": "data-error", "id_number": "440301190001010018"}
    assert "未通过" in text_of(clerk.post(f"{address}/check", status=422, **wrong))
    clerk.post(f"{address}/check", **checked)
    clerk.post(f"{address}/steps/prepare", version=2, **{"note-prepare": "材料齐全"})
    shown = chief.get(address)
    assert "同意并执行" in shown
    chief.post(f"{address}/approve", version=version(shown), **{"note-approve": "同意"})
    done = company.get(address)
    assert "已办理" in done
    assert "信息更正已办理，证书现为第 2 版" in done
    assert old.name in done
    # What the office said among itself is not the company's to read.
    assert "材料齐全" not in done
    assert changing.records()[-1].record.name == "欧阳示范"


def test_every_step_of_a_change_has_words_for_the_auditor() -> None:
    for event in CHANGE.events:
        assert action_word(f"change-{event}") == f"证书变更申请：{CHANGE.words[event]}"
    for kind in Kind:
        assert action_word(f"change-open-{kind.value}") == f"申请证书变更：{KIND_WORDS[kind]}"
    assert action_word("change-none") == action_word("change-open-none") == ""


def test_a_list_of_requests_asks_no_more_often_with_more_rows(
    small: Any, changing: Any, browse: Any
) -> None:
    def asked() -> int:
        with counted(small.engine) as seen:
            browse("clerk").get("/requests")
        return len(seen)

    changing.from_holder()
    few = asked()
    for _ in range(30):
        changing.from_holder()
    assert asked() == few


@contextmanager
def counted(engine: Any) -> Iterator[list[str]]:
    seen: list[str] = []

    def watch(*given: Any) -> None:
        seen.append(given[2])

    listen(engine, "before_cursor_execute", watch)
    yield seen
    remove(engine, "before_cursor_execute", watch)


def test_a_company_sees_no_request_but_its_own(changing: Any, browse: Any) -> None:
    mine, office, holder = (
        changing.ask("editor1"),
        changing.prepared(kind="suspension", cause="disputed", changes={}),
        changing.from_holder(),
    )
    for login in ("editor1", "head1"):
        listed = browse(login).get("/requests")
        assert "R-000001" in listed
        assert "R-000002" not in listed
        browse(login).get(f"/requests/{mine}")
        browse(login).get(f"/requests/{office}", 403)
        browse(login).get(f"/requests/{holder}", 403)
    browse("editor2").get(f"/requests/{mine}", 403)
    assert "R-00000" not in browse("editor2").get("/requests")
    everything = browse("clerk").get("/requests")
    assert all(f"R-00000{number}" in everything for number in (1, 2, 3))


def test_what_cannot_be_approved_is_said_on_the_page(changing: Any, browse: Any) -> None:
    request_id = changing.prepared()
    chief = browse("approver")
    page = text_of(
        chief.post(f"/requests/{request_id}/approve", status=422, version=3, **{"note-approve": ""})
    )
    assert "已说明理由" in page
    chief.post(f"/requests/{request_id}/approve", status=409, version=2, **{"note-approve": "x"})
    chief.post(
        f"/requests/{request_id}/approve", version=3, later="yes", **{"note-approve": "同意"}
    )
    assert "已同意，待执行" in chief.get(f"/requests/{request_id}")
    browse("clerk").post(f"/requests/{request_id}/carry-out", version=4)
    assert "已办理" in browse("clerk").get("/requests")


def test_a_holders_wish_that_no_correction_grants_shows_so(changing: Any, browse: Any) -> None:
    request_id = changing.from_holder(field="level", wanted="二级")
    page = browse("clerk").get(f"/requests/{request_id}")
    assert "职业技能等级" in page
    assert "请填写更正后的内容" in page
    assert "待定" in page
    # Nothing is called right that was not looked at.
    for words in ("发证日期不变", "不与本人已有证书重复", "证明材料</li>"):
        assert words not in page


def ask(desks: Any, login: str, method: str, path: str, expect: int = 200, **body: Any) -> Any:
    client = desks.test_client(use_cookies=False)
    more = {"json": body} if method == "POST" else {}
    answer = client.open(
        API + path, method=method, headers={"Authorization": f"Bearer {login}"}, **more
    )
    assert answer.status_code == expect, answer.get_data(as_text=True)
    return answer.get_json(silent=True) or answer.get_data()


@pytest.mark.parametrize("by", ["page", "api", "api, with a key"])
def test_an_ask_that_fails_the_checks_is_on_the_record(
    changing: Any, desks: Any, browse: Any, small: Any, by: str
) -> None:
    wish = {"number": changing.numbers[0], "kind": "correction", "cause": "name-changed"}
    wish |= {"reason": "姓名已变更"}
    if by == "page":
        browse("editor1").post("/requests/new", status=422, **wish, name="欧阳示范")
    else:
        headers = {"Authorization": "Bearer editor1"}
        headers |= {"Idempotency-Key": "one"} if "key" in by else {}
        body = wish | {"changes": {"name": "欧阳示范"}}
        client = desks.test_client(use_cookies=False)
        assert client.post(f"{API}/requests", headers=headers, json=body).status_code == 422
    with small.read() as session:
        query = select(AuditLine).where(AuditLine.action == "change-unsound")
        (line,) = session.scalars(query).all()
        assert (line.actor, line.subject) == ("account:editor1", changing.numbers[0])
    assert "未通过检查" in action_word(line.action)


def test_the_same_by_the_api(changing: Any, desks: Any) -> None:
    number = changing.numbers[0]
    wish = {
        "number": number, "kind": "correction", "cause": "name-changed", "reason": "姓名已变更",
        "changes": {"name": "欧阳示范"},
    }  # fmt: skip
    faults = ask(desks, "editor1", "POST", "/requests", 422, **wish)
    assert [fault["field"] for fault in faults["errors"]] == ["document"]
    ask(desks, "editor1", "POST", "/requests", 422, **wish, document="not base64!")
    paper = b64encode(PAPER).decode()
    made = ask(desks, "editor1", "POST", "/requests", 201, **wish, document=paper)
    at = f"/requests/{made['request_id']}"
    assert (made["state"], made["turn"], made["due_on"]) == ("received", "office", "2026-12-10")
    ask(desks, "editor1", "POST", f"{at}/check", 403, version=1, cause="name-changed")
    whole = ask(desks, "clerk", "GET", at)
    assert {"field": "name", "old": changing.records()[0].record.name, "new": "欧阳示范"} in whole[
        "compared"
    ]
    assert all(check["passed"] for check in whole["checks"])
    assert ask(desks, "clerk", "GET", f"{at}/document") == PAPER
    found = {"cause": "name-changed", "changes": {"name": "欧阳示范"}}
    ask(desks, "clerk", "POST", f"{at}/check", version=1, **found)
    ask(desks, "clerk", "POST", f"{at}/check", 409, version=1, **found)
    ask(desks, "clerk", "POST", f"{at}/steps/prepare", version=2, note="齐全")
    ask(desks, "clerk", "POST", f"{at}/approve", 403, version=3, note="同意")
    done = ask(desks, "approver", "POST", f"{at}/approve", version=3, note="同意")
    assert (done["state"], done["final"]) == ("carried-out", True)
    assert ask(desks, "editor1", "GET", "/requests")["total"] == 1
    assert ask(desks, "editor2", "GET", "/requests")["total"] == 0
    assert changing.records()[-1].record.name == "欧阳示范"
