"""Every answer of `add-checkpoint`, as C2SP tlog-witness gives it, and the golden exchanges."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from keys.vkey import SignatureType, VerifierKey
from registry.ledger.witness.cosigner import Answer
from registry.ledger.witness.errors import NoLogToWitness
from registry.ledger.witness.wire import (
    SIZE_TYPE,
    AddCheckpoint,
    format_request,
    monitoring_path,
    parse_lines,
    parse_request,
)
from signing.tlog.checkpoint import Checkpoint, sign_checkpoint
from signing.tlog.cosignature import split_timestamp
from signing.tlog.note import Note, NoteSignature, format_note, parse_note, verify_note

GOLDEN = Path(__file__).parent / "golden"


def golden(name: str) -> bytes:
    return (GOLDEN / name).read_bytes()


def times(answer: Answer, text: str) -> list[int | None]:
    return [split_timestamp(line.signature)[0] for line in parse_lines(answer.body, text)]


def test_the_golden_files_are_what_their_generator_makes() -> None:
    spec = importlib.util.spec_from_file_location("make_golden", GOLDEN / "make.py")
    assert spec is not None
    assert spec.loader is not None
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    made = make.files()
    assert made == {name: golden(name) for name in made}


def test_the_golden_exchanges(open_witness: Any, clock: Any) -> None:
    witness = open_witness()
    clock.moment = datetime.fromtimestamp(1_800_000_000, UTC)
    first = witness.add_checkpoint(golden("first.request"))
    assert (first.status, first.body) == (HTTPStatus.OK, golden("first.answer"))
    clock.moment = datetime.fromtimestamp(1_800_000_060, UTC)
    grown = witness.add_checkpoint(golden("grown.request"))
    assert (grown.status, grown.body) == (HTTPStatus.OK, golden("grown.answer"))
    behind = witness.add_checkpoint(golden("first.request"))
    assert behind == Answer(
        status=HTTPStatus.CONFLICT, body=golden("behind.answer"), kind=SIZE_TYPE
    )


def test_a_head_is_signed_again_with_a_new_time(witness: Any, log: Any, clock: Any) -> None:
    text = parse_note(log.grow(3).note()).text
    first = witness.add_checkpoint(log.request(0))
    clock.moment += timedelta(hours=1)
    again = witness.add_checkpoint(log.request(3))
    assert again.status == HTTPStatus.OK
    assert [times(first, text), times(again, text)] == [[1_800_000_000], [1_800_003_600]]


def test_a_clock_put_back_dates_no_head_before_the_last(
    open_witness: Any, log: Any, clock: Any
) -> None:
    open_witness().add_checkpoint(log.grow(3).request(0))
    clock.moment -= timedelta(days=40)
    # Also after a restart: the time is remembered, not the clock.
    answer = open_witness().add_checkpoint(log.grow(2).request(3))
    assert times(answer, parse_note(log.note()).text) == [1_800_000_000]


def test_the_empty_tree_is_signed_only_as_what_it_is(witness: Any, log: Any) -> None:
    false = Checkpoint(origin=log.origin, size=0, root=b"\x07" * 32)
    note = sign_checkpoint(false, [log.signer])
    bad = format_request(AddCheckpoint(old_size=0, proof=(), note=note))
    assert witness.add_checkpoint(bad).status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert witness.add_checkpoint(log.request(0)).status == HTTPStatus.OK
    assert witness.add_checkpoint(log.grow(1).request(0)).status == HTTPStatus.OK


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0\n",
        b"old 0\n\n",
        b"old 00\n\nx",
        b"old -1\n\nx",
        b"old 9223372036854775808\n\nx",
        b"new 0\n\nx",
        b"old 0\nAAAA\n\nx",
        b"old 0\n\nno checkpoint",
        b"old 0\r\n\r\nx",
        "old ０\n\nx".encode(),
    ],
)
def test_400_for_what_cannot_be_read(witness: Any, body: bytes) -> None:
    answer = witness.add_checkpoint(body)
    assert answer.status == HTTPStatus.BAD_REQUEST
    assert answer.body.endswith(b"\n")


def test_400_for_a_body_too_long_or_too_long_a_proof(witness: Any, log: Any) -> None:
    log.grow(1)
    assert witness.add_checkpoint(log.request(0) + b"x" * (1 << 17)).status == 400
    proof = b"old 1\n" + 64 * b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" + b"\n"
    assert witness.add_checkpoint(proof + log.note()).status == 400


def test_400_for_an_old_size_above_the_new(witness: Any, log: Any) -> None:
    note = log.grow(3).note()
    body = format_request(AddCheckpoint(old_size=4, proof=(), note=note))
    assert witness.add_checkpoint(body).status == HTTPStatus.BAD_REQUEST


def test_404_for_a_log_of_another_origin(witness: Any, log: Any) -> None:
    other = replace(log, origin="other.example/log")
    assert witness.add_checkpoint(other.grow(1).request(0)).status == HTTPStatus.NOT_FOUND


def test_403_for_a_signature_that_is_missing_or_false(witness: Any, log: Any) -> None:
    thief = replace(log, seed=b"\x09" * 32)
    assert witness.add_checkpoint(thief.grow(3).request(0)).status == HTTPStatus.FORBIDDEN
    request = parse_request(log.request(0))
    changed = replace(request, note=request.note.replace(b"\n3\n", b"\n2\n"))
    assert witness.add_checkpoint(format_request(changed)).status == HTTPStatus.FORBIDDEN


def test_a_strangers_signatures_are_ignored_and_not_passed_on(witness: Any, log: Any) -> None:
    note = parse_note(log.grow(3).note())
    grease = NoteSignature(name="grease.example", key_id=b"abcd", signature=b"\x01" * 99)
    dressed = format_note(Note(text=note.text, signatures=(grease, *note.signatures, grease)))
    body = format_request(AddCheckpoint(old_size=0, proof=(), note=dressed))
    assert witness.add_checkpoint(body).status == HTTPStatus.OK
    shown = parse_note(witness.latest(monitoring_path(log.origin)).body)
    assert [line.name for line in shown.signatures] == [log.origin, "witness.example/w1"]


@pytest.mark.parametrize("old", [0, 1, 2, 4])
def test_409_tells_the_size_last_signed(witness: Any, log: Any, old: int) -> None:
    assert witness.add_checkpoint(log.grow(3).request(0)).status == HTTPStatus.OK
    answer = witness.add_checkpoint(log.grow(4).request(old))
    assert answer == Answer(status=HTTPStatus.CONFLICT, body=b"3\n", kind="text/x.tlog.size")


def test_422_for_a_proof_that_is_false_short_or_long(witness: Any, log: Any) -> None:
    witness.add_checkpoint(log.grow(3).request(0))
    note, proof = log.grow(4).note(), log.proof(3)
    for bad in (proof[:-1], (*proof, proof[0]), (), (bytes(32), *proof[1:]), proof[::-1]):
        body = format_request(AddCheckpoint(old_size=3, proof=bad, note=note))
        assert witness.add_checkpoint(body).status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert witness.add_checkpoint(log.request(3)).status == HTTPStatus.OK


def test_422_for_another_root_and_both_heads_are_kept(
    open_witness: Any, log: Any, told: list[str], tmp_path: Path
) -> None:
    witness = open_witness()
    witness.add_checkpoint(log.grow(3).request(0))
    lie = log.forked(1).grow(2, "lie")
    for _ in range(2):
        assert witness.add_checkpoint(lie.request(3)).status == HTTPStatus.UNPROCESSABLE_ENTITY
    (line,) = told
    assert "two histories at 3 entries" in line
    kept = {file.suffix: file.read_bytes() for file in (tmp_path / "state" / "forks").iterdir()}
    assert kept[".theirs"] == lie.note()
    # Each alone is good under the log's key: together they are the proof.
    for note in kept.values():
        assert verify_note(parse_note(note), [log.key]) == {log.key}
    assert parse_note(kept[".ours"]).text == parse_note(log.note()).text


def test_forks_do_not_fill_the_disk(
    open_witness: Any, log: Any, told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.ledger.witness.evidence.FORKS_AT_MOST", 2)
    witness = open_witness()
    witness.add_checkpoint(log.grow(3).request(0))
    for mark in "abcdef":
        witness.add_checkpoint(log.forked(1).grow(2, mark).request(3))
    assert len(list((tmp_path / "state" / "forks").iterdir())) <= 4


def test_the_newest_checkpoint_can_be_read(witness: Any, log: Any) -> None:
    path = monitoring_path(log.origin)
    assert witness.latest(path).status == HTTPStatus.NOT_FOUND
    assert witness.latest(path.replace("/", "x")) is None
    assert witness.latest(monitoring_path("other.example")) is None
    witness.add_checkpoint(log.grow(3).request(0))
    witness.add_checkpoint(log.grow(2).request(3))
    shown = parse_note(witness.latest(path).body)
    public = witness._signers[0].info.public_key
    own = VerifierKey(
        name="witness.example/w1", type=SignatureType.ED25519_COSIGNATURE, public_key=public
    )
    assert shown.text == parse_note(log.note()).text
    assert verify_note(shown, [log.key, own]) == {log.key, own}


def test_logs_are_told_apart(open_witness: Any, log: Any) -> None:
    other = type(log)(origin="other.example/log", seed=b"\x05" * 32)
    witness = open_witness(logs=(*log.policy.logs, *other.policy.logs))
    assert witness.add_checkpoint(log.grow(3).request(0)).status == HTTPStatus.OK
    assert witness.add_checkpoint(other.grow(2).request(0)).status == HTTPStatus.OK
    # A log's key counts for its own origin only.
    forged = replace(other, origin=log.origin, leaves=list(log.leaves)).grow(1)
    assert witness.add_checkpoint(forged.request(3)).status == HTTPStatus.FORBIDDEN


def test_a_witness_without_a_log_does_not_begin(open_witness: Any) -> None:
    with pytest.raises(NoLogToWitness, match="names no log"):
        open_witness(logs=())
