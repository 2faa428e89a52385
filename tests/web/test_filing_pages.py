"""A filing at the desks: from the start page to the directory, and what each tenant may see."""

from __future__ import annotations

import re
from datetime import date
from io import BytesIO
from typing import Any

import pytest

from registry.office.document_files import Scanner
from registry.office.filing_form import REQUIRED
from registry.store.procedure import Case, CaseDocument, Company

PDF = (
    b"%PDF-1.7\n1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj\n"
    b"2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj\n"
    b"3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>> endobj\n"
    b"trailer <</Root 1 0 R>>\n%%EOF\n"
)
PREFIX = "Y000044999001"


def version(page: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', page)
    assert found
    return found[1]


def open_filing(browse: Any, login: str = "editor1") -> int:
    location = browse(login).post("/filings/new").headers["Location"]
    return int(location.split("/")[-2])


def state(office: Any, case_id: int) -> str:
    with office.read() as session:
        return str(session.get_one(Case, case_id).state)


def send(browse: Any, login: str, path: str, status: int = 303, **fields: Any) -> Any:
    page = browse(login).get(path)
    return browse(login).post(path, status, version=version(page), **fields)


def button(browse: Any, login: str, case_id: int, event: str, note: str = "") -> Any:
    page = browse(login).get(f"/cases/{case_id}")
    assert f"/cases/{case_id}/steps/{event}" in page
    return browse(login).post(
        f"/cases/{case_id}/steps/{event}", version=version(page), **{f"note-{event}": note}
    )


def upload(browse: Any, case_id: int, kind: str, data: bytes = PDF, status: int = 303) -> Any:
    response = browse("editor1").post(
        f"/cases/{case_id}/documents", status, kind=kind, file=(BytesIO(data), "证明.pdf")
    )
    # The test client spools a large body to a file and leaves that open.
    response.request.environ["wsgi.input"].close()
    return response


@pytest.fixture
def filled(filing_office: Any, browse: Any) -> int:
    case_id = open_filing(browse)
    filing_office.fill_filing(case_id)
    return case_id


@pytest.fixture
def submitted(browse: Any, filled: int) -> int:
    send(browse, "head1", f"/filings/{filled}/check")
    return filled


def test_a_company_and_the_office_play_a_filing_to_the_directory(
    filing_office: Any, browse: Any
) -> None:
    case_id = open_filing(browse)
    tasks = browse("editor1").get(f"/filings/{case_id}/tasks")
    assert tasks.count("未填写") == 3
    assert "还缺 9 项" in tasks
    for section, fields in filing_office.fields.items():
        send(browse, "editor1", f"/filings/{case_id}/{section}", **fields)
    for kind in REQUIRED:
        upload(browse, case_id, kind)
    check = browse("editor1").get(f"/filings/{case_id}/check")
    assert "暂不能提交" not in check
    assert "请企业负责人登录后提交" in check
    sent = send(browse, "head1", f"/filings/{case_id}/check")
    page = browse("head1").get(sent.headers["Location"])
    assert "2026年12月23日" in page
    assert f"BA-2026-{case_id:04}" in page

    button(browse, "clerk", case_id, "accept")
    send(browse, "clerk", f"/filings/{case_id}/assign", reviewer="5")
    send(browse, "clerk", f"/filings/{case_id}/return", **{"fix-company": "地址与执照不一致"})
    tasks = browse("editor1").get(f"/filings/{case_id}/tasks")
    assert "【企业基本情况】地址与执照不一致" in tasks
    send(browse, "head1", f"/filings/{case_id}/check")

    button(browse, "clerk", case_id, "accept")
    send(browse, "clerk", f"/filings/{case_id}/assign", reviewer="5")
    button(browse, "clerk", case_id, "call-experts")
    for expert, answer in (("1", "for"), ("2", "against"), ("3", "for")):
        fields = {"expert": expert, "answer": answer, "opinion": "已到现场查看"}
        send(browse, "clerk", f"/filings/{case_id}/votes", **fields)
    assert "现场评估通过" in browse("clerk").get(f"/filings/{case_id}/votes")
    button(browse, "clerk", case_id, "prepare", "拟同意")
    send(browse, "clerk", f"/filings/{case_id}/prefix", prefix=PREFIX)
    done = send(browse, "approver", f"/filings/{case_id}/approve", prefix=PREFIX, note="同意")
    assert "已办理：同意备案" in browse("approver").get(done.headers["Location"])

    assert state(filing_office, case_id) == "approved"
    filed = "五级/初级工、四级/中级工、三级/高级工，2026年11月26日起"
    for login, shown in (("editor2", False), ("clerk", True), ("auditor", True)):
        directory = browse(login).get("/companies")
        assert PREFIX in directory
        # The public is told of an occupation once its scheme is published; the office at once.
        assert (filed in directory) is shown
        assert "钱示例" not in directory


def test_check_answers_says_every_shortfall_and_sends_nothing(
    filing_office: Any, browse: Any
) -> None:
    case_id = open_filing(browse)
    conditions = filing_office.fields["conditions"] | {"insured_staff": "120"}
    send(browse, "editor1", f"/filings/{case_id}/conditions", **conditions)
    fields = filing_office.fields["occupations"] | {"stations": "4", "applicants": "20"}
    send(browse, "editor1", f"/filings/{case_id}/occupations", **fields)
    page = browse("head1").get(f"/filings/{case_id}/check")
    assert "在我市参保的职工人数填报 120 人，不少于 300 人（一（二））" in page
    assert "钳工：工位数填报 4 个，不少于 10 个（一（三））" in page
    assert "缺少材料：营业执照" in page
    assert "“企业基本情况”未填写" in page
    warned = page.split("不影响提交")[1]
    assert "钳工：拟申报职工人数填报 20 人，原则上不少于 50 人（二（三））" in warned
    assert "提交市技能鉴定办" not in page
    path = f"/filings/{case_id}/check"
    again = browse("head1").post(path, 422, version=3).get_data(as_text=True)
    assert "不少于 300 人" in again
    assert state(filing_office, case_id) == "draft"


def test_faults_come_back_by_field_with_what_was_typed(filing_office: Any, browse: Any) -> None:
    case_id = open_filing(browse)
    path = f"/filings/{case_id}/company"
    fields = filing_office.fields["company"] | {"phone": "一二三", "address": ""}
    answer = send(browse, "editor1", path, 422, **fields).get_data(as_text=True)
    assert 'href="#phone"' in answer
    assert 'href="#address"' in answer
    assert 'aria-invalid="true"' in answer
    assert "钱示例" in answer
    assert "有 2 处需要修改" in answer
    answer = send(browse, "editor1", f"/filings/{case_id}/occupations", 422, occupation="钳工")
    text = answer.get_data(as_text=True)
    assert "请选择申请认定的等级" in text
    assert 'value="钳工"' in text


def test_an_occupation_can_be_taken_out_again(filing_office: Any, browse: Any, filled: int) -> None:
    path = f"/filings/{filled}/occupations"
    page = browse("editor1").get(path)
    assert "装配钳工" in page
    browse("editor1").post(f"{path}/0/remove", version=version(page))
    assert "装配钳工" not in browse("editor1").get(path)
    browse("editor1").post(f"{path}/0/remove", 409, version=version(page))


def test_the_form_is_printed_for_stamping(browse: Any, desks: Any, filled: int) -> None:
    import pypdfium2

    client = desks.test_client()
    with client.session_transaction() as session:
        session["token"] = "editor1"
    response = client.get(f"/filings/{filled}/application.pdf")
    assert response.status_code == 200
    assert response.headers["Content-Disposition"].startswith("attachment; filename=BA-2026-")
    document = pypdfium2.PdfDocument(response.data)
    text = "".join(page.get_textpage().get_text_bounded() for page in document)
    case_page = browse("clerk").get(f"/cases/{filled}")
    digest = re.search(r"[0-9a-f]{32}(?=</span>：与盖章件)", case_page)
    assert digest
    for words in ("职业技能等级认定备案申请表", "装配钳工", "520 人", "钱示例", digest[0]):
        assert words in text


def test_what_could_not_be_taken_in_is_said_on_the_page(
    filing_office: Any, browse: Any, filled: int
) -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    page = upload(browse, filled, "other", svg, 422).get_data(as_text=True)
    assert "SVG 文件可能含有脚本" in page
    assert "alert(1)" not in page
    page = upload(browse, filled, "wrong", PDF, 422).get_data(as_text=True)
    assert "请选择材料种类" in page
    answer = browse("editor1").post(f"/cases/{filled}/documents", 422, kind="other")
    assert "请选择要上传的文件" in answer.get_data(as_text=True)


def test_200_megabytes_are_refused_with_a_page(browse: Any, filled: int) -> None:
    page = upload(browse, filled, "other", b"%PDF-1.7" + b"\0" * 21 * 2**20, 422)
    assert "20 MB" in page.get_data(as_text=True)
    page = upload(browse, filled, "other", b"\0" * 65 * 2**20, 413)
    assert "文件过大" in page.get_data(as_text=True)


def test_the_configured_scanner_is_asked(
    desks: Any, browse: Any, filled: int, tmp_path: Any
) -> None:
    assert "未查毒" in browse("clerk").get(f"/cases/{filled}/documents")
    desks.config["DOCUMENT_SCANNER"] = Scanner(command=("/bin/false",))
    page = upload(browse, filled, "other", PDF + b"%", 422).get_data(as_text=True)
    assert "恶意代码" in page
    desks.config["DOCUMENT_SCANNER"] = Scanner(command=("/bin/true",))
    upload(browse, filled, "other", PDF + b"%")
    assert "已查毒" in browse("clerk").get(f"/cases/{filled}/documents")


def test_a_download_is_an_attachment_for_who_sees_the_case(
    filing_office: Any, desks: Any, filled: int
) -> None:
    with filing_office.read() as session:
        document_id = session.query(CaseDocument.document_id).first()[0]
    path = f"/cases/{filled}/documents/{document_id}"
    for login, status in (
        ("editor1", 200),
        ("clerk", 200),
        ("clerk-a", 200),
        ("auditor", 200),
        ("editor2", 404),
        ("admin", 403),
    ):
        client = desks.test_client()
        with client.session_transaction() as session:
            session["token"] = login
        response = client.get(path)
        assert response.status_code == status, login
        if status == 200:
            assert response.data.startswith(b"%PDF")
            assert response.headers["Content-Disposition"].startswith("attachment;")
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert "sandbox" in response.headers["Content-Security-Policy"]


def test_a_damaged_document_is_not_given_out(filing_office: Any, browse: Any, filled: int) -> None:
    for file in filing_office.desk.documents.rglob("*"):
        if file.is_file():
            file.write_bytes(b"%PDF-1.7 other %%EOF")
    page = browse("clerk").get(f"/cases/{filled}/documents/1", 503)
    assert "与收到时不一致" in page


def test_documents_are_fixed_once_submitted(browse: Any, submitted: int) -> None:
    page = browse("editor1").get(f"/cases/{submitted}/documents")
    assert "删除" not in page
    assert "不能再增减" in upload(browse, submitted, "other", PDF + b"%", 422).get_data(
        as_text=True
    )
    browse("editor1").post(f"/cases/{submitted}/documents/1/remove", 422)


@pytest.mark.parametrize("page", ["tasks", "company", "conditions", "occupations", "check"])
def test_another_tenants_application_is_not_there(browse: Any, filled: int, page: str) -> None:
    browse("editor2").get(f"/filings/{filled}/{page}", 404)
    browse("clerk").get(f"/filings/{filled}/{page}", 403)


def test_pages_of_a_submitted_application_lead_to_its_case(browse: Any, submitted: int) -> None:
    for page in ("tasks", "company", "occupations", "check"):
        browse("editor1").get(f"/filings/{submitted}/{page}", 303)
    browse("editor1").post(f"/filings/{submitted}/check", 403, version=1)


def test_another_kind_of_case_is_no_filing(filing_office: Any, browse: Any, filled: int) -> None:
    with filing_office.write() as session:
        session.get_one(Case, filled).kind = "plan"
    browse("editor1").get(f"/filings/{filled}/tasks", 404)


def test_people_are_masked_for_who_need_not_call_them(browse: Any, submitted: int) -> None:
    for login in ("clerk", "editor1"):
        assert "钱示例" in browse(login).get(f"/cases/{submitted}")
    for login in ("auditor", "supervisor"):
        page = browse(login).get(f"/cases/{submitted}")
        assert "钱示例" not in page
        assert "00000001" not in page
        assert "钱**" in page


def test_a_barred_company_is_told_the_date(filing_office: Any, browse: Any, filled: int) -> None:
    with filing_office.write() as session:
        company = session.get_one(Company, 1)
        company.state, company.barred_until = "barred", date(2028, 11, 27)
    page = browse("editor1").post("/filings/new", 422).get_data(as_text=True)
    assert "2028年11月27日前不予受理" in page
    assert "2028年11月27日前不予受理" in browse("head1").get(f"/filings/{filled}/check")
    assert "2028年11月27日前不予受理" in browse("clerk").get("/companies")


def test_a_mistyped_prefix_is_said_and_nothing_is_enrolled(
    filing_office: Any, browse: Any, submitted: int
) -> None:
    with filing_office.write() as session:
        case = session.get_one(Case, submitted)
        case.state, case.prepared_by = "prepared", 5
        session.get_one(Company, 1).pilot = True
    path = f"/filings/{submitted}/approve"
    page = send(browse, "approver", path, 422, prefix="Y00004499900").get_data(as_text=True)
    assert "机构编码为 13 位" in page
    assert 'value="Y00004499900"' in page
    assert filing_office.enrolled == []
    browse("clerk").get(path, 403)


def test_steps_out_of_their_order_are_refused_by_the_rule(browse: Any, submitted: int) -> None:
    for page in ("assign", "votes"):
        assert "不能办理" in browse("clerk").get(f"/filings/{submitted}/{page}", 422)
    assert "不能办理" in browse("approver").get(f"/filings/{submitted}/approve", 422)
    page = browse("clerk").get(f"/filings/{submitted}/return")
    answer = (
        browse("clerk")
        .post(f"/filings/{submitted}/return", 422, version=version(page))
        .get_data(as_text=True)
    )
    assert "至少在一处写明" in answer


def test_the_office_records_companies_and_the_pilot_list(filing_office: Any, browse: Any) -> None:
    wrong = browse("clerk").post("/companies", 422, name="深圳市示例三有限公司", uscc="9144")
    assert 'href="#uscc"' in wrong.get_data(as_text=True)
    browse("editor1").post("/companies", 403, name="x", uscc="x")
    browse("clerk").post("/companies", name="深圳市示例三有限公司", uscc=" 91449999MA5DEM003B ")
    assert "深圳市示例三有限公司" in browse("clerk").get("/companies")
    assert "深圳市示例三有限公司" not in browse("clerk-a").get("/companies")
    paper = {"fact": "pilot", "value": "列入", "basis": "示例厅函〔2026〕3号"}
    browse("approver").post("/companies/1/changes", 403, **paper, based_on="2026-11-02")
    wrong = browse("clerk").post("/companies/1/changes", 422, **paper, based_on="上月")
    assert 'href="#based_on"' in wrong.get_data(as_text=True)
    browse("clerk").post("/companies/1/changes", **paper, based_on="2026-11-02")
    assert "待审批" in browse("clerk").get("/companies/1")
    browse("clerk").post("/companies/changes/1/decide", 403, decision="adopt")
    browse("approver").post("/companies/changes/1/decide", 400, decision="both")
    assert "同意变更" in browse("approver").get("/companies/1")
    browse("approver").post("/companies/changes/1/decide", decision="adopt")
    browse("approver").post("/companies/changes/1/decide", 409, decision="drop")
    page = browse("auditor").get("/companies/1")
    assert "示例厅函〔2026〕3号（2026年11月2日）" in page
    assert "已变更" in page
    with filing_office.read() as session:
        assert session.get_one(Company, 1).pilot


def test_pages_stay_small(browse: Any, submitted: int) -> None:
    for path in (f"/cases/{submitted}", f"/cases/{submitted}/documents", "/companies"):
        assert len(browse("clerk").get(path).encode()) < 50_000


def test_the_companies_come_page_by_page(small: Any, browse: Any) -> None:
    from registry.store.procedure import Company

    with small.write() as session:
        for n in range(70):
            session.add(
                Company(
                    uscc=f"91449999MA6{n:07}",
                    name=f"示例企业{n:04}有限公司",
                    state="unlisted",
                    created_at=small.clock.now(),
                )
            )
    first, second, third, beyond = (
        browse("clerk").get(f"/companies?page={n}") for n in (1, 2, 3, 4)
    )
    # The two companies that were there before come first by their names.
    assert first.count("示例企业") == 28
    assert "第 1 页，共 3 页" in first
    assert len(first.encode()) < 50_000
    names = re.findall("示例企业[0-9]{4}", first + second + third)
    assert sorted(names) == [f"示例企业{n:04}" for n in range(70)]
    assert "示例企业" not in beyond
