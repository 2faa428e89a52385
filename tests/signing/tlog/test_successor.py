"""The note of a frozen log's successor: read as written, refused when anything of it changed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.policy import Policy, PolicyLog
from keys.vkey import SignatureType, VerifierKey
from signing.errors import SigningError, UntrustedCheckpoint, UntrustedNote
from signing.tlog.successor import MAX_SUCCESSOR, Successor, open_successor, sign_successor
from signing.tlog.treehead import Checkpoint

OLD, NEW = "log.example/log", "log.example/log2"
LAST = Checkpoint(origin=OLD, size=7, root=b"\x07" * 32)
KEY = VerifierKey(name=NEW, type=SignatureType.ED25519, public_key=b"\x01" * 32)


@pytest.fixture(scope="module")
def frozen(make_signer: Any) -> Any:
    return make_signer("frozen")


def policy_of(signer: Any, name: str = OLD) -> Policy:
    key = VerifierKey(name=name, type=SignatureType.ED25519, public_key=signer.info.public_key)
    return Policy(logs=(PolicyLog(key=key),))


def test_it_is_read_as_written(frozen: Any) -> None:
    wanted = Successor(last=LAST, key=KEY)
    note = sign_successor(wanted, [frozen])
    assert note.startswith(b"certreg/log-successor/v1\nlog.example/log\n7\n")
    assert open_successor(note, policy_of(frozen)) == wanted


def test_only_the_frozen_log_can_say_it(frozen: Any, make_signer: Any) -> None:
    note = sign_successor(Successor(last=LAST, key=KEY), [make_signer("thief")])
    with pytest.raises(UntrustedNote):
        open_successor(note, policy_of(frozen))
    other = Checkpoint(origin="other.example/log", size=7, root=LAST.root)
    foreign = sign_successor(Successor(last=other, key=KEY), [frozen])
    with pytest.raises((UntrustedNote, UntrustedCheckpoint)):
        open_successor(foreign, policy_of(frozen))


def test_every_flipped_bit_is_refused(frozen: Any) -> None:
    note, policy = sign_successor(Successor(last=LAST, key=KEY), [frozen]), policy_of(frozen)
    for at in range(len(note) * 8):
        changed = bytearray(note)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises(SigningError):
            open_successor(bytes(changed), policy)


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_read_or_refused(data: bytes, whole: bool) -> None:
    key = VerifierKey(name=OLD, type=SignatureType.ED25519, public_key=b"\x02" * 32)
    text = b"certreg/log-successor/v1\n" + data if whole else data
    with pytest.raises(SigningError):
        open_successor(text, Policy(logs=(PolicyLog(key=key),)))


def test_a_note_too_long_is_refused(frozen: Any) -> None:
    with pytest.raises(SigningError, match="longer"):
        open_successor(b"a" * (MAX_SUCCESSOR + 1), policy_of(frozen))
