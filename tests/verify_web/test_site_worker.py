"""The worker that reads hostile files: its limits, its places, and what it does not know."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
from flask.testing import FlaskClient

from verify_web import sandbox
from verify_web.confine import shut_in
from verify_web.errors import Busy
from verify_web.findings import Task
from verify_web.sandbox import Sandbox

NOW = datetime(2026, 11, 23, 10, 2, tzinfo=UTC)
ROOT = Path(sandbox.__file__).parent.parent
READY = "import sys; o = sys.stdout.buffer; o.write(b'\\0\\0\\0\\5ready'); o.flush();"
KINDS: tuple[Literal["pdf", "picture"], ...] = ("pdf", "picture")


@pytest.fixture
def alone() -> Iterator[Sandbox]:
    own = Sandbox()
    yield own
    own.close()


def task(world: Any, kind: Literal["pdf", "picture"] = "picture", data: bytes = b"x") -> Task:
    return Task(kind=kind, data=data, trust=str(world.public / "trust"), now=NOW)


def outcome(own: Sandbox, world: Any) -> str:
    return own.inspect(task(world)).outcome


def test_a_worker_that_dies_has_found_nothing(
    world: Any, alone: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for start in ("import os; os.abort()", READY + "import os; os.abort()"):
        monkeypatch.setattr(sandbox, "_START", start)
        assert [alone.inspect(task(world, kind)).outcome for kind in KINDS] == ["stopped"] * 2


def test_a_helper_that_hangs_is_ended_and_replaced(
    world: Any, alone: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine = sandbox._START
    monkeypatch.setattr(sandbox, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(sandbox, "_START", READY + "import time; time.sleep(60)")
    assert outcome(alone, world) == "stopped"
    monkeypatch.setattr(sandbox, "ANSWER_SECONDS", 30)
    monkeypatch.setattr(sandbox, "_START", genuine)
    assert outcome(alone, world) == "refused"


@pytest.mark.parametrize(
    "answer",
    [
        "b''",
        "b'nonsense'",
        "bytes(1 << 21)",
        "(1 << 31).to_bytes(4) + bytes(99)",
        "(4).to_bytes(4) + b'\\x81\\xa1a\\x01'",
    ],
)
def test_a_helper_that_babbles_has_found_nothing(
    world: Any, alone: Sandbox, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    start = f"{READY} sys.stdin.buffer.read(4); o.write({answer}); o.close()"
    monkeypatch.setattr(sandbox, "_START", start)
    assert outcome(alone, world) == "stopped"


def confined(code: str, *, filtered: bool = False) -> bytes:
    """Run `code` in a process with the worker's limits; give what it complains of."""
    shut = "assert confine.shut_in(); " if filtered else ""
    start = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "import os, socket, threading; from verify_web import confine; confine.limit();"
        f" {shut}{code}"
    )
    run = subprocess.run([sys.executable, "-c", start, str(ROOT)], capture_output=True, check=False)
    return run.stderr + b"%d" % run.returncode


def test_a_worker_can_write_no_file(tmp_path: Path) -> None:
    code = f"open({str(tmp_path / 'out')!r}, 'wb', buffering=0).write(b'x')"
    assert b"File too large" in confined(code)


def test_a_worker_cannot_take_much_memory() -> None:
    assert b"MemoryError" in confined("bytearray(200 << 20)")


def test_a_worker_cannot_take_much_time() -> None:
    awake = "import signal; signal.setitimer(signal.ITIMER_REAL, 0)"
    assert confined(f"{awake}\nwhile True: pass").endswith(b"-9")


def test_a_worker_cannot_sleep_for_long() -> None:
    assert confined("import time; time.sleep(30)").endswith(b"-14"), "SIGALRM"


def test_what_a_worker_may_not_do() -> None:
    if not shut_in_is_to_be_had():
        pytest.skip("no seccomp on this machine: the limits stand alone")
    for code in (
        "socket.socket()",
        "open('/etc/hosts')",
        "os.open('/', os.O_RDONLY)",
        "os.fork()",
        "os.execv('/bin/true', ['true'])",
        "os.kill(os.getppid(), 0)",
        "os.unlink('/nowhere')",
        "os.rename('/nowhere', '/there')",
        "os.memfd_create('x')",
        "os.chmod('/nowhere', 0)",
    ):
        assert b"PermissionError" in confined(code, filtered=True), code
    allowed = "a = threading.Thread(target=len, args=('',)); a.start(); a.join()"
    assert confined(allowed, filtered=True) == b"0"
    assert confined("socket.socketpair()", filtered=True) == b"0"


def shut_in_is_to_be_had() -> bool:
    child = os.fork()
    if child == 0:
        os._exit(0 if shut_in() else 1)
    return os.waitpid(child, 0)[1] == 0


def test_the_worker_is_confined_and_small(world: Any) -> None:
    answer = sandbox.SANDBOX.measure(task(world, "pdf", b"%PDF-1.7 nothing"))
    assert answer.finding.outcome == "refused"
    assert answer.confined == shut_in_is_to_be_had()
    assert answer.peak < 128 << 20


def test_too_many_uploads_at_once_are_asked_to_come_back(
    world: Any, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox.SANDBOX, "_free", threading.BoundedSemaphore(1))
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n%PDF-1\r\n--x--'
    )
    with sandbox.SANDBOX._free:
        with pytest.raises(Busy):
            sandbox.SANDBOX.inspect(task(world))
        answer = client.post("/verify", data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "60"
    assert "较多" in answer.text


def test_the_worker_knows_no_secret(
    world: Any, alone: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CERTREG_PEPPER_FILE", "/secret")
    monkeypatch.setattr(
        sandbox,
        "_START",
        "import os, sys; sys.path.insert(0, sys.argv[1]);"
        "import msgspec; from verify_web.findings import *;"
        "write_frame(sys.stdout.buffer, b'ready'); read_frame(sys.stdin.buffer);"
        "found = Finding(texts=(str(dict(os.environ)),));"
        "answer = Answer(finding=found, peak=0, confined=True);"
        "write_frame(sys.stdout.buffer, msgspec.msgpack.encode(answer))",
    )
    (environment,) = alone.inspect(task(world)).texts
    assert "OMP_NUM_THREADS" in environment
    assert "CERTREG" not in environment


def test_the_site_itself_loads_no_parser() -> None:
    code = (
        "import sys, verify_web.app;"
        "print([m for m in ('pikepdf', 'pyhanko', 'pypdfium2', 'PIL', 'zxingcpp')"
        " if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert run.stdout.strip() == b"[]"


def test_a_helper_ends_with_the_process_that_started_it() -> None:
    code = (
        "import os; from verify_web.sandbox import SANDBOX; SANDBOX.warm();"
        "print(SANDBOX._idle[0]._process.pid, flush=True); os._exit(0)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    process = Path("/proc") / run.stdout.decode().strip()
    for _ in range(2000):
        if not process.exists() or b"State:\tZ" in (process / "status").read_bytes():
            return
        threading.Event().wait(0.01)
    pytest.fail("the helper is still there")
