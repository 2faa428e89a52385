"""Signed requests: the RFC's own example, round trips, and every change found."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.model import Algorithm, Purpose
from signing.httpsig import (
    REQUIRED,
    MalformedHttpSignature,
    Request,
    content_digest,
    format_date,
    parse_date,
    read_claim,
    sign_request,
    signature_base,
    uncovered,
    verify_request,
)

PUBLIC = urlsafe_b64decode("JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs=")
"""RFC 9421 appendix B.1.4, the public half of test-key-ed25519."""

COVERED = '"date" "@method" "@path" "@authority" "content-type" "content-length"'
EXAMPLE = Request(
    method="POST",
    path="/foo",
    query="param=Value&Pet=dog",
    headers={
        "host": "example.com",
        "date": "Tue, 20 Apr 2021 02:07:55 GMT",
        "content-type": "application/json",
        "content-length": "18",
        "signature-input": f'sig-b26=({COVERED});created=1618884473;keyid="test-key-ed25519"',
        "signature": (
            "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5l"
            "Ip5WPpBKRCw==:"
        ),
    },
)
"""RFC 9421 appendix B.2.6."""

NOW = datetime(2026, 11, 24, 2, 0, 0, tzinfo=UTC)


def test_the_example_of_the_rfc_verifies() -> None:
    claim = read_claim(EXAMPLE.headers)
    assert claim.key_id == "test-key-ed25519"
    assert signature_base(EXAMPLE, claim.components, claim.params).decode() == (
        '"date": Tue, 20 Apr 2021 02:07:55 GMT\n'
        '"@method": POST\n'
        '"@path": /foo\n'
        '"@authority": example.com\n'
        '"content-type": application/json\n'
        '"content-length": 18\n'
        f'"@signature-params": ({COVERED});created=1618884473;keyid="test-key-ed25519"'
    )
    assert verify_request(EXAMPLE, claim, Algorithm.ED25519, PUBLIC)
    # It leaves the body and the query open, so no request of ours may be signed like it.
    assert uncovered(EXAMPLE, claim) == ("@query", "content-digest")


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"path": "/foo/"},
        {"headers": {**EXAMPLE.headers, "date": "Tue, 20 Apr 2021 02:07:56 GMT"}},
        {"headers": {**EXAMPLE.headers, "host": "example.org"}},
    ],
)
def test_the_example_changed_does_not(change: dict[str, Any]) -> None:
    other = replace(EXAMPLE, **change)
    claim = read_claim(other.headers)
    assert not verify_request(other, claim, Algorithm.ED25519, PUBLIC)


def test_the_digest_of_the_rfc_s_body() -> None:
    # RFC 9530 appendix B: the digest of nothing at all is that of an empty body.
    assert content_digest(b'{"hello": "world"}') == (
        "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
    )
    assert content_digest(b"") == "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"


TOKENS = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789-_"), min_size=1, max_size=20)
QUERIES = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)


@st.composite
def requests(draw: st.DrawFn) -> tuple[Request, bytes]:
    names = st.sampled_from(["content-type", "upload-offset", "idempotency-key", "x-other"])
    headers = draw(st.dictionaries(names, VALUES.map(str.strip), max_size=4))
    method = draw(st.sampled_from(["GET", "HEAD", "PUT", "POST"]))
    path = "/" + "/".join(draw(st.lists(TOKENS, max_size=4)))
    request = Request(method=method, path=path, query=draw(QUERIES), headers=headers)
    return request, draw(st.binary(max_size=60))


def signed(make_signer: Any, request: Request, body: bytes) -> tuple[Request, Any]:
    signer = make_signer(7, Purpose.UPLOAD, "office")
    added = sign_request(request, body, signer, nonce="n" * 16, now=NOW)
    return replace(request, headers={**request.headers, **added}), signer.info


@given(given_one=requests())
def test_what_is_signed_verifies_and_covers_all_that_counts(
    make_signer: Any, given_one: tuple[Request, bytes]
) -> None:
    request, body = given_one
    sent, info = signed(make_signer, request, body)
    claim = read_claim(sent.headers)
    assert (claim.key_id, claim.nonce) == (info.key_id, "n" * 16)
    assert uncovered(sent, claim) == ()
    assert set(REQUIRED) <= set(claim.components)
    assert verify_request(sent, claim, info.algorithm, info.public_key)
    assert sent.headers["content-digest"] == content_digest(body)
    assert parse_date(sent.headers["date"]) == NOW


@given(given_one=requests(), data=st.data())
def test_any_change_of_what_counts_is_found(
    make_signer: Any, given_one: tuple[Request, bytes], data: st.DataObject
) -> None:
    request, body = given_one
    sent, info = signed(make_signer, request, body)
    claim = read_claim(sent.headers)
    field = data.draw(st.sampled_from(["method", "path", "query", "date", "content-digest"]))
    match field:
        case "method":
            changed = replace(sent, method=sent.method + "X")
        case "path":
            changed = replace(sent, path=sent.path + "x")
        case "query":
            changed = replace(sent, query=sent.query + "x")
        case _:
            changed = replace(sent, headers={**sent.headers, field: sent.headers[field] + "x"})
    assert not verify_request(changed, claim, info.algorithm, info.public_key)
    flipped = bytearray(claim.signature)
    flipped[data.draw(st.integers(0, 63))] ^= data.draw(st.integers(1, 255))
    forged = replace(claim, signature=bytes(flipped))
    assert not verify_request(sent, forged, info.algorithm, info.public_key)


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_text_makes_the_reader_stumble(one: str, two: str) -> None:
    for pair in ((one, two), (f"sig1={one}", f"sig1={two}"), (f'sig1=("date"){one}', two)):
        headers = {"signature-input": pair[0], "signature": pair[1]}
        with suppress(MalformedHttpSignature):
            claim = read_claim(headers)
            assert len(set(claim.components)) == len(claim.components)


@pytest.mark.parametrize(
    "params",
    [
        '("date" "date");keyid="a"',
        '("date";sf);keyid="a"',
        '("date");keyid="a";keyid="b"',
        '("date");keyid=a',
        '("date");created="1"',
        '("date");unknown="1"',
        '("date" );keyid="a"',
        '("date"  "host");keyid="a"',
        '("Date");keyid="a"',
        '("date"), sig2=("date")',
        "()x",
        '("date");keyid="a\\"b"',
    ],
)
def test_other_spellings_are_refused(params: str) -> None:
    signature = "sig1=:" + "A" * 86 + "==:"
    with pytest.raises(MalformedHttpSignature):
        read_claim({"signature-input": f"sig1={params}", "signature": signature})


def test_labels_must_agree_and_length_is_bounded() -> None:
    signature = "sig2=:" + "A" * 86 + "==:"
    for given_input in ('sig1=("date");keyid="a"', 'sig2=("date");keyid="' + "a" * 3000 + '"'):
        with pytest.raises(MalformedHttpSignature):
            read_claim({"signature-input": given_input, "signature": signature})
    assert read_claim({"signature-input": 'sig2=("date")', "signature": signature}).key_id == ""


def test_a_component_that_is_not_there_and_a_value_that_cannot_be() -> None:
    with pytest.raises(MalformedHttpSignature):
        signature_base(EXAMPLE, ("digest",), "()")
    with pytest.raises(MalformedHttpSignature):
        signature_base(EXAMPLE, ("@status",), "()")
    split = replace(EXAMPLE, headers={"date": 'x\n"@method": GET'})
    with pytest.raises(MalformedHttpSignature):
        signature_base(split, ("date",), "()")


def test_another_algorithm_or_a_bad_nonce(make_signer: Any) -> None:
    sent, info = signed(make_signer, EXAMPLE, b"")
    claim = replace(read_claim(sent.headers), algorithm="rsa-pss-sha512")
    assert not verify_request(sent, claim, info.algorithm, info.public_key)
    assert not verify_request(sent, read_claim(sent.headers), Algorithm.ECDSA_P256, info.public_key)
    signer = make_signer(7, Purpose.UPLOAD, "office")
    for nonce in ('a"b', "a\nb", "é"):
        with pytest.raises(MalformedHttpSignature):
            sign_request(EXAMPLE, b"", signer, nonce=nonce, now=NOW)


@given(st.integers(0, 200_000_000_000))
def test_dates_read_back(seconds: int) -> None:
    aware = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    assert parse_date(format_date(aware)) == aware


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-24T02:00:00Z",
        "Tue, 24 Nov 2026 02:00:00 +0000",
        "Tue, 24 Nov 2026 02:00:00 GMT ",
        "Mon, 24 Nov 2026 02:00:00 GMT",
        "tue, 24 nov 2026 02:00:00 gmt",
        "Tue, 24 Nov 26 02:00:00 GMT",
        "Tue, 31 Feb 2026 02:00:00 GMT",
    ],
)
def test_other_dates_are_refused(text: str) -> None:
    with pytest.raises(MalformedHttpSignature):
        parse_date(text)


def test_a_date_is_written_in_utc() -> None:
    from datetime import timezone

    china = NOW.astimezone(timezone(timedelta(hours=8)))
    assert format_date(china) == "Tue, 24 Nov 2026 02:00:00 GMT"
