"""A corpus of hostile files, each uploaded: answered within the worker's limits, never in green.

Time and memory are the worker's own limits (`verify_web.confine`): it is ended by them, and not by
this test's patience. What is asserted here is that an answer comes, what it says, and how much
memory it took at most.
"""

from __future__ import annotations

import html
import importlib.util
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from signing.bundle import bundle_file, proof_file
from signing.qr import qr_payload, to_digits
from verify_web import allowance, sandbox
from verify_web.confine import WALL_SECONDS
from verify_web.findings import Answer, Task

HERE = Path(__file__).parent
LIMIT = 256 << 20
WORDS = {"已被篡改", "非原始文件", "非本站签发", "无效", "暂无法确认", "网址不符", ""}
"""What may be said of such files: never 有效, and never a state of a certificate."""


SLOW = {
    *("a-million-objects", "millions-of-lines", "sixteen-megabytes-of-head"),
    *("seal-of-eight-megabytes", "jpeg-of-markers", "png-with-a-million-texts"),
    *("jpeg-of-two-thousand-scans", "form-that-draws-itself", "dashes-without-end"),
}
"""Seconds of a processor each; the short run leaves them out, and `make soak` has them."""


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pdfs, pictures, texts = (load(f"hostile_{name}") for name in ("pdfs", "pictures", "texts"))


@cache
def gigabyte() -> bytes:
    return pdfs.zeros(pdfs.GIB)


@pytest.fixture
def peaks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Give the list of what each worker took at most, in bytes, as the kernel counted it."""
    taken: list[int] = []
    genuine = sandbox.SANDBOX.measure

    def measure(task: Task) -> Answer:
        answer = genuine(task)
        taken.append(answer.peak)
        return answer

    monkeypatch.setattr(type(sandbox.SANDBOX), "measure", lambda _self, task: measure(task))
    return taken


@pytest.fixture
def client(world: Any, seals: Any, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """A site that checks seals, and takes more files of one visitor than it would otherwise."""
    monkeypatch.setattr(allowance, "UPLOADS", replace(allowance.UPLOADS, burst=10_000))
    world.write_trust(seal_root=seals.root)
    return world.app().test_client()


@pytest.fixture
def seals(seals_of: Any) -> Any:
    return seals_of()


@pytest.fixture
def genuine(world: Any, seals: Any) -> bytes:
    return seals.seal(seals.attachments(world.evidence("valid")))


def send(client: FlaskClient, data: bytes) -> TestResponse:
    head = b'--hostile\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    body = head + data + b"\r\n--hostile--\r\n"
    kind = "multipart/form-data; boundary=hostile"
    return client.post("/verify", data=body, content_type=kind)


def judge(name: str, answer: TestResponse, data: bytes) -> str:
    """Check one answer; give its word."""
    assert answer.status_code in (200, 422), (name, answer.status_code)
    found = re.search(r'<h1 id="state">([^<]+)</h1>', answer.text)
    word = found[1] if found else ""
    assert word in WORDS, (name, word)
    assert 'class="verdict good"' not in answer.text, name
    assert (answer.status_code == 422) == (not word), name
    for echo in ("<script>alert", "onerror", "Set-Cookie", "/etc/passwd", "zs.example.cn"):
        assert echo not in html.unescape(answer.text), (name, echo)
    assert "Set-Cookie" not in answer.headers, name
    return word


def try_all(
    client: FlaskClient, files: Iterator[tuple[str, bytes]], *, slow: bool = False
) -> dict[str, str]:
    said = {}
    for name, data in files:
        if not slow and name in SLOW:
            continue
        assert len(data) <= 16 << 20, name
        assert name not in said
        said[name] = judge(name, send(client, data), data)
    return said


@pytest.mark.parametrize("family", pdfs.FAMILIES, ids=lambda family: family.__name__)
def test_pdfs_that_unfold_nest_draw_or_sign_without_end(
    client: FlaskClient,
    peaks: list[int],
    family: Callable[[], Iterator[tuple[str, bytes]]],
) -> None:
    said = try_all(client, family())
    assert set(said.values()) <= {"", "已被篡改", "非原始文件"}
    assert len(peaks) == len(said)
    assert max(peaks) < LIMIT


def test_pdfs_that_mislead(client: FlaskClient, peaks: list[int], genuine: bytes) -> None:
    assert "有效" in send(client, genuine).text
    said = try_all(client, pdfs.misleading(genuine))
    assert max(peaks) < LIMIT
    assert said["genuine-and-a-second-body"] == "", "it holds no record any more"
    assert said["pdf-that-is-a-zip-too"] == "非原始文件"


def test_pictures_that_unfold_or_never_end(client: FlaskClient, peaks: list[int]) -> None:
    said = try_all(client, pictures.pictures(gigabyte()))
    assert set(said.values()) == {""}
    assert len(peaks) == len(said)
    assert max(peaks) < LIMIT


def test_codes_with_hostile_texts(world: Any, client: FlaskClient, peaks: list[int]) -> None:
    digits = to_digits(qr_payload(world.records["valid"], world.issuer))
    said = try_all(client, pictures.codes("http://127.0.0.1:8155", digits))
    assert max(peaks) < LIMIT
    # What leads elsewhere is refused in red though the payload is genuine, and is no link.
    assert said["code-foreign-host"] in {"网址不符", "无效", "暂无法确认"}
    assert said["code-unregistered-token"] == "暂无法确认"
    assert said["code-script"] == ""


def test_bundles_and_proofs_that_are_spoilt(
    world: Any, client: FlaskClient, peaks: list[int]
) -> None:
    evidence = world.evidence("valid")
    bundle, proof = bundle_file(evidence), proof_file(evidence, with_record=True)
    for whole in (bundle, proof):
        assert "有效" in send(client, whole).text
    said = try_all(client, texts.texts(bundle, proof))
    assert len(said) > 35
    assert peaks == [], "these are read within bounds, and need no worker"


def test_files_of_other_kinds(client: FlaskClient, peaks: list[int]) -> None:
    said = try_all(client, texts.others(gigabyte()))
    assert set(said.values()) == {""}
    assert peaks == []


def test_the_worker_ends_by_itself_before_the_answer_is_due() -> None:
    assert WALL_SECONDS < sandbox.ANSWER_SECONDS < 3


@pytest.mark.soak
def test_the_whole_corpus(client: FlaskClient, peaks: list[int], genuine: bytes) -> None:
    families = [*(family() for family in pdfs.FAMILIES), pdfs.misleading(genuine)]
    files = chain(*families, pictures.pictures(gigabyte()))
    said = try_all(client, files, slow=True)
    assert said.keys() >= SLOW
    assert len(peaks) == len(said)
    assert max(peaks) < LIMIT


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(200))
def test_a_genuine_pdf_with_its_bytes_shuffled(
    client: FlaskClient, peaks: list[int], genuine: bytes, seed: int
) -> None:
    dice = random.Random(seed)
    data = bytearray(genuine)
    for _ in range(dice.randrange(1, 40)):
        start = dice.randrange(len(data))
        size = dice.randrange(1, 200)
        match dice.randrange(3):
            case 0:
                data[start : start + size] = dice.randbytes(size)
            case 1:
                del data[start : start + size]
            case _:
                data[start:start] = data[start : start + size]
    if bytes(data[:5]) == b"%PDF-":
        judge(str(seed), send(client, bytes(data)), bytes(data))
        assert max(peaks) < LIMIT
