"""Packages at rest: sealed pieces open whole, in their order, under their own digest only."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import pytest

from registry.upload.errors import PackageLost
from registry.upload.vault import PIECE_BYTES, copy_package, seal_package


@pytest.mark.parametrize("size", [1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES - 5])
def test_sealed_pieces_open_whole_and_in_their_order_only(tmp_path: Path, size: int) -> None:
    clear, file = tmp_path / "clear", tmp_path / "x.sealed"
    clear.write_bytes(os.urandom(size))
    digest, key = vault_digest(clear), bytes(32)
    seal_package(clear, file, digest, key=key, random=os.urandom)
    out = io.BytesIO()
    copy_package(file, digest, out, key=key)
    assert out.getvalue() == clear.read_bytes()
    whole, step = file.read_bytes(), PIECE_BYTES + 28
    pieces = [whole[at : at + step] for at in range(0, len(whole), step)]
    spoiled = [whole[:-1], whole + whole, b"".join(reversed(pieces)), pieces[0], b""]
    for data in spoiled:
        if data == whole:
            continue
        file.write_bytes(data)
        with pytest.raises(PackageLost, match="damaged"):
            copy_package(file, digest, io.BytesIO(), key=key)
    file.write_bytes(whole)
    with pytest.raises(PackageLost, match="damaged"):
        copy_package(file, "00" * 32, io.BytesIO(), key=key)


def vault_digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
