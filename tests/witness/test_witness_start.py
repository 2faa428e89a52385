"""Starting a witness: keys and state are made once, belong together, and are missed when lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from keys.errors import KeyRefused, PassphraseWrong
from keys.model import Algorithm
from keys.policy import Policy
from keys.ring import KeyRing
from keys.vkey import MalformedVerifierKey, SignatureType
from registry.ledger.witness.errors import NoLogToWitness, WitnessStateLost
from registry.ledger.witness.starting import Started
from registry.ledger.witness.wire import parse_lines
from signing.tlog.note import Note, parse_note, verify_note

Start = Callable[..., Started]


def test_the_first_start_makes_two_keys_and_later_ones_keep_them(
    start: Start, log: Any, clock: Any
) -> None:
    first = start()
    clock.moment -= timedelta(days=9999)  # a clock that is wrong keeps no witness from starting
    again = start()
    assert [key.type for key in first.vkeys] == [
        SignatureType.ED25519_COSIGNATURE,
        SignatureType.ML_DSA_44_COSIGNATURE,
    ]
    assert again.vkeys == first.vkeys
    answer = again.witness.add_checkpoint(log.grow(3).request(0))
    text = parse_note(log.note()).text
    note = Note(text=text, signatures=parse_lines(answer.body, text))
    assert verify_note(note, first.vkeys) == set(first.vkeys)


def test_without_ml_dsa_the_ed25519_line_stands_alone(
    start: Start, log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate = KeyRing.generate

    def old_library(self: KeyRing, *, algorithm: Algorithm, **facts: Any) -> Any:
        if algorithm is Algorithm.ML_DSA_44:
            raise KeyRefused("this machine has no ML-DSA")
        return generate(self, algorithm=algorithm, **facts)

    monkeypatch.setattr(KeyRing, "generate", old_library)
    started = start()
    assert [key.type for key in started.vkeys] == [SignatureType.ED25519_COSIGNATURE]
    answer = started.witness.add_checkpoint(log.grow(3).request(0))
    assert answer.body.count(b"\n") == 1


def test_a_name_and_its_state_belong_together(start: Start) -> None:
    start()
    with pytest.raises(WitnessStateLost, match="not the state of a witness named other"):
        start(name="other.example")


def test_a_name_that_cannot_name_a_key_leaves_nothing(start: Start, tmp_path: Path) -> None:
    for name in ("a b", "a+b", "", "x" * 256):
        with pytest.raises(MalformedVerifierKey):
            start(name=name)
    assert not (tmp_path / "state").exists()


def test_lost_memory_is_not_begun_anew(start: Start, tmp_path: Path) -> None:
    start()
    (tmp_path / "state" / "witness.db").unlink()
    for _ in range(2):
        with pytest.raises(WitnessStateLost, match="memory is lost"):
            start()
    for found in (b"", b"SQLite format 3\0", b"x" * 9999):
        (tmp_path / "state" / "witness.db").write_bytes(found)
        with pytest.raises(WitnessStateLost, match="memory is lost"):
            start()


@pytest.mark.parametrize("what", ["keys", "keys/*.key.json"])
def test_lost_keys_are_not_replaced_under_an_old_state(
    start: Start, log: Any, tmp_path: Path, what: str
) -> None:
    start().witness.add_checkpoint(log.grow(3).request(0))
    for found in list((tmp_path / "state").glob(what)):
        shutil.rmtree(found) if found.is_dir() else found.unlink()
    with pytest.raises(WitnessStateLost, match="restore them from"):
        start()


@pytest.mark.parametrize("stop", ["create", "generate"])
def test_a_first_start_cut_off_anywhere_is_taken_further(
    start: Start, monkeypatch: pytest.MonkeyPatch, stop: str
) -> None:
    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(KeyRing, stop, cut)
        with pytest.raises(KeyboardInterrupt):
            start()
    assert len(start().vkeys) == 2


def test_it_needs_a_log_and_the_right_passphrase(start: Start) -> None:
    start()
    with pytest.raises(NoLogToWitness):
        start(policy=Policy(logs=()))
    with pytest.raises(PassphraseWrong):
        start(passphrase=b"another")


def test_forks_known_are_counted_at_the_start(start: Start, log: Any) -> None:
    first = start()
    first.witness.add_checkpoint(log.grow(3).request(0))
    first.witness.add_checkpoint(log.forked(1).grow(2, "lie").request(3))
    assert (first.forks, start().forks) == (0, 1)
