"""A scheme at the two desks: each page filled in, faults shown with what was typed, opinions."""

from __future__ import annotations

import re
from typing import Any

import pytest

from registry.store.organisations import Issuer
from registry.store.procedure import Company


def version(page: str) -> str:
    match = re.search(r'name="version" value="([0-9]+)"', page)
    assert match
    return match[1]


@pytest.fixture
def listed(scheming: Any) -> Any:
    scheming.list_company()
    with scheming.small.write() as session:
        company = session.get_one(Company, 1)
        facts = {"prefix": "Y000044999001", "name": company.name, "uscc": company.uscc}
        session.add(Issuer(**facts, levels="43", added_at=scheming.small.clock.now()))
        session.flush()
        company.prefix = "Y000044999001"
    scheming.pool()
    return scheming


@pytest.fixture
def typed(office_helper: Any) -> dict[str, dict[str, str]]:
    made = office_helper("scheme_office")
    return {"standard": made.STANDARD, "level": made.PARTS}


def fill(browse: Any, typed: Any, case_id: int, *levels: str) -> Any:
    editor = browse("editor1")
    page = editor.get(f"/schemes/{case_id}/standard")
    editor.post(f"/schemes/{case_id}/standard", version=version(page), **typed["standard"])
    for level in levels:
        page = editor.get(f"/schemes/{case_id}/levels/{level}")
        address = f"/schemes/{case_id}/levels/{level}"
        editor.post(address, version=version(page), **typed["level"])
    return editor


def test_company_and_office_carry_a_scheme_to_publication(
    browse: Any, listed: Any, typed: Any
) -> None:
    editor, head = browse("editor1"), browse("head1")
    assert "车工（数控车工） 6-18-01-01：四级/中级工、三级/高级工" in editor.get("/schemes/new")
    place = editor.post("/schemes/new", occupation="6-18-01-01|数控车工").location
    found = re.fullmatch(r"/schemes/([0-9]+)/tasks", place)
    assert found
    case_id = int(found[1])
    assert editor.get(place).count("不评价此等级") == 2
    fill(browse, typed, case_id, "4", "3")
    page = editor.get(f"/schemes/{case_id}/check")
    assert "请企业负责人登录后报送" in page
    editor.post(f"/schemes/{case_id}/check", 403, version=version(editor.get(f"/cases/{case_id}")))
    page = head.get(f"/schemes/{case_id}/check")
    sent = head.post(f"/schemes/{case_id}/check", version=version(page)).location
    assert "不少于 3 名专家" in head.get(sent)

    clerk = browse("clerk")
    page = clerk.get(f"/cases/{case_id}")
    assert "国家职业技能标准 车工（2018年版）" in page
    clerk.post(f"/cases/{case_id}/steps/call-experts", version=version(page))
    for expert, answer in zip(listed.experts, ("for", "for", "against"), strict=False):
        page = clerk.get(f"/schemes/{case_id}/votes")
        clerk.post(
            f"/schemes/{case_id}/votes",
            version=version(page),
            expert=expert,
            answer=answer,
            opinion="方案可行",
        )
    page = clerk.get(f"/cases/{case_id}")
    assert "本轮同意 2 人，不同意 1 人" in page
    assert "方案可行" in page
    clerk.post(
        f"/cases/{case_id}/steps/prepare", version=version(page), **{"note-prepare": "拟同意"}
    )
    approver = browse("approver")
    page = approver.get(f"/cases/{case_id}")
    approver.post(
        f"/cases/{case_id}/steps/approve", version=version(page), **{"note-approve": "同意"}
    )
    page = editor.get(f"/cases/{case_id}?done=approve")
    assert "已办理：同意并公布" in page
    assert "本办件已办结" in page
    assert "方案可行" not in page
    for login in ("editor2", "clerk", "auditor", "supervisor"):
        assert "车工（数控车工）" in browse(login).get("/schemes/published")


def test_nothing_typed_is_lost_when_it_does_not_read(browse: Any, listed: Any, typed: Any) -> None:
    case_id = listed.start()
    editor = browse("editor1")
    page = editor.get(f"/schemes/{case_id}/standard")
    wrong = typed["standard"] | {"standard_number": "", "standard_reason": "说明<b>"}
    answer = editor.post(f"/schemes/{case_id}/standard", 422, version=version(page), **wrong)
    page = answer.get_data(as_text=True)
    assert '<a href="#standard_number">请填写标准编号' in page
    assert "车工（2018年版）" in page
    assert "说明&lt;b&gt;" in page
    assert 'value="national" checked' in page
    wrong = typed["level"] | {"weight-skill": "五十", "reason-theory": "过程考核"}
    address = f"/schemes/{case_id}/levels/4"
    answer = editor.post(address, 422, version=version(editor.get(address)), **wrong)
    page = answer.get_data(as_text=True)
    assert 'value="五十"' in page
    assert ">过程考核</textarea>" in page
    assert '<a href="#weight-skill">权重请填 0 至 100 的整数' in page
    assert "不评价此等级" in editor.get(f"/schemes/{case_id}/tasks")


def test_a_level_is_previewed_by_the_same_rules_and_not_kept(
    browse: Any, listed: Any, typed: Any
) -> None:
    case_id = listed.start()
    editor = browse("editor1")
    address = f"/schemes/{case_id}/levels/4"
    page = editor.get(address)
    weak = typed["level"] | {"pass-skill": "50", "action": "preview"}
    page = editor.post(address, 200, version=version(page), **weak).get_data(as_text=True)
    assert "预览：有 1 处不符合报送要求，尚未保存" in page
    assert "操作技能考核低于国家职业技能标准" in page
    assert 'name="pass-skill" type="text" value="50"' in page
    good = typed["level"] | {"action": "preview"}
    page = editor.post(address, 200, version=version(page), **good).get_data(as_text=True)
    assert "预览：符合报送要求" in page
    assert editor.get(f"/schemes/{case_id}/tasks").count("不评价此等级") == 2


def test_the_check_page_names_each_fault_and_leads_there(
    browse: Any, listed: Any, typed: Any
) -> None:
    case_id = listed.start()
    page = browse("head1").get(f"/schemes/{case_id}/check")
    assert "有 2 处需要修改，暂不能报送" in page
    fill(browse, {**typed, "level": typed["level"] | {"weight-skill": "40"}}, case_id, "3")
    head = browse("head1")
    page = head.get(f"/schemes/{case_id}/check")
    assert f'<a href="/schemes/{case_id}/levels/3">三级/高级工：各部分权重合计应为 100' in page
    assert "报送市技能鉴定办" not in page
    stale = version(head.get(f"/cases/{case_id}"))
    head.post(f"/schemes/{case_id}/check", 422, version=stale)
    answer = head.post(f"/cases/{case_id}/steps/submit", 422, version=stale)
    assert "请按“核对”页所列逐条修改" in answer.get_data(as_text=True)


def test_a_level_is_taken_out_again(browse: Any, listed: Any, typed: Any) -> None:
    case_id = listed.start()
    editor = fill(browse, typed, case_id, "4", "3")
    page = editor.get(f"/schemes/{case_id}/levels/4")
    editor.post(f"/schemes/{case_id}/levels/4/remove", version=version(page))
    assert editor.get(f"/schemes/{case_id}/tasks").count("不评价此等级") == 1
    assert "删除此等级" not in editor.get(f"/schemes/{case_id}/levels/4")


def test_a_company_without_a_filing_is_told_so(browse: Any) -> None:
    page = browse("editor2").get("/schemes/new")
    assert "还没有备案通过的职业" in page
    browse("editor2").post("/schemes/new", 422)


def test_what_was_sent_in_is_not_changed(browse: Any, listed: Any, small: Any) -> None:
    case_id = listed.start()
    listed.fill(case_id)
    listed.step(case_id, "submit", "head1")
    page = browse("editor1").get(f"/schemes/{case_id}/standard", 422)
    assert "评价方案现为“已报送”，不能再修改" in page
    assert "填写方案" not in browse("editor1").get(f"/cases/{case_id}")


@pytest.mark.parametrize(
    "path", ["tasks", "standard", "levels/4", "levels/9", "levels/x", "check", "sent"]
)
def test_another_tenants_scheme_is_not_there(browse: Any, listed: Any, path: str) -> None:
    case_id = listed.start()
    browse("editor2").get(f"/schemes/{case_id}/{path}", 404)
    if path.startswith("levels/") and path != "levels/4":
        browse("editor1").get(f"/schemes/{case_id}/{path}", 404)


def test_an_opinion_needs_expert_answer_and_words(browse: Any, listed: Any) -> None:
    case_id = listed.start()
    listed.fill(case_id)
    listed.step(case_id, "submit", "head1")
    clerk = browse("clerk")
    clerk.get(f"/schemes/{case_id}/votes", 422)
    listed.step(case_id, "call-experts", "clerk")
    stale = version(clerk.get(f"/schemes/{case_id}/votes"))
    address = f"/schemes/{case_id}/votes"
    page = clerk.post(address, 422, version=stale, opinion="留着").get_data(as_text=True)
    assert "请选择同意或者不同意" in page
    assert ">留着</textarea>" in page
    page = clerk.post(address, 422, version=stale, answer="for", expert=999, opinion="x")
    assert "请选择本轮抽取的、专家库中的在库专家" in page.get_data(as_text=True)
    clerk.post(address, version=stale, answer="for", expert=listed.experts[0], opinion="x")
    again = clerk.post(address, 422, version=stale, answer="for", expert=listed.experts[0])
    assert again.status_code == 422
