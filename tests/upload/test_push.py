"""The way to the centre: whole answers or none, and a strict reading of each."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.signer import PrivateKeySigner, public_bytes, software_signer
from registry.upload.asking import (
    Client,
    Denied,
    Later,
    NotAnAnswer,
    NotHere,
    PutOff,
    Raw,
    ReceiptCame,
    RefusedWhole,
    Unreachable,
    Visibility,
    Waiting,
    base_of,
)
from registry.upload.problems import Problem
from registry.upload.push import HttpTransport
from signing.httpsig import Request, read_claim, uncovered, verify_request

NOW = datetime(2026, 11, 24, 2, 0, 0, tzinfo=UTC)
DIGEST = "a" * 64
JSON = {"content-type": "application/json"}
FAULT = {"content-type": "application/problem+json"}


def make_signer() -> PrivateKeySigner:
    private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"push").digest())
    public = public_bytes(private)
    info = KeyInfo(
        key_id=key_id_of(Algorithm.ED25519, public),
        algorithm=Algorithm.ED25519,
        purpose=Purpose.UPLOAD,
        issuer="office",
        not_before=NOW - timedelta(days=1),
        not_after=NOW + timedelta(days=1),
        state=KeyState.ACTIVE,
        public_key=public,
    )
    return software_signer(info, private)


class Canned:
    """A way that gives what it was given, and keeps what was asked."""

    def __init__(self, *answers: Raw) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []

    def ask(self, method: str, target: str, headers: object, body: bytes) -> Raw:
        self.asked.append((method, target, dict(headers), body))  # type: ignore[call-overload]
        return self.answers.pop(0)


def client(*answers: Raw, base: str = "") -> tuple[Client, Canned]:
    way = Canned(*answers)
    return Client(
        transport=way,
        base=base,
        signer=make_signer(),
        random=lambda size: bytes(range(size)),
        now=lambda: NOW,
    ), way


@pytest.fixture
def served() -> Iterator[Callable[[bytes], str]]:
    """Give the function that serves fixed bytes to one request, and then closes."""
    servers: list[socket.socket] = []

    def serve(data: bytes) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(data)

        threading.Thread(target=answer, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}"

    yield serve
    for server in servers:
        server.close()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf",
        b"220 mail.example.cn ESMTP\r\n",
    ],
)
def test_half_an_answer_is_none(served: Callable[[bytes], str], data: bytes) -> None:
    with pytest.raises(Unreachable):
        HttpTransport(url=served(data), timeout=10.0).ask("GET", "/", {}, b"")


def test_a_whole_answer_comes_as_it_is(served: Callable[[bytes], str]) -> None:
    url = served(b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 2\r\n\r\nhi")
    raw = HttpTransport(url=url, timeout=10.0).ask("GET", "/", {}, b"")
    # Not followed: what was signed goes where it says, or nowhere.
    assert (raw.status, raw.headers["location"], raw.body) == (302, "/login", b"hi")


def test_nobody_there_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Unreachable):
        HttpTransport(url=f"http://127.0.0.1:{port}", timeout=5.0).ask("GET", "/", {}, b"")


def test_every_request_is_signed_with_its_body_and_its_address() -> None:
    asker, way = client(Raw(status=201, headers=JSON, body=b"{}"), base="/province")
    assert isinstance(asker.hand_in(DIGEST), ReceiptCame)
    ((method, target, headers, body),) = way.asked
    assert target == "/province/api/v1/submissions"
    request = Request(method=method, path=target, query="", headers=headers)
    claim = read_claim(headers)
    info = asker.signer.info
    assert verify_request(request, claim, info.algorithm, info.public_key)
    assert uncovered(request, claim) == ()
    assert {"content-type", "idempotency-key"} <= set(claim.components)
    assert body == b'{"package": "%s"}' % DIGEST.encode()
    assert base_of("https://centre.example.cn/province") == "/province"
    assert base_of("https://centre.example.cn") == ""


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (Raw(status=202, headers={**JSON, "retry-after": "7"}, body=b"{}"), Waiting(seconds=7)),
        (Raw(status=202, headers=JSON, body=b"{}"), Waiting(seconds=1)),
        (Raw(status=404, headers=FAULT, body=b'{"code":"http-404"}'), NotHere()),
        (
            Raw(status=409, headers=FAULT, body=b'{"code":"sequence-gap","later":true}'),
            PutOff(code="sequence-gap"),
        ),
        (
            Raw(status=422, headers=FAULT, body=b'{"code":"rows-malformed","refusal":"eA=="}'),
            RefusedWhole(code="rows-malformed", signed=b"x"),
        ),
        (
            Raw(status=401, headers=FAULT, body=b'{"code":"clock-skew"}'),
            Later(code="clock-skew"),
        ),
        (
            Raw(status=403, headers=FAULT, body=b'{"code":"key-revoked"}'),
            Denied(code="key-revoked"),
        ),
        (
            Raw(status=503, headers={"retry-after": "99999"}, body=b"<html>"),
            Later(code=Problem.BUSY, seconds=3600),
        ),
        (Raw(status=429, headers={}, body=b""), Later(code=Problem.BUSY)),
        (
            Raw(status=403, headers=FAULT, body=b'{"code":"<b>"}'),
            Denied(code=Problem.NOT_AN_ANSWER),
        ),
    ],
)
def test_what_the_centre_says_is_read(raw: Raw, wanted: object) -> None:
    asker, _ = client(raw)
    assert asker.submission(DIGEST) == wanted


def test_only_an_answer_about_the_package_refuses_the_package() -> None:
    def said(status: int) -> Raw:
        return Raw(status=status, headers=FAULT, body=b'{"code":"manifest-malformed"}')

    assert client(said(422))[0].hand_in(DIGEST) == RefusedWhole(code="manifest-malformed")
    for status in (403, 413):
        assert client(said(status))[0].hand_in(DIGEST) == Denied(code="manifest-malformed")
    for status in (403, 413, 422):
        denied = Denied(code="manifest-malformed")
        asker, _ = client(*[said(status)] * 3)
        assert asker.send(DIGEST, b"data") == denied
        assert asker.receipts(0) == denied
        assert asker.visibility(0) == denied


@pytest.mark.parametrize(
    "raw",
    [
        Raw(status=200, headers={"content-type": "text/html"}, body=b"<html>"),
        Raw(status=201, headers=JSON, body=b""),
        Raw(status=302, headers={"location": "/login"}, body=b""),
        Raw(status=404, headers={"content-type": "text/html"}, body=b"<html>"),
        Raw(status=422, headers=FAULT, body=b'{"code":'),
        Raw(status=422, headers=FAULT, body=b"[]"),
    ],
)
def test_what_is_no_answer_is_taken_for_none(raw: Raw) -> None:
    asker, _ = client(raw)
    with pytest.raises(NotAnAnswer):
        asker.submission(DIGEST)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"upload-offset": "4"},
        {"upload-offset": "-1", "upload-complete": "?0"},
        {"upload-offset": "5", "upload-complete": "?0"},
        {"upload-offset": "3", "upload-complete": "?1"},
        {"upload-offset": "\u0664", "upload-complete": "?0"},
    ],
)
def test_a_progress_that_cannot_be_is_no_answer(headers: dict[str, str]) -> None:
    asker, _ = client(Raw(status=204, headers=headers, body=b""))
    with pytest.raises(NotAnAnswer):
        asker.send(DIGEST, b"four")


def test_the_last_receipt_that_was_cut_off_is_left_for_the_next_time() -> None:
    lines = {"content-type": "application/jsonl"}
    asker, way = client(Raw(status=200, headers=lines, body=b'{"a":1}\n{"b":2}\n{"c"'))
    assert asker.receipts(3) == [b'{"a":1}', b'{"b":2}']
    assert way.asked[0][1] == "/api/v1/receipts?after=3"


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"visible":[],"next":2}',
        b'{"visible":[{"number":1,"seen_on":"2026-11-01"}],"next":9}',
        b'{"visible":[],"next":9,"more":1}',
    ],
)
def test_a_visibility_list_has_its_form_or_is_none(body: bytes) -> None:
    asker, _ = client(Raw(status=200, headers=JSON, body=body))
    with pytest.raises(NotAnAnswer):
        asker.visibility(5)
    good, _ = client(Raw(status=200, headers=JSON, body=b'{"visible":[],"next":5}'))
    assert good.visibility(5) == Visibility(visible=[], next=5)


@given(
    status=st.integers(100, 599),
    headers=st.dictionaries(
        st.sampled_from(["content-type", "retry-after", "upload-offset", "upload-complete"]),
        st.sampled_from(["application/json", "application/problem+json", "?0", "?1", "3", ""])
        | st.text(max_size=8),
    ),
    body=st.binary(max_size=40) | st.just(b'{"code":"x","later":true}'),
)
def test_no_answer_whatever_is_more_than_not_an_answer(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    raw = Raw(status=status, headers=headers, body=body)
    for ask in (
        lambda one: one.submission(DIGEST),
        lambda one: one.hand_in(DIGEST),
        lambda one: one.receipts(0),
        lambda one: one.visibility(0),
        lambda one: one.send(DIGEST, b"four"),
    ):
        asker, way = client(*[raw] * 8)
        try:
            found = ask(asker)
        except NotAnAnswer:
            continue
        # Only a success with the declared type can be taken for a receipt.
        if isinstance(found, ReceiptCame):
            assert status in {200, 201}
            assert headers["content-type"].partition(";")[0].strip().lower() == "application/json"
        assert len(way.asked) <= 2
