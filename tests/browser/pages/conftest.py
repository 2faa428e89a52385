"""Chromium that sees nothing but the served office, and what a person sees in it.

Its only way out is a recording proxy that leads to the site and nowhere else, so what a page sends
is read off the wire.
"""

from __future__ import annotations

import re
import shutil
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

import pytest

HOST = "127.0.0.1"
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
GAP = re.compile("(?<=[0-9A-Z]) (?=[0-9A-Z])")
REQUEST = re.compile(rb"(?m)^[A-Z]+ (\S+) HTTP/1\.[01]\r\n((?:[^\r\n]+\r\n)*)")


class Wire(socketserver.ThreadingTCPServer):
    """A proxy with one way out; keeps every byte that a browser sends through it."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, base_url: str, port: int) -> None:
        self.target = (HOST, port)
        self.inside = f" {base_url}/".encode()
        self.connections: list[bytearray] = []
        super().__init__((HOST, 0), _Relay)

    @property
    def sent(self) -> bytes:
        return b"\n".join(map(bytes, self.connections))

    def requests(self) -> list[tuple[str, bytes]]:
        """Give each request's target and its header lines."""
        heads = (match for kept in self.connections for match in REQUEST.finditer(bytes(kept)))
        return [(match[1].decode("ascii"), match[2]) for match in heads]


class _Relay(socketserver.BaseRequestHandler):
    server: Wire

    def handle(self) -> None:
        first = self.request.recv(65536)
        if (
            b" http://%s:%d/" % (HOST.encode(), self.server.target[1])
            not in first.split(b"\r\n")[0]
        ):
            # The browser calls its maker, whatever it is told. A page's calls are `Visitor.asked`.
            self.request.sendall(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n")
            return
        kept = bytearray(first)
        self.server.connections.append(kept)
        with socket.create_connection(self.server.target) as onward:
            back = threading.Thread(target=_pump, args=(onward, self.request, None), daemon=True)
            back.start()
            onward.sendall(first)
            _pump(self.request, onward, kept)
            back.join()


def _pump(source: socket.socket, sink: socket.socket, kept: bytearray | None) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            if kept is not None:
                kept.extend(data)
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_WR)


class Visitor:
    """One window of the browser, and what a person sees on it."""

    def __init__(self, page: Any, base_url: str) -> None:
        self.page = page
        self.base_url = base_url
        self.errors: list[str] = []
        self.documents: set[str] = set()
        self.asked: list[str] = []
        self._heard = {
            "pageerror": lambda error: self.errors.append(str(error)),
            "console": self._hear,
            "request": lambda request: self.asked.append(request.url),
            "response": self._note,
        }
        for event, hear in self._heard.items():
            page.on(event, hear)

    def leave(self) -> None:
        """Stop listening: the window is the next test's."""
        assert self.page.context.cookies() == []
        for event, hear in self._heard.items():
            self.page.remove_listener(event, hear)
        # Or an address that differs from the last one in its fragment alone would load nothing.
        self.page.goto("about:blank")

    def _hear(self, message: Any) -> None:
        # A page that is answered by 404, 422 or 503 is reported here too, and is meant. Beside a
        # plain text, where no page can name an icon, the browser looks for one by itself.
        url = message.location["url"]
        expected = url in self.documents or url == self.base_url + "/favicon.ico"
        if message.type in ("error", "warning") and not (
            expected and message.text.startswith("Failed to load resource: the server responded")
        ):
            self.errors.append(message.text)

    def _note(self, response: Any) -> None:
        if response.request.is_navigation_request():
            self.documents.add(response.url)

    def resize(self, width: int) -> None:
        self.page.set_viewport_size({"width": width, "height": 900})

    def open(self, address: str) -> int:
        target = address if "://" in address else self.base_url + address
        response = self.page.goto(target)
        assert response is not None
        return int(response.status)

    def text(self, selector: str) -> str:
        return " ".join(self.page.locator(selector).first.inner_text().split())

    @property
    def word(self) -> str:
        """The state in one word, Chinese."""
        return self.text("#state").split()[0]

    @property
    def icon(self) -> str:
        return str(self.page.locator(".verdict svg").inner_html())

    @property
    def facts(self) -> dict[str, str]:
        """Each printed field by its Chinese label, without the remark beside it."""
        rows = [row.split("\n") for row in self.page.locator(".facts > div").all_inner_texts()]
        # A number is shown in the groups in which it is read.
        return {row[0].strip(): GAP.sub("", row[1].strip()) for row in rows}

    @property
    def checks(self) -> dict[str, str]:
        """Each check's Chinese title and its answer's word."""
        titles = self.page.locator(".checks > li > h3").all_inner_texts()
        answers = self.page.locator(".checks > li > .answer").all_inner_texts()
        names = [title.split()[1] for title in titles]
        return dict(zip(names, map(str.strip, answers), strict=True))

    def submit_file(self, name: str, data: bytes, *, recipient: str = "") -> None:
        self.open("/verify")
        self.page.fill("#recipient", recipient)
        file = {"name": name, "mimeType": "application/octet-stream", "buffer": data}
        self.page.set_input_files("#file", files=[file])
        self.follow(self.page.locator("button[type=submit]"))

    def follow(self, control: Any) -> None:
        # A click does not wait for the answer, and a key pressed too early is the old page's.
        with self.page.expect_navigation():
            control.click()

    def follow_link(self, name: str) -> None:
        self.follow(self.page.get_by_role("link", name=name))

    def look_up(self, **facts: str) -> None:
        self.open("/lookup")
        for field, value in facts.items():
            self.page.fill(f"#{field.replace('_', '-')}", value)
        self.follow(self.page.locator("button[type=submit]"))


@pytest.fixture(scope="session")
def wire(office: Any) -> Iterator[Wire]:
    with Wire(office.base_url, office.port) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def browser(wire: Wire, driver: Any) -> Iterator[Any]:
    way_out = {"server": f"http://{HOST}:{wire.server_address[1]}", "bypass": "<-loopback>"}
    browser = driver.chromium.launch(
        executable_path=shutil.which("chromium"), args=CHROMIUM, proxy=way_out
    )
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def window(browser: Any) -> Callable[[bool], Any]:
    """Give a function that finds the window with scripts on, or the one with scripts off.

    The site sets no cookie unasked and keeps nothing, so tests may share a window: a new one
    for each takes as long as all the rest.
    """

    @cache
    def find(scripts: bool) -> Any:
        context = browser.new_context(java_script_enabled=scripts, locale="zh-CN")
        context.set_default_timeout(10_000)
        return context.new_page()

    return find


@pytest.fixture
def visit(
    window: Callable[[bool], Any], office: Any, wire: Wire
) -> Iterator[Callable[..., Visitor]]:
    """Give a function that takes a browser window; afterwards, check what they all did."""
    visitors: list[Visitor] = []
    before = len(wire.requests())

    def new(*, width: int = 1280, scripts: bool = True) -> Visitor:
        visitor = Visitor(window(scripts), office.base_url)
        visitor.resize(width)
        visitors.append(visitor)
        return visitor

    yield new
    for visitor in visitors:
        visitor.leave()
    assert [visitor.errors for visitor in visitors if visitor.errors] == []
    requests = wire.requests()[before:]
    asked = {url for visitor in visitors for url in visitor.asked} | {url for url, _ in requests}
    assert [url for url in asked if not url.startswith(office.base_url + "/") or "#" in url] == []
    for target, headers in requests:
        told = unquote(target) + unquote_to_bytes(headers).decode("utf-8", "replace")
        assert [value for value in office.private if value in told] == []


@pytest.fixture
def shoot(shots: Path | None) -> Callable[[Visitor, str], None]:
    """Give a function that keeps a picture of the whole page, if CERTREG_SHOTS asks for it."""

    def take(visitor: Visitor, name: str) -> None:
        if shots is not None:
            visitor.page.screenshot(path=shots / f"{name}.png", full_page=True)

    return take
