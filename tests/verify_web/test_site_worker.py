"""The worker that reads hostile files: its limits, its places, and what it does not know."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest
from flask.testing import FlaskClient

from signing.errors import MalformedPdf, UnreadablePicture
from verify_web import sandbox
from verify_web.errors import Busy
from verify_web.worker import Task

NOW = datetime(2026, 11, 23, 10, 2, tzinfo=UTC)
ROOT = Path(sandbox.__file__).parent.parent


def task(kind: Literal["pdf", "picture"]) -> Task:
    return Task(kind=kind, data=b"%PDF-1.7", trust="", now=NOW)


def test_a_worker_that_dies_makes_the_file_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_START", "import os; os.abort()")
    with pytest.raises(MalformedPdf):
        sandbox.inspect(task("pdf"))
    with pytest.raises(UnreadablePicture):
        sandbox.inspect(task("picture"))


def test_a_worker_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_START", "import time; time.sleep(60)")
    monkeypatch.setattr(sandbox, "WALL_SECONDS", 0.2)
    with pytest.raises(MalformedPdf):
        sandbox.inspect(task("pdf"))


@pytest.mark.parametrize("answer", ["b''", "b'nonsense'", "b'\\x00' * (1 << 21)"])
def test_a_worker_that_babbles_makes_the_file_unreadable(
    monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    start = f"import sys; sys.stdin.buffer.read(); sys.stdout.buffer.write({answer})"
    monkeypatch.setattr(sandbox, "_START", start)
    with pytest.raises(UnreadablePicture):
        sandbox.inspect(task("picture"))


def limited(code: str) -> bytes:
    limit = "import sys; sys.path.insert(0, sys.argv[1]); from verify_web import worker; "
    start = f"{limit}worker._limit(); {code}"
    run = subprocess.run([sys.executable, "-c", start, str(ROOT)], capture_output=True, check=False)
    return run.stderr


def test_a_worker_can_write_no_file(tmp_path: Path) -> None:
    code = f"open({str(tmp_path / 'out')!r}, 'wb', buffering=0).write(b'x')"
    assert b"File too large" in limited(code)


def test_a_worker_cannot_take_all_memory() -> None:
    assert b"MemoryError" in limited("bytearray(1 << 31)")


def test_too_many_uploads_at_once_are_asked_to_come_back(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "_PLACES", threading.BoundedSemaphore(1))
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n%PDF-1\r\n--x--'
    )
    with sandbox._PLACES:
        with pytest.raises(Busy):
            sandbox.inspect(task("pdf"))
        answer = client.post("/verify", data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 503
    assert "较多" in answer.text


def test_the_worker_knows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CERTREG_PEPPER_FILE", "/secret")
    monkeypatch.setattr(
        sandbox,
        "_START",
        "import os, sys; sys.path.insert(0, sys.argv[1]); sys.stdin.buffer.read();"
        "import msgspec; from verify_web.worker import Finding;"
        "found = Finding(texts=(str(dict(os.environ)),));"
        "sys.stdout.buffer.write(msgspec.msgpack.encode(found))",
    )
    (environment,) = sandbox.inspect(task("picture")).texts
    assert "OMP_NUM_THREADS" in environment
    assert "CERTREG" not in environment
