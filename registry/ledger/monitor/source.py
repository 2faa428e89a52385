"""Where the monitor reads a log from: a folder, or a server that may lie, stall or never end.

Every answer is bounded in bytes and in time. A redirect is not followed: it would let one host
speak for another. What fails for a passing reason is asked again, and then *cannot be had*: that
is no finding against the log.
"""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from registry.ledger.monitor.errors import AnswerTooLong, LogUnreachable

SILENCE_SECONDS: Final = 10.0
"""How long a server may say nothing."""

ANSWER_SECONDS: Final = 60.0
"""How long one answer may take in all, however busily it drips."""

PAUSES: Final = (0.5, 2.0)
"""Seconds to wait before asking a second and a third time."""

_GONE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_MOVED: Final = range(300, 400)


class LogSource(Protocol):
    """A log's files, by their paths below its prefix."""

    def read(self, path: str, limit: int) -> bytes:
        """Return a file of at most `limit` bytes.

        Raises FileNotFoundError if the log has no such file, AnswerTooLong, LogUnreachable.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class FolderSource:
    """A log in a directory."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, path: str, limit: int) -> bytes:
        """Return a file. One that cannot be read is a missing one."""
        try:
            with (self._root / path).open("rb") as file:
                data = file.read(limit + 1)
        except OSError as error:
            raise FileNotFoundError(path) from error
        return _within(data, limit, path)

    def close(self) -> None:
        """Do nothing: every file was closed when it was read."""


class HttpSource:
    """A log on a web server, `url` being its prefix: the address that `/checkpoint` is added to."""

    def __init__(
        self,
        url: str,
        *,
        silence: float = SILENCE_SECONDS,
        patience: float = ANSWER_SECONDS,
        pauses: tuple[float, ...] = PAUSES,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        secure, host, port, self._prefix = _address(url)
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._connection = kind(host, port, timeout=silence)
        self._patience, self._pauses, self._sleep = patience, pauses, sleep

    def read(self, path: str, limit: int) -> bytes:
        """Return a file, asking up to three times."""
        for pause in (*self._pauses, None):
            try:
                return _within(self._get(path, limit), limit, path)
            except FileNotFoundError:
                raise
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                if pause is None:
                    msg = f"{path} cannot be had ({_cause(error)}): try again later"
                    raise LogUnreachable(msg) from error
                self._sleep(pause)
        raise AssertionError

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _get(self, path: str, limit: int) -> bytes:
        # A socket's timeout is for each read: a server that sends a byte now and then would hold
        # us for ever, in the headers as well. So the whole answer is timed from outside.
        connection = self._connection
        if connection.sock is None:
            connection.connect()
        watch = threading.Timer(self._patience, _hang_up, (connection.sock,))
        watch.daemon = True
        watch.start()
        try:
            connection.request(
                "GET", f"{self._prefix}/{path}", headers={"Accept-Encoding": "identity"}
            )
            answer = connection.getresponse()
            self._judge(answer, path)
            data = answer.read(limit + 1)
            if len(data) > limit:
                connection.close()  # what is still to come must not be taken for the next answer
            elif answer.length:
                raise http.client.IncompleteRead(b"", answer.length)
        finally:
            watch.cancel()
        return data

    def _judge(self, answer: http.client.HTTPResponse, path: str) -> None:
        if answer.status == HTTPStatus.OK:
            return
        self._connection.close()
        if answer.status in _GONE:
            raise FileNotFoundError(path)
        if answer.status in _MOVED:
            msg = "the server points on to another address: give the monitor the one it has now"
            raise LogUnreachable(msg)
        msg = f"HTTP status {answer.status}"
        raise http.client.HTTPException(msg)


def _address(url: str) -> tuple[bool, str, int | None, str]:
    """Split an address into: whether by TLS, host, port, and the path without its last slash."""
    with suppress(ValueError):
        parts = urlsplit(url)
        plain = url.isascii() and not parts.query and parts.username is None
        if parts.scheme in {"http", "https"} and parts.hostname and plain:
            return parts.scheme == "https", parts.hostname, parts.port, parts.path.rstrip("/")
    msg = f"{url} is no address of a log: it begins with https:// or http://"
    raise LogUnreachable(msg)


def _hang_up(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def _within(data: bytes, limit: int, path: str) -> bytes:
    if len(data) > limit:
        msg = f"{path} is longer than {limit} bytes"
        raise AnswerTooLong(msg)
    return data


def _cause(error: Exception) -> str:
    if isinstance(error, http.client.IncompleteRead):
        return "the answer was cut off"
    # Whatever else the server said is its own text: none of it is repeated but the status.
    return str(error) if type(error) is http.client.HTTPException else type(error).__name__
