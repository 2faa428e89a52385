"""A checkpoint that cannot be believed does not end the check, and does not keep it for ever.

And what is left of earlier sizes is checked too: a proof handed out then may be read with it.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from registry.ledger import fsck as fsck_module
from registry.ledger.fsck import fsck
from registry.ledger.fsck_files import partial_files, reach
from signing.tlog.checkpoint import Checkpoint, sign_checkpoint
from signing.tlog.tiles import TileId, tile_path

LOST = "the file is missing or unreadable"


@pytest.fixture(scope="module")
def published(founded: Path, tmp_path_factory: Any, open_office: Any) -> Any:
    """Give an office whose log went through sizes 303, 308 and 360 or so."""
    home = tmp_path_factory.mktemp("bounds") / "home"
    shutil.copytree(founded, home)
    office = open_office(home)
    first = office.issue(office.people(300))
    office.anchor()
    office.revoke(first.ranges[0][0])
    office.anchor()
    office.issue(office.people(50, offset=300))
    office.anchor()
    yield office
    office.close()


@pytest.fixture
def log(published: Any, tmp_path: Path) -> Path:
    shutil.copytree(published.site.public / "log", tmp_path / "log")
    return tmp_path / "log"


@pytest.fixture
def sign(published: Any, log: Path) -> Any:
    """Give the function that signs a checkpoint with the log's key, or with a stranger's."""

    def signed(size: int, *, origin: str = published.origin) -> None:
        head = Checkpoint(origin=origin, size=size, root=published.checkpoint().root)
        (log / "checkpoint").write_bytes(sign_checkpoint(head, published.log.signers))

    return signed


def faults(log: Path, office: Any, **values: Any) -> list[str]:
    return [str(fault) for fault in fsck(log, office.policy, **values).faults]


def test_the_files_are_checked_although_the_checkpoint_is_strange(
    published: Any, log: Path, sign: Any
) -> None:
    size = published.checkpoint().size
    sign(size, origin="elsewhere/log")
    (log / "tile/0/000").unlink()
    report = fsck(log, published.policy)
    assert [str(fault) for fault in report.faults] == [
        "checkpoint: checkpoint: not acceptable (untrusted-checkpoint)",
        f"missing: tile/0/000: {LOST}",
    ]
    assert (report.size, report.entries) == (size, size)


def test_a_false_checkpoint_cannot_hide_the_rest(published: Any, log: Path, sign: Any) -> None:
    head = published.checkpoint()
    sign(4, origin="elsewhere/log")
    (log / "tile/entries/000").unlink()
    report = fsck(log, published.policy, head=head)
    assert report.size == head.size
    assert f"missing: tile/entries/000: {LOST}" in map(str, report.faults)


@pytest.mark.parametrize("note", [None, b"", b"\xff", b"no note"])
def test_without_a_checkpoint_the_databases_head_says_how_far(
    published: Any, log: Path, note: bytes | None
) -> None:
    (log / "checkpoint").unlink()
    if note is not None:
        (log / "checkpoint").write_bytes(note)
    assert fsck(log, published.policy).size == -1
    head = published.checkpoint()
    report = fsck(log, published.policy, head=head)
    assert (report.size, report.entries, len(report.faults)) == (head.size, head.size, 1)


@pytest.mark.parametrize("size", [10**9, 2**62])
def test_a_claim_beyond_all_files_ends(
    published: Any, log: Path, sign: Any, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fsck_module, "REPORTED_AT_MOST", 40)
    sign(size)
    report = fsck(log, published.policy)
    assert report.size == reach(log) == 512
    assert str(report.faults[0]) == (
        f"checkpoint: checkpoint: says {size} entries; the files end before entry 512"
    )
    assert len(report.faults) < 10


def test_more_faults_than_are_listed_are_counted(
    published: Any, log: Path, sign: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fsck_module, "REPORTED_AT_MOST", 10)
    sign(512 + 5 * 256)
    report = fsck(log, published.policy)
    assert len(report.faults) == 10
    assert report.unlisted > 0


def older(log: Path, size: int) -> list[TileId]:
    """Give the partial files of sizes before `size`."""
    return [tile for tile in partial_files(log) if tile.width < size % 256]


@pytest.mark.parametrize("level", [0, None])
@pytest.mark.parametrize("way", ["flip", "cut", "longer", "empty", "directory"])
def test_a_partial_tile_of_an_earlier_size_is_the_beginning_of_the_one_now(
    published: Any, log: Path, level: int | None, way: str
) -> None:
    tiles = [tile for tile in older(log, published.checkpoint().size) if tile.level == level]
    assert len(tiles) == 2
    path = tile_path(tiles[0])
    file = log / path
    data = file.read_bytes()
    match way:
        case "flip":
            file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        case "cut":
            file.write_bytes(data[:-1])
        case "longer":
            newest = TileId(level=level, index=1, width=published.checkpoint().size % 256)
            file.write_bytes((log / tile_path(newest)).read_bytes()[: len(data) + 1])
        case "empty":
            file.write_bytes(b"")
        case _:
            file.unlink()
            file.mkdir()
    assert faults(log, published) == [
        f"damaged: {path}: is not the beginning of the tile that stands now"
    ]


def test_files_that_are_no_tiles_are_let_be(published: Any, log: Path) -> None:
    for name in ("tile/0/README", "tile/0/0000", "tile/0/001.p/0", "tile/9x", "tile/0/001.p/300"):
        (log / name).write_bytes(b"?")
    assert faults(log, published) == []


def test_files_beyond_the_checkpoint_are_let_be(published: Any, log: Path) -> None:
    size = published.checkpoint().size
    (log / f"tile/0/001.p/{size % 256 + 1}").write_bytes(b"?")
    (log / "tile/0/002").write_bytes(b"?")
    assert faults(log, published) == []
