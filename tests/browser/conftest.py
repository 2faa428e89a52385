"""A real office served by `certreg serve`, and Chromium that sees nothing but it.

The home is made by the product's own commands. Chromium's only way out is a recording proxy that
leads to the served site and nowhere else, so what a page sends is read off the wire, and a request
to any other host is recorded and goes no further.

`CERTREG_SHOTS=DIR pytest tests/browser` leaves a picture of every page in DIR.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import socketserver
import subprocess
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, cached_property
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

import pikepdf
import pypdfium2
import pytest
from click.testing import CliRunner
from PIL import Image

from registry.cli.base import CLOCK
from registry.cli.batches import CHINA
from registry.cli.demo_people import DemoPerson, demo_people
from registry.cli.demo_sheets import row_of, write_xlsx
from registry.cli.main import certreg

# Read when this file is loaded: the settings of the person who runs the tests are forgotten later.
SHOTS = os.environ.get("CERTREG_SHOTS")

HOST = "127.0.0.1"
COMPANIES = (
    ("Y000044999001", "深圳市示例精密制造有限公司", "91449999MA5DEM0015"),
    ("Y000044999002", "深圳市示例电力设备有限公司", "91449999MA5DEM0028"),
)
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
REQUEST = re.compile(rb"(?m)^[A-Z]+ (\S+) HTTP/1\.[01]\r\n((?:[^\r\n]+\r\n)*)")
START_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A certificate as its holder has it: the number, the person, the QR's page and the PDF."""

    number: str
    person: DemoPerson
    issuer: str
    page: str
    pdf: bytes

    @property
    def path(self) -> str:
        return "/v/" + self.page.rsplit("/", 1)[-1]

    def picture(self, dpi: int) -> Image.Image:
        """Draw the page as a printer or a screen does."""
        document = pypdfium2.PdfDocument(self.pdf)
        try:
            return document[0].render(scale=dpi / 72).to_pil()
        finally:
            document.close()


class Wire(socketserver.ThreadingTCPServer):
    """A proxy with one way out; keeps every byte that a browser sends through it."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
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


class Office:
    """One home, filled through the command line, and what was issued from it."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.public = home / "public"
        self.port = port
        self.base_url = f"http://{HOST}:{port}"
        self.output = home / "serve.log"
        self.issued = CLOCK.now().astimezone(CHINA).date() - timedelta(days=3)
        self.people = (
            demo_people(15, offset=0, issued=self.issued),
            demo_people(5, offset=1_000, issued=self.issued),
        )

    def certreg(self, *args: object, stdin: str | None = None) -> str:
        words = [*map(str, args), "--home", str(self.home)]
        result = CliRunner().invoke(certreg, words, input=stdin, standalone_mode=False)
        if result.exception is not None:
            raise result.exception
        assert not result.return_value, result.output
        return result.stdout

    def fill(self) -> None:
        self.certreg("init", "--base-url", self.base_url)
        for (prefix, name, code), people in zip(COMPANIES, self.people, strict=True):
            self.certreg("issuer", "add", "--prefix", prefix, "--name", name, "--uscc", code)
            sheet = self.home / f"{prefix}.xlsx"
            write_xlsx(sheet, [row_of(number, person) for number, person in enumerate(people, 1)])
            self.certreg(
                "issue", sheet, "--issuer", prefix, "--approval", "深技鉴备〔2026〕第001号"
            )
        self.certreg("anchor")
        # The papers are made before the office changes its mind about two of them.
        self.valid = self.paper(0, 13)
        self.old_edition = self.paper(0, 0)
        self.revoked = self.paper(0, 5)
        self.other_company = self.paper(1, 2)
        self.new_direction = "设备维修"
        changes = json.dumps({"direction": self.new_direction})
        number = self.old_edition.number
        self.certreg("correct", number, "--reason", "data-error", "--changes", "-", stdin=changes)
        self.certreg("revoke", self.revoked.number, "--reason", "fraud")
        self.certreg("anchor")
        self.new_edition = self.paper(0, 0)
        proof = self.home / "valid.tlog-proof"
        self.certreg("prove", self.valid.number, "-o", proof)
        self.proof = proof.read_bytes()

    def paper(self, company: int, place: int) -> Paper:
        """Make the PDF of one person's current edition."""
        prefix, issuer, _code = COMPANIES[company]
        people = self.people[company]
        person = people[place]
        serial = sum(other.level == person.level for other in people[: place + 1])
        number = f"{prefix}{self.issued:%y}{person.level}{serial:06}"
        shown = json.loads(self.certreg("show", number, "--json"))
        assert shown["name"] == person.name
        file = self.home / "paper.pdf"
        self.certreg("pdf", number, "-o", file)
        pdf = file.read_bytes()
        file.unlink()
        return Paper(number=number, person=person, issuer=issuer, page=shown["page"], pdf=pdf)

    @cached_property
    def private(self) -> frozenset[str]:
        """What belongs to a person: never in an address, never in the server's output."""
        people = [person for company in self.people for person in company]
        values = ((one.name, one.id_number, one.admission) for one in people)
        return frozenset(value for group in values for value in group)

    @cached_property
    def tampered(self) -> bytes:
        """The valid PDF, one bit flipped in what its page draws; its attachments are untouched."""
        pdf = self.valid.pdf
        with pikepdf.open(BytesIO(pdf)) as document:
            drawing = document.pages[0].Contents.read_raw_bytes()
        assert pdf.count(drawing) == 1
        at = pdf.index(drawing) + len(drawing) // 2
        return pdf[:at] + bytes([pdf[at] ^ 1]) + pdf[at + 1 :]

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """Take one published file away for a while."""
        file, aside = self.public / name, self.home / "aside"
        file.rename(aside)
        try:
            yield
        finally:
            aside.replace(file)

    @contextmanager
    def damaged(self, name: str) -> Iterator[None]:
        """Put one published file back with one byte changed, for a while."""
        data = bytearray((self.public / name).read_bytes())
        data[len(data) // 2] ^= 1
        with self.without(name):
            (self.public / name).write_bytes(data)
            yield

    def get(self, path: str, accept: str = "*/*") -> tuple[int, dict[str, str], bytes]:
        """Fetch as a monitor does, without a browser."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=10)
        try:
            connection.request("GET", path, headers={"Accept": accept})
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return response.status, headers, response.read()
        finally:
            connection.close()

    @contextmanager
    def served(self) -> Iterator[None]:
        """Run `certreg serve` until the block ends; a second of patience, then by force."""
        command = [
            str(Path(sysconfig.get_path("scripts")) / "certreg"),
            *("serve", "--home", str(self.home), "--public-port", str(self.port)),
        ]
        with self.output.open("wb") as output:
            process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
            try:
                self._wait(process)
                yield
                process.send_signal(signal.SIGINT)
                assert process.wait(timeout=START_SECONDS) == 0, self.output.read_text()
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + START_SECONDS
        while process.poll() is None and time.monotonic() < end:
            with suppress(OSError):
                status, _headers, body = self.get("/healthz")
                assert status == 200, body
                return
            time.sleep(0.05)
        pytest.fail(f"the site did not start: {self.output.read_text()}")


class Visitor:
    """One page in a browser of its own, and what a person sees on it."""

    def __init__(self, page: Any, base_url: str) -> None:
        self.page = page
        self.base_url = base_url
        self.errors: list[str] = []
        self.documents: set[str] = set()
        self.asked: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._hear)
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("response", self._note)

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
        rows = [row.inner_text().split("\n") for row in self.page.locator(".facts > div").all()]
        return {row[0].strip(): row[2].strip() for row in rows}

    @property
    def checks(self) -> dict[str, str]:
        """Each check's Chinese title and its answer's word."""
        rows = self.page.locator(".checks > li").all()
        return {
            row.locator("h3").inner_text().split()[1]: row.locator(".answer").inner_text().strip()
            for row in rows
        }

    def submit_file(self, name: str, data: bytes) -> None:
        self.open("/verify")
        file = {"name": name, "mimeType": "application/octet-stream", "buffer": data}
        self.page.set_input_files("#file", files=[file])
        self.page.click("button[type=submit]")

    def look_up(self, **facts: str) -> None:
        self.open("/lookup")
        for field, value in facts.items():
            self.page.fill(f"#{field.replace('_', '-')}", value)
        self.page.click("button[type=submit]")


@pytest.fixture(scope="session")
def office(
    needs: Callable[..., None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    needs(program="chromium", package="chromium")
    needs(module="playwright", package="requirements-dev.txt")
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    office = Office(tmp_path_factory.mktemp("office") / "home", port)
    office.fill()
    with office.served():
        yield office
    said = office.output.read_text()
    assert [value for value in office.private if value in said] == []


@pytest.fixture(scope="session")
def wire(office: Office) -> Iterator[Wire]:
    with Wire((HOST, office.port)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def browser(wire: Wire) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    way_out = {"server": f"http://{HOST}:{wire.server_address[1]}", "bypass": "<-loopback>"}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM, proxy=way_out
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def windows(browser: Any) -> Callable[..., Any]:
    """Give a function that opens an empty page; pages of the same kind share what they may keep.

    The site sets no cookie, so a test does not see that another was there; and a context of its
    own for each would take as long as all the rest.
    """

    @cache
    def context(width: int, height: int, scripts: bool) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": height}, java_script_enabled=scripts, locale="zh-CN"
        )
        context.set_default_timeout(10_000)
        return context

    return lambda *options: context(*options).new_page()


@pytest.fixture
def visit(
    windows: Callable[..., Any], office: Office, wire: Wire
) -> Iterator[Callable[..., Visitor]]:
    """Give a function that opens a browser window; afterwards, check what they all did."""
    visitors: list[Visitor] = []
    before = len(wire.requests())

    def new(*, width: int = 1280, height: int = 900, scripts: bool = True) -> Visitor:
        visitors.append(Visitor(windows(width, height, scripts), office.base_url))
        return visitors[-1]

    yield new
    for visitor in visitors:
        assert visitor.page.context.cookies() == []
        visitor.page.close()
    assert [visitor.errors for visitor in visitors if visitor.errors] == []
    requests = wire.requests()[before:]
    asked = {url for visitor in visitors for url in visitor.asked} | {url for url, _ in requests}
    assert [url for url in asked if not url.startswith(office.base_url + "/") or "#" in url] == []
    for target, headers in requests:
        told = unquote(target) + unquote_to_bytes(headers).decode("utf-8", "replace")
        assert [value for value in office.private if value in told] == []


@pytest.fixture
def shoot() -> Callable[[Visitor, str], None]:
    """Give a function that keeps a picture of the whole page, if CERTREG_SHOTS asks for it."""

    def take(visitor: Visitor, name: str) -> None:
        if SHOTS:
            Path(SHOTS).mkdir(parents=True, exist_ok=True)
            visitor.page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)

    return take
