"""A city has one history: what does not go on from the tree held is refused, or listed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from sqlalchemy import select

from registry.centre import history
from registry.centre.cities import pass_over
from registry.centre.errors import PackageNotTaken
from registry.centre.history import Held, History, compare
from registry.centre.store import Certificate, City, Head, Parted, read_unit, write_unit
from signing.report import Answer
from signing.tlog.checkpoint import Checkpoint
from signing.tlog.merkle import leaf_hash, leaf_hashes, root_of
from signing.tlog.note import parse_note
from signing.tlog.paths import HashLevels, consistency_path
from signing.tlog.treehead import parse_checkpoint
from signing.upload.manifest import History as Stated


def refused(province: Any, city: Any, *rows: Any, **change: Any) -> tuple[str, bool]:
    with pytest.raises(PackageNotTaken) as found:
        province.take(city, city.package(*rows, **change))
    return found.value.why, found.value.later


def head_of(province: Any, city: Any) -> tuple[int, str, bool, bool]:
    with read_unit(province.centre.engine) as session:
        head = session.get_one(Head, (city.name, city.origin))
        return head.size, head.root, head.proven, head.proves


def root(city: Any, size: int | None = None) -> str:
    hashes = leaf_hashes(city.leaves)
    return root_of(hashes[: len(hashes) if size is None else size]).hex()


def open_matters(province: Any) -> list[str]:
    with read_unit(province.centre.engine) as session:
        return list(history.open_matters(session))


def other_story(city: Any) -> None:
    """Let the city show another log to the centre: of the same size, with another leaf."""
    city.leaves[0] = city.leaves[0][:-1] + bytes([city.leaves[0][-1] ^ 1])


def parted(province: Any) -> list[Parted]:
    with read_unit(province.centre.engine) as session:
        return list(session.scalars(select(Parted).order_by(Parted.id)))


def roots_of(one: Parted) -> list[str]:
    return [
        parse_checkpoint(parse_note(note.encode()).text).root.hex()
        for note in (one.held, one.shown)
    ]


def let_pass_proof(province: Any, city: Any) -> None:
    """Allow the next package to have no proof, as a pass for one that waits so does."""
    with write_unit(province.centre.engine) as session:
        session.get_one(City, city.name).pass_history = True


def let_pass(province: Any, city: Any) -> None:
    with write_unit(province.centre.engine) as session:
        pass_over(session, city.name, who="test", now=province.clock.now())


def test_each_package_goes_on_from_the_one_before(province: Any, shizhou: Any) -> None:
    for serial in range(1, 5):
        assert province.reasons(shizhou, shizhou.issue(serial)) == [""]
        size, held, proven, proves = head_of(province, shizhou)
        assert (size, held) == (len(shizhou.leaves), root(shizhou))
        assert (proven, proves) == (True, serial > 1)
    # Of the same tree there is nothing to prove.
    first = shizhou.issue(5)
    second = shizhou.issue(6)
    assert province.reasons(shizhou, first) == [""]
    assert province.reasons(shizhou, second, consistency=UNSET) == [""]
    assert open_matters(province) == []


@pytest.mark.parametrize("proof", ["none", "of-the-other", "of-the-held"])
def test_another_tree_of_the_same_size_is_refused_and_listed(
    province: Any, shizhou: Any, proof: str
) -> None:
    first, two = shizhou.issue(1), shizhou.issue(2)
    assert province.reasons(shizhou, first) == [""]
    _, held, _, _ = head_of(province, shizhou)
    other_story(shizhou)
    stated = {
        "none": UNSET,
        "of-the-other": shizhou.history(),
        "of-the-held": Stated(proof=(), root=held, size=len(shizhou.leaves)),
    }[proof]
    assert refused(province, shizhou, two, consistency=stated) == ("log-other-root", False)
    (one,) = parted(province)
    # Both notes carry the log's signature: together they convict it.
    assert roots_of(one) == [held, root(shizhou)]
    assert (one.city, one.upload) == ("shizhou", "U00000002")
    assert head_of(province, shizhou)[1] == held
    assert len(open_matters(province)) == 1
    assert "两份签名检查点" in open_matters(province)[0]
    assert province.count(Certificate) == 1


def test_a_longer_log_that_rewrote_its_past_is_refused_for_good(
    province: Any, shizhou: Any
) -> None:
    assert province.reasons(shizhou, shizhou.issue(1)) == [""]
    held = head_of(province, shizhou)
    other_story(shizhou)
    row = shizhou.issue(2)
    # Its own proof is sound, from the past that it rewrote.
    data = shizhou.package(row)
    for _ in range(2):
        with pytest.raises(PackageNotTaken) as found:
            province.take(shizhou, data)
        assert (found.value.why, found.value.later) == ("log-other-root", False)
    # Naming the true past, it has no proof that holds.
    true = Stated(proof=shizhou.history(2).proof, root=held[1], size=held[0])
    third = shizhou.issue(3)
    assert refused(province, shizhou, third, consistency=true) == ("log-inconsistent", False)
    assert head_of(province, shizhou) == held
    assert len(open_matters(province)) == 2


def test_a_city_that_has_proven_once_must_go_on_proving(province: Any, shizhou: Any) -> None:
    for serial in (1, 2):
        assert province.reasons(shizhou, shizhou.issue(serial)) == [""]
    held = head_of(province, shizhou)
    data = shizhou.package(shizhou.issue(3), consistency=UNSET)
    for _ in range(2):
        with pytest.raises(PackageNotTaken) as found:
            province.take(shizhou, data)
        assert (found.value.why, found.value.later) == ("log-unproven", True)
    assert head_of(province, shizhou) == held
    assert ["city pass shizhou" in one for one in open_matters(province)] == [True]
    # A person has asked the city: once, and it stays listed as not proven.
    let_pass(province, shizhou)
    assert province.take(shizhou, data).accepted == 1
    assert head_of(province, shizhou)[2:] == (False, True)
    assert ["cannot say" in one for one in open_matters(province)] == [True]
    # What is proven later is proven from the tree that was not: the step stays for a person.
    left = open_matters(province)
    assert province.reasons(shizhou, shizhou.issue(4)) == [""]
    assert head_of(province, shizhou)[2:] == (False, True)
    assert open_matters(province) == left


@pytest.mark.parametrize("proves", [False, True])
def test_a_fork_is_not_laundered_by_a_later_proof(
    province: Any, shizhou: Any, *, proves: bool
) -> None:
    given = {} if proves else {"consistency": UNSET}
    for serial in (1, 2):
        assert province.reasons(shizhou, shizhou.issue(serial), **given) == [""]
    before = open_matters(province)
    held = head_of(province, shizhou)
    other_story(shizhou)
    if proves:
        let_pass_proof(province, shizhou)
    assert province.reasons(shizhou, shizhou.issue(3), consistency=UNSET) == [""]
    fork = root(shizhou)
    for serial in (4, 5):
        assert province.reasons(shizhou, shizhou.issue(serial)) == [""]
    assert head_of(province, shizhou)[2:] == (False, True)
    assert open_matters(province) != before
    assert ["cannot say" in one for one in open_matters(province)] == [True]
    step = parted(province)[-1]
    assert (step.code, step.upload) == ("log-unproven", "U00000003")
    assert roots_of(step) == [held[1], fork]


def test_an_older_city_proves_nothing_and_is_listed(province: Any, shizhou: Any) -> None:
    for serial in (1, 2, 3):
        assert province.reasons(shizhou, shizhou.issue(serial), consistency=UNSET) == [""]
    assert head_of(province, shizhou)[2:] == (False, False)
    assert ["cannot say" in one for one in open_matters(province)] == [True]
    # Even of such a one two trees of one size are seen.
    one, two = shizhou.issue(4), shizhou.issue(5)
    assert province.reasons(shizhou, one, consistency=UNSET) == [""]
    other_story(shizhou)
    assert refused(province, shizhou, two, consistency=UNSET) == ("log-other-root", False)


def test_a_smaller_tree_is_not_taken_from_a_city_that_proves(province: Any, shizhou: Any) -> None:
    first = shizhou.issue(1)
    for row in (first, shizhou.issue(2), shizhou.issue(3)):
        assert province.reasons(shizhou, row) == [""]
    later = shizhou.issue(4)
    assert province.reasons(shizhou, later) == [""]
    held = head_of(province, shizhou)
    # All that there is of it is as it was; a checkpoint of long ago is shown for it.
    shizhou.leaves = shizhou.leaves[:3]
    old = shizhou.correct(first)
    place = (shizhou.sequence, shizhou.previous)
    assert refused(province, shizhou, old, consistency=UNSET) == ("log-unproven", True)
    assert head_of(province, shizhou) == held
    shizhou.sequence, shizhou.previous = place
    stated = Stated(proof=(), root=held[1], size=held[0])
    assert refused(province, shizhou, old, consistency=stated)[0] == "log-inconsistent"


def test_a_smaller_tree_never_takes_the_place_of_the_one_held(province: Any, shizhou: Any) -> None:
    first = shizhou.issue(1)
    for row in (first, shizhou.issue(2), shizhou.issue(3)):
        assert province.reasons(shizhou, row, consistency=UNSET) == [""]
    held = head_of(province, shizhou)
    whole = list(shizhou.leaves)
    shizhou.leaves = shizhou.leaves[:2]
    assert province.reasons(shizhou, shizhou.correct(first), consistency=UNSET) == [""]
    assert head_of(province, shizhou)[:2] == held[:2]
    # It is listed: from a smaller tree nobody can tell.
    assert [one.upload for one in parted(province)] == ["U00000004"]
    # And what follows is held to the largest: here another log of that size is seen.
    shizhou.leaves = [*whole[:2], *whole[:2]]
    other_story(shizhou)
    assert refused(province, shizhou, shizhou.issue(5), consistency=shizhou.history(4))[0] == (
        "log-other-root"
    )


def test_a_centre_that_held_no_tree_begins_with_not_proven(province: Any, shizhou: Any) -> None:
    for serial in (1, 2):
        assert province.reasons(shizhou, shizhou.issue(serial)) == [""]
    with write_unit(province.centre.engine) as session:
        # As a centre has it that took these by an older program.
        session.delete(session.get_one(Head, (shizhou.name, shizhou.origin)))
    other_story(shizhou)
    assert province.reasons(shizhou, shizhou.issue(3)) == [""]
    assert head_of(province, shizhou)[2:] == (False, False)
    assert ["cannot say" in one for one in open_matters(province)] == [True]
    (step,) = parted(province)
    assert (step.code, step.held) == ("log-unproven", "")
    assert province.reasons(shizhou, shizhou.issue(4)) == [""]
    assert ["cannot say" in one for one in open_matters(province)] == [True]


def test_a_package_that_another_one_replaced_waits_no_more(province: Any, shizhou: Any) -> None:
    for serial in (1, 2):
        assert province.reasons(shizhou, shizhou.issue(serial)) == [""]
    place = (shizhou.sequence, shizhou.previous, shizhou.reported)
    row = shizhou.issue(3)
    assert refused(province, shizhou, row, consistency=UNSET) == ("log-unproven", True)
    assert len(open_matters(province)) == 1
    # The city's program was mended, and the upload made anew.
    shizhou.sequence, shizhou.previous, shizhou.reported = place
    assert province.reasons(shizhou, row) == [""]
    assert open_matters(province) == []


def test_a_refused_package_moves_the_history_on_too(province: Any, shizhou: Any) -> None:
    assert province.reasons(shizhou, shizhou.issue(1)) == [""]
    row = msgspec.structs.replace(shizhou.issue(2), opening=bytes(32))
    assert province.reasons(shizhou, row) == ["inclusion-commitment-differs"]
    assert province.reasons(shizhou, shizhou.issue(3)) == [""]
    assert open_matters(province) == []


def test_the_first_manifest_states_no_history(shizhou: Any) -> None:
    from signing.upload.errors import MalformedManifest

    row = shizhou.issue(1)
    stated = Stated(proof=(), root=root(shizhou), size=len(shizhou.leaves))
    with pytest.raises(MalformedManifest):
        shizhou.package(row, consistency=stated)


@given(
    leaves=st.lists(st.binary(max_size=3), min_size=2, max_size=40),
    data=st.data(),
)
def test_only_a_true_past_is_valid(
    leaves: list[bytes], data: st.DataObject, make_manifest: Any
) -> None:
    hashes = [leaf_hash(leaf) for leaf in leaves]
    new = data.draw(st.integers(1, len(hashes)))
    old = data.draw(st.integers(1, new))
    tree = Checkpoint(origin="a.example.cn/log", size=new, root=root_of(hashes[:new]))
    proof = consistency_path(old, new, HashLevels(hashes[:new]))
    texts = tuple(item.hex() for item in proof)
    held = Held(size=old, root=root_of(hashes[:old]).hex())
    good = Stated(proof=texts, root=held.root, size=old)
    assert compare(held, tree, make_manifest(good)) == (Answer.VALID, "")
    wrong = Held(size=old, root=leaf_hash(b"another past").hex())
    assert compare(wrong, tree, make_manifest(good)) == (Answer.INVALID, History.OTHER_ROOT)
    named = msgspec.structs.replace(good, root=wrong.root)
    worse, _ = compare(wrong, tree, make_manifest(named))
    assert worse is Answer.INVALID
    expected = (Answer.VALID, "") if old == new else (Answer.CANNOT_SAY, History.UNPROVEN)
    assert compare(held, tree, make_manifest(UNSET)) == expected
    if proof and old != new:
        at = data.draw(st.integers(0, len(proof) - 1))
        turned = bytes([proof[at][0] ^ 1]) + proof[at][1:]
        bad = msgspec.structs.replace(good, proof=(*texts[:at], turned.hex(), *texts[at + 1 :]))
        assert compare(held, tree, make_manifest(bad)) == (Answer.INVALID, History.INCONSISTENT)


@pytest.fixture
def make_manifest(shizhou: Any) -> Any:
    """Give the function that makes a manifest with a history, whatever else it says."""
    rows = [shizhou.issue(1)]
    plain = shizhou.manifest(rows, b"")
    return lambda stated: msgspec.structs.replace(plain, consistency=stated)
