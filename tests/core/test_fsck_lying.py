"""A log that is whole, well signed and lying: the replay of its entries finds the lie.

The office's own key signs here, so no hash and no signature is wrong. Only what the entries say
can give it away.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from registry.ledger.fsck import fsck
from signing.tlog.appender import TileAppender
from signing.tlog.checkpoint import Checkpoint, sign_checkpoint
from signing.tlog.entry import BatchClose, Issue, Status, StatusChange, encode_entry, parse_entry
from signing.tlog.merkle import leaf_hash, root_of
from signing.tlog.tiles import TileReader

# Where what stands in the honest log: two keys, then
ISSUES = range(2, 22)
CLOSE, CORRECTED, CHANGE, REVOKED, STATUS = 22, 23, 24, 25, 26
Leaves = list[Any]
SKIPPED = ("entry 10", "Y000044999001264000003 is next and Y000044999001264000004 is issued")
UNLINKED = (
    "entry 26",
    "edition 2 of Y000044999001262000001 was issued and none was superseded for it",
)


@pytest.fixture(scope="module")
def office(founded: Path, tmp_path_factory: Any, open_office: Any) -> Any:
    home = tmp_path_factory.mktemp("lying") / "home"
    shutil.copytree(founded, home)
    office = open_office(home)
    batch = office.issue(office.people(20))
    office.correct(batch.ranges[0][0], {"name": "欧阳龑"})
    office.revoke(batch.ranges[1][0])
    office.anchor()
    yield office
    office.close()


@pytest.fixture
def honest(office: Any) -> Leaves:
    return [parse_entry(leaf) for leaf in office.entries()]


@pytest.fixture
def lie(office: Any, tmp_path: Path) -> Callable[..., list[tuple[str, str]]]:
    """Give the function that writes and signs a log of these leaves, and checks it."""

    def check(leaves: Leaves) -> list[tuple[str, str]]:
        data = [leaf if isinstance(leaf, bytes) else encode_entry(leaf) for leaf in leaves]
        appender = TileAppender(0, TileReader({}.__getitem__))
        files = [*appender.append(data).files, *appender.finish()]
        for path, content in files:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(content)
        head = Checkpoint(origin=office.origin, size=len(data), root=appender.root())
        (tmp_path / "checkpoint").write_bytes(sign_checkpoint(head, office.log.signers))
        report = fsck(tmp_path, office.policy)
        assert (report.size, report.entries) == (len(data), len(data))
        assert {fault.kind for fault in report.faults} <= {"entry"}
        return [(fault.where, fault.what) for fault in report.faults]

    return check


def change(leaves: Leaves, at: int, **values: Any) -> Leaves:
    leaves[at] = msgspec.structs.replace(leaves[at], **values)
    return leaves


def closed_again(leaves: Leaves) -> Leaves:
    """Make the batch's close true again, so that the lie stands alone."""
    root = root_of([leaf_hash(encode_entry(leaves[index])) for index in ISSUES])
    return change(leaves, CLOSE, root=root.hex())


def test_the_honest_log_is_clean(honest: Leaves, lie: Any) -> None:
    assert [type(leaf) for leaf in honest[CLOSE:]] == [
        BatchClose,
        Issue,
        StatusChange,
        StatusChange,
        Status,
    ]
    assert lie(honest) == []


def test_one_number_given_to_two_people(honest: Leaves, lie: Any) -> None:
    number = honest[5].number
    assert lie(closed_again(change(honest, 9, number=number))) == [
        ("entry 9", f"number {number}, edition 1, stands in the log twice"),
        SKIPPED,
    ]


def test_one_number_given_to_two_people_in_different_batches(honest: Leaves, lie: Any) -> None:
    number = honest[5].number
    again = msgspec.structs.replace(honest[5], batch="B", status=21)
    close = BatchClose(
        batch="B",
        count=1,
        filing="x",
        first=27,
        last=27,
        root=leaf_hash(encode_entry(again)).hex(),
    )
    status = msgspec.structs.replace(honest[STATUS], before=29, count=22)
    assert lie([*honest, again, close, status]) == [
        ("entry 27", f"number {number}, edition 1, stands in the log twice")
    ]


LIES: dict[str, tuple[Callable[[Leaves], Leaves], list[tuple[str, str]]]] = {
    "a-wrong-batch-root": (
        lambda log: change(log, CLOSE, root="00" * 32),
        [("entry 22", "the batch's range root is another")],
    ),
    "a-wrong-batch-range": (
        lambda log: change(log, CLOSE, first=3, count=19),
        [("entry 22", "says leaves 3 to 21, 19 in all; they are 2 to 21, 20 in all")],
    ),
    "a-batch-closed-twice": (
        lambda log: [*log, log[CLOSE]],
        [
            ("entry 27", "batch Y000044999001-2026-0001 is closed twice"),
            ("entry 27", "closes batch Y000044999001-2026-0001, which is not the one just issued"),
        ],
    ),
    "a-batch-without-its-close": (
        lambda log: change([*log[:CLOSE], *log[CLOSE + 1 :]], STATUS - 1, before=STATUS - 1),
        [("entry 22", "comes before batch Y000044999001-2026-0001 was closed")],
    ),
    "a-close-of-another-batch": (
        lambda log: change(log, CLOSE, batch="B"),
        [("entry 22", "closes batch B, which is not the one just issued")],
    ),
    "a-wrong-status-root": (
        lambda log: change(log, STATUS, root="00" * 32),
        [("entry 26", "the status root is not what the events before it give")],
    ),
    "a-revocation-left-out-of-the-status-root": (
        lambda log: change(log, REVOKED, state=0),
        [
            ("entry 25", "certificate 10 goes from valid to valid, which is not allowed"),
            ("entry 26", "the status root is not what the events before it give"),
        ],
    ),
    "a-wrong-status-count": (
        lambda log: change(log, STATUS, count=20),
        [("entry 26", "says 20 certificates, there are 21")],
    ),
    "a-status-that-covers-too-little": (
        lambda log: change(log, STATUS, before=25),
        [("entry 26", "covers the events before leaf 25 and stands at leaf 26")],
    ),
    "a-change-of-nobodys-state": (
        lambda log: change(log, REVOKED, index=21),
        [
            ("entry 25", "changes the state of certificate 21, which was never issued"),
            ("entry 26", "the status root is not what the events before it give"),
        ],
    ),
    "a-link-to-nobody": (
        lambda log: change(log, CHANGE, link="21"),
        [("entry 24", "points on to certificate 21, which was never issued"), UNLINKED],
    ),
    "an-edition-out-of-nothing": (
        lambda log: change(log, CORRECTED, edition=3),
        [("entry 23", "edition 3 of Y000044999001262000001 without the one before it")],
    ),
    "another-issuers-number": (
        lambda log: closed_again(change(log, 9, number="Y000044999002265000001")),
        [
            ("entry 9", "number Y000044999002265000001 does not begin with its issuer's prefix"),
            SKIPPED,
        ],
    ),
    "a-status-index-used-twice": (
        lambda log: closed_again(change(log, 21, status=18)),
        [
            ("entry 21", "status index 18 where 19 is next"),
            ("entry 23", "status index 20 where 19 is next"),
        ],
    ),
    "a-status-index-left-out": (
        lambda log: change(log, CORRECTED, status=21),
        [
            ("entry 23", "status index 21 where 20 is next"),
            ("entry 24", "points on to certificate 20, which is no edition just issued"),
            UNLINKED,
            ("entry 26", "says 21 certificates, there are 22"),
        ],
    ),
    "an-entry-of-no-kind": (
        lambda log: [*log, b'{"t":"party","v":1}'],
        [("entry 27", "cannot be parsed (malformed-entry)")],
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_told_exactly(honest: Leaves, lie: Any, name: str) -> None:
    tell, expected = LIES[name]
    assert lie(tell(honest)) == expected


@pytest.mark.parametrize("status", [2**36, 2**53 - 1])
def test_an_absurd_status_index_takes_no_memory(honest: Leaves, lie: Any, status: int) -> None:
    faults = lie(closed_again(change(honest, 9, status=status)))
    assert faults[0] == ("entry 9", f"status index {status} where 7 is next")
    assert len(faults) < 20
