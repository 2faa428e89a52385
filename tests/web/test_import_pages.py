"""The desk's pages of existing certificates: hand a table in, look at it, decide, carry out."""

from __future__ import annotations

import re
from typing import Any

import pytest

from registry.errors import RegistryError
from registry.office.importing_steps import PREPARE
from registry.rules.importing import IMPORT
from registry.store.imports import CertificateImport
from registry.store.issuer_keys import IssuerKey
from registry.store.registers import Occupation
from registry.web import import_steps
from registry.web.audit_words import action_word

REFERENCE = "I-2026-0001"
HERE = f"/imports/{REFERENCE}"


def text_of(answer: Any) -> str:
    return str(answer.get_data(as_text=True))


def version(page: str) -> int:
    found = re.search(r'name="version" value="([0-9]+)"', page)
    assert found is not None
    return int(found[1])


def test_a_table_is_handed_in_approved_by_another_and_carried_out(
    importing: Any, hand_in: Any, import_desk: Any, browse: Any
) -> None:
    clerk, chief = browse("clerk"), browse("approver")
    before, rows = importing.certificates(), import_desk.cells(4)
    assert hand_in(rows).location == HERE
    listed = clerk.get("/imports")
    for words in (REFERENCE, "待审批", "由办公室审批人办理", "经办", ">clerk<", "2026年11月26日"):
        assert words in listed
    page = chief.get(HERE)
    assert "未通过" not in page
    assert page.count(">通过<") == 9
    for words in (
        "同意并执行",
        "4 本",
        ">2023</td>",
        rows[0]["number"],
        rows[-1]["occupation_code"],
    ):
        assert words in page
    # Nobody's name or ID stands on the list or on the import's own page.
    for row in rows:
        for text in (row["name"], row["id_number"]):
            assert text not in page + listed
    chief.post(f"{HERE}/approve", version=version(page), **{"note-approve": "与原件核对一致"})
    done = clerk.get(HERE)
    for words in ("已补录", "certreg anchor", "与原件核对一致", "入库批次", rows[0]["number"]):
        assert words in done
    assert "检查" not in done.split("补录内容")[1].split("办理过程")[0]
    assert importing.certificates() == before + 4
    assert importing.actions() == [
        ("clerk", "import-prepare", REFERENCE),
        ("approver", "import-approve", REFERENCE),
        ("approver", "import-carry-out", REFERENCE),
    ]


def test_what_was_approved_for_later_names_the_command(
    importing: Any, hand_in: Any, browse: Any
) -> None:
    hand_in()
    before = importing.certificates()
    browse("approver").post(f"{HERE}/approve", version=1, later="yes", **{"note-approve": "同意"})
    page = browse("clerk").get(HERE)
    assert "已同意，待执行" in page
    assert f"certreg import --approved {REFERENCE}" in re.sub("<[^>]+>", "", page)
    assert importing.certificates() == before
    browse("clerk").post(f"{HERE}/carry-out", version=version(page))
    assert importing.certificates() == before + 4
    # Once more, by whoever still has the page open: nothing is done twice.
    browse("approver").post(f"{HERE}/carry-out", status=409, version=version(page))
    assert importing.certificates() == before + 4


def test_an_approval_is_taken_back(importing: Any, hand_in: Any, browse: Any) -> None:
    hand_in()
    chief = browse("approver")
    chief.post(f"{HERE}/approve", version=1, later="yes", **{"note-approve": "同意"})
    undo = {"note-withdraw-approval": "须再核对"}
    chief.post(f"{HERE}/steps/withdraw-approval", version=2, **undo)
    assert "待审批" in chief.get(HERE)


@pytest.mark.parametrize("event", ["reject", "withdraw"])
def test_what_came_to_nothing_leaves_no_rows(
    importing: Any, hand_in: Any, browse: Any, event: str
) -> None:
    hand_in()
    login = "approver" if event == "reject" else "clerk"
    browse(login).post(f"{HERE}/steps/{event}", version=1, **{f"note-{event}": "编号有误"})
    page = browse("clerk").get(HERE)
    assert "补录表已经删除" in page
    assert "编号有误" in page
    assert "没有由您办理的事项" in page
    assert "不再保存" in browse("clerk").get(f"{HERE}/rows", 422)
    # The same rows may come again: nothing stands in their way.
    assert hand_in().location == "/imports/I-2026-0002"


def test_a_refusal_needs_its_reason(hand_in: Any, browse: Any) -> None:
    hand_in()
    for path, field in (("approve", "note-approve"), ("steps/reject", "note-reject")):
        page = text_of(
            browse("approver").post(f"{HERE}/{path}", status=422, version=1, **{field: " "})
        )
        assert "已说明理由" in page
    long = "理" * 501
    page = text_of(
        browse("approver").post(f"{HERE}/approve", status=422, version=1, **{"note-approve": long})
    )
    assert "不超过 500 字" in page
    assert long in page


def test_the_second_person_is_another_by_staff_number(
    importing: Any, hand_in: Any, browse: Any
) -> None:
    hand_in()
    importing.same_person("approver", "clerk")
    chief = browse("approver")
    page = chief.get(HERE)
    assert "同意并执行" not in page
    assert "没有由您办理的事项" in page
    refused = chief.post(f"{HERE}/approve", status=422, version=1, **{"note-approve": "同意"})
    assert "不是同一人" in text_of(refused)
    importing.same_person("approver", "editor1")  # none at all
    assert "没有登记工号" in chief.get(HERE)
    refused = chief.post(f"{HERE}/approve", status=422, version=1, **{"note-approve": "同意"})
    assert "没有登记工号" in text_of(refused)
    assert importing.rows()[0].state == "prepared"


def test_only_who_prepared_it_takes_it_back(
    small: Any, importing: Any, hand_in: Any, browse: Any
) -> None:
    hand_in()
    with small.write() as session:
        session.query(CertificateImport).one().prepared_by = 8
    clerk = browse("clerk")
    assert "撤回" not in clerk.get(HERE)
    refused = clerk.post(f"{HERE}/steps/withdraw", status=422, version=1)
    assert "由原经办人办理" in text_of(refused)
    assert importing.rows()[0].state == "prepared"


def test_what_was_sound_and_is_not_any_more_stops_the_approval(
    importing: Any, hand_in: Any, import_desk: Any, browse: Any
) -> None:
    hand_in()
    rows = import_desk.cells(4)
    rows[3]["id_number"] = import_desk.cells(1, offset=900)[0]["id_number"]
    assert hand_in(rows).location == "/imports/I-2026-0002"
    chief = browse("approver")
    chief.post(f"{HERE}/approve", version=1, **{"note-approve": "同意"})
    second = "/imports/I-2026-0002"
    page = chief.get(second)
    assert page.count(">未通过<") == 2
    # What would be refused is not offered; it can be sent back.
    assert "同意并执行" not in page
    assert "检查未通过，不能补录" in page
    assert "<summary>不予补录</summary>" in page
    assert "退回" not in page
    refused = text_of(
        chief.post(f"{second}/approve", status=422, version=1, **{"note-approve": "同意"})
    )
    assert "与登记无冲突" in refused
    assert importing.rows()[1].state == "prepared"


def test_without_a_catalogue_nobody_says_that_the_codes_are_in_it(
    small: Any, hand_in: Any, browse: Any
) -> None:
    with small.write() as session:
        session.query(Occupation).delete()
    hand_in()
    page = browse("approver").get(HERE)
    assert ">待核</strong> 职业编码、名称和等级与职业目录一致" in page


def test_rows_other_than_were_handed_in_can_only_be_taken_back(
    small: Any, importing: Any, hand_in: Any, browse: Any
) -> None:
    hand_in()
    with small.write() as session:
        session.query(CertificateImport).one().digest = "0" * 64
    page = browse("approver").get(HERE)
    assert "与登记的摘要不一致" in page
    assert page.count(">未通过<") == 1
    assert ">通过<" not in page
    assert "撤回" in browse("clerk").get(HERE)
    browse("approver").post(f"{HERE}/approve", status=422, version=1, **{"note-approve": "同意"})
    browse("clerk").post(f"{HERE}/steps/withdraw", version=1)
    assert importing.rows()[0].state == "withdrawn"


def test_names_stand_on_the_rows_page_alone_and_leave_a_line(
    importing: Any, hand_in: Any, import_desk: Any, browse: Any
) -> None:
    rows = import_desk.cells(27)
    hand_in(rows)
    first = browse("approver").get(f"{HERE}/rows")
    assert rows[0]["name"] in first
    assert rows[0]["id_number"] in first
    assert rows[26]["id_number"] not in first
    assert "第 1 页，共 2 页" in first
    assert rows[26]["number"] in browse("clerk").get(f"{HERE}/rows?page=2")
    assert [one for one in importing.actions() if one[1] == "import-rows-list"] == [
        ("approver", "import-rows-list", REFERENCE),
        ("clerk", "import-rows-list", REFERENCE),
    ]


def test_rows_that_cannot_be_noted_are_not_shown(
    hand_in: Any, import_desk: Any, browse: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in()

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("registry.web.imports.note_disclosure", broken)
    assert import_desk.cells(1)[0]["name"] not in browse("clerk").get(f"{HERE}/rows", 500)
    monkeypatch.setattr("registry.web.import_upload.note_disclosure", broken)
    hand_in([import_desk.cells(1)[0] | {"number": "1"}], 422)
    assert browse("clerk")._client.get("/imports/report").status_code == 500


@pytest.mark.parametrize(
    ("login", "status"), [("editor1", 403), ("supervisor", 403), ("auditor", 403), ("admin", 403)]
)
def test_who_has_nothing_to_do_with_imports_sees_none(
    hand_in: Any, browse: Any, login: str, status: int
) -> None:
    hand_in()
    for path in ("/imports", HERE, f"{HERE}/rows", "/imports/form"):
        browse(login).get(path, status)
    assert "/imports" not in browse(login).get("/me")


def test_imports_are_the_citys_matter(hand_in: Any, import_desk: Any, browse: Any) -> None:
    hand_in()
    district = browse("clerk-a")
    for path in ("/imports", "/imports/new", "/imports/report", HERE, f"{HERE}/rows"):
        assert "由市级办公室办理" in district.get(path, 403)
    # Which references there are, it does not learn either.
    assert "由市级办公室办理" in district.get("/imports/I-2026-0999", 403)
    sent = import_desk.table(import_desk.cells(1))
    district.post("/imports/new", status=403, prefix=import_desk.PREFIX, table=sent)
    for path in ("carry-out", "steps/withdraw"):
        district.post(f"{HERE}/{path}", status=403, version=1)


def test_a_dead_key_is_said_in_a_clerks_words(
    small: Any, importing: Any, hand_in: Any, browse: Any
) -> None:
    hand_in()
    with small.write() as session:
        for key in session.query(IssuerKey):
            key.state = "retired"
    chief = browse("approver")
    page = text_of(chief.post(f"{HERE}/approve", status=422, version=1, **{"note-approve": "同意"}))
    assert "签发密钥不在有效状态" in page
    assert importing.rows()[0].state == "prepared"


def test_a_frozen_ledger_takes_no_import(
    small: Any, importing: Any, hand_in: Any, browse: Any
) -> None:
    hand_in()
    before, small.refusal = importing.certificates(), RegistryError("公开日志已停用")
    browse("approver").post(f"{HERE}/approve", status=503, version=1, **{"note-approve": "同意"})
    assert importing.certificates() == before
    assert importing.rows()[0].state == "prepared"


def test_a_large_import_tells_how_far_it_is(
    importing: Any, hand_in: Any, browse: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.web.table_upload.LARGE_FILE", 1)
    told = text_of(hand_in(status=200))
    assert "办理完毕" in told
    assert f'url={HERE}"' in told
    monkeypatch.setattr(import_steps, "LARGE", 2)
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(
        "registry.web.long_work.Work._tell", lambda _work, done, total: seen.append((done, total))
    )
    answer = browse("approver").post(
        f"{HERE}/approve", status=200, version=1, **{"note-approve": "同意"}
    )
    assert "办理完毕" in text_of(answer)
    assert seen == [(number, 4) for number in range(1, 5)]
    assert importing.rows()[0].state == "carried-out"
    # What stops it is told on the same page, and nothing was done.
    answer = browse("clerk").post(f"{HERE}/carry-out", status=200, version=1)
    assert "没有办成" in text_of(answer)


def test_home_names_what_waits_for_whom(importing: Any, hand_in: Any, browse: Any) -> None:
    hand_in()
    assert REFERENCE in browse("approver").get("/")
    # Whoever prepared it has nothing to do; neither has anybody of a district or a company.
    for login in ("clerk", "clerk-a", "editor1", "auditor", "supervisor"):
        assert REFERENCE not in browse(login).get("/")
    browse("approver").post(f"{HERE}/approve", version=1, later="yes", **{"note-approve": "同意"})
    for login in ("clerk", "approver"):
        assert REFERENCE in browse(login).get("/")
    browse("clerk").post(f"{HERE}/carry-out", version=2)
    for login in ("clerk", "approver"):
        assert REFERENCE not in browse(login).get("/")


def test_every_step_has_words_for_the_auditor() -> None:
    for event in IMPORT.events:
        assert action_word(f"import-{event}") == f"既有证书补录：{IMPORT.words[event]}"
    for action in (PREPARE, "direct", "rows-list", "report-download"):
        assert action_word(f"import-{action}")
    assert action_word("import-none") == ""
