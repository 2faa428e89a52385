"""Every single bit of every published file of a log: flipped, fsck finds it. No exception."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def published(office: Any) -> Path:
    """Give the folder of a small log: issuers' keys, a batch of three, a revocation."""
    batch = office.issue(office.people(3))
    office.run()
    office.revoke(batch.ranges[0][0])
    office.run()
    assert office.fsck().faults == ()
    root: Path = office.site.public / "log"
    return root


def found(office: Any, file: Path, at: int) -> bool:
    """Flip bit `at` of the file, and tell whether fsck finds any fault."""
    sound = file.read_bytes()
    changed = bytearray(sound)
    changed[at // 8] ^= 1 << at % 8
    file.write_bytes(changed)
    faults = office.fsck().faults
    file.write_bytes(sound)
    return bool(faults)


def files(root: Path) -> list[Path]:
    return sorted(f for f in root.rglob("*") if f.is_file() and not f.name.startswith("."))


def test_a_flipped_bit_is_found_wherever_it_is(office: Any, published: Path, chance: Any) -> None:
    for file in files(published):
        bits = file.stat().st_size * 8
        for at in chance.sample(range(bits), min(bits, 120)):
            assert found(office, file, at), (file, at)


@pytest.mark.soak
def test_every_flipped_bit_is_found(office: Any, published: Path) -> None:
    for file in files(published):
        for at in range(file.stat().st_size * 8):
            assert found(office, file, at), (file, at)
