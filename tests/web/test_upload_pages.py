"""Reporting at the office's desk and at the machine API: lists, batches, decisions, spot checks."""

from __future__ import annotations

import io
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from registry.store.audit import AuditLine
from registry.store.certificates import Certificate
from registry.store.listed_ahead import ListedAhead, stop_at
from registry.store.outbox import UploadRow
from registry.store.standing import Mark, stand
from registry.store.uploads import Upload, VisibilityCheck

BASE = "/api/v1"


@pytest.fixture
def issued(assessing: Any, small: Any) -> str:
    """Issue a batch of three, and give the organisation's prefix."""
    case = assessing.approved(4)
    assessing.issue(case)
    with small.read() as session:
        batch: str = session.scalars(select(UploadRow.batch_id)).first()
    return batch[:13]


@pytest.fixture
def api(desks: Any) -> Any:
    def ask(login: str, method: str, path: str, status: int = 200, **body: Any) -> Any:
        headers = {"Authorization": f"Bearer {login}"}
        client = desks.test_client(use_cookies=False)
        given = {"json": body} if method == "POST" else {}
        answer = client.open(BASE + path, method=method, headers=headers, **given)
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        return answer.get_json()

    return ask


def prepared(browse: Any, prefix: str) -> tuple[Any, str]:
    clerk = browse("clerk")
    place = clerk.post("/uploads/prepare", prefix=prefix, batch="GD-1").location
    return clerk, place.rpartition("/")[2]


def answered(small: Any, upload: str, *reasons: str) -> None:
    """Put down what a receipt would: a reason for each row, "" if accepted."""
    with small.write() as session:
        rows = session.scalars(select(UploadRow).order_by(UploadRow.status_index)).all()
        for number, (row, reason) in enumerate(zip(rows, reasons, strict=True), 1):
            row.row, row.reason, row.answered_on = number, reason, small.desk.today()
            row.state = "refused" if reason else "accepted"
        found = session.get_one(Upload, upload)
        found.state, found.sent_at, found.sent_way = "acknowledged", small.clock.now(), "push"


def test_what_is_owed_is_prepared_shown_and_given_back(browse: Any, issued: str) -> None:
    clerk = browse("clerk")
    page = clerk.get("/uploads")
    assert "还没有上报批" in page
    assert issued in page
    assert "组批上报" in browse("clerk").get("/")
    assert "新增 3 条" in clerk.get("/uploads/prepare")
    clerk, upload = prepared(browse, issued)
    shown = clerk.get(f"/uploads/{upload}")
    assert "已组批 3 条" in shown
    assert "GD-1" in shown
    assert "没有待上报的数据" in clerk.get("/uploads/prepare")
    clerk.post(f"/uploads/{upload}/cancel")
    assert "新增 3 条" in clerk.get("/uploads/prepare")
    assert "已取消" in clerk.get("/uploads?state=dissolved")
    clerk.get("/uploads?state=none", 404)


def test_faults_are_told_in_words_beside_the_field(browse: Any, issued: str) -> None:
    clerk = browse("clerk")
    assert "请选择评价机构" in clerk.post("/uploads/prepare", 422).get_data(as_text=True)
    wrong = clerk.post("/uploads/prepare", 422, prefix=issued, batch="有空格 的")
    assert "批次号只能是" in wrong.get_data(as_text=True)
    none = clerk.post("/uploads/prepare", 422, prefix="Y000044999777")
    assert "没有这一评价机构" in none.get_data(as_text=True)
    clerk, upload = prepared(browse, issued)
    shut = clerk.post(f"/uploads/{upload}/freeze", 422).get_data(as_text=True)
    assert "未开通省级上报" in shut
    file = (io.BytesIO(b"{}"), "receipt.json")
    assert "未开通" in clerk.post(f"/uploads/{upload}/receipt", 422, receipt=file).get_data(True)
    assert "请选择" in clerk.post(f"/uploads/{upload}/receipt", 422).get_data(as_text=True)
    clerk.get("/uploads/U99999999", 404)


def test_a_district_and_a_company_see_nothing_of_it(browse: Any, issued: str) -> None:
    for path in ("/uploads", "/uploads/dead", "/uploads/chain", "/visibility", "/uploads/prepare"):
        assert "市级办公室" in browse("clerk-a").get(path, 403)
    assert "省级上报</h2>" not in browse("clerk-a").get("/")
    browse("head1").get("/uploads", 403)
    auditor = browse("auditor")
    assert "组批上报 <span" not in auditor.get("/uploads")
    auditor.get("/uploads/prepare", 403)


def test_refused_rows_are_decided_one_by_one(browse: Any, issued: str, small: Any) -> None:
    clerk, upload = prepared(browse, issued)
    answered(small, upload, "", "number-differs", "number-other-city")
    page = clerk.get(f"/uploads/{upload}")
    assert "请与省中心逐项核对" in page
    assert "已被其他地市占用" in page
    assert "处理省中心退回的数据" in clerk.get("/")
    clerk.post(f"/uploads/{upload}/rows/1/again", 404)
    clerk.post(f"/uploads/{upload}/rows/2/again")
    said = clerk.post(f"/uploads/{upload}/rows/3/withdraw", 422, why="").get_data(as_text=True)
    assert "请填写不再上报的理由" in said
    clerk.post(f"/uploads/{upload}/rows/3/withdraw", why="编号归属待核实")
    assert "不再上报 1 条" in clerk.get(f"/uploads/{upload}")
    with small.read() as session:
        last = session.scalars(select(Certificate.number).order_by(Certificate.number.desc()))
        chain = clerk.get(f"/uploads/chain?number={last.first()}")
    assert "已登记为不再上报" in chain
    assert "等待中" not in chain
    assert "新增 1 条" in clerk.get("/uploads/prepare")


def test_a_dead_letter_says_the_next_step(browse: Any, issued: str, small: Any) -> None:
    clerk, upload = prepared(browse, issued)
    with small.write() as session:
        session.execute(
            update(Upload).values(
                state="dead",
                last_problem="receipt-signature",
                frozen_at=small.clock.now(),
                sent_way="push",
            )
        )
    for path in ("/uploads/dead", f"/uploads/{upload}"):
        assert "不得采信" in clerk.get(path)
    assert "处理未能上报的批次" in clerk.get("/")
    clerk.post(f"/uploads/{upload}/give-back", 422)
    clerk.post(f"/uploads/{upload}/again")
    assert "没有需人工处理的上报批" in clerk.get("/uploads/dead")


def test_the_chain_of_a_number(browse: Any, issued: str, small: Any, api: Any) -> None:
    _, upload = prepared(browse, issued)
    answered(small, upload, "", "", "number-differs")
    with small.read() as session:
        numbers = list(
            session.scalars(select(Certificate.number).order_by(Certificate.status_index))
        )
    page = browse("auditor").get(f"/uploads/chain?number={numbers[0]}")
    assert "已等 0 个工作日" in page
    assert "省中心</td>" in page or "省中心<br>" in page
    refused = browse("auditor").get(f"/uploads/chain?number={numbers[2]}")
    assert "逐项核对" in refused
    assert "22 位编号" in browse("clerk").get("/uploads/chain?number=123", 422)
    unknown = numbers[0][:-6] + "999999"
    assert "没有这个证书编号" in browse("clerk").get(f"/uploads/chain?number={unknown}", 422)
    (given,) = api("clerk", "GET", f"/certificates/{numbers[0]}/chain")["chains"]
    assert [step["step"] for step in given["steps"]][3:] == ["accepted", "listed"]
    assert given["steps"][4]["turn"] == "centre"


def test_the_spot_check_shows_names_to_the_clerk_alone(
    browse: Any, issued: str, small: Any
) -> None:
    _, upload = prepared(browse, issued)
    answered(small, upload, "", "", "")
    clerk, seed = browse("clerk"), "0123456789abcdef"
    assert "随机抽取" in clerk.get("/visibility")
    page = clerk.get(f"/visibility?seed={seed}")
    assert clerk.get(f"/visibility?seed={seed}").count('name="seen"') == 3
    with small.read() as session:
        numbers = list(session.scalars(select(Certificate.number)))
        shown = select(AuditLine).where(AuditLine.action == "visibility-list")
        assert len(session.scalars(shown).all()) == 2
    assert all(number in page for number in numbers)
    assert "抽查由经办人办理" in browse("auditor").get(f"/visibility?seed={seed}")
    assert "请勾选" in clerk.post("/visibility", 422, seed=seed).get_data(as_text=True)
    day = small.desk.today().isoformat()
    wrong = clerk.post("/visibility", 422, seed=seed, seen=numbers[0], day="昨天")
    assert "日期请按" in wrong.get_data(as_text=True)
    late = clerk.post("/visibility", 422, seed=seed, seen=numbers[0], day="2099-01-01")
    assert "今天之前" in late.get_data(as_text=True)
    done = clerk.post("/visibility", seed=seed, seen=numbers[:2], day=day)
    assert "已登记 2 本" in clerk.get(done.location)
    with small.read() as session:
        assert len(session.scalars(select(VisibilityCheck)).all()) == 2


def test_a_list_that_stands_still_is_told_at_the_desk(browse: Any, small: Any) -> None:
    number = "Y000044999001265000001"
    ahead = ListedAhead(number=number, day=date(2026, 12, 20), centre="示例省技能服务指导中心")
    assert "暂停读取" not in browse("clerk").get("/visibility")
    with small.write() as session:
        stop_at(session, ahead, actor="upload", now=small.clock.now())
    page = browse("auditor").get("/visibility")
    for words in (
        "示例省技能服务指导中心的清单中",
        number,
        "2026年12月20日",
        "同次取得的其他编号照常登记",
        "请先核对本机日期",
    ):
        assert words in page
    for path in ("/", "/uploads"):
        listed = browse("clerk").get(path)
        assert "核对全国联网清单日期" in listed
        assert "2026年12月20日" in listed
        assert '<a href="/visibility">核对' in listed
    small.clock.moment += timedelta(days=24)
    assert "暂停读取" not in browse("clerk").get("/visibility")
    assert "核对全国联网清单日期" not in browse("clerk").get("/uploads")


def test_what_differs_from_the_centre_is_told_at_the_desk(
    browse: Any, small: Any, issued: str
) -> None:
    clerk, upload = prepared(browse, issued)
    for page in (clerk.get("/uploads"), clerk.get(f"/uploads/{upload}")):
        assert "核对省中心回执" not in page
        assert "receipt-chain" not in page
    for mark, subject in ((Mark.CARD_REFUSED, "card 1"), (Mark.RECEIPTS_DIFFER, upload)):
        with small.write() as session:
            stand(session, mark, subject=subject, detail="", actor="t", now=small.clock.now())
    for path in ("/", "/uploads"):
        listed = clerk.get(path)
        assert '<a href="/uploads">核实省中心新的 centre.json</a>' in listed
        assert "请与省中心电话核实" in listed
        assert f'<a href="/uploads/{upload}">核对省中心回执</a>' in listed
    shown = clerk.get(f"/uploads/{upload}")
    assert "receipt-chain" in shown
    assert "请向省中心索取全部回执核对" in shown


def test_the_machine_api_does_the_same(api: Any, issued: str, small: Any) -> None:
    assert api("clerk", "GET", "/uploads/owed")["owed"][0]["rows"] == 3
    upload = api("clerk", "POST", "/uploads", 201, prefix=issued)["upload_id"]
    api("clerk", "POST", "/uploads", 422, prefix=issued)
    api("approver", "POST", "/uploads", 403, prefix=issued)
    api("clerk-a", "GET", "/uploads", 403)
    assert api("auditor", "GET", "/uploads?state=prepared")["total"] == 1
    assert api("auditor", "GET", f"/uploads/{upload}")["state"] == "prepared"
    assert len(api("auditor", "GET", f"/uploads/{upload}/rows")["rows"]) == 3
    assert api("clerk", "POST", f"/uploads/{upload}/freeze", 422)["code"] == "centre-not-set"
    answered(small, upload, "", "", "edition-old")
    assert api("clerk", "GET", "/uploads/due")["matters"][0]["task"] == "mend"
    number = api("auditor", "GET", f"/uploads/{upload}/rows?state=accepted")["rows"][0]["number"]
    day = small.desk.today().isoformat()
    assert api("clerk", "POST", "/visibility", number=number, day=day)["new"] is True
    assert api("clerk", "POST", "/visibility", number=number, day=day)["new"] is False
    api("clerk", "POST", f"/uploads/{upload}/rows/3/withdraw", why="省中心已有新版")
    api("clerk", "POST", f"/uploads/{upload}/rows/3/again", 404)
    api("clerk", "GET", "/uploads/U99999999", 404)
