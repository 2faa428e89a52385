"""Kept answers: worked out once for each version, never for what may not be committed."""

from __future__ import annotations

from typing import Any

import pytest

from registry.office import kept as module
from registry.office.kept import kept, kept_all, once
from registry.store.procedure import Company


class Counting:
    """Answers with how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> int:
        self.asked += 1
        return self.asked


def test_an_answer_is_worked_out_once_for_each_key(small: Any) -> None:
    make = Counting()
    for _ in range(2):
        with small.read() as session:
            assert kept(session, ("what", 1), make) == 1
    with small.read() as session:
        assert kept(session, ("what", 2), make) == 2
        assert kept(session, ("what", 1), make) == 1


def test_a_writer_asks_for_itself_and_has_the_kept_answer_forgotten(small: Any) -> None:
    make = Counting()
    with small.read() as session:
        assert kept(session, "what", make) == 1
    with small.write() as session:
        assert kept(session, "what", make) == 2
        assert kept(session, "what", make) == 3
    with small.read() as session:
        assert kept(session, "what", make) == 4


def test_what_is_rolled_back_is_never_kept(small: Any) -> None:
    def name(session: Any) -> str:
        return str(session.get_one(Company, 1).name)

    def renamed_and_rolled_back() -> None:
        with small.write() as session:
            session.get_one(Company, 1).name = "改"
            session.flush()
            assert kept(session, "name", lambda: name(session)) == "改"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        renamed_and_rolled_back()
    with small.read() as session:
        assert kept(session, "name", lambda: name(session)) == "深圳市示例精密制造有限公司"


def test_only_what_is_missing_is_asked_for_at_once(small: Any) -> None:
    asked: list[list[int]] = []

    def make(missing: list[int]) -> dict[int, int]:
        asked.append(missing)
        return {key: key * 10 for key in missing}

    with small.read() as session:
        assert kept_all(session, "tens", [1, 2], make) == {1: 10, 2: 20}
        assert kept_all(session, "tens", [2, 3, 1], make) == {1: 10, 2: 20, 3: 30}
        assert kept_all(session, "others", [1], make) == {1: 10}
        assert kept_all(session, "tens", [], make) == {}
    assert asked == [[1, 2], [3], [1]]


def test_the_answer_not_asked_for_longest_goes_first(
    small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    make = Counting()
    with small.read() as session:
        assert [kept(session, key, make) for key in "aba"] == [1, 2, 1]
        assert kept(session, "c", make) == 3
        assert kept(session, "a", make) == 1
        assert kept(session, "b", make) == 4


def test_another_database_has_its_own_answers(small: Any, tmp_path: Any) -> None:
    from registry.store.base import open_engine, read_unit

    make = Counting()
    with small.read() as session:
        assert kept(session, "what", make) == 1
    other = open_engine(f"sqlite:///{tmp_path}/other.db")
    with read_unit(other) as session:
        assert kept(session, "what", make) == 2


def test_a_snapshot_asks_once_and_a_writer_each_time(small: Any) -> None:
    make = Counting()
    with small.read() as session:
        assert [once(session, "x", make), once(session, "x", make)] == [1, 1]
    with small.read() as session:
        assert once(session, "x", make) == 2
    with small.write() as session:
        assert [once(session, "x", make), once(session, "x", make)] == [3, 4]
