"""What supervision waits for, as both sides meet it: home, the matter's page, the pool, the API."""

from __future__ import annotations

from typing import Any

import pytest

from registry.office import draws


@pytest.fixture
def drawn(small: Any, office_helper: Any) -> str:
    """Give the login of the supervisor whose visit is number 1; `small` knows the accounts."""
    supervised = office_helper("supervising_office").Supervised(small)
    supervised.plans(1)
    supervised.supervisors(1)
    by, context = small.who("clerk"), small.context("clerk")
    with small.write() as session:
        draws.fix_pool(session, take=1, avoid=(), by=by, context=context)
    note = supervised.anchor()
    with small.write() as session:
        draws.make_draw(session, 1, note, by=by, context=context)
    known, person = small.who, supervised.visitors["DD001"]
    small.who = lambda login: person if login == "dd001" else known(login)
    return "dd001"


def machine(desks: Any, login: str) -> Any:
    client = desks.test_client(use_cookies=False)
    headers = {"Authorization": f"Bearer {login}"}

    def ask(path: str, body: Any = None, status: int = 200) -> Any:
        method = "GET" if body is None else "POST"
        more = {} if body is None else {"json": body}
        answer = client.open(f"/api/v1{path}", method=method, headers=headers, **more)
        assert answer.status_code == status, answer.text
        return answer.get_json()

    return ask


def test_each_side_finds_its_part_at_home(browse: Any, drawn: str) -> None:
    visitor, head, clerk = browse(drawn), browse("head1"), browse("clerk")
    home = visitor.get("/")
    assert "/supervision/1" in home
    assert "实施督导" in home
    assert "截止2026年12月22日（含当日）" in home
    assert "/supervision/1" not in head.get("/")
    assert "抽中质量督导" not in head.get("/cases/1")
    assert "DD-2026-0001" not in head.get("/cases/1")
    page = clerk.get("/cases/1")
    assert "抽中质量督导" in page
    assert 'href="/supervision/1"' in page
    visitor.post("/supervision/1/finding", result="to-mend", finding="签到不全")
    assert "答复督导意见" in head.get("/")
    page = head.get("/cases/1")
    assert "提交督导意见" in page
    assert 'href="/supervision/1"' in page
    head.post("/supervision/1/answer", answer="已补签")
    assert "核实办结" in clerk.get("/")
    page = clerk.get("/supervision/1")
    assert "要求补充答复" in page
    again = clerk.post("/supervision/1/check", 422).get_data(as_text=True)
    assert "请写明核实情况" in again
    place = clerk.post("/supervision/1/check", check="缺照片", again="yes").location
    assert "已要求企业补充答复" in clerk.get(place)
    assert "缺照片" in head.get("/supervision/1")
    head.post("/supervision/1/answer", answer="附照片")
    place = clerk.post("/supervision/1/check", check="整改属实").location
    assert "已核实办结" in clerk.get(place)
    page = head.get("/supervision/1")
    assert page.index("已补签") < page.index("缺照片") < page.index("附照片")
    assert page.index("附照片") < page.index("整改属实")
    assert "/supervision/1" not in clerk.get("/")
    clerk.post("/supervision/1/check", 422, check="再核")


def test_a_sound_finding_is_closed_with_one_button(browse: Any, drawn: str) -> None:
    browse(drawn).post("/supervision/1/finding", result="sound", finding="规范")
    clerk = browse("clerk")
    assert "要求补充答复" not in clerk.get("/supervision/1")
    assert "已核实办结" in clerk.get(clerk.post("/supervision/1/check").location)


def test_a_machine_goes_the_same_way(desks: Any, drawn: str) -> None:
    visitor, head, clerk = (machine(desks, login) for login in (drawn, "head1", "clerk"))
    (mine,) = visitor("/supervision/due")["mine"]
    assert (mine["task"], mine["due_on"]) == ("visit", "2026-12-22")
    visitor("/supervision/1/finding", {"result": "serious", "finding": "代考"})
    assert [one["task"] for one in head("/supervision/due")["mine"]] == ["answer"]
    head("/supervision/1/answer", {"answer": "已处理"})
    clerk("/supervision/1/close", {}, 422)
    clerk("/supervision/1/ask-again", {"check": "请附材料"})
    head("/supervision/1/answer", {"answer": "附材料"})
    done = clerk("/supervision/1/close", {"check": "属实，另行提议处理"})
    assert done["stage"] == "closed"
    assert done["text"]["earlier"] == ["已处理", "请附材料"]
    none = dict.fromkeys(("late", "soon", "total", "waiting"), 0)
    assert clerk("/supervision/due") == {"mine": [], "others": [], **none}


def test_an_account_is_tied_at_the_pools_page(browse: Any, desks: Any) -> None:
    clerk = browse("clerk")
    for kind in ("supervisor", "supervisor", "expert"):
        clerk.post("/experts", kind=kind, name="示例戊", fields="车工")
    page = clerk.get("/experts")
    assert page.count("未绑定") == 2
    assert "/experts/1/account" in page
    assert "/experts/3/account" not in page
    page = clerk.get("/experts/1/account")
    assert 'value="supervisor"' in page
    assert "checked" not in page
    assert "请选择账号" in clerk.post("/experts/1/account", 422).get_data(as_text=True)
    clerk.post("/experts/1/account", login="supervisor")
    assert clerk.get("/experts").count("未绑定") == 1
    assert "没有可以绑定" in clerk.get("/experts/2/account")
    page = clerk.post("/experts/2/account", 422, login="supervisor").get_data(as_text=True)
    assert "已绑定其他督导员" in page
    assert "解除绑定" in clerk.get("/experts/1/account")
    clerk.post("/experts/1/account", login="-")
    assert clerk.get("/experts").count("未绑定") == 2
    clerk.get("/experts/3/account", 404)
    browse("clerk-a").get("/experts/1/account", 403)
    tie = machine(desks, "approver")
    assert tie("/experts/2/account", {"login": "supervisor"})["account"] == "supervisor"
    assert tie("/experts/2/account", {"login": ""})["account"] == ""


def test_a_label_as_the_pool_gives_it_can_be_kept_out_of_a_visit(
    small: Any, browse: Any, office_helper: Any
) -> None:
    office_helper("supervising_office").Supervised(small).plans(1)
    clerk = browse("clerk")
    for _ in range(2):
        clerk.post("/experts", kind="supervisor", name="示例戊", fields="车工")
    place = clerk.post("/supervision/draws/new", take="1", avoid="JH-2026-0001 DD-001").location
    assert "JH-2026-0001 DD-001" in clerk.get(place)


def test_a_term_without_a_rule_is_listed_and_can_be_given_one(browse: Any) -> None:
    page = browse("approver").get("/rules")
    assert "尚无规定的期限" in page
    assert "/rules/terms/supervision-answer" in page
    assert "/rules/terms/supervision-answer" not in browse("head1").get("/rules")
    page = browse("approver").get("/rules/terms/supervision-answer")
    assert "现无规定" in page
    fields = {"length": "5", "unit": "working-days", "counting": "from-the-next"}
    browse("approver").post(
        "/rules/terms/supervision-answer", **fields, basis="示例〔2026〕8号", since="2026-12-01"
    )
    page = browse("approver").get("/rules")
    assert "督导意见答复" in page
    assert "示例〔2026〕8号" in page
    assert "督导答复核实" in page.partition("尚无规定的期限")[2]
