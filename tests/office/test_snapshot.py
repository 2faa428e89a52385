"""One request, one snapshot: shared by its readers, ended by a writer, let go of after a fault."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from registry.store.procedure import Company


@pytest.fixture
def opened(small: Any) -> list[object]:
    """Give the list of connections that are taken from now on."""
    taken: list[object] = []
    event.listen(small.engine, "checkout", lambda _driver, record, _proxy: taken.append(record))
    return taken


def name(small: Any) -> str:
    with small.desk.read() as session:
        return str(session.get_one(Company, 1).name)


def rename(small: Any, to: str) -> None:
    with small.desk.write() as session:
        session.get_one(Company, 1).name = to


def test_the_readers_of_a_request_share_one(small: Any, opened: list[object]) -> None:
    with small.desk.serving():
        with small.desk.read() as session:
            first = session.get_one(Company, 1)
            with small.desk.read() as inner:
                assert inner.get_one(Company, 1) is first
        with small.desk.read() as session:
            # What was loaded is let go of with the last reader.
            assert session.get_one(Company, 1) is not first
    assert len(opened) == 1


def test_without_a_request_each_has_its_own(small: Any, opened: list[object]) -> None:
    name(small)
    name(small)
    assert len(opened) == 2


def test_nothing_is_opened_for_who_reads_nothing(small: Any, opened: list[object]) -> None:
    with small.desk.serving():
        pass
    assert opened == []


def test_it_stays_what_it_was_until_somebody_here_writes(small: Any) -> None:
    before = name(small)
    with small.desk.serving():
        assert name(small) == before
        # Somebody else: another process would not tell this one.
        with small.write() as session:
            session.get_one(Company, 1).name = "别人改的"
        assert name(small) == before
        rename(small, "本次改的")
        assert name(small) == "本次改的"


def test_a_reader_inside_keeps_its_rows_while_somebody_writes(small: Any) -> None:
    before = name(small)
    with small.desk.serving():
        with small.desk.read() as session:
            # SQLite's snapshot is that of the first row that is read.
            session.get_one(Company, 2)
            rename(small, "改")
            assert session.get_one(Company, 1).name == before
        assert name(small) == "改"


def test_after_a_fault_the_next_reader_begins_anew(small: Any, opened: list[object]) -> None:
    with small.desk.serving():
        with pytest.raises(OperationalError), small.desk.read() as session:
            session.execute(text("SELECT nothing FROM nowhere"))
        assert name(small)
    assert len(opened) == 2


def test_its_connection_comes_back(small: Any) -> None:
    for _ in range(30):  # more than the pool has
        with small.desk.serving():
            name(small)
            rename(small, "改")
            name(small)
    assert small.engine.pool.checkedout() == 0
