"""A server that lies about the log, over real HTTP: caught, and the fault named."""

from __future__ import annotations

from typing import Any

import pytest

from registry.ledger.monitor.errors import MonitorStateBad
from signing.tlog.checkpoint import Checkpoint, open_checkpoint
from signing.tlog.tiles import decode_bundle, encode_bundle

PREFIX, OTHER = "Y000044999001", "Y000044999002"
LATER = "2026-11-24T02:03:04Z"


@pytest.fixture
def seen(site: Any, eye: Any, make: Any) -> Any:
    """Give an honest log that the monitor has read."""
    book = make.honest()
    site.files = book.files()
    assert eye.found() == []
    return book


def forked(make: Any, size: int) -> Any:
    """Give the log with another commitment in its fourth leaf, `size` certificates longer."""
    book = make.honest()
    fork = make.Book().key().key(OTHER)
    fork.issue(299).status().issue(60 + size).status()
    assert len(fork.leaves) > len(book.leaves) or not size
    return fork


def evidence(eye: Any, make: Any) -> list[int]:
    """Give the sizes of the checkpoints kept, each of which the log has signed."""
    files = sorted((eye.folder / "evidence").iterdir())
    return sorted(open_checkpoint(f.read_bytes(), make.policy()).checkpoint.size for f in files)


def test_a_fork_that_went_on_is_named_and_both_notes_are_kept(
    site: Any, eye: Any, make: Any, seen: Any
) -> None:
    fork = forked(make, 50)
    site.files = fork.files()
    assert eye.found() == [("fork", "checkpoint")]
    assert evidence(eye, make) == [len(seen.leaves), len(fork.leaves)]
    # The alarm stays when the server is honest again.
    site.files = seen.files()
    report = eye.look()
    assert [kept.finding.kind.value for kept in report.findings] == ["fork"]
    assert report.size == len(seen.leaves)


def test_a_fork_of_the_same_size_is_named(site: Any, eye: Any, make: Any, seen: Any) -> None:
    head = Checkpoint(origin="127.0.0.1:8000/log", size=len(seen.leaves), root=b"r" * 32)
    site.files["checkpoint"] = make.sign(head)
    assert eye.found() == [("fork", "checkpoint")]
    assert evidence(eye, make) == [len(seen.leaves)] * 2


def test_a_smaller_fork_is_named(site: Any, eye: Any, make: Any, seen: Any) -> None:
    site.files["checkpoint"] = make.sign(
        Checkpoint(origin="127.0.0.1:8000/log", size=150, root=b"r" * 32)
    )
    assert eye.found() == [("fork", "checkpoint")]


def test_a_damaged_tile_is_not_called_a_fork(site: Any, eye: Any, make: Any, seen: Any) -> None:
    size = len(seen.leaves)
    seen.issue(300).status()
    site.files |= seen.files()
    whole = site.files["tile/0/000"]
    site.files["tile/0/000"] = bytes([whole[0] ^ 1]) + whole[1:]
    # Consistency cannot be shown by tiles; the entries show it.
    assert eye.found() == []
    assert eye.look().size == len(seen.leaves) > size


def test_a_stale_checkpoint_is_named_and_stays_named(
    site: Any, eye: Any, make: Any, seen: Any
) -> None:
    site.files["checkpoint"] = seen.files(150)["checkpoint"]
    (kept,) = eye.look().findings
    assert str(kept.finding) == (
        "stale-checkpoint: checkpoint: has 150 entries; one with 332 was seen before: an older "
        "checkpoint of the same history is served"
    )
    assert kept.since == "2026-11-23T02:03:04Z"
    site.files = seen.files()
    assert eye.look().findings == (kept,)


def test_a_truncated_log_is_named(site: Any, eye: Any, make: Any, seen: Any) -> None:
    site.files = seen.files(150)
    assert eye.found() == [("truncated", "checkpoint")]


def change(site: Any, path: str, at: int = 0) -> None:
    data = bytearray(site.files[path])
    data[at] ^= 1
    site.files[path] = bytes(data)


def entry(site: Any, index: int) -> None:
    """Give another commitment in the bundle than was hashed."""
    path = f"tile/entries/{index // 256:03}"
    entries = decode_bundle(site.files[path], 256)
    old = entries[index % 256]
    at = old.index(b'"commit":"') + 10
    entries[index % 256] = old[:at] + (b"0" if old[at : at + 1] != b"0" else b"1") + old[at + 1 :]
    site.files[path] = encode_bundle(entries)


def test_entries_other_than_the_tile_are_named(site: Any, eye: Any, make: Any) -> None:
    site.files = make.honest(900).files()
    entry(site, 300)
    entry(site, 301)
    report = eye.look()
    assert [str(kept.finding) for kept in report.findings] == [
        "tile: tile/0/001: entry 300 does not hash to its leaf",
        "tile: tile/0/001: entry 301 does not hash to its leaf",
        "root: checkpoint: the entries do not give the root signed for 932 entries",
    ]
    assert report.size == 256  # what came before was proved and is kept


def test_a_tile_other_than_the_entries_is_named_and_the_rest_is_read(
    site: Any, eye: Any, make: Any
) -> None:
    book = make.honest(900)
    site.files = book.files()
    change(site, "tile/0/001", 32 * 7)
    report = eye.look()
    assert [str(kept.finding) for kept in report.findings] == [
        "tile: tile/0/001: entry 263 does not hash to its leaf"
    ]
    assert report.size == len(book.leaves)


def test_an_upper_tile_other_than_the_entries_is_named(site: Any, eye: Any, make: Any) -> None:
    site.files = make.honest(900).files()
    change(site, "tile/1/000.p/3", 40)
    assert eye.found() == [("tile", "tile/1/000.p/3")]


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda data: data[:-3], ("bundle", "tile/entries/001")),
        (lambda data: data + b"\0\0", ("bundle", "tile/entries/001")),
        (lambda data: b"", ("bundle", "tile/entries/001")),
        (lambda data: bytes(20 << 20), ("bundle", "tile/entries/001")),
        (lambda data: None, ("missing-file", "tile/entries/001")),
    ],
    ids=["cut", "longer", "empty", "endless", "gone"],
)
def test_a_bundle_cut_short_is_named_and_those_behind_it_are_looked_at(
    site: Any, eye: Any, make: Any, damage: Any, found: tuple[str, str]
) -> None:
    site.files = make.honest(900).files()
    site.files["tile/entries/001"] = damage(site.files["tile/entries/001"])
    entry(site, 600)
    report = eye.look()
    assert [(kept.finding.kind.value, kept.finding.where) for kept in report.findings] == [
        found,
        ("tile", "tile/0/002"),
        ("root", "checkpoint"),
    ]
    assert report.size == 256


def test_a_bundle_that_begins_otherwise_than_it_was_read_is_named(
    site: Any, eye: Any, make: Any
) -> None:
    book = make.honest(100)
    site.files = book.files()
    eye.look()
    book.issue(30).status()
    site.files = book.files()
    path = f"tile/entries/000.p/{len(book.leaves)}"
    entries = decode_bundle(site.files[path], len(book.leaves))
    entries[5] = entries[6]
    site.files[path] = encode_bundle(entries)
    found = eye.found()
    assert ("bundle", path) in found
    assert ("tile", f"tile/0/000.p/{len(book.leaves)}") in found


@pytest.mark.parametrize("path", ["tile/0/001", "tile/1/000.p/3"])
def test_a_missing_tile_is_named(site: Any, eye: Any, make: Any, path: str) -> None:
    site.files = make.honest(900).files()
    del site.files[path]
    assert eye.found() == [("missing-file", path)]


def test_a_false_signature_is_named(site: Any, eye: Any, make: Any, seen: Any) -> None:
    note = site.files["checkpoint"]
    letter = b"B" if note[-10:-9] == b"A" else b"A"
    site.files["checkpoint"] = note[:-10] + letter + note[-9:]
    assert eye.found() == [("checkpoint", "checkpoint")]


@pytest.mark.parametrize("note", [b"", b"\xff", b"x\n1\n\n", b"n" * (2 << 20)])
def test_a_checkpoint_that_is_none_is_named(site: Any, eye: Any, note: bytes) -> None:
    site.files["checkpoint"] = note
    assert eye.found() == [("checkpoint", "checkpoint")]


def test_a_quorum_not_met_is_no_green(site: Any, eye: Any, make: Any) -> None:
    book = make.honest()
    site.files = book.files()
    report = eye.look(policy=make.policy(witnessed=True))
    assert report.findings == ()
    assert "too few witnesses" in report.obstacle
    # Nothing is kept as seen that nobody vouches for.
    site.files = book.files(witnessed=True)
    report = eye.look(policy=make.policy(witnessed=True))
    assert (report.findings, report.obstacle, report.old_size) == ((), "", 0)


def test_what_the_log_alone_signed_is_judged_although_no_witness_did(
    site: Any, eye: Any, make: Any
) -> None:
    site.files = make.honest().change(3, 3).status().files()
    report = eye.look(policy=make.policy(witnessed=True))
    assert [kept.finding.kind.value for kept in report.findings] == ["status-change"]
    assert "too few witnesses" in report.obstacle


def test_the_newest_witnessed_checkpoint_is_followed_until_the_next_is(
    site: Any, eye: Any, make: Any
) -> None:
    book, policy = make.honest(), make.policy(witnessed=True)
    old = book.files(witnessed=True)
    size = len(book.leaves)
    book.issue(30).status()
    site.files = old | book.files() | {"checkpoint.witnessed": old["checkpoint"]}
    report = eye.look(policy=policy)
    assert (report.findings, report.obstacle, report.size) == ((), "", size)


def test_a_fork_that_no_witness_signed_is_named(site: Any, eye: Any, make: Any) -> None:
    old = make.honest().files(witnessed=True)
    site.files = forked(make, 50).files() | {"checkpoint.witnessed": old["checkpoint"]}
    assert eye.found(policy=make.policy(witnessed=True)) == [("fork", "checkpoint")]
    assert len(list((eye.folder / "evidence").iterdir())) == 2


def test_another_log_than_before_is_refused(site: Any, eye: Any, make: Any, seen: Any) -> None:
    policy = make.policy()
    other = policy.logs[0].key
    other = type(other)(name="example.org/log", type=other.type, public_key=other.public_key)
    both = type(policy)(logs=(*policy.logs[:0], type(policy.logs[0])(key=other)))
    head = Checkpoint(origin="example.org/log", size=1, root=b"r" * 32)
    site.files["checkpoint"] = make.sign(head)
    with pytest.raises(MonitorStateBad, match="use another folder"):
        eye.look(policy=both)
