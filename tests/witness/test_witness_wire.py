"""The bodies between log and witness: read back as written, and nothing else gets in or out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from registry.ledger.witness.client import is_address
from registry.ledger.witness.errors import MalformedRequest
from registry.ledger.witness.wire import (
    MAX_REQUEST,
    AddCheckpoint,
    format_lines,
    format_request,
    format_size,
    monitoring_path,
    parse_lines,
    parse_request,
    parse_size,
)
from signing.errors import MalformedNote
from signing.tlog.note import NoteSignature

HASHES = st.binary(min_size=32, max_size=32)
# The words that steer the parser, so that chance gets past its first line.
PIECES = st.sampled_from(
    [b"old ", b"0", b"7", b"\n", b"\n\n", b"A" * 43 + b"=\n", b"\xe2\x80\x94 a b\n", b"\r", b"\0"]
)
BODIES = st.one_of(
    st.binary(max_size=400), st.lists(st.one_of(PIECES, st.binary(max_size=5))).map(b"".join)
)


def test_the_specifications_own_example_is_read() -> None:
    hashes = [
        "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=",
        "jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=",
    ]
    note = b"example.com/behind-the-sofa\n20852163\n\n\xe2\x80\x94 a AAAA\n"
    read = parse_request("\n".join(["old 20852014", *hashes, "", ""]).encode() + note)
    assert (read.old_size, len(read.proof), read.note) == (20852014, 2, note)
    assert read.proof[0].hex().startswith("3e544d0abc07a6a8")


@given(
    st.integers(min_value=0, max_value=2**63 - 1),
    st.lists(HASHES, max_size=63),
    st.binary(min_size=1, max_size=200),
)
def test_a_request_is_read_back_as_written(old: int, proof: list[bytes], note: bytes) -> None:
    request = AddCheckpoint(old_size=old, proof=tuple(proof), note=note)
    assert parse_request(format_request(request)) == request


@given(BODIES)
@example(b"old 0\n\n\xff")
def test_whatever_comes_is_read_or_refused(body: bytes) -> None:
    try:
        request = parse_request(body)
    except MalformedRequest:
        return
    # One spelling only: what is read is written as the same bytes.
    assert format_request(request) == body


@given(body=BODIES)
def test_a_witness_answers_whatever_comes(body: bytes, shared_witness: Any) -> None:
    assert shared_witness.add_checkpoint(body).status.value in {400, 403, 404}


@given(data=st.data())
def test_a_request_with_one_bit_changed_is_never_signed_as_asked(
    data: st.DataObject, shared_witness: Any, shared_body: bytes
) -> None:
    at = data.draw(st.integers(min_value=0, max_value=8 * len(shared_body) - 1))
    body = bytearray(shared_body)
    body[at // 8] ^= 1 << at % 8
    assert shared_witness.add_checkpoint(bytes(body)).status.value in {400, 403, 404, 409, 422}


@pytest.fixture
def shared_body(log: Any) -> bytes:
    made: bytes = log.grow(3).request(0)
    return made


@pytest.fixture
def shared_witness(open_witness: Any) -> Any:
    return open_witness()


def test_a_request_that_could_not_be_read_is_not_written() -> None:
    for old, proof, note in [
        (-1, (), b"x"),
        (0, (b"short",), b"x"),
        (0, (), b""),
        (0, (bytes(32),) * 64, b"x"),
        (0, (), b"x" * MAX_REQUEST),
    ]:
        with pytest.raises(MalformedRequest):
            format_request(AddCheckpoint(old_size=old, proof=proof, note=note))


def test_lines_are_read_back_and_stand_for_one_text_only() -> None:
    lines = tuple(
        NoteSignature(name=f"w{n}.example", key_id=bytes(4), signature=bytes([n])) for n in range(3)
    )
    body = format_lines(lines, "a\n1\nb\n")
    assert parse_lines(body, "a\n1\nb\n") == lines
    with pytest.raises(MalformedRequest):
        # A text smuggled in before the lines would be what they sign.
        parse_lines(b"other text\n\n" + body, "a\n1\nb\n")
    for bad in (b"", b"\n", body[:-1], body + b"\n", b"junk\n"):
        with pytest.raises((MalformedNote, MalformedRequest)):
            parse_lines(bad, "a\n1\nb\n")


@given(st.binary(max_size=30))
@example("٣\n".encode())
@example(b"007\n")
@example(b"7")
def test_a_size_has_one_spelling(body: bytes) -> None:
    try:
        size = parse_size(body)
    except MalformedRequest:
        return
    assert format_size(size) == body


def test_sizes_are_read_back() -> None:
    for size in (0, 1, 2**63 - 1):
        assert parse_size(format_size(size)) == size
    for bad in (b"", b"7", b"7\n\n", b"+7\n", b"9223372036854775808\n", b"-1\n"):
        with pytest.raises(MalformedRequest):
            parse_size(bad)


def test_where_a_logs_newest_checkpoint_stands() -> None:
    assert monitoring_path("a") == (
        "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb/checkpoint"
    )


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://witness.example.cn", True),
        ("http://127.0.0.1:8100/w", True),
        ("http://[::1]:8100", True),
        ("ftp://witness.example", False),
        ("https://", False),
        ("https://w.example/?a=b", False),
        ("https://user:pw@w.example", False),
        ("http://w.example:99999", False),
        ("http://w.example:0", False),
        ("witness.example", False),
        ("https://w.example/a b", False),
        ("https://w.example/\n", False),
    ],
)
def test_what_an_address_is(url: str, good: bool) -> None:
    assert is_address(url) is good
