"""Publication: the mirror finds each certificate by its pairs, and repeating changes nothing."""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from registry import publish, publish_status
from registry.ledger.storage import LogBusy, StorageFailed
from registry.office.certificates import open_certificate
from registry.store.base import write_unit
from registry.store.certificates import Certificate
from registry.store.log import EventGroup
from signing.mirror import Factor
from signing.tlog.entry import Issue, Status, parse_entry
from signing.tlog.merkle import leaf_hash, verify_inclusion
from signing.tlog.paths import inclusion_path
from signing.tlog.status import StatusPages
from signing.tlog.tiles import TileReader


def facts(record: Any) -> dict[Factor, str]:
    found = {
        Factor.NUMBER: record.number,
        Factor.NAME: record.name,
        Factor.ID_NUMBER: record.id_number,
        Factor.ADMISSION: record.admission,
    }
    return {factor: value for factor, value in found.items() if value}


def records(office: Any) -> list[Any]:
    return [open_certificate(row, office.context).record for row in office.rows(Certificate)]


def counts(office: Any) -> tuple[int, int]:
    with closing(sqlite3.connect(office.site.mirror)) as mirror:
        return tuple(
            mirror.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - ours
            for table in ("entries", "tags")
        )


def test_the_token_and_every_two_facts_find_the_certificate(office: Any) -> None:
    office.issue([*office.people(6), *office.people(3, offset=50, admission="")])
    assert office.anchor().size
    assert office.publish() == 9
    assert counts(office) == (9, 6 * 8 + 3 * 5)
    for row, record in zip(office.rows(Certificate), records(office), strict=True):
        (by_token,) = office.look_up({Factor.TOKEN: row.token})
        assert by_token.envelope.payload.decode().count(record.number) == 1
        assert parse_entry(by_token.entry).number == record.number
        assert by_token.superseded_by == ""
        assert by_token.batch == row.batch_id
        for two in combinations(facts(record).items(), 2):
            assert by_token in office.look_up(dict(two))


def test_one_wrong_fact_finds_nothing(office: Any) -> None:
    office.issue(office.people(6))
    office.run()
    one, other = records(office)[:2]
    for (first, value), (second, _) in combinations(facts(one).items(), 2):
        assert office.look_up({first: value, second: facts(other)[second]}) == []


def test_the_mirror_alone_shows_no_one(office: Any) -> None:
    office.issue(office.people(40))
    office.run()
    data = office.site.mirror.read_bytes()
    for record in records(office):
        for value in facts(record).values():
            assert value.encode() not in data
    for row in office.rows(Certificate):
        assert row.token.encode() not in data
        assert row.sealed not in data


def test_after_a_correction_the_old_token_points_on_and_both_are_found(office: Any) -> None:
    office.issue(office.people(3, level="4"))
    office.run()
    number = office.rows(Certificate)[0].number
    (was,) = office.look_up({Factor.TOKEN: office.rows(Certificate)[0].token})
    assert was.superseded_by == ""
    office.correct(number, {"direction": "数控"})
    office.correct(number, {"admission": ""})
    office.run()
    office.audit()
    first, _second, _third, middle, last = office.rows(Certificate)
    found = {
        row.token: office.look_up({Factor.TOKEN: row.token})[0].superseded_by
        for row in (first, middle, last)
    }
    assert found == {first.token: middle.token, middle.token: last.token, last.token: ""}
    name = records(office)[0].name
    both = office.look_up({Factor.NUMBER: number, Factor.NAME: name})
    assert {entry.token for entry in both} == {first.token, middle.token, last.token}
    # By the admission number that the last edition no longer has, only the older ones.
    admission = records(office)[0].admission
    older = office.look_up({Factor.NUMBER: number, Factor.ADMISSION: admission})
    assert {entry.token for entry in older} == {first.token, middle.token}
    assert counts(office) == (5, 4 * 8 + 5)


def test_publishing_a_second_time_writes_nothing(office: Any) -> None:
    office.issue(office.people(20))
    office.run()
    before = counts(office)
    assert office.publish() == 0
    assert counts(office) == before


def test_publishing_all_of_it_again_gives_the_same_entries(office: Any) -> None:
    people = office.people(20, level="4", name="王建华")
    office.issue(people)
    office.correct(office.rows(Certificate)[0].number, {"direction": "数控"})
    office.run()
    before = counts(office)
    with write_unit(office.engine) as session:
        for group in session.query(EventGroup):
            group.published = False
    assert office.publish() == 21
    assert counts(office) == before == (21, 21 * 8)
    office.audit()


def test_a_lost_mirror_is_made_again_from_the_database(office: Any) -> None:
    office.issue(office.people(20))
    office.run()
    office.site.mirror.unlink()
    with write_unit(office.engine) as session:
        for group in session.query(EventGroup):
            group.published = False
    office.publish()
    office.audit()


def test_nothing_is_published_before_it_is_anchored(office: Any) -> None:
    office.run()
    office.issue(office.people(3))
    assert office.publish() == 0
    assert not office.site.mirror.exists() or counts(office) == (0, 0)
    assert all(not group.published for group in office.rows(EventGroup)[3:])


@pytest.mark.parametrize("chunk", [256, 2048])
def test_a_batch_longer_than_a_chunk_is_published_whole(
    office: Any, monkeypatch: Any, chunk: int
) -> None:
    monkeypatch.setattr(publish, "CHUNK", chunk)
    office.issue(office.people(700))
    office.run()
    office.audit()


def latest(office: Any) -> tuple[dict[str, Any], Path]:
    pointer = json.loads((office.site.public / "status" / "latest.json").read_bytes())
    return pointer, office.site.public / "status" / f"pages-{pointer['entry_index']}.bin"


def test_the_status_files_verify_against_the_checkpoint(office: Any) -> None:
    office.issue(office.people(10, level="4"))
    office.revoke(office.rows(Certificate)[7].number)
    office.run()
    pointer, file = latest(office)
    leaf, index = base64.b64decode(pointer["entry"]), pointer["entry_index"]
    checkpoint = office.checkpoint()
    tree = TileReader(office.log.storage.read).at(checkpoint.size)
    path = inclusion_path(index, checkpoint.size, tree)
    verify_inclusion(leaf_hash(leaf), index, checkpoint.size, path, checkpoint.root)
    entry = parse_entry(leaf)
    assert isinstance(entry, Status)
    pages = StatusPages(file.read_bytes())
    assert (pages.root().hex(), entry.count) == (entry.root, 10)
    assert [int(pages.state(place)) for place in range(10)] == [0] * 7 + [1] + [0] * 2
    # The proof in the mirror's entry is of the same tree.
    (found,) = office.look_up({Factor.TOKEN: office.rows(Certificate)[7].token})
    issue = parse_entry(tree.entry(found.index))
    assert isinstance(issue, Issue)
    assert issue.status == 7


def test_the_pointer_never_names_pages_that_are_not_there(office: Any, monkeypatch: Any) -> None:
    office.issue(office.people(5, level="4"))
    office.run()
    seen = []
    real = publish_status.LocalStorage.write_all

    def watched(storage: Any, items: Any) -> int:
        done = real(storage, items)
        pointer, file = latest(office)
        entry = parse_entry(base64.b64decode(pointer["entry"]))
        assert isinstance(entry, Status)
        seen.append(StatusPages(file.read_bytes()).root().hex() == entry.root)
        return done

    monkeypatch.setattr(publish_status.LocalStorage, "write_all", watched)
    for row in office.rows(Certificate)[:4]:
        office.revoke(row.number)
        office.anchor()
        office.publish()
    assert seen == [True] * len(seen)
    assert len(seen) > 8


def test_only_a_few_old_page_files_are_kept(office: Any) -> None:
    office.issue(office.people(9, level="4"))
    for row in office.rows(Certificate):
        office.revoke(row.number)
        office.run()
    files = sorted(file.name for file in (office.site.public / "status").glob("[!.]*"))
    assert len(files) == publish_status.KEPT_PAGES + 2
    assert latest(office)[1].exists()


@pytest.mark.parametrize("broken", ["latest.json", "pages"])
def test_lost_or_damaged_status_files_are_made_again(office: Any, broken: str) -> None:
    office.issue(office.people(5))
    office.run()
    _pointer, pages = latest(office)
    file = pages if broken == "pages" else pages.parent / broken
    whole = file.read_bytes()
    file.unlink()
    office.publish()
    assert file.read_bytes() == whole
    file.write_bytes(whole[:-1] + b"x")
    office.publish()
    assert file.read_bytes() == whole


def test_two_publishers_do_not_work_at_once(office: Any) -> None:
    office.issue(office.people(3))
    office.anchor()
    status = publish.LocalStorage(office.site.public / "status")
    with status.exclusive(), pytest.raises(LogBusy):
        office.publish()
    assert office.publish() == 3


def test_a_mirror_that_cannot_be_written_is_said_and_mended(office: Any) -> None:
    office.issue(office.people(3))
    office.anchor()
    office.site.mirror.write_bytes(b"this is no database" * 100)
    with pytest.raises(StorageFailed, match="public mirror"):
        office.publish()
    office.site.mirror.unlink()
    assert office.publish() == 3
    office.audit()


def test_readers_need_no_right_to_write_beside_the_mirror(office: Any) -> None:
    office.issue(office.people(3))
    office.run()
    # Of the journal there is an empty file at most: no write-ahead log that a reader must open.
    others = {f.name: f.stat().st_size for f in office.site.public.glob("mirror.db?*")}
    assert others in ({}, {"mirror.db-journal": 0})
    address = f"file:{office.site.mirror}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as mirror:
        assert mirror.execute("PRAGMA journal_mode").fetchone()[0] != "wal"
        assert mirror.execute("SELECT count(*) FROM entries").fetchone() == (3,)
