"""What everybody may look up, and since when numbers are seen nationally."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from registry.centre import publish
from registry.centre.api import create_app
from registry.centre.errors import CentreNotReady, VisibilityRefused
from registry.centre.publish import LOOKUP_FILE, look_up, publish_all, publish_new
from registry.centre.rate import Buckets
from registry.centre.store import AuditLine, Visible, write_unit
from registry.centre.visibility import load_visible
from registry.centre.worker import Worker

HEAD = "证书编号,全国联网可查日期\n"


@pytest.fixture
def client(province: Any) -> Iterator[FlaskClient]:
    queue = Worker(province.centre)
    yield create_app(province.centre, queue, buckets=Buckets()).test_client()
    queue.end()


def load(province: Any, text: str | bytes) -> int:
    data = text if isinstance(text, bytes) else text.encode()
    with write_unit(province.centre.engine) as session:
        return load_visible(session, data, who="test", now=province.clock.now())


def dump(province: Any) -> list[Any]:
    file = province.centre.home.public / LOOKUP_FILE
    with closing(sqlite3.connect(file)) as database:
        return database.execute("SELECT * FROM certificates ORDER BY number").fetchall()


def test_what_is_added_bit_by_bit_is_what_is_written_anew(
    province: Any, shizhou: Any, lizhou: Any
) -> None:
    engine, public = province.centre.engine, province.centre.home.public
    new, other = shizhou.issue(1), lizhou.issue(1)
    steps = [
        lambda: province.answered(shizhou, new, shizhou.issue(2)),
        lambda: province.answered(lizhou, other),
        lambda: province.answered(shizhou, shizhou.correct(new)),
        lambda: load(province, f"{HEAD}{new.number},2026-11-24\n"),
        lambda: province.answered(lizhou, lizhou.withdraw(other)),
    ]
    for step in steps:
        step()
        publish_new(engine, public)
        added = dump(province)
        publish_all(engine, public)
        assert dump(province) == added
        assert publish_new(engine, public) == 0
    found = look_up(public, new.number)
    assert found is not None
    assert (found.city, found.edition, found.state) == ("shizhou市", 2, "valid")
    assert (found.site, found.visible) == ("https://shizhou.example.cn", "2026-11-24")
    ended = look_up(public, other.number)
    assert ended is not None
    assert ended.state == "withdrawn"


def test_a_file_that_is_missing_or_damaged_is_made_anew(province: Any, shizhou: Any) -> None:
    engine, public = province.centre.engine, province.centre.home.public
    province.answered(shizhou, shizhou.issue(1))
    publish_all(engine, public)
    good = dump(province)
    for damage in (b"", b"no database at all" * 99):
        (public / LOOKUP_FILE).write_bytes(damage)
        publish_new(engine, public)
        assert dump(province) == good
    (public / LOOKUP_FILE).unlink()
    with pytest.raises(CentreNotReady):
        look_up(public, "Y000044999001263000001")
    publish_new(engine, public)
    assert dump(province) == good


def test_a_kill_within_the_writing_leaves_the_old_file(
    province: Any, shizhou: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, public = province.centre.engine, province.centre.home.public
    province.answered(shizhou, shizhou.issue(1))
    publish_all(engine, public)
    before = dump(province)
    province.answered(shizhou, shizhou.issue(2))

    class Killed(BaseException):
        """The process ends here."""

    def cut(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(publish, "_marks", cut)
        for work in (publish_all, publish_new):
            with pytest.raises(Killed):
                work(engine, public)
            assert dump(province) == before
    assert publish_new(engine, public) == 1


@pytest.mark.parametrize("damaged", [False, True])
def test_what_a_killed_writer_left_is_not_played_back_onto_the_new_file(
    province: Any, shizhou: Any, *, damaged: bool
) -> None:
    engine, public = province.centre.engine, province.centre.home.public
    province.answered(shizhou, shizhou.issue(1))
    publish_all(engine, public)
    file, journal = public / LOOKUP_FILE, public / f"{LOOKUP_FILE}-journal"
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("PRAGMA cache_size = 1")
        writer.execute("BEGIN IMMEDIATE")
        for serial in range(2_000):
            row = (f"X{serial}", "", "", "", 1, "", "")
            writer.execute("INSERT INTO certificates VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        # What lies on the disk in this moment is what a kill leaves.
        half, left = file.read_bytes(), journal.read_bytes()
        writer.execute("ROLLBACK")
    assert left[:8] == bytes.fromhex("d9d505f920a163d7")
    file.write_bytes(b"no database at all" * 99 if damaged else half)
    journal.write_bytes(left)
    province.answered(shizhou, shizhou.issue(2))
    assert publish_all(engine, public) == 2
    assert [row[0] for row in dump(province)] == [f"{shizhou.prefix}26300000{at}" for at in (1, 2)]
    assert publish_new(engine, public) == 0


def test_two_writers_wait_for_each_other(
    province: Any, shizhou: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, public = province.centre.engine, province.centre.home.public
    province.answered(shizhou, shizhou.issue(1))
    bring_up, inside = publish._bring_up, []

    def watched(*arguments: Any) -> int:
        inside.append(1)
        assert len(inside) == 1
        done = bring_up(*arguments)
        inside.pop()
        return done

    monkeypatch.setattr(publish, "_bring_up", watched)
    with ThreadPoolExecutor(4) as pool:
        works = [publish_all, publish_new] * 4
        assert max(pool.map(lambda work: work(engine, public), works)) == 1
    assert publish_new(engine, public) == 0
    assert len(dump(province)) == 1


def test_the_lookup_file_names_nobody(province: Any, shizhou: Any) -> None:
    province.answered(shizhou, shizhou.issue(1))
    publish_new(province.centre.engine, province.centre.home.public)
    files = [province.centre.home.database, province.centre.home.public / LOOKUP_FILE]
    for file in files:
        with closing(sqlite3.connect(file)) as database:
            text = "\n".join(database.iterdump())
        assert "张示例" not in text
        assert "440300199001010011" not in text


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("编号,日期\n", "第一行"),
        (f"{HEAD}Y000044999001263000009,2026-11-24\n", "第 2 行：省中心没有接收过"),
        (f"{HEAD}Y000044999001263000001,24.11.2026\n", "第 2 行：日期应为"),
        (f"{HEAD}Y000044999001263000001,2026-02-30\n", "第 2 行：日期应为"),
        (f"{HEAD}Y000044999001263000001,2026-11-25\n", "第 2 行：日期在今天之后"),
        (f"{HEAD}Y000044999001263000001\n", "两列"),
        (
            f"{HEAD}Y000044999001263000001,2026-11-24\nY000044999001263000001,2026-11-23\n",
            "第 3 行：与前面的行不同",
        ),
        (b"\xff\xfe", "UTF-8"),
        (f'{HEAD}"Y0', "UTF-8 的 CSV"),
        ("", "第一行"),
    ],
)
def test_a_list_with_a_fault_is_not_kept_at_all(
    province: Any, shizhou: Any, lines: str | bytes, words: str
) -> None:
    province.answered(shizhou, shizhou.issue(1))
    before = province.count(AuditLine)
    with pytest.raises(VisibilityRefused, match=words) as caught:
        load(province, lines)
    assert "Y0000" not in str(caught.value)
    assert (province.count(Visible), province.count(AuditLine)) == (0, before)


def test_the_first_day_stays(province: Any, shizhou: Any) -> None:
    row = shizhou.issue(1)
    province.answered(shizhou, row)
    assert load(province, f"\ufeff{HEAD}{row.number},2026-11-23\r\n") == 1
    assert load(province, f"{HEAD}{row.number},2026-11-24\n") == 0
    publish_new(province.centre.engine, province.centre.home.public)
    found = look_up(province.centre.home.public, row.number)
    assert found is not None
    assert found.visible == "2026-11-23"


def test_the_page_answers_found_withdrawn_missing_and_mistyped(
    province: Any, client: FlaskClient, shizhou: Any
) -> None:
    row, gone = shizhou.issue(1), shizhou.issue(2)
    province.answered(shizhou, row, gone, shizhou.withdraw(gone))
    publish_new(province.centre.engine, province.centre.home.public)

    def page(number: str) -> tuple[int, str]:
        answer = client.get("/lookup", query_string={"number": number})
        return answer.status_code, answer.get_data(as_text=True)

    status, text = page(row.number)
    assert status == 200
    for words in (
        "省中心已接收",
        "shizhou市",
        "第 1 版",
        "尚无登记",
        "https://shizhou.example.cn/",
    ):
        assert words in text
    assert "张示例" not in text
    assert "已撤销" in page(gone.number)[1]
    assert page(f" {row.number.lower()} ")[0] == 200
    missing = page("Y000044999001263000009")
    assert (missing[0], "未查到不说明证书是假的" in missing[1]) == (404, True)
    mistyped = page("<script>alert(1)</script>")
    assert (mistyped[0], "这不是证书编号" in mistyped[1]) == (404, True)
    assert "<script>" not in mistyped[1]
    assert client.get("/").status_code == 200
    assert "没有这个网页" in client.get("/nothing").get_data(as_text=True)


def test_the_same_as_json(province: Any, client: FlaskClient, shizhou: Any) -> None:
    row = shizhou.issue(1)
    province.answered(shizhou, row)
    publish_new(province.centre.engine, province.centre.home.public)
    answer = client.get("/api/v1/lookup", query_string={"number": row.number})
    assert answer.get_json() == {
        "found": True,
        "city": "shizhou市",
        "site": "https://shizhou.example.cn",
        "state": "valid",
        "edition": 1,
        "received": "2026-11-24",
        "visible": "",
    }
    for number, status in (("Y000044999001263000009", 404), ("x", 400), ("", 400)):
        found = client.get("/api/v1/lookup", query_string={"number": number})
        assert (found.status_code, found.get_json()) == (status, {"found": False})


def test_a_lookup_without_its_file_cannot_say(province: Any, client: FlaskClient) -> None:
    (province.centre.home.public / LOOKUP_FILE).unlink()
    named = {"number": "Y000044999001263000009"}
    assert client.get("/api/v1/lookup", query_string=named).status_code == 503
    page = client.get("/lookup", query_string=named)
    assert page.status_code == 503
    assert "没有接收过" not in page.get_data(as_text=True)


def test_the_day_of_receipt_is_china_s(province: Any, shizhou: Any) -> None:
    province.clock.moment += timedelta(hours=15)
    row = shizhou.issue(1)
    province.answered(shizhou, row)
    publish_new(province.centre.engine, province.centre.home.public)
    found = look_up(province.centre.home.public, row.number)
    assert found is not None
    assert found.received == "2026-11-25"
