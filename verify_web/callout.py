"""Posts notices of changes to employers' https addresses: from the working process alone.

The name is resolved once, every address it has is judged, and the connection is made to the very
address that was judged: a name that answers otherwise the second time (DNS rebinding) gains
nothing. No redirect is followed, no proxy asked, and of the answer nothing but the status line is
read. All of it has ten seconds.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from verify_web.bulk.addresses import HTTPS_PORT, CallFault, is_public, parse_target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from verify_web.bulk.addresses import Target

SECONDS: Final = 10.0
MOST_ANSWER: Final = 4096
"""Bytes within which the status line must end."""

_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r?\n")
_OK: Final = range(200, 300)
_REDIRECTED: Final = range(300, 400)


class NotTaken(Exception):
    """The notice was not taken. It is tried again later."""

    def __init__(self, fault: CallFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


def _resolve(host: str, port: int) -> Sequence[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(one[4][0]) for one in found]


def _connect(address: str, port: int, seconds: float) -> socket.socket:
    # A literal address: nothing is resolved here.
    return socket.create_connection((address, port), timeout=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Posts to one address at a time. Safe to share between threads."""

    resolve: Callable[[str, int], Sequence[str]] = _resolve
    connect: Callable[[str, int, float], socket.socket] = _connect
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    seconds: float = SECONDS

    def post(self, address: str, headers: Mapping[str, str], body: bytes) -> None:
        """Post `body`; when this returns the answer was 2xx. Raises NotTaken."""
        target = parse_target(address)
        if target is None:
            raise NotTaken(CallFault.ADDRESS)
        until = time.monotonic() + self.seconds
        try:
            place = self._place(target, until)
            with closing(self._open(target, place, until)) as stream:
                _send(stream, _request(target, headers, body), until)
                status = _status(stream, until)
        except TimeoutError:
            raise NotTaken(CallFault.TIME) from None
        except ssl.SSLError:
            raise NotTaken(CallFault.TLS) from None
        except OSError:
            raise NotTaken(CallFault.CONNECTION) from None
        if status not in _OK:
            raise NotTaken(CallFault.REDIRECT if status in _REDIRECTED else CallFault.ANSWER)

    def _place(self, target: Target, until: float) -> str:
        """Resolve the name and judge all its addresses: one that is refused refuses the name."""
        found: list[str] = []

        def look_up() -> None:
            try:
                found.extend(self.resolve(target.host, target.port))
            except (OSError, UnicodeError):
                return

        # The system's resolver knows no time limit of ours.
        thread = threading.Thread(target=look_up, daemon=True)
        thread.start()
        thread.join(_left(until))
        if thread.is_alive() or not found:
            raise NotTaken(CallFault.NAME)
        if not all(map(is_public, found)):
            raise NotTaken(CallFault.ADDRESS)
        return found[0]

    def _open(self, target: Target, place: str, until: float) -> ssl.SSLSocket:
        plain = self.connect(place, target.port, _left(until))
        try:
            plain.settimeout(_left(until))
            return self.context.wrap_socket(plain, server_hostname=target.host)
        except BaseException:
            plain.close()
            raise


def _request(target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    host = target.host if target.port == HTTPS_PORT else f"{target.host}:{target.port}"
    lines = [
        f"POST {target.path} HTTP/1.1",
        f"Host: {host}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _send(stream: ssl.SSLSocket, data: bytes, until: float) -> None:
    # Not sendall: a receiver that takes a byte at a time would have ten seconds for each.
    view = memoryview(data)
    while view:
        stream.settimeout(_left(until))
        view = view[stream.send(view) :]


def _status(stream: ssl.SSLSocket, until: float) -> int:
    head = b""
    while b"\n" not in head and len(head) < MOST_ANSWER:
        stream.settimeout(_left(until))
        piece = stream.recv(MOST_ANSWER)
        if not piece:
            break
        head += piece
    found = _STATUS.match(head)
    if found is None:
        raise NotTaken(CallFault.ANSWER)
    return int(found[1])


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
