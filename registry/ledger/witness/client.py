"""Asking a witness over HTTP: bounded in bytes and in time, no redirects, nothing believed.

What comes back is bytes of a stranger: whoever asked reads them by `wire` and verifies them.
"""

from __future__ import annotations

import http.client
import re
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar, Final
from urllib.parse import urlsplit

from registry.errors import RegistryError
from registry.ledger.witness.wire import ADD_CHECKPOINT, MAX_ANSWER, monitoring_path

_WRITTEN: Final = re.compile("[!-~]{1,400}")


class WitnessUnreachable(RegistryError):
    """A witness gives no answer, or none that is whole; the message says what happened."""

    code: ClassVar[str] = "witness-unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP answer: its status, the content type without parameters, at most MAX_ANSWER bytes."""

    status: int
    kind: str
    body: bytes


def is_address(url: str) -> bool:
    """Whether `url` can be a witness's prefix: http or https, a host, no query, no user."""
    try:
        parts = urlsplit(url)
        # Reading the port is what checks it.
        whole = (parts.hostname and parts.port is None) or parts.port
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    written = _WRITTEN.fullmatch(url) is not None
    return parts.scheme in {"http", "https"} and bool(whole) and plain and written


def add_checkpoint(url: str, body: bytes, *, timeout: float) -> Reply:
    """Send a request (`wire.format_request`) to the witness with the submission prefix `url`.

    `timeout` is in seconds, for the whole exchange. Raises WitnessUnreachable.
    """
    return _exchange("POST", url, ADD_CHECKPOINT, body, timeout)


def newest_checkpoint(url: str, origin: str, *, timeout: float) -> Reply:
    """Get the newest checkpoint that a witness has signed for a log. Raises WitnessUnreachable."""
    return _exchange("GET", url, monitoring_path(origin), None, timeout)


def _exchange(method: str, url: str, path: str, body: bytes | None, timeout: float) -> Reply:
    if not is_address(url):
        raise WitnessUnreachable(f"{url} is no address: it begins with https:// or http://")
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout)
    # A socket's timeout is for each read: one who sends a byte now and then would hold us for
    # ever. So the whole exchange is timed from outside.
    watch: threading.Timer | None = None
    try:
        connection.connect()
        watch = threading.Timer(timeout, _hang_up, (connection.sock,))
        watch.daemon = True
        watch.start()
        headers = {"Content-Type": "text/plain; charset=utf-8"} if body is not None else {}
        connection.request(method, f"{parts.path.rstrip('/')}/{path}", body, headers)
        with connection.getresponse() as answer:
            data = answer.read(MAX_ANSWER + 1)
            if len(data) > MAX_ANSWER or answer.length:
                raise WitnessUnreachable("its answer is too long or was cut off")
            media = answer.getheader("Content-Type", "").partition(";")[0].strip().lower()
            return Reply(status=answer.status, kind=media, body=data)
    except (OSError, http.client.HTTPException, ValueError) as fault:
        # Its own words are not repeated: they are a stranger's.
        raise WitnessUnreachable(f"no answer ({type(fault).__name__})") from fault
    finally:
        if watch is not None:
            watch.cancel()
        connection.close()


def _hang_up(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
