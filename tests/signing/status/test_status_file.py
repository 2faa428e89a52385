"""The status file's form: one reading, bounded, and no byte of it that could be another."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.errors import MalformedStatus
from signing.report import Verdict
from signing.statusfile import (
    MAX_STATUS_FILE,
    format_status_file,
    is_status_file,
    parse_status_file,
    status_file_name,
)
from signing.tlog.entry import State
from signing.tlog.proof import format_proof, parse_proof
from signing.verify import verify

LATER = "2026-11-24T01:30:00Z"
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def good(log: Any, make_later: Any, file_of: Any) -> bytes:
    return format_status_file(file_of(make_later(log, {1: State.REVOKED}, LATER)))


def with_extra(data: bytes, **change: Any) -> bytes:
    """Write the file with members of its `extra` changed (None: left out)."""
    proof = parse_proof(data)
    members = {**json.loads(proof.extra or b"{}"), **change}
    kept = {key: value for key, value in sorted(members.items()) if value is not None}
    return format_proof(replace(proof, extra=json.dumps(kept, separators=(",", ":")).encode()))


def test_it_reads_back_and_others_read_it_as_a_proof(good: bytes) -> None:
    file = parse_status_file(good)
    assert format_status_file(file) == good
    assert is_status_file(good)
    proof = parse_proof(good)
    assert (proof.index, proof.path) == (file.proof.index, file.proof.path)
    assert json.loads(proof.extra or b"").keys() == {"entry", "first", "page", "pages", "path"}
    assert (file.first, file.pages, file.status().time) == (0, 1, LATER)
    assert [file.holds(index) for index in (-1, 0, 4095, 4096)] == [False, True, True, False]
    assert status_file_name(7) == "7.tlog-proof"
    assert len(good) < 4096


def test_a_page_further_on_says_which_it_is(log: Any, make_later: Any, file_of: Any) -> None:
    later = make_later(log, {4096 * 2 + 5: State.REVOKED}, LATER, count=4096 * 2 + 7)
    file = parse_status_file(format_status_file(file_of(later, page=2)))
    assert (file.first, file.pages, len(file.path)) == (8192, 3, 1)
    assert file.holds(8192 + 5)
    assert not file.holds(5)


@pytest.mark.parametrize(
    "change",
    [
        {"first": 1},
        {"first": 4096},
        {"first": -4096},
        {"first": "0"},
        {"pages": 0},
        {"pages": 2},
        {"page": ""},
        {"page": "A" * 1368},
        {"path": ["AA=="]},
        {"path": "x"},
        {"entry": "AA=="},
        {"entry": None},
        {"path": None},
        {"more": 1},
        {"t": "milestone"},
    ],
)
def test_other_extras_are_refused(good: bytes, change: dict[str, Any]) -> None:
    changed = with_extra(good, **change)
    assert not is_status_file(changed)
    with pytest.raises(MalformedStatus):
        parse_status_file(changed)


def test_other_kinds_of_files_are_refused(good: bytes, log: Any) -> None:
    from signing.bundle import bundle_file, proof_file

    evidence = log.evidence()
    proof = parse_proof(good)
    for data in (
        proof_file(evidence, with_record=True),
        proof_file(evidence, with_record=False),
        bundle_file(evidence),
        format_proof(replace(proof, extra=None)),
        good[:-1],
        good + b"\n",
        good.replace(b"\n", b"\r\n"),
        b"",
        good + bytes(MAX_STATUS_FILE),
    ):
        # A cut or longer note is found when the checkpoint is opened, not before.
        if not data.startswith(good[:-1]) or len(data) > MAX_STATUS_FILE:
            assert not is_status_file(data)


def test_parts_that_do_not_belong_together_are_not_written(good: bytes) -> None:
    file = parse_status_file(good)
    for change in (
        {"first": 4096},
        {"page": file.page[1:]},
        {"pages": 2},
        {"entry": b"{}"},
        {"path": (b"short",)},
        {"proof": replace(file.proof, checkpoint_note=b"")},
    ):
        with pytest.raises(MalformedStatus):
            format_status_file(replace(file, **change))


def proves_nothing(data: bytes, old: Any, trust: Any, now: Any) -> bool:
    """Whether a paper whose own status is too old stays unconfirmed with this file beside it."""
    try:
        file = parse_status_file(data)
    except MalformedStatus:
        return True
    report = verify(old, trust, now=now, max_age=HOUR, status=file)
    return report.verdict is Verdict.CANNOT_SAY


@pytest.fixture(scope="module")
def old(make_log: Any) -> Any:
    return make_log(status_time="2026-11-20T00:00:00Z")


def test_a_flipped_bit_is_refused_wherever_it_is(
    old: Any, make_later: Any, file_of: Any, trust: Any, now: Any
) -> None:
    data = format_status_file(file_of(make_later(old, {}, LATER)))
    paper = old.evidence()
    assert verify(paper, trust, now=now, max_age=HOUR).verdict is Verdict.CANNOT_SAY
    status = parse_status_file(data)
    assert verify(paper, trust, now=now, max_age=HOUR, status=status).verdict is Verdict.VALID
    chance = random.Random(7)
    for at in range(len(data)):
        flipped = data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
        assert proves_nothing(flipped, paper, trust, now), at


@pytest.mark.soak
def test_every_flipped_bit_is_refused(
    old: Any, make_later: Any, file_of: Any, trust: Any, now: Any
) -> None:
    data = format_status_file(file_of(make_later(old, {}, LATER)))
    paper = old.evidence()
    for at in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[at // 8] ^= 1 << at % 8
        assert proves_nothing(bytes(flipped), paper, trust, now), at


@given(data=st.binary(max_size=300))
def test_no_bytes_do_more_than_be_refused(good: bytes, data: bytes) -> None:
    for found in (data, good[: len(data)] + data, data + good, good[:200] + data + good[200:]):
        with suppress(MalformedStatus):
            assert format_status_file(parse_status_file(found)) == found
