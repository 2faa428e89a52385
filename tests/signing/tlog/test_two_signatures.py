"""Two signatures on every checkpoint: both checked, one taken away, one that cannot be checked."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import UnsupportedAlgorithm

from keys import model
from keys.model import Algorithm, can_verify
from keys.policy import Policy, PolicyLog, PolicyWitness
from keys.signer import Signer
from keys.vkey import SignatureType, VerifierKey
from signing.errors import (
    MalformedCheckpoint,
    MalformedNote,
    SigningError,
    UncheckableCheckpoint,
    UntrustedCheckpoint,
    UntrustedNote,
)
from signing.tlog import note as note_module
from signing.tlog.checkpoint import Checkpoint, cosign_checkpoint, open_checkpoint, sign_checkpoint
from signing.tlog.note import Note, NoteSignature, check_note, format_note, parse_note, verify_note

ORIGIN = "certreg.example/log"
HEAD = Checkpoint(origin=ORIGIN, size=70112, root=bytes(range(32)))
NOW = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
ED, ML = SignatureType.ED25519, SignatureType.ML_DSA_44_COSIGNATURE
BOTH = frozenset({ED, ML})

MakeSigner = Callable[..., Signer]
Pair = tuple[Signer, Signer]


def pair(make_signer: MakeSigner, word: str) -> Pair:
    return make_signer(word), make_signer(word, Algorithm.ML_DSA_44)


@pytest.fixture(scope="module")
def old(make_signer: MakeSigner) -> Pair:
    return pair(make_signer, "old")


@pytest.fixture(scope="module")
def new(make_signer: MakeSigner) -> Pair:
    return pair(make_signer, "new")


def vkey(signer: Signer, name: str = ORIGIN) -> VerifierKey:
    kind = ED if signer.info.algorithm is Algorithm.ED25519 else ML
    return VerifierKey(name=name, type=kind, public_key=signer.info.public_key)


def trusting(signers: Iterable[Signer]) -> Policy:
    return Policy(logs=tuple(PolicyLog(key=vkey(signer)) for signer in signers))


def without(data: bytes, *signers: Signer) -> bytes:
    """Take the lines of these signers away."""
    note = parse_note(data)
    gone = {vkey(signer).key_id for signer in signers}
    left = tuple(line for line in note.signatures if line.key_id not in gone)
    return format_note(replace(note, signatures=left))


def falsified(data: bytes, signer: Signer) -> bytes:
    """Change one bit of the signature in this signer's line."""
    note = parse_note(data)
    lines = []
    for line in note.signatures:
        bare = bytearray(line.signature)
        bare[-1] ^= line.key_id == vkey(signer).key_id
        lines.append(replace(line, signature=bytes(bare)))
    return format_note(replace(note, signatures=tuple(lines)))


@pytest.fixture
def without_ml_dsa(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be a machine whose OpenSSL has no ML-DSA."""

    def verify(algorithm: Algorithm, *rest: bytes) -> bool:
        assert algorithm is not Algorithm.ML_DSA_44
        return model.verify_signature(algorithm, *rest)

    monkeypatch.setattr(note_module, "can_verify", lambda kind: kind is not Algorithm.ML_DSA_44)
    monkeypatch.setattr(note_module, "verify_signature", verify)


def test_both_lines_are_verified(old: Pair) -> None:
    data = sign_checkpoint(HEAD, old)
    note = parse_note(data)
    assert [line.key_id for line in note.signatures] == [vkey(one).key_id for one in old]
    assert [len(line.signature) for line in note.signatures] == [64, 8 + 2420]
    assert verify_note(note, map(vkey, old)) == set(map(vkey, old))
    opened = open_checkpoint(data, trusting(old))
    assert (opened.log_types, opened.unchecked) == (BOTH, frozenset())


@pytest.mark.parametrize("seed", range(6))
def test_grease_and_order_do_not_matter(seed: int, old: Pair) -> None:
    source = random.Random(seed)
    note = parse_note(sign_checkpoint(HEAD, old))
    lines = [*note.signatures]
    lines += [
        NoteSignature(
            name=source.choice([ORIGIN, "grease.example"]),
            key_id=source.randbytes(4),
            signature=source.randbytes(source.choice([64, 72, 2428])),
        )
        for _ in range(20)
    ]
    source.shuffle(lines)
    opened = open_checkpoint(format_note(replace(note, signatures=tuple(lines))), trusting(old))
    assert opened.log_types == BOTH


def test_a_line_taken_away_is_told(old: Pair) -> None:
    data = sign_checkpoint(HEAD, old)
    for gone, left in ((old[0], ML), (old[1], ED)):
        opened = open_checkpoint(without(data, gone), trusting(old))
        assert (opened.log_types, opened.unchecked) == (frozenset({left}), frozenset())


def test_one_false_line_condemns_the_note(old: Pair) -> None:
    data = sign_checkpoint(HEAD, old)
    for signer in old:
        with pytest.raises(UntrustedNote):
            open_checkpoint(falsified(data, signer), trusting(old))


def accepted_as(data: bytes, policy: Policy) -> frozenset[SignatureType]:
    try:
        return open_checkpoint(data, policy).log_types
    except SigningError:
        return frozenset()


def flips(data: bytes, bits: Iterable[int]) -> Iterator[tuple[int, bytes]]:
    for at in bits:
        changed = bytearray(data)
        changed[at // 8] ^= 1 << at % 8
        yield at, bytes(changed)


def labels(data: bytes) -> set[int]:
    """Give the positions of each line's key name and id: changed, it is an unknown key's line."""
    found: set[int] = set()
    at = 0
    for line in data.splitlines(keepends=True):
        if line.startswith("\u2014".encode()):
            # Six base64 characters hold the 4-byte id and 4 bits of the signature behind it.
            found |= set(range(at + 4, at + 5 + len(ORIGIN) + 6))
        at += len(line)
    return found


def check_flips(data: bytes, policy: Policy, bits: Iterable[int]) -> None:
    grease = labels(data)
    for at, changed in flips(data, bits):
        types = accepted_as(changed, policy)
        # Nothing changed ever passes for both signatures; and what passes for one of them has
        # only lost the other, by becoming the line of a key that nobody knows.
        assert len(types) < len(BOTH), at
        assert not types or at // 8 in grease, at


def test_flipped_bits_never_pass_for_two_signatures(old: Pair) -> None:
    data = sign_checkpoint(HEAD, old)
    head = data.index(b"\n", data.index(b"\n\n") + 2) + 60
    chance = random.Random(1)
    tail = chance.sample(range(head * 8, len(data) * 8), 900)
    check_flips(data, trusting(old), [*range(head * 8), *tail])


@pytest.mark.soak
def test_no_flipped_bit_passes_for_two_signatures(old: Pair, new: Pair) -> None:
    data = sign_checkpoint(HEAD, old)
    check_flips(data, trusting((*old, *new)), range(len(data) * 8))


@pytest.mark.usefixtures("without_ml_dsa")
class TestMachineWithoutMlDsa:
    def test_ed25519_alone_is_accepted_and_told(self, old: Pair) -> None:
        data = sign_checkpoint(HEAD, old)
        opened = open_checkpoint(data, trusting(old))
        assert (opened.log_types, opened.unchecked) == (frozenset({ED}), frozenset({ML}))
        stripped = open_checkpoint(without(data, old[1]), trusting(old))
        assert (stripped.log_types, stripped.unchecked) == (frozenset({ED}), frozenset())

    def test_what_cannot_be_checked_is_neither_good_nor_false(self, old: Pair) -> None:
        note = parse_note(falsified(sign_checkpoint(HEAD, old), old[1]))
        checked = check_note(note, map(vkey, old))
        assert [checked.good, checked.unchecked] == [{vkey(one)} for one in old]
        with pytest.raises(UntrustedNote):
            verify_note(note, [vkey(old[1])])

    def test_a_false_ed25519_line_still_condemns(self, old: Pair) -> None:
        with pytest.raises(UntrustedNote):
            open_checkpoint(falsified(sign_checkpoint(HEAD, old), old[0]), trusting(old))

    def test_ml_dsa_alone_cannot_be_said(self, old: Pair) -> None:
        data = sign_checkpoint(HEAD, old)
        for policy, note in (
            (trusting(old[1:]), data),
            (trusting(old), without(data, old[0])),
        ):
            with pytest.raises(UncheckableCheckpoint):
                open_checkpoint(note, policy)

    def test_no_line_at_all_is_untrusted(self, old: Pair, new: Pair) -> None:
        with pytest.raises(UntrustedNote):
            open_checkpoint(sign_checkpoint(HEAD, new), trusting(old))

    @pytest.mark.parametrize("length", [1, 8, 9, 72, 2427, 2429])
    def test_a_line_of_the_wrong_length_is_false_anywhere(self, length: int, old: Pair) -> None:
        note = parse_note(sign_checkpoint(HEAD, old[:1]))
        line = NoteSignature(name=ORIGIN, key_id=vkey(old[1]).key_id, signature=bytes(length))
        data = format_note(replace(note, signatures=(*note.signatures, line)))
        with pytest.raises(UntrustedNote):
            open_checkpoint(data, trusting(old))

    def test_a_line_under_no_checkpoint_is_malformed(self, old: Pair) -> None:
        line = NoteSignature(name=ORIGIN, key_id=vkey(old[1]).key_id, signature=bytes(2428))
        with pytest.raises(MalformedCheckpoint):
            check_note(Note(text="no checkpoint\n", signatures=(line,)), [vkey(old[1])])

    def test_a_quorum_by_ml_dsa_cannot_be_said(self, old: Pair, new: Pair) -> None:
        key = vkey(new[1], "w.example")
        policy = replace(trusting(old), witnesses=(PolicyWitness(name="w", key=key),), quorum="w")
        note = parse_note(sign_checkpoint(HEAD, old))
        line = cosign_checkpoint(note.text, "w.example", new[1], now=NOW)
        with pytest.raises(UncheckableCheckpoint):
            open_checkpoint(format_note(replace(note, signatures=(*note.signatures, line))), policy)
        with pytest.raises(UntrustedCheckpoint) as caught:
            open_checkpoint(format_note(note), policy)
        assert not isinstance(caught.value, UncheckableCheckpoint)

    def test_the_witness_alone_is_not_the_log(self, old: Pair, new: Pair) -> None:
        key = vkey(new[1], "w.example")
        policy = replace(trusting(old), witnesses=(PolicyWitness(name="w", key=key),))
        note = parse_note(sign_checkpoint(HEAD, old))
        line = cosign_checkpoint(note.text, "w.example", new[1], now=NOW)
        with pytest.raises(UntrustedCheckpoint) as caught:
            open_checkpoint(format_note(replace(note, signatures=(line,))), policy)
        assert not isinstance(caught.value, UncheckableCheckpoint)


def test_this_machine_has_all_algorithms() -> None:
    assert all(can_verify(algorithm) for algorithm in Algorithm)


def test_a_machine_without_an_algorithm_is_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    class Absent:
        @staticmethod
        def from_public_bytes(data: bytes) -> None:
            raise UnsupportedAlgorithm(f"no key of {len(data)} bytes here")

    can_verify.cache_clear()
    try:
        monkeypatch.setattr(model, "MLDSA44PublicKey", Absent)
        assert [can_verify(algorithm) for algorithm in Algorithm] == [True, True, False]
    finally:
        can_verify.cache_clear()


class TestRotation:
    """Two pairs of one log sign together for a while."""

    def test_old_and_new_policies_accept_the_overlap(self, old: Pair, new: Pair) -> None:
        data = sign_checkpoint(HEAD, (*old, *new))
        for policy in (trusting(old), trusting((*old, *new)), trusting(new)):
            assert open_checkpoint(data, policy).log_types == BOTH
        assert len(verify_note(parse_note(data), map(vkey, (*old, *new)))) == len((*old, *new))

    def test_the_new_policy_accepts_what_was_signed_before(self, old: Pair, new: Pair) -> None:
        data = sign_checkpoint(HEAD, old)
        assert open_checkpoint(data, trusting((*old, *new))).log_types == BOTH
        with pytest.raises(UntrustedNote):
            open_checkpoint(data, trusting(new))

    def test_the_old_policy_refuses_what_was_signed_after(self, old: Pair, new: Pair) -> None:
        with pytest.raises(UntrustedNote):
            open_checkpoint(sign_checkpoint(HEAD, new), trusting(old))

    def test_each_known_line_must_be_good(self, old: Pair, new: Pair) -> None:
        signed = sign_checkpoint(HEAD, (*old, *new))
        for signer in (*old, *new):
            data = falsified(signed, signer)
            with pytest.raises(UntrustedNote):
                open_checkpoint(data, trusting((*old, *new)))
        # Who does not know a key cannot tell its line from anybody's.
        assert open_checkpoint(falsified(signed, new[0]), trusting(old)).log_types == BOTH


def test_a_note_has_room_for_sixteen_ml_dsa_witnesses(
    old: Pair, new: Pair, make_signer: MakeSigner
) -> None:
    note = parse_note(sign_checkpoint(HEAD, (*old, *new)))
    signers = [make_signer(f"w{at}", Algorithm.ML_DSA_44) for at in range(16)]
    names = [f"witness-{at}.example.org/office" for at in range(16)]
    lines: Sequence[NoteSignature] = [
        cosign_checkpoint(note.text, name, signer, now=NOW)
        for name, signer in zip(names, signers, strict=True)
    ]
    data = format_note(replace(note, signatures=(*note.signatures, *lines)))
    witnesses = tuple(
        PolicyWitness(name=f"w{at}", key=vkey(signer, name))
        for at, (name, signer) in enumerate(zip(names, signers, strict=True))
    )
    policy = replace(trusting((*old, *new)), witnesses=witnesses)
    assert len(open_checkpoint(data, policy).signed_by) == len(witnesses)
    with pytest.raises(MalformedNote):
        parse_note(data[:-1])
