"""Checking the published files: a clean log is clean, and each planted fault is named exactly."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.ledger.fsck import REPORTED_AT_MOST, FaultKind, fsck
from signing.tlog.tiles import decode_bundle, encode_bundle, tile_path, tiles_of

SIZE = 1510
"""Two keys, 300 issues, close, status; a correction, a revocation, status; 1,200 issues, close,
status: five full bundles and a part of one."""
EDGE = "005.p/230"
NO_HASH = "does not hash to its leaf"
NO_PLACE = "does not hash to its place in the tile above"
ROOT_OTHER = "the tiles' right edge gives another root"
ROOT_NONE = "the root cannot be computed: see the tiles"
# One bundle gone takes fifty numbers of each level with it.
GAPS = {
    ("entry", f"entry {entry}", f"Y000044999001{due} is next and Y000044999001{issued} is issued")
    for entry, due, issued in (
        (512, "265000055", "265000105"),
        (513, "264000051", "264000101"),
        (518, "263000051", "263000101"),
        (523, "262000051", "262000101"),
        (528, "261000051", "261000101"),
    )
}


@pytest.fixture(scope="module")
def published(founded: Path, tmp_path_factory: Any, open_office: Any) -> Any:
    """Give the log's directory and its policy; copy it before damaging it."""
    home = tmp_path_factory.mktemp("published") / "home"
    shutil.copytree(founded, home)
    office = open_office(home)
    first = office.issue(office.people(300))
    office.anchor()
    office.correct(first.ranges[0][0], {"name": "欧阳龑"})
    office.revoke(first.ranges[1][0])
    office.anchor()
    office.issue(office.people(1200, offset=300))
    office.anchor()
    office.close()
    return office.site.public / "log", office.policy


class Damaged:
    """A copy of the log to plant faults in."""

    def __init__(self, log: Path, policy: Any) -> None:
        self.log, self.policy = log, policy

    def flip(self, path: str, at: int, bit: int = 1) -> None:
        data = bytearray((self.log / path).read_bytes())
        data[at] ^= bit
        (self.log / path).write_bytes(data)

    def entry(self, index: int, old: bytes, new: bytes) -> None:
        """Change the bytes of one entry where it lies, keeping its length."""
        assert len(old) == len(new)
        bundle, place = divmod(index, 256)
        file = self.log / f"tile/entries/{bundle:03}"
        entries = decode_bundle(file.read_bytes(), 256)
        assert old in entries[place]
        entries[place] = entries[place].replace(old, new, 1)
        file.write_bytes(encode_bundle(entries))

    def commit(self, index: int) -> None:
        """Give an issue entry another commitment: it parses, and is not what was promised."""
        bundle, place = divmod(index, 256)
        entry = decode_bundle((self.log / f"tile/entries/{bundle:03}").read_bytes(), 256)[place]
        start = entry.index(b'"commit":"') + 10
        old = entry[start - 10 : start + 1]
        self.entry(index, old, old[:-1] + (b"0" if old[-1:] != b"0" else b"1"))

    def forge(self) -> None:
        """Change one letter of the signature, so that it still reads as base64."""
        file = self.log / "checkpoint"
        note = file.read_bytes()
        letter = b"B" if note[-10:-9] == b"A" else b"A"
        file.write_bytes(note[:-10] + letter + note[-9:])

    def cut(self, path: str) -> None:
        file = self.log / path
        file.write_bytes(file.read_bytes()[:-7])

    def remove(self, path: str) -> None:
        (self.log / path).unlink()

    def check(self) -> Any:
        return fsck(self.log, self.policy)

    def faults(self) -> list[tuple[str, str, str]]:
        return [(fault.kind.value, fault.where, fault.what) for fault in self.check().faults]


@pytest.fixture
def damaged(published: Any, tmp_path: Path) -> Damaged:
    log, policy = published
    shutil.copytree(log, tmp_path / "log")
    return Damaged(tmp_path / "log", policy)


def test_an_honest_log_is_clean_and_is_left_as_it_was(damaged: Damaged) -> None:
    before = {file: file.stat().st_mtime_ns for file in damaged.log.rglob("*")}
    report = damaged.check()
    assert (report.size, report.entries, report.faults) == (SIZE, SIZE, ())
    assert {file: file.stat().st_mtime_ns for file in damaged.log.rglob("*")} == before


def test_partial_tiles_of_earlier_sizes_are_not_needed(damaged: Damaged) -> None:
    served = {tile_path(tile) for tile in tiles_of(SIZE)} | {"checkpoint", ".lock"}
    for file in [file for file in damaged.log.rglob("*") if file.is_file()]:
        if str(file.relative_to(damaged.log)) not in served:
            file.unlink()
    assert damaged.faults() == []


CASES = {
    "a-changed-entry": (
        lambda log: log.commit(600),
        [
            ("damaged", "tile/entries/002", f"entry 600 {NO_HASH}"),
            ("entry", "entry 1508", "the batch's range root is another"),
        ],
    ),
    "an-entry-that-is-none": (
        lambda log: log.entry(600, b'{"batch"', b'["batch"'),
        [
            ("damaged", "tile/entries/002", f"entry 600 {NO_HASH}"),
            ("entry", "entry 600", "cannot be parsed (malformed-entry)"),
            (
                "entry",
                "entry 601",
                "Y000044999001262000118 is next and Y000044999001262000119 is issued",
            ),
            ("entry", "entry 601", "status index 594 where 593 is next"),
            (
                "entry",
                "entry 1508",
                "says leaves 308 to 1507, 1200 in all; they are 308 to 1506, 1199 in all",
            ),
        ],
    ),
    "a-flipped-bit-in-a-level-0-tile": (
        lambda log: log.flip("tile/0/003", 32 * 10 + 5),
        [
            ("damaged", "tile/0/003", NO_PLACE),
            ("damaged", "tile/entries/003", f"entry 778 {NO_HASH}"),
        ],
    ),
    "a-flipped-bit-in-the-level-1-tile": (
        lambda log: log.flip("tile/1/000.p/5", 32 * 2),
        [("damaged", "tile/0/002", NO_PLACE), ("root", "checkpoint", ROOT_OTHER)],
    ),
    "a-flipped-bit-at-the-right-edge": (
        lambda log: log.flip(f"tile/0/{EDGE}", 32 * 229),
        [
            ("root", "checkpoint", ROOT_OTHER),
            ("damaged", f"tile/entries/{EDGE}", f"entry 1509 {NO_HASH}"),
        ],
    ),
    "a-missing-partial-tile": (
        lambda log: log.remove(f"tile/0/{EDGE}"),
        [
            ("missing", f"tile/0/{EDGE}", "the file is missing or unreadable"),
            ("root", "checkpoint", ROOT_NONE),
        ],
    ),
    "a-missing-level-1-tile": (
        lambda log: log.remove("tile/1/000.p/5"),
        [
            ("missing", "tile/1/000.p/5", "the file is missing or unreadable"),
            ("root", "checkpoint", ROOT_NONE),
        ],
    ),
    "a-missing-last-bundle": (
        lambda log: log.remove(f"tile/entries/{EDGE}"),
        [("missing", f"tile/entries/{EDGE}", "the file is missing or unreadable")],
    ),
    "a-truncated-tile": (
        lambda log: log.cut("tile/0/001"),
        [("damaged", "tile/0/001", "wrong length or form (malformed-tile)")],
    ),
    "a-truncated-bundle": (
        lambda log: log.cut("tile/entries/001"),
        [
            ("damaged", "tile/entries/001", "wrong length or form (malformed-tile)"),
            ("entry", "entry 512", "comes before batch Y000044999001-2026-0001 was closed"),
            *sorted(GAPS)[:1],
            ("entry", "entry 512", "status index 505 where 254 is next"),
            *sorted(GAPS)[1:],
            (
                "entry",
                "entry 1508",
                "says leaves 308 to 1507, 1200 in all; they are 512 to 1507, 996 in all",
            ),
            ("entry", "entry 1509", "the status root is not what the events before it give"),
        ],
    ),
    "a-false-signature": (
        lambda log: log.forge(),
        [("checkpoint", "checkpoint", "not acceptable (untrusted-note)")],
    ),
    "no-checkpoint": (
        lambda log: log.remove("checkpoint"),
        [("missing", "checkpoint", "the file cannot be read")],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_one_planted_fault_is_named_exactly(damaged: Damaged, case: str) -> None:
    plant, expected = CASES[case]
    plant(damaged)
    assert damaged.faults() == expected


def test_a_directory_in_a_files_place_is_a_fault_and_not_the_end(damaged: Damaged) -> None:
    damaged.remove("tile/0/001")
    (damaged.log / "tile/0/001").mkdir()
    assert damaged.faults() == [
        ("missing", "tile/0/001", "the file is missing or unreadable"),
    ]


def test_twenty_faults_planted_together_are_all_reported(damaged: Damaged) -> None:
    changed = [515, 600, 601, 700, 767, 768, 800, 900, 1000, 1023, 1024, 1100, 1200, 1279]
    for index in changed:
        damaged.commit(index)
    damaged.flip("tile/0/000", 32 * 7)
    damaged.flip("tile/0/004", 32 * 255)
    damaged.flip("tile/1/000.p/5", 32 * 3 + 31, 0x80)
    damaged.remove(f"tile/0/{EDGE}")
    damaged.remove(f"tile/entries/{EDGE}")
    damaged.cut("tile/entries/001")
    report = damaged.check()
    found = {(fault.kind.value, fault.where, fault.what) for fault in report.faults}
    planted = {
        *(("damaged", f"tile/entries/{i // 256:03}", f"entry {i} {NO_HASH}") for i in changed),
        ("damaged", "tile/0/000", NO_PLACE),
        ("damaged", "tile/0/004", NO_PLACE),
        ("damaged", "tile/0/003", NO_PLACE),  # by the level-1 tile's third hash
        ("missing", f"tile/0/{EDGE}", "the file is missing or unreadable"),
        ("missing", f"tile/entries/{EDGE}", "the file is missing or unreadable"),
        ("damaged", "tile/entries/001", "wrong length or form (malformed-tile)"),
    }
    assert len(planted) == 20
    assert planted <= found
    # What else is said follows from these: nothing is made up about files that are whole.
    assert (
        found - planted
        == {
            ("damaged", "tile/entries/000", f"entry 7 {NO_HASH}"),
            ("damaged", "tile/entries/004", f"entry 1279 {NO_HASH}"),
            ("root", "checkpoint", ROOT_NONE),
            ("entry", "entry 512", "comes before batch Y000044999001-2026-0001 was closed"),
            ("entry", "entry 512", "status index 505 where 254 is next"),
            *GAPS,
        }
        - planted
    )
    assert (report.size, report.entries) == (SIZE, 1024)


def test_a_log_of_nothing_but_faults_ends_and_is_counted(damaged: Damaged) -> None:
    for file in damaged.log.glob("tile/**/*"):
        if file.is_file():
            file.write_bytes(bytes(len(file.read_bytes())))
    report = damaged.check()
    assert len(report.faults) <= REPORTED_AT_MOST
    kinds = {fault.kind for fault in report.faults}
    assert kinds == {FaultKind.DAMAGED, FaultKind.ROOT}
    assert all(str(fault).startswith(fault.kind) for fault in report.faults)


def served(log: Path) -> list[Path]:
    return [log / tile_path(tile) for tile in tiles_of(SIZE)] + [log / "checkpoint"]


@given(data=st.data())
def test_any_flipped_bit_of_any_served_file_is_noticed(
    damaged: Damaged, data: st.DataObject
) -> None:
    file = data.draw(st.sampled_from(served(damaged.log)))
    whole = file.read_bytes()
    changed = bytearray(whole)
    changed[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    file.write_bytes(changed)
    try:
        assert damaged.faults() != []
    finally:
        file.write_bytes(whole)


@given(data=st.data())
def test_no_bytes_whatever_stop_the_check(damaged: Damaged, data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(served(damaged.log)))
    whole = file.read_bytes()
    start = data.draw(st.integers(0, len(whole)))
    file.write_bytes(whole[:start] + data.draw(st.binary(max_size=60)))
    try:
        assert (damaged.faults() == []) == (file.read_bytes() == whole)
    finally:
        file.write_bytes(whole)
