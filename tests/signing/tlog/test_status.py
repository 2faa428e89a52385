"""Status pages and staples: every bit counts, and nothing proves more than it shows."""

from __future__ import annotations

import random
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.errors import (
    MalformedEntry,
    MalformedProof,
    MalformedStatus,
    ProofMismatch,
    SigningError,
)
from signing.tlog.entry import Issue, State, Status, encode_entry
from signing.tlog.merkle import EMPTY_ROOT, leaf_hash, leaf_hashes, root_of
from signing.tlog.paths import HashLevels, inclusion_path
from signing.tlog.status import (
    MAX_STAPLE,
    PAGE_BYTES,
    PAGE_CERTIFICATES,
    StatusPages,
    StatusStaple,
    blank_pages,
    format_staple,
    get_state,
    page_count,
    pages_root,
    parse_staple,
    set_state,
    verify_staple,
)
from signing.tlog.treehead import Checkpoint

COUNT = 3 * PAGE_CERTIFICATES + 5
TIME = "2026-11-23T01:02:03Z"
LEAVES = 300
ENTRY_INDEX = 250


def build(
    count: int = COUNT, before: int = 250
) -> tuple[StatusPages, bytes, HashLevels, Checkpoint]:
    source = random.Random(7)
    pages = blank_pages(count)
    for index in range(0, count, 3):
        set_state(pages, index, State(source.randrange(4)))
    entry = encode_entry(
        Status(before=before, count=count, root=pages_root(pages).hex(), time=TIME)
    )
    leaves = leaf_hashes([b"leaf %d" % number for number in range(LEAVES)])
    leaves[ENTRY_INDEX] = leaf_hash(entry)
    tree = HashLevels(leaves)
    head = Checkpoint(origin="log.example", size=LEAVES, root=tree.root())
    return StatusPages(bytes(pages)), entry, tree, head


PAGES, ENTRY, TREE, HEAD = build()


def staple(index: int) -> StatusStaple:
    return PAGES.staple(
        index,
        entry=ENTRY,
        entry_index=ENTRY_INDEX,
        entry_path=inclusion_path(ENTRY_INDEX, LEAVES, TREE),
    )


def test_bits_lie_low_first() -> None:
    pages = blank_pages(PAGE_CERTIFICATES + 1)
    assert len(pages) == 2 * PAGE_BYTES
    set_state(pages, 0, State.REVOKED)
    set_state(pages, 1, State.SUSPENDED)
    set_state(pages, 3, State.SUPERSEDED)
    set_state(pages, PAGE_CERTIFICATES, State.SUPERSEDED)
    assert pages[0] == 0b11_00_10_01
    assert pages[PAGE_BYTES] == 0b11
    set_state(pages, 3, State.VALID)
    assert pages[0] == 0b00_00_10_01


@given(st.lists(st.tuples(st.integers(0, 8191), st.sampled_from(State)), max_size=60))
def test_pages_hold_what_was_put_last(changes: list[tuple[int, State]]) -> None:
    pages, expected = blank_pages(8192), {}
    for index, state in changes:
        set_state(pages, index, state)
        expected[index] = state
    for index in {0, 8191, *(at + 1 for at in expected if at < 8191), *expected}:
        assert get_state(pages, index) is expected.get(index, State.VALID)


@pytest.mark.parametrize("index", [-1, 4096, 10**12])
def test_no_state_beyond_the_pages(index: int) -> None:
    pages = blank_pages(1)
    with pytest.raises(MalformedStatus):
        get_state(pages, index)
    with pytest.raises(MalformedStatus):
        set_state(pages, index, State.REVOKED)


@pytest.mark.parametrize(("count", "pages"), [(0, 0), (1, 1), (4096, 1), (4097, 2), (10**8, 24415)])
def test_page_counts(count: int, pages: int) -> None:
    assert page_count(count) == pages


def test_the_root_is_the_tree_over_the_pages() -> None:
    pages = bytes(range(256)) * 12
    parts = [pages[at : at + PAGE_BYTES] for at in range(0, len(pages), PAGE_BYTES)]
    assert pages_root(pages) == root_of(leaf_hashes(parts))
    assert pages_root(b"") == EMPTY_ROOT
    with pytest.raises(MalformedStatus):
        pages_root(bytes(1023))


@pytest.mark.parametrize("index", [0, 1, 4095, 4096, 9999, COUNT - 1])
def test_a_staple_proves_the_state(index: int) -> None:
    made = staple(index)
    again = parse_staple(format_staple(made))
    assert again == made
    state, entry = verify_staple(again, HEAD)
    assert state is PAGES.state(index)
    assert (entry.time, entry.count) == (TIME, COUNT)


def test_staples_are_canonical_json() -> None:
    from rfc8785 import dumps

    made = staple(5)
    assert format_staple(made) == dumps(msgspec.to_builtins(made))


def changed(made: StatusStaple, **values: object) -> StatusStaple:
    return msgspec.structs.replace(made, **values)


MADE = staple(4100)
ISSUE = Issue(batch="b", commit="ab" * 32, edition=1, number="n", prefix="p", status=1)


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"index": COUNT}, MalformedStatus),
        ({"index": -1}, MalformedStatus),
        ({"index": 1}, ProofMismatch),
        ({"page": bytes(PAGE_BYTES)}, ProofMismatch),
        ({"page": b""}, MalformedStatus),
        ({"page": MADE.page + b"\0"}, MalformedStatus),
        ({"pages": 3}, MalformedStatus),
        ({"pages": 5}, MalformedStatus),
        ({"path": ()}, MalformedProof),
        ({"path": (b"short", *MADE.path[1:])}, MalformedProof),
        ({"path": MADE.path[::-1]}, ProofMismatch),
        ({"entry_index": 251}, ProofMismatch),
        ({"entry_index": -1}, ProofMismatch),
        ({"entry_index": 10**30}, MalformedProof),
        ({"entry_path": ()}, MalformedProof),
        ({"entry_path": MADE.entry_path[::-1]}, ProofMismatch),
        ({"entry": b"{}"}, MalformedEntry),
        ({"entry": encode_entry(ISSUE)}, MalformedStatus),
    ],
)
def test_a_changed_staple_proves_nothing(
    values: dict[str, object], fault: type[SigningError]
) -> None:
    with pytest.raises(fault):
        verify_staple(changed(MADE, **values), HEAD)


def test_what_was_proven_once_proves_nothing_else() -> None:
    made = staple(7)
    assert verify_staple(made, HEAD) == verify_staple(made, HEAD)
    others = [
        changed(made, entry_index=ENTRY_INDEX + 1),
        changed(made, entry_path=made.entry_path[:-1]),
        changed(made, entry_path=(bytes(32), *made.entry_path[1:])),
        changed(made, entry=ENTRY.replace(TIME.encode(), b"2026-11-24T01:02:03Z")),
        changed(made, page=bytes(PAGE_BYTES)),
    ]
    for false in others:
        for _ in range(2):
            with pytest.raises(SigningError):
                verify_staple(false, HEAD)
    for other in (replace(HEAD, size=4 * LEAVES), replace(HEAD, root=bytes(32))):
        for _ in range(2):
            with pytest.raises(SigningError):
                verify_staple(made, other)
    assert verify_staple(made, HEAD)[0] is PAGES.state(7)


def test_pages_give_the_same_staple_each_time() -> None:
    pages, entry, _, _ = build()
    for index in (0, 1, PAGE_CERTIFICATES, COUNT - 1, 0):
        first, second = (
            pages.staple(index, entry=entry, entry_index=ENTRY_INDEX, entry_path=())
            for _ in range(2)
        )
        page = index // PAGE_CERTIFICATES
        assert first == second
        assert (first.index, first.path == staple(page * PAGE_CERTIFICATES).path) == (index, True)
    with pytest.raises(MalformedStatus):
        pages.staple(4 * PAGE_CERTIFICATES, entry=entry, entry_index=0, entry_path=())


def test_another_checkpoint_proves_nothing() -> None:
    for head in (replace(HEAD, root=EMPTY_ROOT), replace(HEAD, size=HEAD.size * 4)):
        with pytest.raises((MalformedProof, ProofMismatch)):
            verify_staple(MADE, head)


def test_a_status_entry_cannot_cover_what_follows_it() -> None:
    pages, entry, tree, head = build(before=ENTRY_INDEX + 1)
    path = inclusion_path(ENTRY_INDEX, LEAVES, tree)
    made = pages.staple(0, entry=entry, entry_index=ENTRY_INDEX, entry_path=path)
    with pytest.raises(ProofMismatch):
        verify_staple(made, head)


def test_a_certificate_after_the_count_has_no_state() -> None:
    """Its place on the last page reads as valid; the entry's count says nobody vouches for it."""
    made = staple(COUNT)
    assert PAGES.state(COUNT) is State.VALID
    with pytest.raises(MalformedStatus):
        verify_staple(made, HEAD)


def test_every_flipped_bit_of_a_staple_is_refused() -> None:
    data = format_staple(MADE)
    source = random.Random(3)
    everywhere = {*range(0, len(data) * 8, 11), *source.sample(range(len(data) * 8), 2000)}
    for at in everywhere:
        wrong = bytearray(data)
        wrong[at // 8] ^= 1 << at % 8
        try:
            found = parse_staple(bytes(wrong))
            state, entry = verify_staple(found, HEAD)
        except SigningError:
            continue
        # Only the index may name another certificate on the very same page.
        assert changed(found, index=MADE.index) == MADE
        assert found.index // PAGE_CERTIFICATES == MADE.index // PAGE_CERTIFICATES
        assert (state, entry.time) == (PAGES.state(found.index), TIME)


def test_the_size_of_a_staple_stays_small() -> None:
    assert len(format_staple(MADE)) < 2600


json_values = st.recursive(
    st.none() | st.integers(-(2**70), 2**70) | st.text(max_size=8) | st.binary(max_size=4).map(str),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from(StatusStaple.__struct_fields__)


@given(st.binary(max_size=90) | st.dictionaries(fields, json_values).map(msgspec.json.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        parse_staple(data)
    except MalformedStatus:
        return


@given(
    st.builds(
        StatusStaple,
        entry=st.sampled_from([ENTRY, b"", b"{}"]) | st.binary(max_size=40),
        entry_index=st.sampled_from([ENTRY_INDEX]) | st.integers(),
        entry_path=st.just(MADE.entry_path) | st.lists(st.binary(max_size=33)).map(tuple),
        index=st.integers(),
        page=st.just(MADE.page) | st.binary(max_size=40),
        pages=st.just(MADE.pages) | st.integers(),
        path=st.just(MADE.path) | st.lists(st.binary(max_size=33)).map(tuple),
    )
)
def test_any_staple_is_proved_or_refused(made: StatusStaple) -> None:
    try:
        state, _ = verify_staple(made, HEAD)
    except SigningError:
        return
    assert state is PAGES.state(made.index)


def test_a_staple_too_long_is_refused() -> None:
    with pytest.raises(MalformedStatus):
        parse_staple(format_staple(MADE) + b" " * MAX_STAPLE)
