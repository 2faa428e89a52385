"""The log in an object store: the promises of `LogStorage`, over real HTTP to a stand-in for S3.

The local directory keeps the same promises and is asked the same questions here.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest

from registry.ledger.fsck import fsck
from registry.ledger.local_storage import LocalStorage
from registry.ledger.storage import StorageConflict, StorageFailed

obstore = pytest.importorskip("obstore", reason="the extra `objectstore` is not installed")

from obstore.store import LocalStore, MemoryStore, S3Store  # noqa: E402 - after the skip

from registry.ledger.object_storage import ObjectStorage, open_bucket  # noqa: E402

KEYS_A_PAGE = 3


class Bucket(ThreadingHTTPServer):
    """Enough of S3 for one bucket, in memory; `fault` is asked before and after each request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects: dict[str, bytes] = {}
        self.lock = threading.Lock()
        self.conditional = True
        self.requests: list[tuple[str, str]] = []
        self.unconditional: set[str] = set()
        self.fault: Callable[[int, str], bool] = lambda _number, _moment: False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away."""


class Handler(BaseHTTPRequestHandler):
    """One request to the bucket."""

    server: Bucket
    protocol_version = "HTTP/1.1"
    # One packet an answer: head and body apart would each wait for the other side's word.
    wbufsize = 1 << 16

    def log_message(self, *_args: object) -> None:
        pass

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        key = unquote(parts.path).removeprefix("/bucket").removeprefix("/")
        with self.server.lock:
            number = len(self.server.requests)
            self.server.requests.append((self.command, key))
            if self.server.fault(number, "before"):
                self._send(500, b"<Error><Code>InternalError</Code></Error>")
                return
            status, data = self._do(key, parse_qs(parts.query, keep_blank_values=True), body)
            if self.server.fault(number, "after"):
                # Done, and the answer is lost.
                self.close_connection = True
                return
        self._send(status, data)

    def _do(self, key: str, query: dict[str, list[str]], body: bytes) -> tuple[int, bytes]:
        objects = self.server.objects
        match self.command:
            case "PUT":
                guarded = self.headers.get("If-None-Match") == "*"
                if not guarded:
                    self.server.unconditional.add(key)
                if guarded and self.server.conditional and key in objects:
                    return 412, b"<Error><Code>PreconditionFailed</Code></Error>"
                objects[key] = body
                return 200, b""
            case "DELETE":
                objects.pop(key, None)
                return 204, b""
            case "POST":
                names = re.findall("<Key>(.*?)</Key>", body.decode())
                for name in names:
                    objects.pop(name, None)
                gone = "".join(f"<Deleted><Key>{name}</Key></Deleted>" for name in names)
                return 200, f"<DeleteResult>{gone}</DeleteResult>".encode()
            case _ if "list-type" in query:
                return 200, self._listing(query)
            case _:
                found = objects.get(key)
                return (404, b"") if found is None else (200, found)

    def _listing(self, query: dict[str, list[str]]) -> bytes:
        prefix = query.get("prefix", [""])[0]
        after = query.get("continuation-token", [""])[0]
        names = sorted(n for n in self.server.objects if n.startswith(prefix) and n > after)
        page = names[:KEYS_A_PAGE]
        more = len(names) > len(page)
        items = "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>{len(self.server.objects[name])}</Size>"
            "<LastModified>2026-11-23T02:03:04.000Z</LastModified><ETag>e</ETag></Contents>"
            for name in page
        )
        token = f"<NextContinuationToken>{page[-1]}</NextContinuationToken>" if more else ""
        return (
            f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{items}{token}"
            "</ListBucketResult>"
        ).encode()

    def _send(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", '"e"')
        self.send_header("Last-Modified", "Mon, 23 Nov 2026 02:03:04 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


for method in ("GET", "HEAD", "PUT", "DELETE", "POST"):
    setattr(Handler, f"do_{method}", Handler.answer)


@pytest.fixture
def bucket(monkeypatch: Any) -> Iterator[Bucket]:
    """Give a bucket, and the environment that leads to it."""
    for name, value in (("ACCESS_KEY_ID", "nobody"), ("SECRET_ACCESS_KEY", "nothing")):
        monkeypatch.setenv(f"AWS_{name}", value)
    with Bucket() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def impatient(bucket: Bucket) -> ObjectStorage:
    """Give the bucket by a client that never tries twice: each fault is seen."""
    return ObjectStorage(S3Store.from_url("s3://bucket", retry_config={"max_retries": 0}))


KINDS = ["directory", "memory", "files", "s3"]


@pytest.fixture(params=KINDS)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    match request.param:
        case "directory":
            return LocalStorage(tmp_path / "log")
        case "memory":
            return ObjectStorage(MemoryStore())
        case "files":
            return ObjectStorage(LocalStore(tmp_path))
        case _:
            request.getfixturevalue("bucket")
            return open_bucket("s3://bucket/office/log")


TILE, OTHER = "tile/0/x001/234.p/5", "tile/entries/x001/234.p/5"


def test_what_is_staged_is_seen_by_nobody_until_it_is_placed(storage: Any) -> None:
    storage.stage("r1", [(TILE, b"tile"), (OTHER, b"")])
    storage.stage("r1", [("tile/0/000", b"full")])
    assert storage.read_staged("r1", TILE) == b"tile"
    for path in (TILE, OTHER, "tile/0/000"):
        with pytest.raises(FileNotFoundError):
            storage.read(path)
    with pytest.raises(FileNotFoundError):
        storage.read_staged("r2", TILE)
    assert storage.rounds() == {"r1"}
    for _ in range(2):
        storage.place("r1")
        assert [storage.read(path) for path in (TILE, OTHER, "tile/0/000")] == [
            b"tile",
            b"",
            b"full",
        ]
        assert storage.rounds() == frozenset()


def test_rounds_do_not_mix(storage: Any) -> None:
    storage.stage("r1", [(TILE, b"one")])
    storage.stage("r11", [(TILE, b"another")])
    assert storage.rounds() == {"r1", "r11"}
    storage.discard(["r1", "never-was"])
    assert storage.rounds() == {"r11"}
    storage.place("r1")
    with pytest.raises(FileNotFoundError):
        storage.read(TILE)
    storage.place("r11")
    assert storage.read(TILE) == b"another"


def test_equal_bytes_are_let_be_and_others_refused(storage: Any) -> None:
    storage.stage("r1", [(TILE, b"tile")])
    storage.place("r1")
    storage.stage("r2", [(TILE, b"tile")])
    storage.place("r2")
    with pytest.raises(StorageConflict, match="Stop issuing and signing") as refused:
        storage.stage("r3", [(OTHER, b"new"), (TILE, b"other")])
    assert TILE in str(refused.value)
    assert storage.read(TILE) == b"tile"


def test_what_came_into_a_place_after_staging_is_not_overwritten(storage: Any) -> None:
    storage.stage("r1", [(OTHER, b"mine"), (TILE, b"mine")])
    storage.replace(TILE, b"theirs")
    for _ in range(2):
        with pytest.raises(StorageConflict):
            storage.place("r1")
        assert storage.read(TILE) == b"theirs"
        assert storage.read_staged("r1", TILE) == b"mine"


def test_the_files_of_a_folder_are_named(storage: Any) -> None:
    assert storage.names("tile/0") == frozenset()
    storage.stage("r1", [("tile/0/000", b""), ("tile/0/001", b""), ("tile/0/001.p/7", b"")])
    storage.place("r1")
    assert storage.names("tile/0") - {"001.p"} == {"000", "001"}
    assert storage.names("tile/0/001.p") == {"7"}


def test_a_checkpoint_is_replaced(storage: Any) -> None:
    for data in (b"first", b"second, longer", b""):
        storage.replace("checkpoint", data)
        assert storage.read("checkpoint") == data


def test_very_many_files_in_one_call(storage: Any) -> None:
    items = [(f"tile/0/x{place // 10:03}/{place:03}", bytes([place % 250])) for place in range(150)]
    storage.stage("r1", iter(items))
    storage.place("r1")
    assert [storage.read(path) for path, _data in items] == [data for _path, data in items]


def mirrored(bucket: Bucket, folder: Path, prefix: str = "") -> Path:
    for name, data in bucket.objects.items():
        file = folder / name.removeprefix(prefix)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return folder


def test_a_log_in_a_bucket_is_the_log_in_a_directory(
    office: Any, bucket: Bucket, tmp_path: Path
) -> None:
    log = replace(office.log, storage=open_bucket("s3://bucket/office/log"))
    for round_ in range(3):
        office.issue(office.people(130, offset=round_ * 200))
        office.anchor(log)
    assert {name.split("/")[:2] == ["office", "log"] for name in bucket.objects} == {True}
    assert log.storage.rounds() == frozenset()
    folder = mirrored(bucket, tmp_path / "copy", "office/log/")
    report = fsck(folder, office.policy)
    assert report.faults == ()
    assert report.size == office.head().size
    assert bucket.unconditional == {"office/log/checkpoint", "office/log/staging/probe"}


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_request_that_fails_at_any_place_loses_nothing(
    office: Any, bucket: Bucket, impatient: ObjectStorage, tmp_path: Path, moment: str
) -> None:
    """Not done at all, or done with the answer lost: the next plain run makes it good."""
    log = replace(office.log, storage=impatient)
    office.anchor(log)
    at, refused = 0, 0
    while True:
        office.issue(office.people(1, offset=at))
        start = len(bucket.requests)
        bucket.fault = lambda number, now, wanted=(start + at, moment): (number, now) == wanted
        try:
            office.anchor(log)
        except StorageFailed:
            refused += 1
        reached = len(bucket.requests) > start + at
        bucket.fault = lambda _number, _now: False
        office.anchor(log)
        folder = mirrored(bucket, tmp_path / str(at))
        report = fsck(folder, office.policy)
        assert (report.faults, report.size) == ((), office.head().size)
        if not reached:
            break
        at += 1
    assert refused > at // 2 > 5


def test_an_answer_that_is_lost_is_asked_for_again(office: Any, bucket: Bucket) -> None:
    """The second put finds the first one's bytes: no conflict, and no error."""
    log = replace(office.log, storage=open_bucket("s3://bucket"))
    office.anchor(log)
    office.issue(office.people(1))
    lost: list[str] = []

    def fault(number: int, moment: str) -> bool:
        command, key = bucket.requests[number]
        strikes = moment == "after" and command == "PUT" and key not in lost
        lost.extend([key] * strikes)
        return strikes

    bucket.fault = fault
    office.anchor(log)
    folders = [key.split("/")[0] for key in sorted(lost)]
    assert folders == ["checkpoint", "staging", "staging", "tile", "tile"]


def test_a_store_without_conditional_writes_is_refused_before_anything_is_signed(
    office: Any, bucket: Bucket
) -> None:
    bucket.conditional = False
    before = office.contents()
    with pytest.raises(StorageFailed, match="ignores If-None-Match"):
        office.anchor(replace(office.log, storage=open_bucket("s3://bucket")))
    assert office.contents() == before
    assert set(bucket.objects) == {"staging/probe"}


def test_a_store_that_is_away_says_so_without_its_secrets(monkeypatch: Any, bucket: Bucket) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    storage = open_bucket("s3://bucket")
    for ask in (lambda: storage.read("checkpoint"), storage.rounds):
        with pytest.raises(StorageFailed, match="can be reached") as refused:
            ask()
        assert "nobody" not in str(refused.value)


@pytest.mark.parametrize("url", ["", "bucket", "file:///tmp", "https://bucket", "s3://"])
def test_an_address_that_is_no_bucket_is_refused(url: str, bucket: Bucket) -> None:
    with pytest.raises(StorageFailed, match="log_storage"):
        open_bucket(url)
