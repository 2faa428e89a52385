"""The witness on the web: methods, lengths and faults, without and with a real server."""

from __future__ import annotations

import http.client
import io
import sqlite3
import threading
from collections.abc import Iterator
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.validate import validator

import pytest

from registry.ledger.witness.client import (
    WitnessUnreachable,
    add_checkpoint,
    newest_checkpoint,
)
from registry.ledger.witness.wire import MAX_REQUEST, monitoring_path
from registry.ledger.witness.wsgi import WitnessApp


class Asked:
    """One request to the application, and what it said."""

    def __init__(
        self, app: WitnessApp, method: str, path: str, body: bytes = b"", **more: str
    ) -> None:
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            **more,
        }
        self.body = b"".join(app(environ, self._start))
        self.errors = environ["wsgi.errors"].getvalue()  # type: ignore[attr-defined]

    def _start(self, status: str, headers: list[tuple[str, str]], *_: object) -> Any:
        self.status, self.headers = int(status[:3]), dict(headers)


@pytest.fixture
def app(witness: Any) -> WitnessApp:
    return WitnessApp(witness)


def test_the_call_and_the_newest_checkpoint(app: WitnessApp, log: Any) -> None:
    posted = Asked(app, "POST", "/add-checkpoint", log.grow(3).request(0))
    assert (posted.status, posted.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    path = f"/{monitoring_path(log.origin)}"
    seen = Asked(app, "GET", path)
    assert (seen.status, seen.body.splitlines()[1]) == (200, b"3")
    head = Asked(app, "HEAD", path)
    assert (head.body, head.headers) == (b"", seen.headers)
    conflict = Asked(app, "POST", "/add-checkpoint", log.request(0))
    assert (conflict.status, conflict.headers["Content-Type"]) == (409, "text/x.tlog.size")


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/add-checkpoint", 405, "POST"),
        ("PUT", "/add-checkpoint", 405, "POST"),
        ("POST", f"/{monitoring_path('log.example/ledger')}", 405, "GET, HEAD"),
        ("GET", "/", 404, None),
        ("POST", "/", 404, None),
        ("GET", f"/{monitoring_path('other.example')}", 404, None),
        ("GET", f"/{monitoring_path('log.example/ledger')}/", 404, None),
        ("POST", "//add-checkpoint", 404, None),
    ],
)
def test_other_methods_and_addresses(
    app: WitnessApp, method: str, path: str, status: int, allow: str | None
) -> None:
    asked = Asked(app, method, path)
    assert (asked.status, asked.headers.get("Allow")) == (status, allow)


@pytest.mark.parametrize(
    ("length", "status"),
    [
        ("", 411),
        (str(MAX_REQUEST + 1), 413),
        ("9" * 30, 413),
        ("-1", 413),
        ("٣", 413),
        ("99", 400),
    ],
)
def test_lengths(app: WitnessApp, length: str, status: int) -> None:
    asked = Asked(app, "POST", "/add-checkpoint", b"old 0\n", CONTENT_LENGTH=length)
    assert asked.status == status


@pytest.mark.parametrize("fault", [sqlite3.OperationalError("disk I/O error"), OSError("full")])
def test_503_where_nothing_can_be_stored(
    app: WitnessApp, log: Any, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def broken(*_: object) -> None:
        raise fault

    monkeypatch.setattr(type(app._witness._state), "_connect", broken)
    asked = Asked(app, "POST", "/add-checkpoint", log.grow(3).request(0))
    assert (asked.status, b"\xe2\x80\x94" in asked.body) == (503, False)
    assert type(fault).__name__ in asked.errors
    assert Asked(app, "GET", f"/{monitoring_path(log.origin)}").status == 503


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address(app: WitnessApp) -> Iterator[str]:
    """Give the address of a real server that also holds us to the WSGI rules."""
    server = make_server("127.0.0.1", 0, validator(app), handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_real_server_and_the_logs_client(address: str, log: Any) -> None:
    with pytest.raises(WitnessUnreachable):
        add_checkpoint("http://127.0.0.1:1", b"", timeout=2)
    reply = add_checkpoint(address, log.grow(3).request(0), timeout=5)
    assert (reply.status, reply.kind) == (200, "text/plain")
    reply = add_checkpoint(f"{address}/", log.request(0), timeout=5)
    assert (reply.status, reply.kind, reply.body) == (409, "text/x.tlog.size", b"3\n")
    assert newest_checkpoint(address, log.origin, timeout=5).body.splitlines()[1] == b"3"
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=5)
    connection.request("HEAD", f"/{monitoring_path(log.origin)}")
    assert connection.getresponse().status == 200
    connection.close()
