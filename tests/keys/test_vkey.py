"""Verifier keys: one spelling, an id that fits, and no way to make the reader fall over."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.vkey import (
    PUBLIC_KEY_BYTES,
    MalformedVerifierKey,
    SignatureType,
    VerifierKey,
    format_vkey,
    is_key_name,
    parse_vkey,
)

# The witness of the C2SP signed-note text's kind: made here by the formula, not by our code.
NAME = "example.org/log"
PUBLIC = bytes(range(32))

names = st.text(min_size=1, max_size=40).filter(is_key_name)
keys = st.sampled_from(SignatureType).flatmap(
    lambda kind: st.builds(
        VerifierKey,
        name=names,
        type=st.just(kind),
        public_key=st.binary(min_size=PUBLIC_KEY_BYTES[kind], max_size=PUBLIC_KEY_BYTES[kind]),
    )
)


@pytest.mark.parametrize("kind", list(SignatureType))
def test_the_text_follows_the_specification(kind: SignatureType) -> None:
    public = (PUBLIC * 41)[: PUBLIC_KEY_BYTES[kind]]
    key_id = hashlib.sha256(NAME.encode() + b"\n" + bytes([kind]) + public).digest()[:4]
    text = f"{NAME}+{key_id.hex()}+{base64.b64encode(bytes([kind]) + public).decode()}"
    key = VerifierKey(name=NAME, type=kind, public_key=public)
    assert format_vkey(key) == text == str(key)
    assert parse_vkey(text) == key
    assert key.key_id == key_id


def test_the_go_checksum_database_key_is_read() -> None:
    text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    key = parse_vkey(text)
    assert (key.name, key.type) == ("sum.golang.org", SignatureType.ED25519)
    assert key.key_id.hex() == "033de0ae"


@given(keys)
def test_what_is_written_is_read(key: VerifierKey) -> None:
    assert parse_vkey(format_vkey(key)) == key


@given(st.text(max_size=200) | st.from_regex(r"\A[a-z]{1,9}\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{0,60}\Z"))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        key = parse_vkey(text)
    except MalformedVerifierKey:
        return
    assert format_vkey(key) == text


@pytest.mark.parametrize("kind", [SignatureType.ED25519, SignatureType.ED25519_COSIGNATURE])
def test_every_changed_letter_is_refused(kind: SignatureType) -> None:
    text = format_vkey(VerifierKey(name=NAME, type=kind, public_key=PUBLIC))
    for at in range(len(text)):
        for bit in range(7):
            changed = text[:at] + chr(ord(text[at]) ^ 1 << bit) + text[at + 1 :]
            with pytest.raises(MalformedVerifierKey):
                parse_vkey(changed)


@pytest.mark.parametrize(
    "name", ["", "a b", "a+b", "a\tb", "a\u00a0b", "a\u3000b", "a\nb", "a\x01", "\ud800", "x" * 256]
)
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(MalformedVerifierKey):
        VerifierKey(name=name, type=SignatureType.ED25519, public_key=PUBLIC)


@pytest.mark.parametrize("length", [0, 31, 33, 1312])
def test_bad_lengths_are_refused(length: int) -> None:
    with pytest.raises(MalformedVerifierKey):
        VerifierKey(name=NAME, type=SignatureType.ED25519, public_key=bytes(length))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000",
        "name+00000000+",
        "name+00000000+AA==",
        "sum.golang.org+033DE0AE+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        " sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8\n",
        "a" * 5000,
    ],
)
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(MalformedVerifierKey):
        parse_vkey(text)
