"""Stored files at rest: read by nobody who copies the disk, and given out only as they came."""

from __future__ import annotations

import hashlib
import itertools
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.office.document_vault import (
    CHUNK,
    MAGIC,
    SALT_BYTES,
    TAG,
    DocumentDamaged,
    Paper,
    Vault,
)

CASE = 7
HEAD = len(MAGIC) + SALT_BYTES
quick = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def vault(folder: Path, key: bytes = b"f" * 32) -> Vault:
    counter = itertools.count(1)
    return Vault(
        folder=folder,
        field_key=key,
        index_key=b"i" * 32,
        random=lambda length: next(counter).to_bytes(length),
    )


def put(where: Vault, data: bytes, case_id: int = CASE) -> Paper:
    paper = Paper(case_id=case_id, sha256=hashlib.sha256(data).hexdigest())
    held = BytesIO()
    where.seal(paper, BytesIO(data), held)
    place = where.place(paper)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(held.getvalue())
    return paper


def refused(where: Vault, paper: Paper) -> bool:
    try:
        for _ in where.open(paper):
            # Nothing is given out before the whole file was found good.
            raise AssertionError
    except DocumentDamaged:
        return True
    return False


SIZES = (1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5)


@pytest.mark.parametrize("size", SIZES)
def test_a_file_comes_back_as_it_was(tmp_path: Path, size: int) -> None:
    data = bytes(n % 251 for n in range(size))
    where = vault(tmp_path)
    paper = put(where, data)
    assert b"".join(where.open(paper)) == data
    sealed = where.place(paper).read_bytes()
    chunks = -(-size // CHUNK)
    assert len(sealed) == HEAD + size + chunks * TAG
    assert size < 16 or data[:16] not in sealed
    assert paper.sha256 not in str(where.place(paper))


@quick
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_bit_that_is_flipped_is_refused(tmp_path: Path, place: float, bit: int) -> None:
    where = vault(tmp_path)
    paper = put(where, b"evidence" * 10_000)
    file = where.place(paper)
    sealed = bytearray(file.read_bytes())
    sealed[int(place * len(sealed))] ^= 1 << bit
    file.write_bytes(sealed)
    assert refused(where, paper)


@pytest.mark.parametrize(
    "cut", [0, 1, len(MAGIC), HEAD, HEAD + 1, HEAD + CHUNK + TAG, HEAD + 2 * (CHUNK + TAG), -1]
)
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, cut: int) -> None:
    where = vault(tmp_path)
    paper = put(where, b"e" * (2 * CHUNK + 9))
    file = where.place(paper)
    file.write_bytes(file.read_bytes()[:cut])
    assert refused(where, paper)


def test_chunks_in_another_order_doubled_or_added_are_refused(tmp_path: Path) -> None:
    where = vault(tmp_path)
    paper = put(where, b"a" * CHUNK + b"b" * CHUNK + b"c")
    file = where.place(paper)
    sealed = file.read_bytes()
    head, step = sealed[:HEAD], CHUNK + TAG
    first, second = sealed[HEAD : HEAD + step], sealed[HEAD + step : HEAD + 2 * step]
    last = sealed[HEAD + 2 * step :]
    for forged in (
        head + second + first + last,
        head + first + first + last,
        head + first + last,
        sealed + last,
        sealed + first,
    ):
        file.write_bytes(forged)
        assert refused(where, paper)


def test_a_file_opens_for_its_own_case_and_digest_alone(tmp_path: Path) -> None:
    where, data = vault(tmp_path), b"evidence of case seven"
    mine, other = put(where, data), put(where, data, case_id=8)
    assert where.place(mine) != where.place(other)
    where.place(other).write_bytes(where.place(mine).read_bytes())
    assert refused(where, other)
    forged = Paper(case_id=CASE, sha256=hashlib.sha256(b"other words").hexdigest())
    where.place(forged).parent.mkdir(parents=True, exist_ok=True)
    where.place(forged).write_bytes(where.place(mine).read_bytes())
    assert refused(where, forged)
    assert b"".join(where.open(mine)) == data


def test_another_key_opens_nothing(tmp_path: Path) -> None:
    paper = put(vault(tmp_path), b"evidence")
    assert refused(vault(tmp_path, key=b"g" * 32), paper)


def test_the_same_bytes_are_never_sealed_alike(tmp_path: Path) -> None:
    where = vault(tmp_path)
    first = where.place(put(where, b"evidence")).read_bytes()
    second = where.place(put(where, b"evidence")).read_bytes()
    assert first[HEAD:] != second[HEAD:]


def test_a_file_that_was_never_there_is_damaged(tmp_path: Path) -> None:
    assert refused(vault(tmp_path), Paper(case_id=CASE, sha256="ab" * 32))


def test_what_was_sealed_is_compared_with_its_digest(tmp_path: Path) -> None:
    """A file sealed under a digest that is not its own, whoever did it, is not given out."""
    where = vault(tmp_path)
    paper = Paper(case_id=CASE, sha256=hashlib.sha256(b"one").hexdigest())
    held = BytesIO()
    where.seal(paper, BytesIO(b"another"), held)
    where.place(paper).parent.mkdir(parents=True)
    where.place(paper).write_bytes(held.getvalue())
    assert refused(where, paper)
