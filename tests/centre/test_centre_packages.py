"""Pieces of a package: appended once, sealed, whole only if the digest fits."""

from __future__ import annotations

import hashlib
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.centre import packages as module
from registry.centre.errors import (
    OtherDigest,
    PackageDamaged,
    PackageNotWhole,
    PackageTooLong,
    PieceRefused,
)
from registry.centre.packages import MAX_OPEN, Packages

DATA = bytes(range(256)) * 40
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def kept(tmp_path: Path) -> Packages:
    return Packages(folder=tmp_path, key=bytes(32), random=secrets.token_bytes)


@given(cuts=st.sets(st.integers(1, len(DATA) - 1), max_size=9))
def test_any_pieces_give_the_package(kept: Packages, cuts: set[int]) -> None:
    name = f"city{len(cuts)}-{secrets.token_hex(4)}"
    edges = [0, *sorted(cuts), len(DATA)]
    for at, end in pairwise(edges):
        assert kept.kept(name, DIGEST) == (at, False)
        assert kept.append(name, DIGEST, at, DATA[at:end]) == end
    kept.close(name, DIGEST)
    kept.close(name, DIGEST)
    assert kept.read(name, DIGEST) == DATA
    assert (kept.kept(name, DIGEST), kept.listed(name)) == ((len(DATA), True), [DIGEST])


def test_a_piece_that_does_not_go_on_is_told_where_it_goes_on(kept: Packages) -> None:
    kept.append("a", DIGEST, 0, DATA[:100])
    for at in (0, 99, 101, 5000):
        with pytest.raises(PieceRefused) as caught:
            kept.append("a", DIGEST, at, b"x")
        assert caught.value.size == 100
    assert kept.append("a", DIGEST, 100, b"") == 100
    with pytest.raises(PackageNotWhole):
        kept.read("a", DIGEST)
    # Another city's package of the same digest is another package.
    assert kept.kept("b", DIGEST) == (0, False)


def test_of_two_senders_at_one_place_one_appends(kept: Packages) -> None:
    def send(_: int) -> bool:
        try:
            kept.append("a", DIGEST, 0, DATA)
        except PieceRefused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(send, range(8))) == [False] * 7 + [True]
    kept.close("a", DIGEST)
    assert kept.read("a", DIGEST) == DATA


def test_another_digest_throws_it_away_and_it_can_begin_anew(kept: Packages) -> None:
    kept.append("a", DIGEST, 0, DATA[:-1] + b"?")
    with pytest.raises(OtherDigest):
        kept.close("a", DIGEST)
    assert kept.kept("a", DIGEST) == (0, False)
    kept.append("a", DIGEST, 0, DATA)
    kept.close("a", DIGEST)
    with pytest.raises(PieceRefused):
        kept.append("a", DIGEST, len(DATA), b"more")


def test_nothing_lies_in_clear(kept: Packages, tmp_path: Path) -> None:
    kept.append("a", DIGEST, 0, DATA)
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert DATA[:16] not in file.read_bytes()
            assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("spoil", ["flip", "swap", "remove"])
def test_a_damaged_piece_is_never_read_as_a_package(
    kept: Packages, tmp_path: Path, spoil: str
) -> None:
    for at in (0, 100):
        kept.append("a", DIGEST, at, DATA[at : 100 if at == 0 else None])
    kept.close("a", DIGEST)
    first, second = sorted((tmp_path / "a" / DIGEST).glob("0*"))
    if spoil == "flip":
        data = bytearray(first.read_bytes())
        data[20] ^= 1
        first.write_bytes(data)
    elif spoil == "swap":
        first.write_bytes(second.read_bytes())
    else:
        second.unlink()
    with pytest.raises(PackageDamaged):
        kept.read("a", DIGEST)


def test_what_a_kill_left_is_no_piece(kept: Packages, tmp_path: Path) -> None:
    kept.append("a", DIGEST, 0, DATA[:10])
    (tmp_path / "a" / DIGEST / "000000000010.1.ff.part").write_bytes(b"half")
    assert kept.kept("a", DIGEST) == (10, False)
    kept.append("a", DIGEST, 10, DATA[10:])
    kept.close("a", DIGEST)
    assert kept.read("a", DIGEST) == DATA
    assert list((tmp_path / "a" / DIGEST).glob("*.part")) == []


def test_limits(kept: Packages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PACKAGE_BYTES", 1000)
    monkeypatch.setattr(module, "MAX_PIECES", 3)
    with pytest.raises(PackageTooLong):
        kept.append("a", DIGEST, 0, DATA[:1001])
    for at in range(3):
        kept.append("a", DIGEST, at, b"x")
    with pytest.raises(PackageTooLong):
        kept.append("a", DIGEST, 3, b"x")


def test_of_too_many_unfinished_the_oldest_goes(kept: Packages, tmp_path: Path) -> None:
    kept.append("a", DIGEST, 0, DATA)
    kept.close("a", DIGEST)
    names = [f"{at:064x}" for at in range(MAX_OPEN + 1)]
    for at, name in enumerate(names):
        kept.append("a", name, 0, b"x")
        place: Any = tmp_path / "a" / name
        os.utime(place, (at, at))
    assert kept.kept("a", names[0]) == (0, False)
    assert [kept.kept("a", name)[0] for name in names[1:]] == [1] * MAX_OPEN
    assert kept.read("a", DIGEST) == DATA
