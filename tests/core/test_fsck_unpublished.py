"""A head that the database committed and that is not public yet: the check goes on up to it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from registry.ledger.fsck import LogReport, fsck
from signing.tlog.checkpoint import Checkpoint, sign_checkpoint


@pytest.fixture(scope="module")
def stopped(founded: Path, tmp_path_factory: Any, open_office: Any) -> Any:
    """Give an office whose second round ended right after its commit."""
    home = tmp_path_factory.mktemp("unpublished") / "home"
    shutil.copytree(founded, home)
    office = open_office(home)
    office.issue(office.people(300))
    office.anchor()
    office.issue(office.people(40, offset=300))
    placed = type(office.log.storage).place
    with pytest.MonkeyPatch.context() as patch:

        def place(self: Any, round_id: str) -> None:
            if self.rounds():
                raise KeyboardInterrupt
            placed(self, round_id)

        patch.setattr(type(office.log.storage), "place", place)
        with pytest.raises(KeyboardInterrupt):
            office.anchor()
    yield office
    office.close()


@pytest.fixture
def log(stopped: Any, tmp_path: Path) -> Path:
    shutil.copytree(stopped.site.public / "log", tmp_path / "log")
    return tmp_path / "log"


@pytest.fixture
def check(stopped: Any, log: Path) -> Any:
    """Give the function that checks the copy against the database's head."""
    head = stopped.head()
    committed = Checkpoint(origin=stopped.origin, size=head.size, root=head.root)

    def checked() -> tuple[LogReport, list[str]]:
        report = fsck(log, stopped.policy, head=committed)
        return report, [str(fault) for fault in report.faults]

    return checked


def behind(office: Any, *, staged: bool = True) -> str:
    where = " (its files wait in .staging)" if staged else ""
    return (
        f"checkpoint: checkpoint: says {office.checkpoint().size} entries, the database's head "
        f"{office.head().size}{where}: `certreg anchor` publishes it if no other fault is named"
    )


def staged(log: Path, path: str) -> Path:
    (file,) = log.glob(f".staging/*.{path.replace('/', '+')}")
    return file


def test_a_head_not_published_yet_is_said_and_its_staged_files_are_checked(
    stopped: Any, check: Any
) -> None:
    assert stopped.checkpoint().size < stopped.head().size
    report, faults = check()
    assert faults == [behind(stopped)]
    assert (report.size, report.entries) == (stopped.head().size, stopped.head().size)


def test_what_another_round_left_is_not_taken_for_the_heads(
    stopped: Any, log: Path, check: Any
) -> None:
    for file in list((log / ".staging").iterdir()):
        round_id, _, path = file.name.partition(".")
        for other in ("0" * len(round_id), "f" * len(round_id)):
            (log / ".staging" / f"{other}.{path}").write_bytes(bytes(len(file.read_bytes())))
    (log / ".staging" / ("e" * 32 + ".tile+0+000")).mkdir()
    assert check()[1] == [behind(stopped)]


def test_a_head_without_its_files_is_named_with_each_that_is_missing(
    stopped: Any, log: Path, check: Any
) -> None:
    shutil.rmtree(log / ".staging")
    width = stopped.head().size % 256
    report, faults = check()
    assert report.size == stopped.head().size
    lost = "the file is missing or unreadable"
    assert faults[:2] == [
        behind(stopped, staged=False),
        f"missing: tile/0/001.p/{width}: {lost}",
    ]
    assert f"missing: tile/entries/001.p/{width}: {lost}" in faults
    assert "root: checkpoint: the root cannot be computed: see the tiles" in faults


def test_a_staged_bundle_that_is_damaged_is_named(stopped: Any, log: Path, check: Any) -> None:
    path = f"tile/entries/001.p/{stopped.head().size % 256}"
    file = staged(log, path)
    file.write_bytes(file.read_bytes()[:-7])
    report, faults = check()
    assert faults[:2] == [
        behind(stopped),
        f"damaged: {path}: wrong length or form (malformed-tile)",
    ]
    assert report.entries == 256


def test_other_bytes_in_the_place_of_a_staged_tile_are_named(
    stopped: Any, log: Path, check: Any
) -> None:
    path = f"tile/0/001.p/{stopped.head().size % 256}"
    data = bytearray(staged(log, path).read_bytes())
    data[-1] ^= 1
    (log / path).write_bytes(data)
    _, faults = check()
    assert faults[:2] == [
        behind(stopped),
        "root: checkpoint: the tiles' right edge gives another root",
    ]


def test_a_public_checkpoint_of_another_history_than_the_head_is_named(
    stopped: Any, log: Path, check: Any
) -> None:
    size = stopped.checkpoint().size
    for signed, sentence in (
        (
            Checkpoint(origin=stopped.origin, size=size, root=b"r" * 32),
            f"the tiles give another root for its {size} entries",
        ),
        (
            Checkpoint(origin=stopped.origin, size=stopped.head().size, root=b"r" * 32),
            "another root than the database's head of the same size",
        ),
    ):
        (log / "checkpoint").write_bytes(sign_checkpoint(signed, stopped.log.signers))
        assert f"root: checkpoint: {sentence}" in check()[1]
