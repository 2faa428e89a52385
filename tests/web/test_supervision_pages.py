"""The pages of supervision: a draw to its visit, evaluations, and sanctions with four eyes."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from registry.store.certificates import Certificate
from registry.store.procedure import Company
from registry.store.registers import Supervision

WHY = "现场查实替考"


@pytest.fixture
def supervised(small: Any, office_helper: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    office = office_helper("supervising_office").Supervised(small)
    known = small.who

    def who(login: str) -> Any:
        by_login = {visitor.login: visitor for visitor in office.visitors.values()}
        return by_login.get(login) or known(login)

    monkeypatch.setattr(small, "who", who)
    return office


def rows(small: Any) -> list[Supervision]:
    with small.read() as session:
        return list(session.scalars(select(Supervision).order_by(Supervision.supervision_id)))


@pytest.fixture
def drawn(small: Any, supervised: Any, browse: Any) -> Any:
    supervised.plans(4)
    supervised.supervisors(2)
    clerk = browse("clerk")
    clerk.post("/supervision/draws/new", take="2", avoid="JH-2026-0001 DD001\n")
    supervised.anchor()
    clerk.post("/supervision/draws/1/draw")
    return supervised


def test_a_draw_from_the_pool_to_the_file(small: Any, supervised: Any, browse: Any) -> None:
    supervised.plans(4)
    supervised.supervisors(2)
    clerk = browse("clerk")
    page = clerk.get("/supervision/draws/new")
    assert all(word in page for word in ("JH-2026-0004", "DD001、DD002", "名单"))
    place = clerk.post("/supervision/draws/new", take="2").headers["Location"]
    page = clerk.get(place)
    assert "名单已固定" in page
    assert "尚未写入" in page
    assert "等待公开日志写入名单" in page
    clerk.post("/supervision/draws/1/draw", 422)
    supervised.anchor()
    assert "结果已经确定" in clerk.get("/supervision/draws/1")
    page = clerk.get(clerk.post("/supervision/draws/1/draw").headers["Location"])
    assert "已抽取" in page
    assert "certreg draw verify CQ-2026-0001.draw.json" in page
    assert '"drawn"' in clerk.get("/supervision/draws/1/file").replace("\\", "")
    assert "已抽取 2 项计划" in clerk.get("/supervision")
    assert "已经抽取" in clerk.post("/supervision/draws/1/draw", 422).get_data(as_text=True)


def test_a_missed_checkpoint_is_said(supervised: Any, browse: Any) -> None:
    supervised.plans(1)
    supervised.supervisors(1)
    clerk = browse("clerk")
    clerk.post("/supervision/draws/new", take="1")
    supervised.anchor()
    supervised.anchor()
    assert "certreg draw run CQ-2026-0001" in clerk.get("/supervision/draws/1")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"take": "many"}, "请填写抽取数量"),
        ({"take": "9"}, "1 至 2"),
        ({"take": "1", "avoid": "张三"}, "第 1 行应为"),
        ({"take": "1", "avoid": "JH-2026-0099 DD001"}, "不在抽取名单内"),
    ],
)
def test_a_bad_pool_comes_back_with_what_was_typed(
    supervised: Any, browse: Any, fields: dict[str, str], says: str
) -> None:
    supervised.plans(2)
    supervised.supervisors(1)
    page = browse("clerk").post("/supervision/draws/new", 422, **fields).get_data(as_text=True)
    assert says in page
    assert "error-summary" in page
    assert f'value="{fields["take"]}"' in page


def test_the_drawn_supervisor_reports_and_the_company_answers(
    small: Any, drawn: Any, browse: Any
) -> None:
    with small.read() as session:
        from registry.office.supervising import get_item

        by = small.who("clerk")
        label = get_item(session, 1, by, small.desk.context(by)).text.supervisor
    mine, other = label.lower(), {"dd001": "dd002", "dd002": "dd001"}[label.lower()]
    browse("head1").get("/supervision/1", 404)
    browse(other).get("/supervision/1", 404)
    visitor = browse(mine)
    assert "/supervision/1" in visitor.get("/supervision")
    page = visitor.post("/supervision/1/finding", 422, finding="签到不全").get_data(as_text=True)
    assert "请选择结论" in page
    assert "签到不全" in page
    fields = {"result": "to-mend", "finding": "签到不全"}
    place = visitor.post("/supervision/1/finding", **fields).headers["Location"]
    assert "督导意见已提交" in visitor.get(place)
    visitor.post("/supervision/1/finding", 409, **fields)
    company = browse("head1")
    assert "需整改" in company.get("/supervision")
    assert "请填写答复意见" in company.post("/supervision/1/answer", 422).get_data(as_text=True)
    company.post("/supervision/1/answer", answer="已补签并整改")
    assert "已补签并整改" in browse("clerk").get("/supervision/1")
    browse("head2").get("/supervision/1", 404)


def test_an_evaluation_from_the_due_list(supervised: Any, browse: Any) -> None:
    supervised.list_company(1)
    clerk = browse("clerk")
    page = clerk.get("/supervision")
    assert "一年内未实施评价" in page
    assert "/supervision/companies/1/delist" in page
    page = clerk.post("/supervision/companies/1/evaluate", 422, reasons="尚可").get_data(
        as_text=True
    )
    assert "请选择结论" in page
    fields = {"result": "failed", "reasons": "全年未实施评价"}
    clerk.get(clerk.post("/supervision/companies/1/evaluate", **fields).headers["Location"])
    assert "没有到期的年度评估" in clerk.get("/supervision")
    assert "全年未实施评价" in browse("head1").get("/supervision/1")
    clerk.post("/supervision/companies/1/evaluate", 422, **fields)


def test_a_delisting_by_four_eyes(small: Any, supervised: Any, browse: Any) -> None:
    supervised.list_company(1)
    clerk, approver = browse("clerk"), browse("approver")
    page = clerk.post("/supervision/companies/1/delist", 422, reason=WHY).get_data(as_text=True)
    assert "请选择处理情形" in page
    assert WHY in page
    fields = {"ground": "cheating", "reason": WHY}
    place = clerk.post("/supervision/companies/1/delist", **fields).headers["Location"]
    assert "由另一人审批" in clerk.get(place)
    clerk.post("/supervision/1/decide", 403, decision="uphold", note="同意")
    browse("head1").post("/supervision/1/answer", answer="请求复核")
    assert "请求复核" in approver.get("/supervision/1")
    page = approver.post("/supervision/1/decide", 422, note="同意").get_data(as_text=True)
    assert "请选择处理决定" in page
    place = approver.post("/supervision/1/decide", decision="uphold", note="同意").headers[
        "Location"
    ]
    assert "处理决定已生效" in approver.get(place)
    approver.post("/supervision/1/decide", 409, decision="drop", note="再议")
    with small.read() as session:
        assert session.get_one(Company, 1).state == "barred"


def test_a_disqualification_shows_no_name(small: Any, supervised: Any, browse: Any) -> None:
    supervised.list_company(1)
    who = supervised.assessor()
    supervisor, clerk = browse("supervisor"), browse("clerk")
    for person, step in ((supervisor, "fault"), (clerk, "disqualify")):
        page = person.get("/supervision/propose")
        assert f"/supervision/assessors/{who}/{step}" in page
        assert "考评甲" not in page
    assert "/supervision/companies/1/delist" in clerk.get("/supervision/propose")
    assert "companies" not in supervisor.get("/supervision/propose").partition("<main")[2]
    assert "考评甲" not in supervisor.get(f"/supervision/assessors/{who}/fault")
    place = supervisor.post(f"/supervision/assessors/{who}/fault", reason="擅离职守").headers[
        "Location"
    ]
    assert "考评甲" not in supervisor.get(place)
    address = f"/supervision/assessors/{who}/disqualify"
    assert "有一次失职记录" in clerk.get(address)
    clerk.post(address, ground="two-faults", reason="再次擅离职守")
    page = browse("approver").get("/supervision/2")
    assert "考评甲" not in page
    assert "两次以上失职" in page
    browse("approver").post("/supervision/2/decide", decision="uphold", note="同意")
    assert "已取消资格" in browse("head1").get("/supervision/2")


def test_a_batch_is_revoked_from_the_page(small: Any, supervised: Any, browse: Any) -> None:
    supervised.list_company(1)
    batch = supervised.issue(2)
    clerk, approver = browse("clerk"), browse("approver")
    page = clerk.post("/supervision/batches/revoke", 422, batch="none", reason=WHY)
    assert "没有此批次" in page.get_data(as_text=True)
    clerk.post("/supervision/batches/revoke", batch=batch, reason=WHY)
    assert "此批次 2 本证书一次全部撤销" in approver.get("/supervision/1")
    approver.post("/supervision/1/decide", decision="uphold", note="同意")
    assert "现有效证书 0 本" in approver.get("/supervision/1")
    with small.read() as session:
        assert set(session.scalars(select(Certificate.state))) == {1}


@pytest.mark.parametrize(
    ("login", "path"),
    [
        ("approver", "/supervision/companies/1/delist"),
        ("head1", "/supervision/batches/revoke"),
        ("head1", "/supervision/draws/1"),
        ("clerk-a", "/supervision/draws/new"),
        ("supervisor", "/supervision/draws/new"),
        ("auditor", "/supervision/draws/new"),
        ("admin", "/supervision"),
        ("approver", "/supervision/propose"),
        ("auditor", "/supervision/companies/1/evaluate"),
    ],
)
def test_who_may_not_is_told_so(supervised: Any, browse: Any, login: str, path: str) -> None:
    browse(login).get(path, 403)


def test_whoever_may_look_looks(small: Any, drawn: Any, browse: Any) -> None:
    for login in ("auditor", "approver", "clerk-a", "supervisor", "editor2"):
        assert "监督管理" in browse(login).get("/supervision")
    assert "等待抽取" not in browse("auditor").get("/supervision/draws/1")
    assert len(rows(small)) == 2
