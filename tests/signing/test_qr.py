"""The QR code's text: digits, strict payload, address; nothing of the ID number in it."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.model import verify_signature
from keys.signer import PrivateKeySigner
from signing.errors import MalformedQr, SigningError
from signing.qr import (
    MAX_PAYLOAD_BYTES,
    QR_DOMAIN,
    from_digits,
    is_token,
    new_token,
    parse_payload,
    parse_qr_url,
    qr_payload,
    qr_url,
    to_digits,
)
from signing.record import Record

MakeRecord = Callable[..., Record]

BASE = "https://zs.example.cn"
TOKEN = "abcdefgh234567aa"


@given(st.binary(min_size=1, max_size=MAX_PAYLOAD_BYTES))
def test_digits_round_trip(payload: bytes) -> None:
    digits = to_digits(payload)
    assert from_digits(digits) == payload
    assert digits.isdigit()


@pytest.mark.parametrize(
    ("size", "length"),
    [(1, 3), (2, 5), (3, 8), (4, 10), (5, 13), (6, 15), (7, 17), (8, 20), (14, 34)],
)
def test_digits_grouping(size: int, length: int) -> None:
    assert len(to_digits(b"\xff" * size)) == len(to_digits(bytes(size))) == length


@given(st.text("0123456789", max_size=60))
def test_digits_are_refused_or_the_only_spelling(digits: str) -> None:
    try:
        payload = from_digits(digits)
    except MalformedQr:
        return
    assert to_digits(payload) == digits


@pytest.mark.parametrize(
    "digits",
    [
        "",
        "256",
        "999",
        "72057594037927936",
        "1",
        "12",
        "1234",
        "12a",
        "１２３",
        "-12",
        " 12",
        "0" * 1000,
    ],
)
def test_digits_never_written_are_refused(digits: str) -> None:
    with pytest.raises(MalformedQr):
        from_digits(digits)


def test_the_payload_says_the_printed_facts_and_is_signed(
    make_record: MakeRecord, record_signer: PrivateKeySigner
) -> None:
    record = make_record()
    payload = parse_payload(qr_payload(record, record_signer))
    info = record_signer.info
    assert payload.agrees_with(record)
    assert not payload.agrees_with(make_record(name="李示例"))
    assert (payload.prefix, payload.key_id) == (record.prefix, info.key_id)
    assert len(cbor2.loads(payload.signed)[-1]) == 8
    for message, good in ((QR_DOMAIN + payload.signed, True), (payload.signed, False)):
        answer = verify_signature(info.algorithm, info.public_key, message, payload.signature)
        assert answer is good


def test_no_id_or_admission_number_is_in_it(
    make_record: MakeRecord, record_signer: PrivateKeySigner
) -> None:
    record = make_record()
    payload = qr_payload(record, record_signer)
    assert record.id_number.encode() not in payload
    assert record.admission.encode() not in payload


def test_the_usual_payload_fits_version_11(
    make_record: MakeRecord, record_signer: PrivateKeySigner
) -> None:
    url = qr_url(BASE, TOKEN, to_digits(qr_payload(make_record(), record_signer)))
    address, digits = url.split("#")
    bits = 4 + 8 + 8 * (len(address) + 1) + 4 + 12 + -(-len(digits) * 10 // 3)
    assert bits <= 251 * 8 + 12  # capacity of version 11, EC level M


def test_oversize_is_refused(make_record: MakeRecord, record_signer: PrivateKeySigner) -> None:
    with pytest.raises(MalformedQr, match="too long"):
        qr_payload(make_record(issuer="公" * 100), record_signer)
    with pytest.raises(MalformedQr, match="too long"):
        parse_payload(bytes(MAX_PAYLOAD_BYTES + 1))


def _wrap(signed: bytes) -> bytes:
    return len(signed).to_bytes(2) + signed + bytes(64)


_FACTS = [1, "n", "张", "o", "", "3", "i", "2026-11-23", 1, bytes(8)]


def test_the_hand_made_payload_is_good() -> None:
    assert parse_payload(_wrap(cbor2.dumps(_FACTS))).name == "张"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x00",
        _wrap(b""),
        _wrap(cbor2.dumps(_FACTS)) + b"\x00",
        _wrap(cbor2.dumps(_FACTS))[:-1],
        _wrap(cbor2.dumps(_FACTS) + b"\x00"),
        _wrap(cbor2.dumps(_FACTS[:-1])),
        _wrap(cbor2.dumps([*_FACTS, ""])),
        _wrap(cbor2.dumps([2, *_FACTS[1:]])),
        _wrap(cbor2.dumps([True, *_FACTS[1:]])),
        _wrap(cbor2.dumps([*_FACTS[:8], "1", bytes(8)])),
        _wrap(cbor2.dumps([*_FACTS[:8], True, bytes(8)])),
        _wrap(cbor2.dumps([*_FACTS[:-1], bytes(7)])),
        _wrap(cbor2.dumps([1, "n", "\x1b[2J", *_FACTS[3:]])),
        _wrap(cbor2.dumps([1, "n", "张\u202e", *_FACTS[3:]])),
        _wrap(cbor2.dumps({"a": 1})),
        _wrap(cbor2.dumps(cbor2.CBORTag(55799, _FACTS))),
        _wrap(b"\x9f" + cbor2.dumps(_FACTS)[1:] + b"\xff"),  # indefinite length
        _wrap(b"\x8a\x18\x01" + cbor2.dumps(_FACTS)[2:]),  # 1 in two bytes
        _wrap(b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff"),  # an array of 2^64 - 1
        _wrap(b"\x81" * 200),
        _wrap(b"\xd8\x23\x61("),  # a tag that compiles a regular expression
    ],
)
def test_any_other_payload_is_refused(payload: bytes) -> None:
    with pytest.raises(MalformedQr):
        parse_payload(payload)


@given(st.binary(max_size=300) | st.binary(max_size=200).map(_wrap))
def test_no_payload_crashes_the_parser(payload: bytes) -> None:
    with pytest.raises(MalformedQr):
        parse_payload(payload)


def test_address_round_trip(make_record: MakeRecord, record_signer: PrivateKeySigner) -> None:
    payload = qr_payload(make_record(), record_signer)
    for base in (BASE, "http://127.0.0.1:8000", "https://zs.example.cn/cert-reg"):
        url = qr_url(base, TOKEN, to_digits(payload))
        assert parse_qr_url(url) == (base, TOKEN, parse_payload(payload))


@pytest.mark.parametrize(
    ("base", "token", "digits"),
    [
        ("https://ZS.example.cn", TOKEN, "123"),
        ("https://zs.example.cn/", TOKEN, "123"),
        ("ftp://zs.example.cn", TOKEN, "123"),
        ("https://user@zs.example.cn", TOKEN, "123"),
        (BASE, TOKEN[:-1], "123"),
        (BASE, TOKEN.upper(), "123"),
        (BASE, "abcdefgh1234567a", "123"),
        (BASE, TOKEN, ""),
        (BASE, TOKEN, "12x"),
    ],
)
def test_no_other_address_is_written(base: str, token: str, digits: str) -> None:
    with pytest.raises(MalformedQr):
        qr_url(base, token, digits)


@given(st.text(max_size=80) | st.text("0123456789", max_size=80).map(f"{BASE}/v/{TOKEN}#".__add__))
def test_no_text_crashes_the_address_parser(text: str) -> None:
    with pytest.raises(SigningError):
        parse_qr_url(text)


def test_a_line_end_after_the_digits_is_refused() -> None:
    good = f"{BASE}/v/{TOKEN}#{to_digits(_wrap(cbor2.dumps(_FACTS)))}"
    assert parse_qr_url(good)[1] == TOKEN
    for text in (good + "\n", " " + good, good.replace("https", "HTTPS")):
        with pytest.raises(MalformedQr):
            parse_qr_url(text)


def test_tokens_have_eighty_bits() -> None:
    tokens = {new_token(secrets.token_bytes) for _ in range(200)}
    assert len(tokens) == 200
    assert all(is_token(token) for token in tokens)
    assert new_token(lambda size: b"\xff" * size) == "7" * 16
    assert not is_token("7" * 15)
    assert not is_token("7" * 16 + "\n")
