"""`certreg centre` as a real server: push, submit, receipt; killed at the worst moments."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from keys.model import Purpose
from registry.cli.base import CLOCK
from registry.cli.home import Home
from registry.cli.services import Services
from signing.httpsig import Request, sign_request
from signing.report import Answer
from signing.tlog.entry import parse_time
from signing.upload.centre_card import parse_centre
from signing.upload.keycheck import judge_signer
from signing.upload.receipt import SignedReceipt, open_receipt

PREFIX = "Y000044999001"


@dataclass
class Centre:
    """A centre's home and server; mutable: it is killed and started again."""

    desk: Any
    home: Path
    port: int = 0
    process: subprocess.Popen[str] | None = None
    signer: Any = field(default=None)

    def __call__(self, *arguments: str) -> Any:
        return self.desk("centre", *arguments, "--home", str(self.home))

    def start(self) -> None:
        """Start the program and wait until it listens."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        where = ("--home", str(self.home), "--port", str(self.port))
        self.process = self.desk.process("centre", "serve", *where)
        assert self.process.stdout is not None
        said = ""
        while not said.startswith("address: "):
            said = self.process.stdout.readline()
            assert said, self.process.communicate()
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except ConnectionRefusedError:
                assert self.process.poll() is None
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        """End it and its worker as a power cut would."""
        assert self.process is not None
        for worker in _children(self.process.pid):
            for below in _children(worker):
                os.kill(below, signal.SIGKILL)
            os.kill(worker, signal.SIGKILL)
        self.process.kill()
        self.process.communicate(timeout=30)

    def ask(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one signed request."""
        bare, _, query = path.partition("?")
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(method=method, path=bare, query=query, headers=sent)
        nonce = secrets.token_hex(16)
        signed = sign_request(request, body, self.signer, nonce=nonce, now=CLOCK.now())
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body or None, {**sent, **signed})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, data

    def push(self, data: bytes, *, piece: int = 1 << 16) -> str:
        """Send a package in pieces, from where the centre has it; return its digest."""
        digest = hashlib.sha256(data).hexdigest()
        _, headers, _ = self.ask("HEAD", f"/api/v1/packages/{digest}")
        for at in range(int(headers["upload-offset"]), len(data), piece):
            last = "?1" if at + piece >= len(data) else "?0"
            status, headers, said = self.ask(
                "PUT",
                f"/api/v1/packages/{digest}",
                data[at : at + piece],
                content_type="application/octet-stream",
                upload_offset=str(at),
                upload_complete=last,
            )
            assert status == 204, said
        return digest

    def submit(self, digest: str) -> tuple[int, dict[str, str], bytes]:
        body = json.dumps({"package": digest}).encode()
        named = {"content_type": "application/json", "idempotency_key": digest}
        return self.ask("POST", "/api/v1/submissions", body, **named)

    def receipt(self, data: bytes) -> SignedReceipt:
        """Read a receipt and check its signature as the city does."""
        signed = open_receipt(data)
        card = parse_centre((self.home / "public" / "centre.json").read_bytes())
        answer, reason = judge_signer(
            signed.envelope,
            card.keys,
            purpose=Purpose.RECEIPT,
            signed_at=parse_time(signed.receipt.received),
            now=CLOCK.now(),
        )
        assert answer is Answer.VALID, reason
        return signed


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in found.split()]


@pytest.fixture
def centre(stock: Any, tmp_path: Path) -> Iterator[Centre]:
    one = Centre(desk=stock, home=tmp_path / "centre")
    named = ("--name", "示例省职业技能鉴定指导中心", "--province", "44")
    made = one("init", *named)
    assert made.status == 0, made
    added = one("city", "add", "shizhou", str(stock.trust), "--title", "示州市")
    assert added.status == 0, added
    services = Services.open(Home(path=stock.home, environ=os.environ))
    one.signer = services.ring.signer(Purpose.UPLOAD, "office", CLOCK.now())
    yield one
    if one.process is not None and one.process.poll() is None:
        one.kill()


@pytest.fixture
def packaged(stock: Any) -> Callable[..., bytes]:
    """Give the function that prepares, freezes and writes the next package of the city."""

    def make(*options: str) -> bytes:
        upload = stock("upload", "prepare", PREFIX, "--json").facts["upload"]
        assert stock("upload", "freeze", upload, *options).status == 0
        file = stock.folder / f"{upload}.zip"
        assert stock("upload", "package", upload, "-o", str(file)).status == 0
        return bytes(file.read_bytes())

    return make


def test_push_submit_and_a_receipt_that_the_city_can_check(centre: Centre, packaged: Any) -> None:
    data = packaged("--batch", "GD-2026-0001")
    centre.start()
    digest = centre.push(data)
    status, _, body = centre.submit(digest)
    assert status == 201, body
    receipt = centre.receipt(body).receipt
    assert (receipt.accepted, receipt.refused, receipt.batch) == (25, 0, "GD-2026-0001")
    assert {row.reason for row in receipt.rows} == {""}
    assert centre.submit(digest)[2] == body


def test_killed_at_any_moment_and_started_again_it_completes(centre: Centre, packaged: Any) -> None:
    data = packaged()
    digest = hashlib.sha256(data).hexdigest()
    half = len(data) // 2
    piece = {"content_type": "application/octet-stream", "upload_complete": "?0"}
    centre.start()
    path = f"/api/v1/packages/{digest}"
    assert centre.ask("PUT", path, data[:half], upload_offset="0", **piece)[0] == 204
    centre.kill()

    # Between two pieces: it goes on where it stood.
    centre.start()
    assert centre.ask("HEAD", path)[1]["upload-offset"] == str(half)
    assert centre.push(data) == digest
    assert centre.ask("GET", f"/api/v1/submissions/{digest}")[0] == 404
    centre.kill()

    # Between upload and submission: the package is there.
    centre.start()
    status, _, body = centre.submit(digest)
    assert status == 201
    assert centre.submit(digest)[2] == body
    assert centre.ask("GET", "/api/v1/receipts?after=0")[2] == body + b"\n"
    checked = centre("check", "--json")
    assert (checked.status, checked.facts["faults"], checked.facts["receipts"]) == (0, [], 1)


def test_killed_while_it_judges_the_next_start_judges(centre: Centre, packaged: Any) -> None:
    data = packaged()
    digest = hashlib.sha256(data).hexdigest()
    centre.start()
    centre.push(data)

    # Ask, and end the server without waiting for the answer: before, within or after its work.
    body = json.dumps({"package": digest}).encode()
    request = Request(
        method="POST",
        path="/api/v1/submissions",
        query="",
        headers={"content-type": "application/json", "idempotency-key": digest},
    )
    nonce = secrets.token_hex(16)
    signed = sign_request(request, body, centre.signer, nonce=nonce, now=CLOCK.now())
    connection = http.client.HTTPConnection("127.0.0.1", centre.port, timeout=30)
    connection.request("POST", request.path, body, {**request.headers, **signed})
    centre.kill()
    connection.close()

    centre.start()
    status, _, receipt = centre.submit(digest)
    assert status == 201
    assert centre.receipt(receipt).receipt.accepted == 25
    assert centre("check", "--json").facts["receipts"] == 1


def test_a_package_brought_by_hand_and_the_lists_of_the_clerk(
    centre: Centre, packaged: Any, tmp_path: Path
) -> None:
    file, answer = tmp_path / "brought.zip", tmp_path / "receipt.json"
    file.write_bytes(packaged("--batch", "GD-2026-0001"))
    taken = centre("receive", "shizhou", str(file), "-o", str(answer), "--json")
    assert (taken.status, taken.facts["accepted"], taken.facts["refused"]) == (0, 25, 0)
    receipt = centre.receipt(answer.read_bytes()).receipt
    again = tmp_path / "again.json"
    assert centre("receive", "shizhou", str(file), "-o", str(again)).status == 0
    assert again.read_bytes() == answer.read_bytes()
    place = ("receipts", "shizhou", "--place", "1", "-o", str(again))
    assert centre(*place).status == 0
    assert again.read_bytes() == answer.read_bytes()
    assert "接收 25 退回 0" in centre("receipts", "shizhou").out
    assert centre("receipts", "shizhou", "--place", "2", "-o", str(again)).status == 1

    table = tmp_path / "visible.csv"
    day = receipt.received[:10]
    table.write_text(f"证书编号,全国联网可查日期\n{receipt.rows[0].number},{day}\n")
    assert centre("visible", str(table), "--json").facts == {"new": 1}
    table.write_text("证书编号,全国联网可查日期\nY000044999009263000001,2026-01-01\n")
    assert "[centre-visibility]" in centre("visible", str(table)).line
    assert centre("mirror", "--json").facts["numbers"] == 25
    assert centre("check").status == 0
    listed = centre("city", "list", "--json").facts["cities"]
    assert [(one["city"], one["title"], one["receipts"]) for one in listed] == [
        ("shizhou", "示州市", 1)
    ]
    assert centre("city", "list").status == 0
    assert centre("city", "pass", "shizhou", "--json").facts["gap allowed"] is True
    assert centre("city", "move", PREFIX, "shizhou").status == 0
    assert centre("city", "end", "shizhou", "--json").facts["ended"]
    other = tmp_path / "other.zip"
    other.write_bytes(b"no package")
    refused = centre("receive", "shizhou", str(other), "-o", str(again))
    assert "city-ended" in refused.line
    (centre.home / "packages").joinpath("shizhou").rename(tmp_path / "away")
    lost = centre("check")
    assert (lost.status, "1 faults" in lost.line) == (1, True)


def test_what_init_and_city_refuse(centre: Centre, stock: Any, tmp_path: Path) -> None:
    same = ("init", "--name", "示例省职业技能鉴定指导中心", "--province", "44")
    card = (centre.home / "public" / "centre.json").read_bytes()
    assert centre(*same).status == 0
    assert (centre.home / "public" / "centre.json").read_bytes() == card
    assert "with other settings" in centre("init", "--name", "x", "--province", "44").line
    assert "[centre-city]" in centre("city", "end", "nobody").line
    assert "[centre-city]" in centre("city", "add", "Shizhou", str(stock.trust)).line
    named = ("--title", "他州市")
    assert "[trust-broken]" in centre("city", "add", "other", str(tmp_path), *named).line
    missing = Centre(desk=stock, home=tmp_path / "none")
    for command in (("check",), ("mirror",), ("city", "list"), ("receipts", "x")):
        assert "[centre-not-ready]" in missing(*command).line
    assert "[centre-not-ready]" in missing("init", "--name", "x", "--province", "4").line
    assert not missing.home.exists()


def test_init_cut_off_is_gone_on_with(
    stock: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from registry.cli import centre as command

    class Killed(BaseException):
        """The process ends here."""

    def cut(*_: object, **__: object) -> None:
        raise Killed

    one = Centre(desk=stock, home=tmp_path / "centre")
    same = ("init", "--name", "示例省职业技能鉴定指导中心", "--province", "44")
    steps = ("make_receipt_key", "make_database", "ensure_card", "publish_all", "settings_text")
    for name in steps:
        with monkeypatch.context() as patched:
            patched.setattr(command, name, cut)
            with pytest.raises(Killed):
                one(*same)
    assert one(*same).status == 0
    assert len(list((one.home / "keys").glob("*.key.json"))) == 1
    assert one("city", "add", "shizhou", str(stock.trust), "--title", "示州市").status == 0
