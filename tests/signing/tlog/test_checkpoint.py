"""Checkpoints: signing with two algorithms, cosigning, and opening under a policy."""

from __future__ import annotations

import base64
import random
import struct
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from hypothesis import given
from hypothesis import strategies as st

from keys.model import Algorithm
from keys.policy import Policy, PolicyGroup, PolicyLog, PolicyWitness
from keys.signer import Signer
from keys.vkey import MalformedVerifierKey, SignatureType, VerifierKey
from signing.errors import (
    MalformedCheckpoint,
    MalformedNote,
    SigningError,
    UntrustedCheckpoint,
    UntrustedNote,
)
from signing.tlog.checkpoint import (
    Checkpoint,
    cosign_checkpoint,
    format_checkpoint,
    open_checkpoint,
    parse_checkpoint,
    sign_checkpoint,
)
from signing.tlog.note import Note, NoteSignature, format_note, parse_note, verify_note

ORIGIN = "certreg.example/log"
HEAD = Checkpoint(origin=ORIGIN, size=70112, root=bytes(range(32)))
NOW = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)

MakeSigner = Callable[..., Signer]


def key(name: str, kind: SignatureType, signer: Signer) -> VerifierKey:
    return VerifierKey(name=name, type=kind, public_key=signer.info.public_key)


@pytest.fixture(scope="module")
def log(make_signer: MakeSigner) -> tuple[Signer, Signer]:
    return make_signer("log"), make_signer("log", Algorithm.ML_DSA_44)


@pytest.fixture(scope="module")
def witnesses(make_signer: MakeSigner) -> dict[str, Signer]:
    return {"W1": make_signer("w1"), "W2": make_signer("w2", Algorithm.ML_DSA_44)}


@pytest.fixture(scope="module")
def policy(log: tuple[Signer, Signer], witnesses: dict[str, Signer]) -> Policy:
    kinds = {
        Algorithm.ED25519: SignatureType.ED25519_COSIGNATURE,
        Algorithm.ML_DSA_44: SignatureType.ML_DSA_44_COSIGNATURE,
    }
    return Policy(
        logs=(
            PolicyLog(key=key(ORIGIN, SignatureType.ED25519, log[0])),
            PolicyLog(key=key(ORIGIN, SignatureType.ML_DSA_44_COSIGNATURE, log[1])),
        ),
        witnesses=tuple(
            PolicyWitness(
                name=name, key=key(f"{name}.example", kinds[signer.info.algorithm], signer)
            )
            for name, signer in witnesses.items()
        ),
        groups=(PolicyGroup(name="both", threshold=2, members=("W1", "W2")),),
        quorum="both",
    )


@pytest.fixture(scope="module")
def note(log: tuple[Signer, Signer], witnesses: dict[str, Signer]) -> Note:
    signed = parse_note(sign_checkpoint(HEAD, log))
    lines = [
        cosign_checkpoint(signed.text, f"{name}.example", signer, now=NOW)
        for name, signer in witnesses.items()
    ]
    return replace(signed, signatures=(*signed.signatures, *lines))


def alone(policy: Policy) -> Policy:
    return replace(policy, quorum="none")


def test_ed25519_signs_the_text_alone(log: tuple[Signer, Signer]) -> None:
    data = sign_checkpoint(HEAD, log[:1])
    text = f"{ORIGIN}\n70112\n{base64.b64encode(HEAD.root).decode()}\n"
    signature = log[0].sign(text.encode())
    expected = key(ORIGIN, SignatureType.ED25519, log[0]).key_id + signature
    assert data.decode() == f"{text}\n\u2014 {ORIGIN} {base64.b64encode(expected).decode()}\n"


def test_cosignatures_sign_what_the_specification_says(
    note: Note, witnesses: dict[str, Signer], log: tuple[Signer, Signer]
) -> None:
    stamp = int(NOW.timestamp())
    _, log_line, first, second = note.signatures
    assert [line.signature[:8] for line in (log_line, first, second)] == [
        bytes(8),
        struct.pack(">Q", stamp),
        struct.pack(">Q", stamp),
    ]
    Ed25519PublicKey.from_public_bytes(witnesses["W1"].info.public_key).verify(
        first.signature[8:], f"cosignature/v1\ntime {stamp}\n{note.text}".encode()
    )
    for signer, name, time, line in (
        (log[1], ORIGIN, 0, log_line),
        (witnesses["W2"], "W2.example", stamp, second),
    ):
        message = b"subtree/v1\n\0"
        message += bytes([len(name)]) + name.encode() + struct.pack(">Q", time)
        message += bytes([len(ORIGIN)]) + ORIGIN.encode()
        message += struct.pack(">QQ", 0, HEAD.size) + HEAD.root
        MLDSA44PublicKey.from_public_bytes(signer.info.public_key).verify(
            line.signature[8:], message
        )


def test_a_full_note_is_opened_in_any_order_with_grease(note: Note, policy: Policy) -> None:
    source = random.Random(1)
    for _ in range(8):
        lines = [*note.signatures]
        lines += [
            NoteSignature(
                name=source.choice([ORIGIN, "W1.example", "grease.example"]),
                key_id=source.randbytes(4),
                signature=source.randbytes(72),
            )
            for _ in range(30)
        ]
        source.shuffle(lines)
        data = format_note(replace(note, signatures=tuple(lines)))
        opened = open_checkpoint(data, policy)
        assert opened.checkpoint == HEAD
        assert opened.signed_by == {"W1", "W2"}
        assert opened.note == data


def test_the_second_log_line_is_optional(note: Note, policy: Policy) -> None:
    for left in note.signatures[:2]:
        lines = tuple(line for line in note.signatures if line != left)
        assert open_checkpoint(format_note(replace(note, signatures=lines)), policy)


def test_the_log_itself_must_sign(note: Note, policy: Policy) -> None:
    data = format_note(replace(note, signatures=note.signatures[2:]))
    with pytest.raises(UntrustedCheckpoint):
        open_checkpoint(data, policy)


def test_the_quorum_must_sign(note: Note, policy: Policy) -> None:
    for left in note.signatures[2:]:
        lines = tuple(line for line in note.signatures if line != left)
        data = format_note(replace(note, signatures=lines))
        with pytest.raises(UntrustedCheckpoint):
            open_checkpoint(data, policy)
        assert open_checkpoint(data, alone(policy)).signed_by < {"W1", "W2"}


def test_another_logs_checkpoint_is_refused(
    log: tuple[Signer, Signer], policy: Policy, make_signer: MakeSigner
) -> None:
    foreign = sign_checkpoint(replace(HEAD, origin="other.example/log"), log)
    with pytest.raises(UntrustedCheckpoint):
        open_checkpoint(foreign, alone(policy))
    impostor = sign_checkpoint(HEAD, [make_signer("impostor")])
    with pytest.raises(UntrustedNote):
        open_checkpoint(impostor, alone(policy))


def test_one_log_cannot_sign_for_another(
    log: tuple[Signer, Signer], policy: Policy, make_signer: MakeSigner
) -> None:
    """Two logs in the policy: the second's good signature does not open the first's head."""
    other = make_signer("other")
    other_key = key("other.example/log", SignatureType.ED25519, other)
    both = replace(alone(policy), logs=(*policy.logs, PolicyLog(key=other_key)))
    text = format_checkpoint(HEAD)
    line = NoteSignature(
        name="other.example/log", key_id=other_key.key_id, signature=other.sign(text.encode())
    )
    data = format_note(Note(text=text, signatures=(line,)))
    with pytest.raises(UntrustedCheckpoint):
        open_checkpoint(data, both)


def test_a_witness_under_the_logs_name_is_not_the_log(
    policy: Policy, make_signer: MakeSigner
) -> None:
    witness = make_signer("namesake")
    member = PolicyWitness(
        name="namesake", key=key(ORIGIN, SignatureType.ED25519_COSIGNATURE, witness)
    )
    text = format_checkpoint(HEAD)
    line = cosign_checkpoint(text, ORIGIN, witness, now=NOW)
    data = format_note(Note(text=text, signatures=(line,)))
    with pytest.raises(UntrustedCheckpoint):
        open_checkpoint(data, replace(alone(policy), witnesses=(*policy.witnesses, member)))


def test_every_flipped_bit_is_refused(
    log: tuple[Signer, Signer], witnesses: dict[str, Signer], policy: Policy
) -> None:
    signed = parse_note(sign_checkpoint(HEAD, log[:1]))
    line = cosign_checkpoint(signed.text, "W1.example", witnesses["W1"], now=NOW)
    data = format_note(replace(signed, signatures=(*signed.signatures, line)))
    strict = replace(policy, quorum="W1")
    assert open_checkpoint(data, strict)
    for at in range(len(data) * 8):
        changed = bytearray(data)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises(SigningError):
            open_checkpoint(bytes(changed), strict)


def test_flipped_bits_of_an_ml_dsa_line_are_refused(
    log: tuple[Signer, Signer], policy: Policy
) -> None:
    data = sign_checkpoint(HEAD, log[1:])
    assert open_checkpoint(data, alone(policy))
    for at in [*range(150 * 8), *range(150 * 8, len(data) * 8, 97)]:
        changed = bytearray(data)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises(SigningError):
            open_checkpoint(bytes(changed), alone(policy))


def test_a_timestamp_beyond_what_is_allowed_is_false(witnesses: dict[str, Signer]) -> None:
    text, witness = format_checkpoint(HEAD), witnesses["W1"]
    known = key("W1.example", SignatureType.ED25519_COSIGNATURE, witness)
    for stamp, allowed in ((2**63 - 1, True), (2**63, False)):
        bare = witness.sign(f"cosignature/v1\ntime {stamp}\n{text}".encode())
        line = NoteSignature(
            name=known.name, key_id=known.key_id, signature=struct.pack(">Q", stamp) + bare
        )
        note = Note(text=text, signatures=(line,))
        if allowed:
            assert verify_note(note, [known]) == {known}
        else:
            with pytest.raises(UntrustedNote):
                verify_note(note, [known])


def test_a_cosignature_is_no_log_signature(witnesses: dict[str, Signer]) -> None:
    """The same key under type 1 and type 4 has two ids, so a line is never read as the other."""
    text = format_checkpoint(HEAD)
    line = cosign_checkpoint(text, "W1.example", witnesses["W1"], now=NOW)
    as_log = key("W1.example", SignatureType.ED25519, witnesses["W1"])
    with pytest.raises(UntrustedNote):
        verify_note(Note(text=text, signatures=(line,)), [as_log])


ROOT = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "a\n1\n",
        f"a\n1\n{ROOT}",
        f"\n1\n{ROOT}\n",
        f"a\n01\n{ROOT}\n",
        f"a\n-1\n{ROOT}\n",
        f"a\n+1\n{ROOT}\n",
        f"a\n 1\n{ROOT}\n",
        f"a\n1_0\n{ROOT}\n",
        f"a\n\u0661\n{ROOT}\n",
        f"a\n{2**63}\n{ROOT}\n",
        f"a\n{'9' * 5000}\n{ROOT}\n",
        f"a\n\n{ROOT}\n",
        f"a\n1\n{ROOT[:-1]}\n",
        f"a\n1\n{ROOT}=\n",
        f"a\n1\n{base64.b64encode(bytes(31)).decode()}\n",
        f"a\n1\n{ROOT[:-2]}B=\n",
        f"a\n1\n{ROOT}\nextension\n",
        f"a\n1\n{ROOT}\n\n",
        f"{'a' * 256}\n1\n{ROOT}\n",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(MalformedCheckpoint):
        parse_checkpoint(text)


@given(st.text(max_size=100) | st.lists(st.sampled_from(["a", "\n", "1", "0", ROOT])).map("".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        head = parse_checkpoint(text)
    except MalformedCheckpoint:
        return
    assert format_checkpoint(head) == text


@given(
    st.builds(
        Checkpoint,
        origin=st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=60),
        size=st.integers(0, 2**63 - 1),
        root=st.binary(min_size=32, max_size=32),
    )
)
def test_what_is_written_is_read(head: Checkpoint) -> None:
    assert parse_checkpoint(format_checkpoint(head)) == head


@pytest.mark.parametrize(
    "wrong", [{"size": -1}, {"size": 2**63}, {"root": b""}, {"origin": ""}, {"origin": "a\nb"}]
)
def test_wrong_heads_are_not_signed(wrong: dict[str, object], log: tuple[Signer, Signer]) -> None:
    with pytest.raises(MalformedCheckpoint):
        sign_checkpoint(replace(HEAD, **wrong), log)  # type: ignore[arg-type]


def test_an_origin_that_is_no_key_name_is_not_signed(log: tuple[Signer, Signer]) -> None:
    with pytest.raises(MalformedVerifierKey):
        sign_checkpoint(replace(HEAD, origin="two words"), log)
    with pytest.raises(MalformedNote):
        sign_checkpoint(HEAD, [])


@given(st.binary(max_size=200))
def test_any_note_is_opened_or_refused(data: bytes) -> None:
    with pytest.raises(SigningError):
        open_checkpoint(data, Policy(logs=()))
