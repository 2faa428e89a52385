"""The administrator's and the auditor's pages."""

from __future__ import annotations

import re
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import update

from registry.office import passwords
from registry.office.audit_chain import link_audit
from registry.store.accounts import Account
from registry.store.audit import AuditLine


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "HASHER", cheap)


def test_an_account_is_added_and_its_password_shown_once(browse: Any, small: Any) -> None:
    admin = browse("admin")
    assert 'name="role"' in admin.get("/accounts/new")
    answer = admin.post(
        "/accounts/new", 200, login="newcomer", role="clerk", name="测试甲", staff_number="GH-9"
    )
    (given,) = re.findall(r"[a-z2-7]{6}(?:-[a-z2-7]{6}){3}", answer.text)
    with small.read() as session:
        account = session.query(Account).filter_by(login="newcomer").one()
        assert passwords.matches(account.password, given)
        page = admin.get(f"/accounts/{account.account_id}")
    assert "测试甲" in page
    assert given not in page
    listed = admin.get("/accounts")
    assert "newcomer" in listed
    assert "测试甲" not in listed


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"login": "newcomer"}, "请选择角色"),
        ({"login": "newcomer", "role": "god"}, "请选择角色"),
        ({"login": "A B", "role": "clerk"}, "用户名为"),
        ({"login": "clerk", "role": "clerk"}, "已被使用"),
        ({"login": "newcomer", "role": "company-head"}, "企业角色须填写"),
        ({"login": "newcomer", "role": "clerk"}, "须填写工号"),
    ],
)
def test_a_wrong_form_comes_back_with_what_was_typed(
    browse: Any, fields: dict[str, str], said: str
) -> None:
    page = browse("admin").post("/accounts/new", 422, district="4403Z", **fields).text
    assert said in page
    assert "有 1 处需要修改" in page
    assert 'value="4403Z"' in page


def test_what_is_typed_is_shown_as_text(browse: Any) -> None:
    name = '"><script>alert(1)</script>'
    page = browse("admin").post("/accounts/new", 422, login=name, role="clerk").text
    assert "<script" not in page


def test_an_administrator_keeps_others_accounts_and_not_their_own(browse: Any, small: Any) -> None:
    admin = browse("admin")
    assert admin.post("/accounts/5/disable").location == "/accounts/5?done=disable"
    assert "已停用" in admin.get("/accounts/5?done=disable")
    admin.post("/accounts/5/enable")
    admin.post("/accounts/5/factors")
    admin.post("/accounts/5/role", role="approver")
    assert "办公室审批人" in admin.get("/accounts/5")
    said = admin.post("/accounts/5/password", 200).text
    assert "一次性密码" in said
    assert "另一位系统管理员" in said
    page = admin.get("/accounts/5")
    assert page.count("待确认") == 1
    assert "/confirm" not in page
    assert page.count("/drop") == 2
    assert "待确认" in admin.get("/accounts")
    admin.post("/accounts/changes/1/confirm", 403)
    admin.post("/accounts/changes/1/drop")
    admin.post("/accounts/changes/1/drop", 422)
    admin.post("/accounts/changes/9/confirm", 404)
    admin.post("/accounts/5/number", 422, staff_number="GH-006")
    assert "待另一位" in admin.get(admin.post("/accounts/5/number", staff_number="GH-55").location)
    assert "GH-55" in admin.get("/accounts/5")
    assert "自己的账号" in admin.get("/accounts/8")
    for what in ("disable", "password", "factors"):
        admin.post(f"/accounts/8/{what}", 403)
    admin.post("/accounts/8/role", 403, role="clerk")
    admin.post("/accounts/5/role", 400, role="god")
    admin.post("/accounts/5/role", 422, role="company-head")
    admin.get("/accounts/999", 404)
    with small.read() as session:
        lines = session.query(AuditLine).filter_by(result="done").all()
        assert [line.action for line in lines] == [
            "account-disable",
            "account-enable",
            "account-factors",
            "account-role",
            "account-reset",
            "account-drop",
            "account-number",
        ]
        refused = session.query(AuditLine).filter_by(result="refused", actor="account:admin")
        assert refused.count() == 10


def test_an_administrator_sees_no_case(browse: Any) -> None:
    admin = browse("admin")
    admin.get("/", 303)
    for path in ("/list/filing", "/cases/1", "/audit"):
        admin.get(path, 403)


def test_an_auditor_reads_and_checks(browse: Any, small: Any) -> None:
    browse("editor2").get("/cases/1", 404)
    auditor = browse("auditor")
    page = auditor.get("/audit")
    assert "account:editor2" in page
    assert "被拒绝" in page
    assert "不少于 3 年" in page
    assert "account:editor2" not in auditor.get("/audit?actor=clerk")
    assert "没有符合条件的记录" in auditor.get("/audit?until=2020-01-01")
    assert "日期应为" in auditor.get("/audit?since=yesterday")
    assert "暂不能判断" in auditor.get("/audit/check")
    with small.write() as session:
        link_audit(session)
    assert "1 条记录与记录链一致" in auditor.get("/audit/check")
    with small.write() as session:
        session.execute(update(AuditLine).values(subject="/cases/2"))
    assert "第 1 条处不符" in auditor.get("/audit/check")


def test_older_lines_are_a_page_further(browse: Any, small: Any) -> None:
    with small.write() as session:
        for _ in range(31):
            session.add(
                AuditLine(
                    at=small.clock.now(), actor="account:clerk", action="x", subject="y", detail=""
                )
            )
    page = browse("auditor").get("/audit?actor=clerk&_external=1&endpoint=x")
    (onward,) = re.findall(r'href="(/audit\?[^"]*before=2[^"]*)"', page)
    assert 'class="note mono">1<' in browse("auditor").get(onward.replace("&amp;", "&"))
