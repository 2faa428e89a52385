"""Signed notes: what the specification accepts, what it ignores, what condemns a note."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from keys.signer import Signer
from keys.vkey import SignatureType, VerifierKey, is_key_name
from signing.errors import MalformedCheckpoint, MalformedNote, UntrustedNote
from signing.tlog.note import (
    MAX_NOTE,
    MAX_SIGNATURES,
    Note,
    NoteSignature,
    format_note,
    parse_note,
    sign_note,
    verify_note,
)

TEXT = "first line\n\nthird line\n"
NAME = "log.example/a"

MakeSigner = Callable[..., Signer]


def key_of(name: str, signer: Signer, kind: SignatureType = SignatureType.ED25519) -> VerifierKey:
    return VerifierKey(name=name, type=kind, public_key=signer.info.public_key)


def grease(count: int, seed: int) -> list[NoteSignature]:
    """Lines of keys nobody knows, some of them under known names."""
    source = random.Random(seed)
    return [
        NoteSignature(
            name=source.choice([NAME, "grease.example", "öl.example/\u6d4b"]),
            key_id=source.randbytes(4),
            signature=source.randbytes(source.choice([1, 64, 72, 2428, 5000])),
        )
        for _ in range(count)
    ]


def test_the_text_is_signed_as_the_specification_says() -> None:
    """Made here without our code: `cryptography` signs, the line is put together by hand."""
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public = private.public_key().public_bytes_raw()
    key = VerifierKey(name=NAME, type=SignatureType.ED25519, public_key=public)
    key_id = hashlib.sha256(f"{NAME}\n\x01".encode() + public).digest()[:4]
    line = base64.b64encode(key_id + private.sign(TEXT.encode())).decode()
    note = parse_note(f"{TEXT}\n\u2014 {NAME} {line}\n".encode())
    assert verify_note(note, [key]) == {key}


@pytest.mark.parametrize("seed", range(12))
def test_grease_and_order_do_not_matter(seed: int, make_signer: MakeSigner) -> None:
    signers = [make_signer(word) for word in ("a", "b", "c")]
    lines = [sign_note(TEXT, NAME, signer) for signer in signers] + grease(40, seed)
    random.Random(seed).shuffle(lines)
    data = format_note(Note(text=TEXT, signatures=tuple(lines)))
    keys = [key_of(NAME, signer) for signer in signers]
    note = parse_note(data)
    assert note.text == TEXT
    assert verify_note(note, keys) == set(keys)
    assert verify_note(note, keys[:1]) == {keys[0]}


def test_a_false_signature_of_a_known_key_condemns_the_note(make_signer: MakeSigner) -> None:
    good, other = make_signer("a"), make_signer("b")
    false = NoteSignature(
        name=NAME, key_id=key_of(NAME, other).key_id, signature=good.sign(TEXT.encode())
    )
    note = Note(text=TEXT, signatures=(sign_note(TEXT, NAME, good), false))
    assert verify_note(note, [key_of(NAME, good)])
    with pytest.raises(UntrustedNote):
        verify_note(note, [key_of(NAME, good), key_of(NAME, other)])
    twice = Note(
        text=TEXT,
        signatures=(
            sign_note(TEXT, NAME, good),
            NoteSignature(name=NAME, key_id=key_of(NAME, good).key_id, signature=bytes(64)),
        ),
    )
    with pytest.raises(UntrustedNote):
        verify_note(twice, [key_of(NAME, good)])


def test_unknown_keys_alone_are_not_enough(make_signer: MakeSigner) -> None:
    signer = make_signer("a")
    note = Note(text=TEXT, signatures=(sign_note(TEXT, NAME, signer),))
    for keys in ([], [key_of(NAME, make_signer("b"))], [key_of("log.example/b", signer)]):
        with pytest.raises(UntrustedNote):
            verify_note(note, keys)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 63, 65, 71, 73])
@pytest.mark.parametrize("kind", list(SignatureType))
def test_signatures_of_other_lengths_are_false(
    kind: SignatureType, length: int, make_signer: MakeSigner
) -> None:
    public = (make_signer("a").info.public_key * 41)[
        : 1312 if kind is SignatureType.ML_DSA_44_COSIGNATURE else 32
    ]
    key = VerifierKey(name=NAME, type=kind, public_key=public)
    text = f"log.example\n1\n{base64.b64encode(bytes(32)).decode()}\n"
    line = NoteSignature(name=NAME, key_id=key.key_id, signature=b"\xff" * length)
    with pytest.raises(UntrustedNote):
        verify_note(Note(text=text, signatures=(line,)), [key])


def test_a_cosignature_under_no_checkpoint_is_malformed(make_signer: MakeSigner) -> None:
    key = key_of(NAME, make_signer("a"), SignatureType.ED25519_COSIGNATURE)
    line = NoteSignature(name=NAME, key_id=key.key_id, signature=bytes(72))
    with pytest.raises(MalformedCheckpoint):
        verify_note(Note(text=TEXT, signatures=(line,)), [key])


def test_every_flipped_bit_is_refused(make_signer: MakeSigner) -> None:
    signer = make_signer("a")
    data = format_note(Note(text=TEXT, signatures=(sign_note(TEXT, NAME, signer),)))
    for at in range(len(data) * 8):
        changed = bytearray(data)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises((MalformedNote, UntrustedNote)):
            verify_note(parse_note(bytes(changed)), [key_of(NAME, signer)])


LINE = b"\xe2\x80\x94 a AAAAAAA=\n"


def test_the_smallest_note() -> None:
    note = parse_note(b"\n\n" + LINE)
    assert (note.text, note.signatures[0].signature) == ("\n", b"\0")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        LINE,
        b"\n" + LINE,
        b"text\n",
        b"text\n\n",
        b"text\n\n\n",
        b"text\n" + LINE,
        b"text\n\n" + LINE[:-1],
        b"text\n\n" + LINE + b"more\n",
        b"text\n\n" + LINE + b"\n",
        b"te\rxt\n\n" + LINE,
        b"te\txt\n\n" + LINE,
        b"te\0xt\n\n" + LINE,
        b"te\xffxt\n\n" + LINE,
        b"te\xed\xa0\x80xt\n\n" + LINE,
        b"text\n\n- a AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94a AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94  AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94 a+b AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94 a\xc2\xa0b AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94 a AAAAAA==\n",
        b"text\n\n\xe2\x80\x94 a AAAAAAB=\n",
        b"text\n\n\xe2\x80\x94 a AAAAAAA\n",
        b"text\n\n\xe2\x80\x94 a AAAA AAA=\n",
        b"text\n\n\xe2\x80\x94 a\n",
        b"text\n\n" + LINE * (MAX_SIGNATURES + 1),
        b"x" * MAX_NOTE + b"\n\n" + LINE,
    ],
)
def test_other_forms_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedNote):
        parse_note(data)


def test_a_hundred_signatures_are_read() -> None:
    assert len(parse_note(b"text\n\n" + LINE * MAX_SIGNATURES).signatures) == MAX_SIGNATURES


pieces = st.sampled_from(
    [b"\n", b"\n\n", LINE, b"\xe2\x80\x94 ", b"a", b" ", b"AAAAAAA=", b"\xe2", b"\0", b"+", b"text"]
)


@given(st.binary(max_size=200) | st.lists(pieces, max_size=20).map(b"".join))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        note = parse_note(data)
    except MalformedNote:
        return
    assert format_note(note) == data


texts = st.text(st.characters(blacklist_categories=["Cs", "Cc"]) | st.just("\n"), max_size=60).map(
    lambda text: f"{text}\n"
)
lines = st.builds(
    NoteSignature,
    name=st.text(min_size=1, max_size=20).filter(is_key_name),
    key_id=st.binary(min_size=4, max_size=4),
    signature=st.binary(min_size=1, max_size=80),
)


@given(texts, st.lists(lines, min_size=1, max_size=5).map(tuple))
def test_what_is_written_is_read(text: str, signatures: tuple[NoteSignature, ...]) -> None:
    note = Note(text=text, signatures=signatures)
    assert parse_note(format_note(note)) == note


@pytest.mark.parametrize(
    ("text", "name"),
    [("no newline", "a"), ("a\rb\n", "a"), ("a\ud800b\n", "a"), ("text\n", "a b"), ("text\n", "")],
)
def test_what_cannot_be_written_is_refused(text: str, name: str) -> None:
    line = NoteSignature(name=name, key_id=bytes(4), signature=bytes(64))
    with pytest.raises(MalformedNote):
        format_note(Note(text=text, signatures=(line,)))


def test_a_note_without_signatures_cannot_be_written() -> None:
    with pytest.raises(MalformedNote):
        format_note(Note(text=TEXT, signatures=()))
