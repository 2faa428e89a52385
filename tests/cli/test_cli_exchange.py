"""City and centre as two real programs, either killed at a marked point of an upload.

Between them stands a wire of the test's own: it hands each request on, and at the marked one it
kills the centre or the city, before the request arrives or after its answer was made. Whoever was
killed is started again, and the upload completes.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from keys import sealed
from registry.cli.home import Home
from signing.mirror import Factor, open_entry, open_index, tag_and_key

PREFIX = "Y000044999001"
PUT, HAND_IN = ("PUT", "/packages/"), ("POST", "/submissions")


@dataclass
class Wire:
    """Hands requests on to the centre; mutable: `at` is the marked point, `do` what is done."""

    port: int = 0
    target: int = 0
    at: tuple[str, str] = ("", "")
    before: bool = True
    do: Callable[[], None] | None = None
    asked: list[str] = field(default_factory=list)

    def marked(self, method: str, path: str, *, before: bool) -> None:
        if self.do and before is self.before and method == self.at[0] and self.at[1] in path:
            do, self.do = self.do, None
            do()
            # Whoever was killed, the connection went with it.
            raise ConnectionResetError


def open_wire(wire: Wire) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def _hand_on(self) -> None:
            wire.asked.append(self.command)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                wire.marked(self.command, self.path, before=True)
                to = http.client.HTTPConnection("127.0.0.1", wire.target, timeout=30)
                with closing(to):
                    to.request(self.command, self.path, body or None, dict(self.headers))
                    answer = to.getresponse()
                    data = answer.read()
                wire.marked(self.command, self.path, before=False)
            except (OSError, http.client.HTTPException):
                self.close_connection = True
                return
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in {"transfer-encoding", "content-length", "connection"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_HEAD = do_PUT = do_POST = _hand_on  # noqa: N815 - the library's names

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    wire.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def below(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in found.split()]


@dataclass
class Pair:
    """Both sides; mutable: they are killed and started again."""

    desk: Any
    centre: Path
    wire: Wire
    server: subprocess.Popen[str] | None = None
    city: subprocess.Popen[str] | None = None
    lists: int = 1

    def start(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.wire.target = free.getsockname()[1]
        where = ("--home", str(self.centre), "--port", str(self.wire.target))
        self.server = self.desk.process("centre", "serve", *where)
        while True:
            assert self.server.poll() is None, self.server.communicate()
            try:
                socket.create_connection(("127.0.0.1", self.wire.target), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return

    def kill_centre(self) -> None:
        assert self.server is not None
        for worker in below(self.server.pid):
            for deeper in below(worker):
                os.kill(deeper, signal.SIGKILL)
            os.kill(worker, signal.SIGKILL)
        self.server.kill()
        self.server.communicate(timeout=30)

    def kill_city(self) -> None:
        assert self.city is not None
        self.city.kill()
        self.city.wait(timeout=30)

    def send(self) -> int:
        """Run the real program once; give how it ended."""
        self.city = self.desk.process("upload", "send", "--json")
        self.city.communicate(timeout=120)
        return self.city.returncode

    def frozen(self) -> str:
        """Freeze what is owed, of new people from the second time on."""
        if self.lists > 1:
            self.desk.issued(self.desk.rows(5, offset=100 * self.lists))
            assert self.desk("anchor").status == 0
        self.lists += 1
        upload = self.desk("upload", "prepare", PREFIX, "--json").facts["upload"]
        assert self.desk("upload", "freeze", upload).status == 0
        return str(upload)

    def upload(self, upload: str) -> dict[str, Any]:
        found: dict[str, Any] = self.desk("upload", "show", upload, "--json").facts
        return found

    def receipts(self) -> list[dict[str, Any]]:
        where = ("receipts", "shizhou", "--home", str(self.centre), "--json")
        found: list[dict[str, Any]] = self.desk("centre", *where).facts["receipts"]
        return found

    def chains(self) -> set[tuple[bool, bool]]:
        """Read the public mirror as the site does: which steps each certificate has."""
        home = Home(path=self.desk.home, environ=os.environ)
        found = set()
        with closing(sqlite3.connect(home.public / "mirror.db")) as mirror:
            for row in self.desk.certificates():
                tag, wrapping = tag_and_key(home.pepper(), {Factor.TOKEN: row.token})
                query = "SELECT wrapped FROM tags WHERE tag = ?"
                (wrapped,) = mirror.execute(query, (tag,)).fetchone()
                entry_id, key = open_index(wrapping, tag, wrapped)
                query = "SELECT sealed FROM entries WHERE entry_id = ?"
                (entry,) = mirror.execute(query, (entry_id,)).fetchone()
                chain = open_entry(entry_id, key, entry).chain
                found.add((bool(chain.reported), bool(chain.accepted)))
        return found


@pytest.fixture(scope="module", autouse=True)
def _one_stretch_a_passphrase() -> Iterator[None]:
    # Opening a ring is most of a short command, and there are many of them here.
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sealed, "stretch", cache(sealed.stretch))
        yield


@pytest.fixture
def pair(stock: Any, tmp_path: Path) -> Iterator[Pair]:
    wire = Wire()
    between = open_wire(wire)
    home = tmp_path / "centre"
    url = f"http://127.0.0.1:{wire.port}"
    named = ("--name", "示例省技能服务指导中心", "--province", "44", "--url", url)
    at = ("--home", str(home))
    assert stock("centre", "init", *named, *at).status == 0
    joined = ("shizhou", str(stock.trust), "--title", "示州市")
    assert stock("centre", "city", "add", *joined, *at).status == 0
    assert stock("upload", "centre", str(home / "public" / "centre.json")).status == 0
    one = Pair(desk=stock, centre=home, wire=wire)
    one.start()
    yield one
    for process in (one.server, one.city):
        if process is not None and process.poll() is None:
            process.terminate()
            process.communicate(timeout=30)
    between.shutdown()
    between.server_close()


def killed_and_completed(pair: Pair, who: str, at: tuple[str, str], *, before: bool) -> None:
    upload = pair.frozen()
    known = len(pair.receipts())
    pair.wire.at, pair.wire.before = at, before
    pair.wire.do = pair.kill_centre if who == "centre" else pair.kill_city
    ended = pair.send()
    assert pair.wire.do is None, "the marked point was not reached"
    assert ended == (2 if who == "centre" else -signal.SIGKILL)
    if who == "centre":
        pair.start()
    assert pair.upload(upload)["state"] == "sending"
    assert pair.send() == 0
    assert pair.upload(upload)["state"] == "acknowledged"
    assert pair.desk("anchor").status == 0
    assert pair.chains() == {(True, True)}
    # One receipt for each upload, whatever was repeated.
    assert len(pair.receipts()) == known + 1
    assert pair.desk("centre", "check", "--home", str(pair.centre)).status == 0


def test_issue_to_receipt_with_the_centre_and_then_the_city_killed(pair: Pair) -> None:
    assert pair.chains() == {(False, False)}
    killed_and_completed(pair, "centre", HAND_IN, before=False)
    killed_and_completed(pair, "city", HAND_IN, before=False)


@pytest.mark.soak
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("at", [("GET", "/submissions/"), ("HEAD", "/packages/"), PUT, HAND_IN])
@pytest.mark.parametrize("who", ["centre", "city"])
def test_killed_at_every_point(pair: Pair, who: str, at: tuple[str, str], before: bool) -> None:
    killed_and_completed(pair, who, at, before=before)


def test_the_service_sends_and_ends_when_it_is_told(pair: Pair) -> None:
    upload = pair.frozen()
    pair.city = pair.desk.process("upload", "send", "--follow")
    assert pair.city.stdout is not None
    lines = []
    while not lines or lines[-1]["event"] != "upload":
        lines.append(json.loads(pair.city.stdout.readline()))
    assert (lines[-1]["upload"], lines[-1]["outcome"]) == (upload, "acknowledged")
    refused = pair.desk("upload", "send")
    assert refused.status == 1
    assert "正在运行" in refused.line
    pair.city.send_signal(signal.SIGTERM)
    out, err = pair.city.communicate(timeout=60)
    assert pair.city.returncode == 0, err
    assert json.loads(out.splitlines()[-1])["event"] == "end"
    assert pair.upload(upload)["state"] == "acknowledged"


def test_the_way_by_hand_on_the_command_line(stock: Any, tmp_path: Path) -> None:
    at = ("--home", str(tmp_path / "centre"))
    named = ("--name", "示例省技能服务指导中心", "--province", "44")
    assert stock("centre", "init", *named, *at).status == 0
    joined = ("shizhou", str(stock.trust), "--title", "示州市")
    assert stock("centre", "city", "add", *joined, *at).status == 0
    card = tmp_path / "centre" / "public" / "centre.json"
    assert "尚未登记省中心" in stock("upload", "send").line
    assert stock("upload", "centre", str(card)).status == 0
    assert "不接收网上报送" in stock("upload", "send").line
    upload = stock("upload", "prepare", PREFIX, "--json").facts["upload"]
    assert stock("upload", "freeze", upload).status == 0
    package, receipt = tmp_path / "package.zip", tmp_path / "receipt.json"
    assert stock("upload", "package", upload, "-o", str(package)).status == 0
    assert stock("upload", "sent", upload).status == 0
    given = ("shizhou", str(package), "-o", str(receipt))
    assert stock("centre", "receive", *given, *at).status == 0
    damaged = tmp_path / "damaged.json"
    damaged.write_bytes(receipt.read_bytes()[:-9])
    assert "[receipt-refused]" in stock("upload", "receipt", str(damaged)).line
    for taken in ("imported", "known"):
        facts = stock("upload", "receipt", str(receipt), "--json").facts
        assert (facts["taken"], facts["accepted"], facts["state"]) == (taken, 25, "acknowledged")
    number = stock("upload", "sample", "--size", "1", "--json").facts["look up"][0].split()[0]
    assert stock("upload", "seen", number, "--json").facts["new"] is True
    assert stock("upload", "seen", number, "--json").facts["new"] is False
    assert stock("upload", "seen", number, "--on", "2020-01-01").status == 1
