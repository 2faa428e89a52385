"""What waits for a person: what a pass allows, and the ways out of a history in dispute."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import msgspec
import pytest
from msgspec import UNSET
from sqlalchemy import select

from registry.centre.checks import check_centre
from registry.centre.cities import end_city, pass_over
from registry.centre.errors import CityRefused, PackageNotTaken
from registry.centre.history import settle
from registry.centre.store import AuditLine, City, Parted, Submission, read_unit, write_unit


def refused(province: Any, city: Any, data: bytes) -> tuple[str, bool]:
    with pytest.raises(PackageNotTaken) as found:
        province.take(city, data)
    return found.value.why, found.value.later


def open_of(province: Any) -> list[str]:
    """Give what `centre check` lists for a person."""
    centre = province.centre
    with read_unit(centre.engine) as session:
        found = check_centre(session, centre.packages, province.keys(), province.clock.now())
    return list(found.open)


def passed(province: Any, city: Any) -> tuple[bool, bool]:
    """Let a city pass; give what that allowed."""
    with write_unit(province.centre.engine) as session:
        found = pass_over(session, city.name, who="test", now=province.clock.now())
    return found.pass_over, found.pass_history


def allowed(province: Any, city: Any) -> tuple[bool, bool]:
    with read_unit(province.centre.engine) as session:
        found = session.get_one(City, city.name)
        return found.pass_over, found.pass_history


def settled(province: Any, city: Any, reason: str = "程序缺陷，市里已修复") -> list[str]:
    with write_unit(province.centre.engine) as session:
        return settle(session, city.name, reason, who="test", now=province.clock.now())


def last_line(province: Any) -> tuple[str, str, str]:
    with read_unit(province.centre.engine) as session:
        line = session.scalars(select(AuditLine).order_by(AuditLine.id.desc())).first()
        assert line is not None
        return line.what, line.subject, line.outcome


def inconsistent(city: Any, serial: int) -> bytes:
    """Pack an honest row under a manifest whose proof of history is spoilt."""
    row = city.issue(serial)
    stated = city.history()
    spoilt = msgspec.structs.replace(stated, proof=tuple("0" * 64 for _ in stated.proof))
    return bytes(city.package(row, consistency=spoilt))


@pytest.fixture
def proven(province: Any, shizhou: Any) -> Any:
    """Give a city that has proven its history twice."""
    for serial in (1, 2, 3):
        assert province.reasons(shizhou, shizhou.issue(serial)) == [""]
    return shizhou


def test_a_pass_for_a_missing_proof_leaves_no_gap(province: Any, proven: Any) -> None:
    unproven = proven.package(proven.issue(4), consistency=UNSET)
    behind = proven.package(proven.issue(5))
    assert refused(province, proven, unproven) == ("log-unproven", True)
    assert passed(province, proven) == (False, True)
    assert last_line(province) == ("city-pass", "shizhou", "history")
    assert any("不附一致性证明" in one for one in open_of(province))
    assert refused(province, proven, behind) == ("sequence-gap", True)
    # What waits behind it is counted: a pass is of the first one alone.
    waiting, _ = open_of(province)
    assert "（顺序号 4）" in waiting
    assert "另有 1 个上报包等候" in waiting
    assert waiting.endswith("(not taken: no proof)")
    assert province.take(proven, unproven).accepted == 1
    assert allowed(province, proven) == (False, False)
    assert province.take(proven, behind).accepted == 1


def test_a_pass_for_a_gap_waives_no_proof(province: Any, proven: Any) -> None:
    before = proven.reported
    proven.package(proven.issue(4))
    # What it reports was in the log before; it can prove from the tree that the centre holds.
    row = proven.issue(5)
    good = proven.package(row, consistency=proven.history(before))
    assert refused(province, proven, good) == ("sequence-gap", True)
    assert passed(province, proven) == (True, False)
    assert last_line(province) == ("city-pass", "shizhou", "place")
    assert any("跳号" in one for one in open_of(province))
    # Another one for that place, without a proof, is not what was asked about.
    proven.sequence, proven.previous, proven.reported = 4, "", before
    other = proven.package(row, consistency=UNSET, previous="0" * 64)
    assert refused(province, proven, other) == ("log-unproven", True)
    assert province.take(proven, good).accepted == 1
    assert not any("unproven" in one or "cannot say" in one for one in open_of(province))


def test_a_pass_for_both_says_both(province: Any, proven: Any) -> None:
    proven.package(proven.issue(4))
    after = proven.package(proven.issue(5))
    assert refused(province, proven, after) == ("sequence-gap", True)
    (line,) = open_of(province)
    assert "a gap, no proof" in line
    assert passed(province, proven) == (True, True)
    assert last_line(province) == ("city-pass", "shizhou", "place history")
    assert province.take(proven, after).accepted == 1
    assert ["cannot say" in one for one in open_of(province)] == [True]


def test_a_gap_that_has_closed_is_no_advice(province: Any, proven: Any) -> None:
    one, two = (proven.package(proven.issue(serial)) for serial in (4, 5))
    assert refused(province, proven, two) == ("sequence-gap", True)
    assert ["a gap" in line for line in open_of(province)] == [True]
    province.take(proven, one)
    # It comes in by itself: a pass now would allow what nobody asked for.
    assert open_of(province) == []
    province.take(proven, two)
    assert open_of(province) == []


def test_of_an_ended_city_nothing_waits(province: Any, proven: Any) -> None:
    unproven = proven.package(proven.issue(4), consistency=UNSET)
    assert refused(province, proven, unproven) == ("log-unproven", True)
    assert len(open_of(province)) == 1
    with write_unit(province.centre.engine) as session:
        end_city(session, proven.name, who="test", now=province.clock.now())
    assert open_of(province) == []


def test_the_way_out_of_one_inconsistent_package(province: Any, proven: Any) -> None:
    bad = inconsistent(proven, 4)
    after, last = (proven.package(proven.issue(serial)) for serial in (5, 6))
    assert refused(province, proven, bad) == ("log-inconsistent", False)
    assert refused(province, proven, after) == ("log-unproven", True)
    assert refused(province, proven, last) == ("sequence-gap", True)
    lines = settled(province, proven)
    assert ["log-inconsistent" in one for one in lines] == [True]
    assert last_line(province) == ("city-settle", "shizhou", "程序缺陷，市里已修复")
    assert allowed(province, proven) == (False, True)
    assert province.take(proven, after).accepted == 1
    assert province.take(proven, last).accepted == 1
    # What was taken without a proof is a step of its own.
    assert ["cannot say" in one for one in open_of(province)] == [True]
    settled(province, proven)
    assert open_of(province) == []
    assert allowed(province, proven) == (False, False)
    # The evidence stays.
    with read_unit(province.centre.engine) as session:
        kept = list(session.scalars(select(Parted).order_by(Parted.id)))
    assert [one.code for one in kept] == ["log-inconsistent", "log-unproven"]
    assert all(one.held and one.shown and one.settled_at for one in kept)


def test_settling_allows_nothing_where_the_city_has_gone_on(province: Any, proven: Any) -> None:
    before = proven.reported
    assert refused(province, proven, inconsistent(proven, 4))[0] == "log-inconsistent"
    good = proven.package(proven.issue(5), consistency=proven.history(before))
    assert province.take(proven, good).accepted == 1
    settled(province, proven)
    assert allowed(province, proven) == (False, False)
    assert open_of(province) == []


def test_settling_is_of_one_city_and_needs_a_reason(
    province: Any, proven: Any, lizhou: Any
) -> None:
    for city in (proven, lizhou):
        with pytest.raises(CityRefused, match="没有待查明"):
            settled(province, city)
    for serial in (1, 2):
        province.reasons(lizhou, lizhou.issue(serial), consistency=UNSET)
    assert refused(province, proven, inconsistent(proven, 4))[0] == "log-inconsistent"
    for reason in ("", "  ", "a\nb", "长" * 101):
        with pytest.raises(CityRefused, match="写明查明的情况"):
            settled(province, proven, reason)
    assert len(open_of(province)) == 2
    settled(province, proven)
    left = open_of(province)
    assert ["cannot say" in one for one in left] == [True, False]
    assert left[0].startswith("lizhou：")
    # And what it allows stands until it is used.
    assert left[1].startswith("shizhou：已允许下一份清单不附一致性证明")


def test_a_later_unproven_step_is_listed_after_a_settled_one(province: Any, shizhou: Any) -> None:
    for serial in (1, 2):
        province.reasons(shizhou, shizhou.issue(serial), consistency=UNSET)
    settled(province, shizhou)
    assert open_of(province) == []
    for serial in range(3, 8):
        province.reasons(shizhou, shizhou.issue(serial), consistency=UNSET)
    (line,) = open_of(province)
    assert "上报批 U00000003、U00000004、U00000005 等 5 批未证明" in line


def put_back(province: Any, version: int, *, without: tuple[str, ...]) -> None:
    """Take the centre's database to an older version, and open the centre anew."""
    added = (
        ("cities", "pass_history"),
        ("submissions", "sequence"),
        ("submissions", "wants_place"),
        ("submissions", "wants_history"),
        ("parted", "settled_at"),
    )
    with closing(sqlite3.connect(province.centre.home.database)) as database:
        for table, column in added:
            database.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        database.execute("DELETE FROM parted")
        for table in without:
            database.execute(f"DROP TABLE {table}")
        database.execute(f"PRAGMA user_version = {version}")
        database.commit()
    province.again()


def test_a_database_of_version_2_goes_on(province: Any, shizhou: Any) -> None:
    for serial in (1, 2):
        province.reasons(shizhou, shizhou.issue(serial), consistency=UNSET)
    put_back(province, 2, without=())
    # It said of the tree that it was not proven: that is not lost.
    (line,) = open_of(province)
    assert "cannot say" in line
    assert "U00000002" in line
    with read_unit(province.centre.engine) as session:
        assert {one.sequence for one in session.scalars(select(Submission))} == {None}
    province.again()
    assert open_of(province) == [line]
    assert province.reasons(shizhou, shizhou.issue(3)) == [""]
    settled(province, shizhou)
    assert open_of(province) == []


def test_a_database_of_version_1_goes_on(province: Any, shizhou: Any, lizhou: Any) -> None:
    for serial in (1, 2):
        province.reasons(shizhou, shizhou.issue(serial))
    put_back(province, 1, without=("cards", "heads", "parted"))
    assert open_of(province) == []
    # Of the one that reported before nobody can tell; the other's first tree is a first tree.
    assert province.reasons(shizhou, shizhou.issue(3)) == [""]
    assert province.reasons(lizhou, lizhou.issue(1)) == [""]
    (line,) = open_of(province)
    assert line.startswith("shizhou：上报批 U00000003 未证明")
    assert "cannot say" in line
