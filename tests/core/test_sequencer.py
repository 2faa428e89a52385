"""The sequencer's ordinary days, and what it refuses so that the log never forks or lies."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import replace
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from registry.ledger import crosscheck, head, local_storage, sequencer
from registry.ledger import round as rounds
from registry.ledger.crosscheck import RootsDisagree
from registry.ledger.head import HeadLost, HeadMoved
from registry.ledger.local_storage import LocalStorage
from registry.ledger.round import SelfCheckFailed
from registry.ledger.storage import LogBusy, StorageFailed
from registry.store.base import write_unit
from registry.store.log import EventPage, LogHead
from registry.store.schema import migrate
from signing.tlog.entry import BatchClose, Issue, Key, Status, StatusChange, parse_entry
from signing.tlog.merkle import CompactRange, leaf_hash, root_of


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_the_first_round_takes_everything_in_order_and_closes_each_batch(office: Any) -> None:
    first = office.issue(office.people(300))
    office.revoke(first.ranges[0][0])
    second = office.issue(office.people(2, offset=900))
    done = office.anchor()
    assert (done.old_size, done.size) == (0, 2 + 300 + 1 + 1 + 2 + 1 + 1)
    assert done.batches == (first.batch_id, second.batch_id)
    assert done.crosschecked == crosscheck.available()
    leaves = office.entries()
    kinds = [type(parse_entry(leaf)) for leaf in leaves]
    assert kinds == [
        *[Key] * 2,
        *[Issue] * 300,
        BatchClose,
        StatusChange,
        *[Issue] * 2,
        BatchClose,
        Status,
    ]
    close = parse_entry(leaves[302])
    assert isinstance(close, BatchClose)
    assert (close.first, close.last, close.count) == (2, 301, 300)
    assert close.filing == "深技鉴备〔2026〕1号"
    assert close.root == root_of([leaf_hash(leaf) for leaf in leaves[2:302]]).hex()
    office.publish()
    office.audit()


def test_a_batch_longer_than_a_chunk_is_one_contiguous_range(office: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(rounds, "PAGES_AT_ONCE", 1)
    office.issue(office.people(600))
    assert office.anchor().size == 604
    office.publish()
    office.audit()


def test_a_round_with_nothing_to_do_does_nothing(office: Any) -> None:
    office.run()
    before, rows = files(office.site.public), office.contents()
    office.clock.moment += timedelta(hours=1)
    done = office.anchor()
    assert (done.old_size, done.size, done.batches) == (3, 3, ())
    assert office.publish() == 0
    assert files(office.site.public) == before
    assert office.contents() == rows


def test_before_any_event_there_is_no_checkpoint(tmp_path: Path, open_office: Any) -> None:
    office = open_office(tmp_path)
    migrate(office.engine)
    done = office.anchor()
    assert (done.size, done.crosschecked) == (0, False)
    assert not (office.site.public / "log" / "checkpoint").exists()
    office.close()


def test_a_quiet_log_goes_on_saying_that_nothing_changed(office: Any) -> None:
    office.issue(office.people(3))
    office.run()
    size = office.head().size
    office.note_checkpoint()
    office.clock.moment += timedelta(days=1)
    assert office.anchor().size == size + 1
    assert office.anchor().size == size + 1
    office.publish()
    office.audit()
    entry = parse_entry(office.entries()[-1])
    assert isinstance(entry, Status)
    assert entry.time == "2026-11-24T02:03:04Z"


def test_a_lost_public_checkpoint_is_published_again(office: Any) -> None:
    office.run()
    note = office.head().note
    (office.site.public / "log" / "checkpoint").unlink()
    office.anchor()
    assert office.log.storage.read("checkpoint") == note


def put_back(office: Any, old: Path) -> None:
    office.close()
    for suffix in ("-wal", "-shm"):
        Path(f"{office.home}/registry.db{suffix}").unlink(missing_ok=True)
    shutil.copy(old, office.home / "registry.db")


@pytest.mark.parametrize("people", [0, 30], ids=["idle", "with-events-waiting"])
def test_an_old_copy_of_the_database_signs_nothing(
    office: Any, tmp_path: Path, people: int
) -> None:
    office.issue(office.people(20))
    office.run()
    office.close()
    old = tmp_path / "old.db"
    shutil.copy(office.home / "registry.db", old)
    office.issue(office.people(20, offset=20))
    office.run()
    newest = office.checkpoint()
    put_back(office, old)
    if people:
        office.issue(office.people(people, offset=100))
    before, rows = files(office.site.public), office.contents()
    with pytest.raises(HeadLost, match="old copy") as refused:
        office.anchor()
    assert refused.value.code == "head-lost"
    assert "Do not issue or sign" in str(refused.value)
    assert f"says {newest.size} entries" in str(refused.value)
    assert files(office.site.public) == before
    assert office.contents() == rows
    office.close()


def test_an_empty_database_over_a_public_log_signs_nothing(office: Any, founded: Path) -> None:
    office.run()
    put_back(office, founded / "registry.db")
    before = files(office.site.public)
    with pytest.raises(HeadLost):
        office.anchor()
    assert files(office.site.public) == before


def test_another_head_of_the_same_size_is_a_fork_and_signs_nothing(
    office: Any, founded: Path, tmp_path: Path, open_office: Any
) -> None:
    shutil.copytree(founded, tmp_path / "other")
    other = open_office(tmp_path / "other")
    other.clock.moment += timedelta(hours=1)
    office.run()
    other.run()
    other.close()
    theirs = other.site.public / "log" / "checkpoint"
    shutil.copy(theirs, office.site.public / "log" / "checkpoint")
    with pytest.raises(HeadLost):
        office.anchor()


def hold_lock(log: Any, held: Any, done: Any) -> None:
    with log.storage.exclusive():
        held.set()
        done.wait(30)


def test_a_second_sequencer_is_told_to_wait(office: Any) -> None:
    office.run()
    office.issue(office.people(3))
    before = files(office.site.public)
    office.close()
    fork = get_context("fork")
    held, done = fork.Event(), fork.Event()
    other = fork.Process(target=hold_lock, args=(office.log, held, done))
    other.start()
    try:
        assert held.wait(30)
        with pytest.raises(LogBusy) as refused:
            office.anchor()
        assert refused.value.code == "log-busy"
        assert files(office.site.public) == before
    finally:
        # A killed sequencer leaves no lock behind.
        other.kill()
        other.join()
    assert office.anchor().size == 3 + 3 + 1 + 1
    office.publish()
    office.audit()


@pytest.mark.parametrize("first", [True, False], ids=["first-head", "later-head"])
def test_whoever_comes_second_commits_nothing(office: Any, monkeypatch: Any, first: bool) -> None:
    """The lock does not reach across machines: the database row decides."""
    if not first:
        office.run()
    office.issue(office.people(5))
    real = sequencer._commit

    def overtaken(session: Any, log: Any, work: Any, **heads: Any) -> None:
        stolen = replace(heads["new"], root=b"\7" * 32)
        head.swap_head(session, log.origin, heads["old"], stolen, heads["now"])
        session.flush()
        real(session, log, work, **heads)

    monkeypatch.setattr(sequencer, "_commit", overtaken)
    before = office.contents()
    with pytest.raises(HeadMoved, match="another sequencer") as refused:
        office.anchor()
    assert refused.value.code == "head-moved"
    assert office.contents() == before
    monkeypatch.undo()
    office.run()
    office.audit()


def test_a_head_of_the_same_size_and_another_root_is_not_replaced(office: Any) -> None:
    office.run()
    old = office.head()
    new = replace(old, size=old.size + 1)
    forked = replace(old, root=b"\7" * 32)
    with pytest.raises(HeadMoved), write_unit(office.engine) as session:
        head.swap_head(session, office.origin, forked, new, office.clock.now())
    assert office.head() == old


def damage(file: Path, *, at: int = 3) -> bytes:
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    whole, changed = file.read_bytes(), bytes(data)
    file.write_bytes(changed)
    return whole


@pytest.mark.parametrize(
    "path",
    ["tile/0/001.p/8", "tile/entries/001.p/8", "tile/1/000.p/1"],
)
@pytest.mark.parametrize("gone", [False, True])
def test_a_damaged_right_edge_stops_the_round_before_anything_is_written(
    office: Any, path: str, gone: bool
) -> None:
    office.issue(office.people(260))
    office.run()
    office.issue(office.people(40, offset=300))
    file = office.site.public / "log" / path
    whole = damage(file)
    if gone:
        file.unlink()
    before, rows = files(office.site.public), office.contents()
    with pytest.raises(SelfCheckFailed, match="certreg log fsck") as refused:
        office.anchor()
    assert refused.value.code == "self-check-failed"
    assert files(office.site.public) == before
    assert office.contents() == rows
    file.write_bytes(whole)
    office.run()
    office.audit()


class Lying(LocalStorage):
    """A disk that writes something else into one file than it was given."""

    __slots__ = ("path",)

    def stage(self, round_id: str, items: Any) -> None:
        def changed() -> Any:
            for path, data in items:
                yield path, (bytes(len(data)) if path == self.path else data)

        super().stage(round_id, changed())


@pytest.mark.parametrize("path", ["tile/1/000.p/1", "tile/0/001.p/49"])
def test_what_does_not_read_back_is_never_signed(office: Any, path: str) -> None:
    office.issue(office.people(301))
    disk = Lying(office.site.public / "log")
    disk.path = path
    before = office.contents()
    with pytest.raises(SelfCheckFailed):
        office.anchor(replace(office.log, storage=disk))
    assert office.contents() == before
    assert not (office.site.public / "log" / "checkpoint").exists()
    office.run()
    office.audit()


def test_a_signature_the_policy_does_not_accept_is_never_committed(office: Any) -> None:
    before = office.contents()
    wrong = replace(office.log, signers=(office.record_keys[office.prefix],))
    with pytest.raises(SelfCheckFailed, match="does not verify"):
        office.anchor(wrong)
    assert office.contents() == before


def test_events_missing_from_the_database_stop_the_round(office: Any) -> None:
    office.issue(office.people(600))
    with write_unit(office.engine) as session:
        session.execute(delete(EventPage).where(EventPage.first_ordinal == 256))
    before = office.contents()
    with pytest.raises(SelfCheckFailed, match="not complete in the database"):
        office.anchor()
    assert office.contents() == before


def test_a_second_opinion_that_differs_stops_the_round(office: Any, monkeypatch: Any) -> None:
    pytest.importorskip("merkletools", reason="the extra `crosscheck` is not installed")
    office.issue(office.people(9))

    class Faulty(CompactRange):
        def root(self) -> bytes:
            return b"\1" * 32

    monkeypatch.setattr(rounds, "CompactRange", Faulty)
    before = office.contents()
    with pytest.raises(RootsDisagree, match="nothing was signed"):
        office.anchor()
    assert office.contents() == before


@pytest.mark.parametrize(
    ("call", "number"),
    [(0, errno.EROFS), (1, errno.ENOSPC), (5, errno.EIO), (11, errno.ENOSPC)],
)
def test_a_disk_that_refuses_loses_nothing(
    office: Any, monkeypatch: Any, call: int, number: int
) -> None:
    office.run()
    office.note_checkpoint()
    office.issue(office.people(300))
    real, left = os.write, iter(range(1000))

    def full(descriptor: int, data: bytes) -> int:
        if next(left) >= call:
            raise OSError(number, os.strerror(number))
        return real(descriptor, data[: max(1, len(data) // 2)])

    rows = office.contents()
    with monkeypatch.context() as patched:
        patched.setattr(local_storage.os, "write", full)
        with pytest.raises(StorageFailed, match=r"refused .*run `certreg anchor` again") as refused:
            office.anchor()
    assert refused.value.code == "storage-failed"
    assert office.contents() == rows
    assert office.checkpoint() == office.seen[0]
    office.run()
    office.audit()


def test_the_head_is_what_was_signed_even_if_the_row_is_touched(office: Any) -> None:
    office.run()
    with write_unit(office.engine) as session:
        session.execute(update(LogHead).values(root=b"\0" * 32))
    office.issue(office.people(1))
    with pytest.raises(SelfCheckFailed, match="do not give the committed root"):
        office.anchor()
