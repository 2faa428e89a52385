"""`certreg centre city pass` and `settle`: what a clerk of the centre allows, and clears."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture
def centre(stock: Any, tmp_path: Path) -> Run:
    """Give the function that runs `certreg centre` in the home of a centre with one city."""
    home = tmp_path / "centre"

    def run(*arguments: str) -> Any:
        return stock("centre", *arguments, "--home", str(home))

    named = ("--name", "示例省职业技能鉴定指导中心", "--province", "44")
    assert run("init", *named).status == 0
    assert run("city", "add", "shizhou", str(stock.trust), "--title", "示州市").status == 0
    return run


def put(home: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(home / "centre" / "centre.db")) as database:
        database.execute(statement, values)
        database.commit()


def open_of(centre: Run) -> list[str]:
    found: list[str] = centre("check", "--json").facts["for a person"]
    return found


def test_what_was_looked_into_is_cleared_with_a_reason(centre: Run, tmp_path: Path) -> None:
    put(
        tmp_path,
        "INSERT INTO parted (city, upload, code, held, shown, at) VALUES ('shizhou', 'U00000004',"
        " 'log-inconsistent', 'held', 'shown', '2026-11-24T02:00:00Z')",
    )
    (line,) = open_of(centre)
    assert "certreg centre city settle shizhou" in line
    assert "--reason" in centre("city", "settle", "shizhou").line
    assert "写明查明的情况" in centre("city", "settle", "shizhou", "--reason", " ").line
    facts = centre("city", "settle", "shizhou", "--reason", "程序缺陷", "--json").facts
    assert facts["settled"] == [line]
    assert facts["allowed"] == []
    assert open_of(centre) == []
    with closing(sqlite3.connect(tmp_path / "centre" / "centre.db")) as database:
        audit = database.execute("SELECT what, subject, outcome FROM audit").fetchall()
        kept = database.execute("SELECT held, shown FROM parted").fetchall()
    assert audit[-1] == ("city-settle", "shizhou", "程序缺陷")
    assert kept == [("held", "shown")]
    assert "没有待查明" in centre("city", "settle", "shizhou", "--reason", "程序缺陷").line


@pytest.mark.parametrize(
    ("place", "history"), [(True, False), (False, True), (True, True), (None, None)]
)
def test_a_pass_says_what_it_allows(
    centre: Run, tmp_path: Path, *, place: bool | None, history: bool | None
) -> None:
    if place is not None:
        put(
            tmp_path,
            "INSERT INTO submissions (city, package, state, code, submitted_at, sequence,"
            " wants_place, wants_history) VALUES ('shizhou', 'aa', 'later', 'x', ?, 3, ?, ?)",
            "2026-11-24T02:00:00Z",
            place,
            history,
        )
    facts = centre("city", "pass", "shizhou", "--json").facts
    expected = (place is not False, bool(history))
    assert (facts["gap allowed"], facts["no proof allowed"]) == expected
    said = " ".join(facts["allowed"])
    assert ("跳号" in said, "不附一致性证明" in said) == expected
    shown = centre("city", "list").out
    assert ("a gap is allowed" in shown, "a missing proof is allowed" in shown) == expected
    assert "没有所存的检查点 (no tree is held)" in shown
