"""The second opinion agrees at every size, disagrees with a lie, and says if it is absent."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from registry.ledger import crosscheck
from registry.ledger.crosscheck import RangeCrosscheck, RootsDisagree, available
from signing.tlog.merkle import root_of

LEAVES = [
    hashlib.sha256(b"\0" + bytes([place % 256, place // 256])).digest() for place in range(300)
]


@pytest.fixture
def tools(needs: Any) -> None:
    needs(module="merkletools", package="the extra `crosscheck`")


def fed(leaves: list[bytes], portion: int) -> RangeCrosscheck:
    second = RangeCrosscheck()
    for at in range(0, len(leaves), portion):
        second.feed(leaves[at : at + portion])
    return second


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize(("span", "portion"), [(8, 1), (8, 7), (8, 300), (0, 300)])
def test_both_agree_at_every_size(monkeypatch: Any, span: int, portion: int) -> None:
    if span:
        monkeypatch.setattr(crosscheck, "_SPAN", span)
    for size in range(1, 301):
        assert fed(LEAVES[:size], portion).check(root_of(LEAVES[:size]))


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 63, 64, 65, 300])
def test_a_wrong_root_or_a_flipped_leaf_is_noticed(monkeypatch: Any, size: int) -> None:
    monkeypatch.setattr(crosscheck, "_SPAN", 8)
    right = root_of(LEAVES[:size])
    wrong = bytes([right[0] ^ 1]) + right[1:]
    with pytest.raises(RootsDisagree, match="memory") as refused:
        fed(LEAVES[:size], 5).check(wrong)
    assert refused.value.code == "roots-disagree"
    for place in {0, size // 2, size - 1}:
        leaves = LEAVES[:size]
        leaves[place] = bytes(32)
        with pytest.raises(RootsDisagree):
            fed(leaves, 5).check(right)


@pytest.mark.usefixtures("tools")
def test_order_and_length_are_part_of_the_root() -> None:
    right = root_of(LEAVES[:10])
    for leaves in (LEAVES[:9], LEAVES[:11], LEAVES[9::-1]):
        with pytest.raises(RootsDisagree):
            fed(leaves, 300).check(right)


def test_without_the_library_it_says_so_and_agrees_to_nothing(monkeypatch: Any) -> None:
    monkeypatch.setattr(crosscheck, "_load", lambda: None)
    assert not available()
    assert fed(LEAVES, 7).check(b"anything at all") is False


def test_the_round_says_whether_there_was_a_second_opinion(office: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(crosscheck, "_load", lambda: None)
    office.issue(office.people(3))
    assert not office.anchor().crosschecked
    monkeypatch.undo()
    office.issue(office.people(3, offset=9))
    assert office.anchor().crosschecked == available()
    office.revoke(f"{office.prefix}265000001")
    assert not office.anchor().crosschecked
