"""The call to an employer's address, against a real TLS server on this machine.

Resolver and connection are handed in: the name leads to a public address on paper, and the
connection to that address ends at the test's own server.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from verify_web.bulk.addresses import CallFault
from verify_web.callout import Caller, NotTaken

NAME = "hr.example.com"
ADDRESS = f"https://{NAME}/hooks?a=1"
PUBLIC = "1.1.1.1"
OK = b"HTTP/1.1 204 No Content\r\n\r\n"


class Receiver:
    """Takes one connection after the other and answers with what it is told."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.answer = OK
        self.hold = threading.Event()
        self.holds = False
        self.piece = 1 << 16
        self.requests: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.context = context
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self) -> None:
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            try:
                with self.context.wrap_socket(plain, server_side=True) as stream:
                    self.requests.append(self.read(stream))
                    if self.holds:
                        self.hold.wait(5)
                    for at in range(0, len(self.answer), self.piece):
                        stream.sendall(self.answer[at : at + self.piece])
                        if self.piece == 1:
                            self.hold.wait(0.1)
            except OSError:
                continue

    @staticmethod
    def read(stream: ssl.SSLSocket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            data += stream.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(body) < size:
            body += stream.recv(65536)
        return head + b"\r\n\r\n" + body

    def close(self) -> None:
        self.hold.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


def make_certificate(folder: Path, name: str) -> tuple[Path, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = folder / f"{name}.pem"
    file.write_bytes(private + pem)
    return file, pem.decode()


def server_context(file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Any]:
    file, pem = make_certificate(tmp_path, NAME)
    made: Any = Receiver(server_context(file))
    made.trusted = ssl.create_default_context(cadata=pem)
    yield made
    made.close()


def caller(receiver: Any, **instead: Any) -> Caller:
    def connect(address: str, port: int, seconds: float) -> socket.socket:
        assert address == PUBLIC
        assert port == 443
        return socket.create_connection(("127.0.0.1", receiver.port), timeout=seconds)

    usual = {"resolve": lambda _host, _port: [PUBLIC], "connect": connect}
    return Caller(**usual | {"context": receiver.trusted} | instead)


def fault_of(call: Callable[[], None]) -> CallFault:
    with pytest.raises(NotTaken) as refused:
        call()
    return refused.value.fault


def test_a_notice_arrives_whole(receiver: Any) -> None:
    body = b'{"a":1}' * 30_000
    caller(receiver).post(ADDRESS, {"Certreg-Event": "e1"}, body)
    (request,) = receiver.requests
    head, _, got = request.partition(b"\r\n\r\n")
    assert got == body
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /hooks?a=1 HTTP/1.1"
    assert f"Host: {NAME}" in lines
    assert "Certreg-Event: e1" in lines


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/\r\n\r\n", CallFault.REDIRECT),
        (b"HTTP/1.1 307 x\r\nLocation: /again\r\n\r\n", CallFault.REDIRECT),
        (b"HTTP/1.1 500 Oh\r\n\r\n", CallFault.ANSWER),
        (b"HTTP/1.1 404 \r\n\r\n", CallFault.ANSWER),
        (b"HTTP/1.1 20 OK\r\n\r\n", CallFault.ANSWER),
        (b"SSH-2.0-none\r\n", CallFault.ANSWER),
        (b"x" * 100_000, CallFault.ANSWER),
        (b"", CallFault.ANSWER),
    ],
)
def test_any_answer_but_2xx_is_a_fault_and_nothing_is_followed(
    receiver: Any, answer: bytes, fault: CallFault
) -> None:
    receiver.answer = answer
    assert fault_of(lambda: caller(receiver).post(ADDRESS, {}, b"{}")) is fault
    assert len(receiver.requests) == 1


def test_an_endless_answer_is_left_after_its_first_line(receiver: Any) -> None:
    receiver.answer = b"HTTP/1.0 200 OK\r\n" + b"a" * (4 << 20)
    caller(receiver).post(ADDRESS, {}, b"{}")


def test_a_receiver_that_lets_us_wait_is_left(receiver: Any) -> None:
    receiver.holds = True
    assert fault_of(lambda: caller(receiver, seconds=0.3).post(ADDRESS, {}, b"{}")) is (
        CallFault.TIME
    )


def test_an_answer_a_byte_at_a_time_has_no_more_time_than_any(receiver: Any) -> None:
    receiver.piece = 1
    assert fault_of(lambda: caller(receiver, seconds=0.5).post(ADDRESS, {}, b"{}")) is (
        CallFault.TIME
    )


@pytest.mark.parametrize(
    "answers",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["::1"],
        ["169.254.169.254"],
        [PUBLIC, "192.168.0.1"],
        ["nonsense"],
    ],
)
def test_a_name_that_leads_inside_is_not_called(receiver: Any, answers: list[str]) -> None:
    called = []
    call = caller(
        receiver,
        resolve=lambda _host, _port: answers,
        connect=lambda *_: called.append(1) or socket.socket(),
    )
    assert fault_of(lambda: call.post(ADDRESS, {}, b"{}")) is CallFault.ADDRESS
    assert called == []


def test_a_name_is_asked_once_and_the_judged_address_is_called(receiver: Any) -> None:
    # The second answer of a rebinding name would lead inside: there is no second question.
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    asked = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    caller(receiver, resolve=resolve).post(ADDRESS, {}, b"{}")
    assert asked == [NAME]
    assert len(receiver.requests) == 1


def test_a_name_that_does_not_resolve(receiver: Any) -> None:
    def fails(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    never = threading.Event()

    def hangs(_host: str, _port: int) -> list[str]:
        never.wait(5)
        return [PUBLIC]

    for resolve in (fails, hangs, lambda _host, _port: []):
        call = caller(receiver, resolve=resolve, seconds=0.2)
        assert fault_of(lambda call=call: call.post(ADDRESS, {}, b"{}")) is CallFault.NAME
    never.set()
    assert receiver.requests == []


def test_a_certificate_for_another_name_is_refused(receiver: Any, tmp_path: Path) -> None:
    file, pem = make_certificate(tmp_path, "other.example.com")
    other: Any = Receiver(server_context(file))
    other.trusted = ssl.create_default_context(cadata=pem)
    try:
        assert fault_of(lambda: caller(other).post(ADDRESS, {}, b"{}")) is CallFault.TLS
    finally:
        other.close()
    usual = ssl.create_default_context()
    assert fault_of(lambda: caller(receiver, context=usual).post(ADDRESS, {}, b"{}")) is (
        CallFault.TLS
    )
    assert other.requests == receiver.requests == []


def test_nobody_there(receiver: Any) -> None:
    def refused(_address: str, _port: int, _seconds: float) -> socket.socket:
        raise ConnectionRefusedError

    call = caller(receiver, connect=refused)
    assert fault_of(lambda: call.post(ADDRESS, {}, b"{}")) is CallFault.CONNECTION


def test_an_address_of_the_wrong_form_is_not_even_asked_for(receiver: Any) -> None:
    call = caller(receiver, resolve=lambda *_: pytest.fail("resolved"))
    assert fault_of(lambda: call.post("http://hr.example.com/", {}, b"")) is CallFault.ADDRESS
