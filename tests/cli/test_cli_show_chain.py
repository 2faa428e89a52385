"""`certreg show`: how far the reporting of a certificate has come, and whose turn it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from registry.cli.base import CLOCK
from registry.office.due import china_day

PREFIX = "Y000044999001"


def lines(desk: Any, number: str, name: str = "reporting") -> list[str]:
    ran = desk("show", number, "--json")
    assert ran.status == 0, ran
    found: list[str] = ran.facts[name]
    return found


def put(desk: Any, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(desk.home / "registry.db")) as database, database:
        assert database.execute(statement, values).rowcount > 0


def test_the_way_is_printed_with_days_and_turn(stock: Any) -> None:
    number, today = stock.certificates()[0].number, china_day(CLOCK.now())
    issued, filed, reported, accepted, listed = lines(stock, number)
    assert issued.startswith("已发证\u3000\u3000\u3000 issued    20")
    assert filed.startswith(f"已备案\u3000\u3000\u3000 filed     {today}  用时 ")
    assert reported.startswith("已报省中心\u3000 reported  等待中 (waiting)，已等 0 个工作日")
    assert "轮到办公室 (office)，截止 20" in reported
    assert accepted.startswith("省已接收\u3000\u3000 accepted  —")
    assert listed == "全国联网可查 listed    —"
    upload = stock("upload", "prepare", PREFIX, "--json").facts["upload"]
    assert stock("upload", "freeze", upload).status == 0
    assert stock("upload", "sent", upload).status == 0
    plain = stock("show", number).out
    assert f"已报省中心\u3000 reported  {today}  用时 0 个工作日" in plain
    assert "轮到省中心 (provincial centre)" in plain
    assert lines(stock, number)[3].startswith("省已接收\u3000\u3000 accepted  等待中 (waiting)")
    put(
        stock,
        "UPDATE upload_rows SET state = 'refused', reason = 'number-differs', answered_on = ? "
        "WHERE status_index = 0",
        today.isoformat(),
    )
    assert lines(stock, number)[5:] == [
        "省中心所存的同一编号内容不同，请与省中心逐项核对 (number-differs)"
    ]
    row = stock("upload", "row", upload, "1", "--withdraw", "编号归属待核实")
    assert row.status == 0, row
    ended = lines(stock, number)
    assert ended[5:] == [f"不再上报 {today} (the office reports it no more)"]
    assert not any("轮到" in line for line in ended)


def test_each_edition_has_its_own_way(stock: Any) -> None:
    number = stock.certificates()[1].number
    assert stock("reissue", number, "--reason", "lost").status == 0
    assert stock("anchor").status == 0
    assert "轮到办公室" in lines(stock, number)[2]
    assert len(lines(stock, number, "reporting of edition 1")) == 5
