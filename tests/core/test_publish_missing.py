"""An older mirror gets its (number, last six) rows: all of them, once, a bounded number a run."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from registry import publish_missing
from registry.office.certificates import open_certificate
from registry.store.certificates import Certificate
from signing.mirror import Factor, last_six, tag_and_key


def pair_of(office: Any, row: Any) -> dict[Factor, str]:
    record = open_certificate(row, office.context).record
    return {Factor.NUMBER: record.number, Factor.LAST_SIX: last_six(record)}


def make_old(office: Any) -> None:
    """Take the rows out, as a program wrote the mirror that did not know them."""
    with closing(sqlite3.connect(office.site.mirror)) as mirror, mirror:
        for row in office.rows(Certificate):
            tag, _ = tag_and_key(office.site.pepper, pair_of(office, row))
            mirror.execute("DELETE FROM tags WHERE tag = ?", (tag,))
        mirror.execute("PRAGMA user_version=0")


def tags(office: Any) -> list[tuple[bytes, bytes]]:
    with closing(sqlite3.connect(office.site.mirror)) as mirror:
        return mirror.execute("SELECT tag, wrapped FROM tags ORDER BY tag, wrapped").fetchall()


def found(office: Any) -> int:
    return sum(len(office.look_up(pair_of(office, row))) > 0 for row in office.rows(Certificate))


def test_missing_rows_are_added_a_bounded_number_a_run(
    office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.issue(office.people(7, level="4"))
    office.correct(office.rows(Certificate)[0].number, {"direction": "数控"})
    office.run()
    whole = len(tags(office))
    make_old(office)
    assert found(office) == 0
    monkeypatch.setattr(publish_missing, "AT_ONCE", 3)
    seen = []
    for _ in range(4):
        assert office.publish() == 0
        seen.append(len(tags(office)))
    assert seen == [whole - 5, whole - 2, whole, whole]
    assert found(office) == 8
    for row in office.rows(Certificate):
        (by_token,) = office.look_up({Factor.TOKEN: row.token})
        assert by_token in office.look_up(pair_of(office, row))
    office.audit()


def test_rows_that_are_there_are_not_added_twice(office: Any) -> None:
    office.issue(office.people(5))
    office.run()
    before = tags(office)
    with closing(sqlite3.connect(office.site.mirror)) as mirror, mirror:
        mirror.execute("PRAGMA user_version=0")
    office.publish()
    assert tags(office) == before


def test_it_is_done_once_and_a_new_mirror_needs_it_not(
    office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.issue(office.people(3))
    office.run()
    monkeypatch.setattr("registry.publish.add_missing", lambda *_: pytest.fail("looked again"))
    office.publish()
    monkeypatch.undo()
    make_old(office)
    office.publish()
    monkeypatch.setattr("registry.publish.add_missing", lambda *_: pytest.fail("looked again"))
    office.publish()
    office.issue(office.people(2, offset=50))
    office.run()
    assert found(office) == 5


def test_what_is_not_published_yet_gets_its_row_with_the_rest(office: Any) -> None:
    office.issue(office.people(3))
    office.run()
    office.issue(office.people(2, offset=50))
    make_old(office)
    office.publish()
    assert found(office) == 3
    office.run()
    assert found(office) == 5
    office.audit()


def test_a_crash_before_the_end_leaves_no_half(
    office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.issue(office.people(4))
    office.run()
    whole = len(tags(office))
    make_old(office)
    real, calls = publish_missing.wrap_index, []

    def dies(*facts: Any) -> bytes:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*facts)

    monkeypatch.setattr(publish_missing, "wrap_index", dies)
    with pytest.raises(KeyboardInterrupt):
        office.publish()
    assert len(tags(office)) == whole - 4
    office.publish()
    assert len(tags(office)) == whole
