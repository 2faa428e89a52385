"""The procedure by the machine API alone, from a company's filing to issued numbers."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from openpyxl import Workbook

from registry.sheets.layout_catalogue import CATALOGUE
from registry.sheets.layout_scores import SCORES
from registry.sheets.layouts import ROSTER

BASE = "/api/v1"
PREFIX = "Y000044999001"
SMALL_PDF = (
    b"%PDF-1.7\n1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj\n"
    b"2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj\n"
    b"3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>> endobj\n"
    b"trailer <</Root 1 0 R>>\n%%EOF\n"
)
COMPANY = {
    "address": "示例市示例区示例路 1 号",
    "legal_person": "赵示例",
    "contact": "钱示例",
    "phone": "0755-00000001",
    "main_business": "精密机械零件制造",
    "scope": "机械零件、模具的制造和销售",
}
CONDITIONS = {
    "insured_staff": 520,
    "managers": 2,
    "experts": 5,
    "supervisors": 2,
    **dict.fromkeys(("registered_here", "good_standing", "mechanisms", "pay_rules"), True),
}
TRADE = {
    "occupation": "6-20-01-01",
    "direction": "装配钳工",
    "levels": ["5", "4", "3"],
    "stations": 12,
    "assessors": 4,
    "applicants": 60,
    "reason": "装配线主体工种",
}


@pytest.fixture
def ask(desks: Any) -> Any:
    """Give the function that asks as a login and demands a status."""

    def call(login: str, method: str, path: str, *, expect: int = 200, **more: Any) -> Any:
        client = desks.test_client(use_cookies=False)
        headers = {"Authorization": f"Bearer {login}"}
        answer = client.open(BASE + path, method=method, headers=headers, **more)
        assert answer.status_code == expect, (method, path, answer.status_code, answer.text)
        return answer.get_json(silent=True) or json.loads(answer.text)

    return call


class Case:
    """One case: acts on it carry the version that the last answer gave."""

    def __init__(self, ask: Any, kind: str, opened: dict[str, Any]) -> None:
        self.ask, self.kind, self.now = ask, kind, opened
        self.id = opened["case_id"]

    def act(self, login: str, what: str, expect: int = 200, **body: Any) -> Any:
        path = f"/{self.kind}/{self.id}/{what}"
        sent = {"version": self.version(login), **body}
        return self.ask(login, "POST", path, expect=expect, json=sent)

    def step(self, login: str, event: str, expect: int = 200, note: str = "") -> Any:
        path = f"/cases/{self.id}/steps/{event}"
        sent = {"version": self.version(login), "note": note}
        return self.ask(login, "POST", path, expect=expect, json=sent)

    def version(self, login: str) -> int:
        return int(self.ask(login, "GET", f"/cases/{self.id}")["case"]["version"])

    def state(self) -> str:
        return str(self.ask("auditor", "GET", f"/cases/{self.id}")["case"]["state"])


def test_a_filing_from_the_draft_to_the_list_and_its_scheme(ask: Any, filing_office: Any) -> None:
    filing = Case(ask, "filings", ask("editor1", "POST", "/filings", json={}, expect=201))
    filing.act("editor1", "company", **COMPANY)
    filing.act("editor1", "conditions", **CONDITIONS)
    filing.act("editor1", "occupations", 201, **TRADE)
    documents = f"/cases/{filing.id}/documents"
    kinds = ask("editor1", "GET", documents)["kinds"]
    for kind in kinds:
        address = f"{documents}?kind={kind}&name={kind}.pdf"
        held = ask("editor1", "POST", address, data=SMALL_PDF + kind.encode(), expect=201)
    extra = held["documents"][-1]["document_id"]
    ask("editor1", "DELETE", f"{documents}/{extra}")
    assert ask("head1", "GET", f"/filings/{filing.id}")["ready"] is True
    filing.step("head1", "submit")
    assert [d["reference"] for d in ask("clerk", "GET", "/due")["mine"]] == [
        filing.now["reference"]
    ]
    filing.act("clerk", "return", 200, documents="请补盖章页")
    filing.step("head1", "submit")
    filing.step("clerk", "accept")
    reviewers = ask("clerk", "GET", f"/filings/{filing.id}/reviewers")["reviewers"]
    filing.act("clerk", "assign", reviewer=reviewers[0]["account_id"])
    filing.step("clerk", "call-experts")
    for expert in ask("clerk", "GET", f"/filings/{filing.id}/opinions")["to_ask"][:3]:
        said = {"expert_id": expert["expert_id"], "in_favour": True, "opinion": "场地符合要求"}
        filing.act("clerk", "opinions", 201, **said)
    assert ask("auditor", "GET", f"/filings/{filing.id}/opinions")["tally"]["in_favour"] == 3
    filing.step("clerk", "prepare", note="符合条件")
    filing.act("clerk", "prefix", prefix=PREFIX)
    assert filing.act("approver", "approve", 422, prefix="X")["errors"][0]["field"] == "prefix"
    assert filing.act("approver", "approve", prefix=PREFIX)["state"] == "approved"
    listed = ask("auditor", "GET", "/directory")["companies"]
    assert [company["prefix"] for company in listed] == [PREFIX]
    events = [step["event"] for step in ask("editor1", "GET", f"/cases/{filing.id}")["steps"]]
    assert events == []
    _scheme(ask)


def _scheme(ask: Any) -> None:
    trades = ask("editor1", "GET", "/schemes/occupations")["occupations"]
    new = {"occupation_code": trades[0]["code"], "direction": trades[0]["direction"]}
    scheme = Case(ask, "schemes", ask("editor1", "POST", "/schemes", json=new, expect=201))
    standard = {"standard_kind": "national", "standard": "钳工国家职业技能标准"}
    scheme.act("editor1", "standard", standard_number="6-20-01-01", **standard)
    parts = [
        {"kind": kind, "weight": weight, "pass_mark": 60, "veto": True}
        for kind, weight in (("theory", 30), ("skill", 70))
    ]
    for level in ("5", "4"):
        scheme.act("editor1", f"levels/{level}", parts=parts, total_mark=60)
    version = scheme.version("editor1")
    ask("editor1", "DELETE", f"/schemes/{scheme.id}/levels/4?version={version}")
    seen = ask("editor1", "GET", f"/schemes/{scheme.id}")
    assert seen["ready"], seen["faults"]
    scheme.step("head1", "submit")
    scheme.step("clerk", "call-experts")
    for expert in ask("clerk", "GET", f"/schemes/{scheme.id}/opinions")["to_ask"][:3]:
        said = {"expert_id": expert["expert_id"], "in_favour": True, "opinion": "同意"}
        scheme.act("clerk", "opinions", 201, **said)
    scheme.step("clerk", "prepare")
    scheme.step("approver", "approve")
    published = ask("clerk", "GET", "/schemes/published")["schemes"]
    assert [item["case_id"] for item in published] == [scheme.id]


def table(rows: list[dict[str, Any]], columns: dict[str, str]) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(list(columns.values()))
    for row in rows:
        sheet.append([row.get(key, "") for key in columns])
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def columns_of(layout: Any, names: Any) -> dict[str, str]:
    headers = {column.key: column.header for column in layout.columns}
    return {name: headers[name] for name in names}


def test_a_plan_is_made_returned_and_recorded(ask: Any, planning: Any, office_helper: Any) -> None:
    planning.prepare()
    schemes = ask("editor1", "GET", "/plans/schemes")["schemes"]
    new = {"scheme_id": schemes[0]["case_id"]}
    plan = Case(ask, "plans", ask("editor1", "POST", "/plans", json=new, expect=201))
    days = {"first_day": "2026-12-21", "last_day": "2026-12-22"}
    sites = [{"name": "一号实训车间", "address": "示例市示例区示例路1号"}]
    plan.act("editor1", "times", levels=["4", "3"], sites=sites, **days)
    assessors = ask("editor1", "GET", "/assessors")["assessors"]
    assert all("*" in item["id_number"] for item in assessors)
    plan.act("editor1", "assessors", assessors=[item["assessor_id"] for item in assessors])
    cells = office_helper("plan_office").cells
    good = [cells(serial) for serial in range(3)]
    columns = columns_of(ROSTER, good[0])
    address = f"/plans/{plan.id}/roster?version="
    twice = table([*good, good[0]], columns)
    wrong = ask("editor1", "POST", f"{address}{plan.version('editor1')}", data=twice, expect=422)
    assert wrong["code"] == "sheet-refused"
    assert {(found["row"], found["code"]) for found in wrong["findings"]} == {(5, "planned-twice")}
    assert good[0]["id_number"] not in json.dumps(wrong)
    before = plan.version("editor1")
    ask("editor1", "POST", f"{address}{before}", data=b"no table", expect=422)
    assert plan.version("editor1") == before
    kept = ask("editor1", "POST", f"{address}{before}", data=table(good, columns))
    assert kept["people"] == 3
    training = {"hours": 40, "content": "岗位技能提升"}
    plan.act("editor1", "training", first_day="2026-11-02", last_day="2026-11-20", **training)
    assert ask("head1", "GET", f"/plans/{plan.id}")["faults"] == []
    plan.step("head1", "submit")
    people = ask("clerk", "GET", f"/plans/{plan.id}/roster")
    assert people["total"] == 3
    row = people["people"][0]["row"]
    plan.act("clerk", "return", 422, note="请核对", rows=[{"row": 999, "text": "没有此行"}])
    plan.act("clerk", "return", note="请核对", rows=[{"row": row, "text": "等级与岗位不符"}])
    returned = ask("editor1", "GET", f"/plans/{plan.id}")["returned_rows"]
    assert [(line["row"], line["finding"]) for line in returned] == [(row, "等级与岗位不符")]
    plan.step("head1", "submit")
    plan.step("clerk", "record")
    assert plan.state() == "recorded"


def test_results_from_scores_to_issued_numbers(ask: Any, small: Any, assessing: Any) -> None:
    assessing.held_plan()
    plans = ask("editor1", "GET", "/batches/plans")["plans"]
    new = {"plan_id": plans[0]["case_id"]}
    batch = Case(ask, "batches", ask("editor1", "POST", "/batches", json=new, expect=201))
    rows = [row for _, row in assessing.rows(batch.id, ("80", "75.5"), ("90", "80"), ("90", "40"))]
    data = table(rows, columns_of(SCORES, rows[0]))
    address = f"/batches/{batch.id}/scores?version={batch.version('editor1')}"
    assert ask("editor1", "POST", address, data=data)["people"] == 3
    results = ask("editor1", "GET", f"/batches/{batch.id}/results")
    assert (results["total"], results["passed"]) == (3, 2)
    assert rows[0]["id_number"] not in json.dumps(results)
    evidence = {"description": "理论试卷", "sha256": "a" * 64, "size": 1024, "kind": "papers"}
    forged = {**evidence, "description": "试卷\n视频\t假\t" + "b" * 64 + "\t1"}
    batch.act("editor1", "evidence", 400, evidence=[forged])
    video = {**evidence, "kind": "video", "sha256": "b" * 64}
    batch.act("editor1", "evidence", evidence=[evidence, video])
    batch.act("head1", "publicity")
    batch.act("editor1", "objections", 201, text="第 3 行成绩有误")
    batch.act("head1", "submit", 422)
    batch.act("editor1", "objections/1", text="复核无误")
    shown = ask("clerk", "GET", f"/batches/{batch.id}")["publicity"]
    assert [item["handling"] for item in shown["objections"]] == ["复核无误"]
    small.clock.moment = datetime(2026, 12, 31, 2, 0, tzinfo=UTC)
    batch.act("head1", "submit")
    assert ask("clerk", "GET", f"/batches/{batch.id}/review")["sound"] is True
    batch.act("clerk", "return", 422)
    batch.act("clerk", "prepare")
    batch.step("approver", "approve")
    done = batch.act("clerk", "issue")
    assert (done["count"], done["recognised"]) == (2, False)
    assert done["ranges"][0][0].startswith(PREFIX)
    again = batch.act("clerk", "issue")
    assert (again["batch_id"], again["recognised"]) == (done["batch_id"], True)
    assert ask("head1", "GET", f"/batches/{batch.id}/issued")["count"] == 2


def test_registers_rules_and_accounts_answer(ask: Any) -> None:
    trade = {
        "edition": "2015",
        "catalogue_code": "6-20-01-01",
        "catalogue_name": "钳工",
        "directions": "装配钳工",
        "levels": "5、4、3、2、1",
        "national": "否",
    }
    data = table([trade], columns_of(CATALOGUE, trade))
    done = ask("clerk", "POST", "/occupations/table", data=data)
    assert done == {"added": 1, "updated": 0}
    new = {"kind": "supervisor", "name": "孙督导", "fields": "机械"}
    member = ask("clerk", "POST", "/experts", json=new, expect=201)
    active = {"active": False}
    gone = ask("clerk", "POST", f"/experts/{member['expert_id']}/active", json=active)
    assert gone["active"] is False
    pool = ask("auditor", "GET", "/experts")
    assert "孙督导" not in json.dumps(pool, ensure_ascii=False)
    found = ask("editor1", "GET", "/occupations?text=钳工")
    assert [item["directions"] for item in found["occupations"]] == ["装配钳工"]
    rules = ask("editor1", "GET", "/rules")
    assert {"filing-decision"} <= {item["term"] for item in rules["terms"]}
    days = ask("editor1", "GET", "/calendar?first=2026-10-01&last=2026-10-02")["days"]
    assert [item["kind"] for item in days] == ["holiday", "holiday"]
    account = {"login": "editor9", "role": "clerk", "name": "周经办", "staff_number": "GH-9"}
    first = ask("admin", "POST", "/accounts", json=account, expect=201)
    assert first["login"] == "editor9"
    assert first["password"]
    lines = ask("auditor", "GET", f"/audit?since={date(2026, 11, 26)}")["lines"]
    assert first["password"] not in json.dumps(lines)
    assert ask("auditor", "GET", "/supervision")["items"] == []
    assert ask("auditor", "GET", "/draws")["draws"] == []


def test_supervision_from_the_pool_to_the_decision(
    ask: Any, small: Any, office_helper: Any
) -> None:
    supervised = office_helper("supervising_office").Supervised(small)
    supervised.list_company()
    plans = supervised.plans(3)
    numbers = supervised.supervisors(2)
    pool = {"take": 1, "avoid": [{"plan": plans[0], "supervisor": numbers[0]}]}
    draw = ask("clerk", "POST", "/draws", json=pool, expect=201)
    address = f"/draws/{draw['draw_id']}"
    early = ask("clerk", "POST", f"{address}/draw", json={}, expect=422)
    assert early["code"] == "checkpoint-missing"
    supervised.anchor()
    drawn = ask("clerk", "POST", f"{address}/draw", json={})["result"]["drawn"]
    assert len(drawn) == 1
    assert json.loads(ask("auditor", "GET", f"{address}/file")["result"])["drawn"] == drawn
    assert ask("head1", "GET", "/supervision")["items"] == []
    visit = ask("auditor", "GET", "/supervision")["items"][0]["supervision_id"]
    said = {"result": "sound", "finding": "规范"}
    ask("supervisor", "POST", f"/supervision/{visit}/finding", json=said, expect=404)
    assert [row["company_id"] for row in ask("clerk", "GET", "/supervision/evaluations")["due"]]
    yearly = {"result": "failed", "reasons": "未按方案组织评价"}
    done = ask("clerk", "POST", "/companies/1/evaluation", json=yearly, expect=201)
    answer = {"answer": "已整改"}
    ask("head1", "POST", f"/supervision/{done['supervision_id']}/answer", json=answer)
    ask("clerk", "POST", "/companies/1/delisting", json={"ground": "fraud"}, expect=400)
    why = {"ground": "cheating", "reason": "组织舞弊"}
    proposed = ask("clerk", "POST", "/companies/1/delisting", json=why, expect=201)
    decide = f"/supervision/{proposed['supervision_id']}/decide"
    decision = {"uphold": True, "note": "事实清楚"}
    assert ask("approver", "POST", decide, json=decision)["item"]["stage"] == "upheld"
    assert ask("approver", "POST", decide, json=decision, expect=409)["code"] == "case-moved"
    barred = ask("editor1", "POST", "/filings", json={}, expect=422)
    assert barred["code"] == "barred"
