"""Tiles: the specification's paths and its example of 70,000 entries, reading and growing."""

from __future__ import annotations

import functools
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signing.errors import MalformedProof, MalformedTile, MissingTile
from signing.tlog.appender import TileAppender
from signing.tlog.merkle import CompactRange, leaf_hash, leaf_hashes, root_of, verify_inclusion
from signing.tlog.paths import HashLevels, consistency_path, inclusion_path, tree_root
from signing.tlog.tiles import (
    MAX_ENTRY,
    TileId,
    TileReader,
    decode_bundle,
    encode_bundle,
    parse_tile_path,
    tile_path,
    tiles_of,
    width_at,
)

SIZE = 70_000
ENTRIES = [b"entry %d" % number for number in range(SIZE)]


def grow(files: dict[str, bytes], size: int, *chunks: int) -> TileAppender:
    """Extend the log in `files` from `size` by chunks, as a sequencer does."""
    appender = TileAppender(size, TileReader(files.__getitem__))
    for chunk in chunks:
        start = appender.size
        brought = appender.append(ENTRIES[start : start + chunk])
        assert brought.leaf_hashes == leaf_hashes(ENTRIES[start : start + chunk])
        for path, data in [*brought.files, *appender.finish()]:
            assert files.setdefault(path, data) == data, "a tile never changes"
    return appender


@pytest.fixture(scope="module")
def example() -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    appender = TileAppender(0, TileReader(files.__getitem__))
    for start in range(0, SIZE, 5000):
        files.update(appender.append(ENTRIES[start : start + 5000]).files)
    files.update(appender.finish())
    assert appender.root() == root_of(leaf_hashes(ENTRIES))
    return files


def test_seventy_thousand_entries_lie_as_the_specification_says(example: dict[str, bytes]) -> None:
    expected = {f"tile/0/{number:03}" for number in range(273)} | {"tile/0/273.p/112"}
    expected |= {"tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"}
    expected |= {f"tile/entries/{number:03}" for number in range(273)}
    expected |= {"tile/entries/273.p/112"}
    assert set(example) == expected == {tile_path(tile) for tile in tiles_of(SIZE)}
    assert len(example["tile/1/000"]) == 8192
    assert example["tile/2/000.p/1"] == root_of(leaf_hashes(ENTRIES[:65536]))
    assert example["tile/1/001.p/17"][:32] == root_of(leaf_hashes(ENTRIES[65536:65792]))


def test_256_entries_have_a_partial_tile_above() -> None:
    files: dict[str, bytes] = {}
    grow(files, 0, 256)
    assert set(files) == {"tile/0/000", "tile/1/000.p/1", "tile/entries/000"}
    assert set(files) == {tile_path(tile) for tile in tiles_of(256)}


def test_no_entries_have_no_tile() -> None:
    assert list(tiles_of(0)) == []
    appender = grow({}, 0)
    assert appender.append([]).files == []
    assert list(appender.finish()) == []
    assert appender.root() == hashlib.sha256().digest()


def test_everything_can_be_proved_from_the_tiles(example: dict[str, bytes]) -> None:
    tree = TileReader(example.__getitem__).at(SIZE)
    memory = HashLevels(leaf_hashes(ENTRIES))
    root = tree.root()
    assert root == memory.root()
    for index in [*range(0, SIZE, 997), 255, 256, 65535, 65536, 69887, 69888, SIZE - 1]:
        path = inclusion_path(index, SIZE, tree)
        assert path == inclusion_path(index, SIZE, memory)
        verify_inclusion(leaf_hash(tree.entry(index)), index, SIZE, path, root)
    for old in (1, 256, 300, 4096, 65536, 69_999, SIZE):
        assert consistency_path(old, SIZE, tree) == consistency_path(old, SIZE, memory)


@given(st.sampled_from([1, 2, 255, 256, 257, 700, 65_535, 65_536, 65_800, SIZE]), st.data())
def test_a_path_by_the_kept_edge_is_the_path(size: int, data: st.DataObject) -> None:
    tree = TileReader(lambda path: _tile(parse_tile_path(path))).at(size)
    for index in (0, size - 1, *data.draw(st.lists(st.integers(0, size - 1), max_size=5))):
        assert tree.path(index) == tuple(inclusion_path(index, size, tree))
    for outside in (-1, size, size + 256):
        with pytest.raises(MalformedProof):
            tree.path(outside)


@functools.cache
def _levels() -> HashLevels:
    return HashLevels(leaf_hashes(ENTRIES))


def _tile(tile: TileId) -> bytes:
    assert tile.level is not None
    first = tile.index * 256
    return b"".join(_levels()([(8 * tile.level, first + at) for at in range(tile.width)]))


def test_a_path_needs_its_tiles_and_keeps_nothing_it_could_not_read() -> None:
    files: dict[str, bytes] = {}
    grow(files, 0, 700)
    whole = TileReader(files.__getitem__).at(700).path(3)
    for gone in ("tile/0/000", "tile/0/002.p/188", "tile/1/000.p/2"):
        held = files.pop(gone)
        tree = TileReader(files.__getitem__).at(700)
        with pytest.raises(MissingTile):
            tree.path(3)
        files[gone] = held
        assert tree.path(3) == whole


def test_an_older_tree_is_read_from_newer_tiles(example: dict[str, bytes]) -> None:
    """The partial tiles of size 1000 are gone; the full ones begin with the same hashes."""
    tree = TileReader(example.__getitem__).at(1000)
    assert tree.root() == root_of(leaf_hashes(ENTRIES[:1000]))
    assert tree.entry(999) == ENTRIES[999]
    assert list(tree.entries(700)) == ENTRIES[700:1000]
    for nodes in ([(0, 1000)], [(8, 3)], [(9, 1)], [(30, 0)], [(0, 10**9)]):
        with pytest.raises(MissingTile):
            tree(nodes)
    for index in (1000, -1, 10**9):
        with pytest.raises(MissingTile):
            tree.entry(index)


chunk_lists = st.lists(st.sampled_from([0, 1, 2, 100, 255, 256, 257, 511, 700]), max_size=6)


@given(chunk_lists, chunk_lists)
def test_a_log_grown_anyhow_is_the_same_log(first: list[int], second: list[int]) -> None:
    files: dict[str, bytes] = {}
    middle = grow(files, 0, *first).size
    appender = grow(files, middle, *second)
    size = appender.size
    assert size == sum(first) + sum(second)
    assert appender.root() == root_of(leaf_hashes(ENTRIES[:size]))
    assert {tile_path(tile) for tile in tiles_of(size)} <= set(files)
    tree = TileReader(files.__getitem__).at(size)
    assert tree.root() == appender.root()
    assert list(tree.entries()) == ENTRIES[:size]
    edge = CompactRange()
    edge.extend(leaf_hashes(ENTRIES[:size]))
    assert edge.hashes == appender.edge().hashes


def test_growing_over_a_full_upper_tile(example: dict[str, bytes]) -> None:
    files = dict(example)
    appender = grow(files, 65_535 - 65_535 % 256 + 255, 1, 256)
    assert appender.size == 65_536 + 256
    assert appender.root() == root_of(leaf_hashes(ENTRIES[: appender.size]))
    assert files["tile/2/000.p/1"] == example["tile/2/000.p/1"]


def test_the_range_root_of_a_batch_is_its_own_tree() -> None:
    files: dict[str, bytes] = {}
    grow(files, 0, 300)
    appender = TileAppender(300, TileReader(files.__getitem__))
    batch = CompactRange()
    for start in (300, 800):
        batch.extend(appender.append(ENTRIES[start : start + 500]).leaf_hashes)
    assert batch.root() == root_of(leaf_hashes(ENTRIES[300:1300]))


def test_an_entry_too_long_changes_nothing() -> None:
    files: dict[str, bytes] = {}
    appender = grow(files, 0, 300)
    root = appender.root()
    for entries in ([bytes(MAX_ENTRY + 1)], [bytes(MAX_ENTRY + 1)] + [b""] * 600):
        with pytest.raises(MalformedTile):
            appender.append(entries)
        assert (appender.size, appender.root()) == (300, root)
        assert dict(appender.finish()).items() <= files.items()
    appender.append([bytes(MAX_ENTRY)])
    assert appender.size == 301


@pytest.mark.parametrize("spoiled", ["tile/0/001.p/44", "tile/entries/001.p/44"])
def test_a_spoiled_edge_is_not_built_on(spoiled: str) -> None:
    files: dict[str, bytes] = {}
    grow(files, 0, 300)
    files[spoiled] = files[spoiled][:-1] + bytes([files[spoiled][-1] ^ 1])
    with pytest.raises(MalformedTile):
        TileAppender(300, TileReader(files.__getitem__))
    del files[spoiled]
    with pytest.raises(MissingTile):
        TileAppender(300, TileReader(files.__getitem__))


@pytest.mark.parametrize("length", [0, 31, 32 * 43, 32 * 45, 8192 - 32, 8192 + 32])
def test_a_tile_of_another_length_is_refused(length: int) -> None:
    tree = TileReader({"tile/0/001.p/44": bytes(length)}.__getitem__).at(300)
    with pytest.raises(MalformedTile):
        tree([(0, 256)])


def test_files_that_are_not_there_are_missing_not_false() -> None:
    def read(path: str) -> bytes:
        raise FileNotFoundError(path)

    tree = TileReader(read).at(300)
    for ask in (tree.root, lambda: tree.entry(1), lambda: inclusion_path(3, 300, tree)):
        with pytest.raises(MissingTile):
            ask()


def test_a_tile_is_read_once() -> None:
    files: dict[str, bytes] = {}
    grow(files, 0, 300)
    asked: list[str] = []

    def read(path: str) -> bytes:
        asked.append(path)
        return files[path]

    tiles = TileReader(read)
    for index in (0, 1, 255, 256, 299):
        inclusion_path(index, 300, tiles.at(300))
    assert sorted(asked) == ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"]


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (TileId(level=0, index=0), "tile/0/000"),
        (TileId(level=0, index=1_234_067), "tile/0/x001/x234/067"),
        (TileId(level=3, index=999, width=1), "tile/3/999.p/1"),
        (TileId(level=1, index=1000, width=255), "tile/1/x001/000.p/255"),
        (TileId(level=None, index=273, width=112), "tile/entries/273.p/112"),
    ],
)
def test_paths_are_those_of_the_specification(tile: TileId, path: str) -> None:
    assert tile_path(tile) == path
    assert parse_tile_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/0",
        "tile/0/x000/000",
        "tile/00/000",
        "tile/8/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000/",
        "tile/0/../000",
        "tile/0/000\n",
        "/tile/0/000",
        "tile/0/\u0660\u0660\u0660",
        "tile/entries/x999/x999/x999/x999/x999/x999/999",
        "tile/0/" + "x999/" * 900 + "999",
        "checkpoint",
    ],
)
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(MalformedTile):
        parse_tile_path(path)


@given(
    st.text(max_size=60)
    | st.from_regex(r"\Atile/([0-9]|entries)/(x[0-9]{3}/){0,6}[0-9]{3}(\.p/[0-9]{1,3})?\Z")
)
def test_any_path_is_read_or_refused(path: str) -> None:
    try:
        tile = parse_tile_path(path)
    except MalformedTile:
        return
    assert tile_path(tile) == path


@given(st.integers(0, 2**63 - 1), st.integers(0, 7), st.integers(0, 3))
def test_widths_follow_the_specification(size: int, level: int, back: int) -> None:
    count = size // 256**level
    last = count // 256
    assert width_at(size, level, last) == count % 256
    assert width_at(size, level, last + 1 + back) == 0
    if back < last:
        assert width_at(size, level, last - 1 - back) == 256


@given(st.lists(st.binary(max_size=80), min_size=1, max_size=256))
def test_bundles_are_read_as_written(entries: list[bytes]) -> None:
    data = encode_bundle(entries)
    assert decode_bundle(data, len(entries)) == entries
    assert decode_bundle(data, 1) == entries[:1]
    for wrong in (data + b"\0", data[:-1], data + bytes(2 * 257)):
        with pytest.raises(MalformedTile):
            decode_bundle(wrong, len(entries))


@settings(max_examples=200)
@given(st.binary(max_size=700), st.integers(1, 256))
def test_any_bundle_is_read_or_refused(data: bytes, width: int) -> None:
    try:
        entries = decode_bundle(data, width)
    except MalformedTile:
        return
    assert len(entries) == width
    assert data.startswith(encode_bundle(entries))


def test_the_tree_root_needs_the_right_edge_only(example: dict[str, bytes]) -> None:
    edge = {path: data for path, data in example.items() if ".p/" in path or path == "tile/1/000"}
    assert tree_root(SIZE, TileReader(edge.__getitem__).at(SIZE)) == root_of(leaf_hashes(ENTRIES))
