"""A log made of leaves alone, and a server for it that can lie in every way.

The log's own key signs whatever it is told to, so each lie is a well-signed one. Nobody here
exists.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.policy import Policy, PolicyLog, PolicyWitness, format_policy
from keys.signer import PrivateKeySigner, public_bytes, software_signer
from keys.vkey import SignatureType, VerifierKey
from registry.ledger.monitor.source import FolderSource, HttpSource, LogSource
from registry.ledger.monitor.state import MonitorState
from registry.ledger.monitor.watching import MonitorReport, Watch, monitor
from signing.tlog.appender import TileAppender
from signing.tlog.checkpoint import Checkpoint, cosign_checkpoint, sign_checkpoint
from signing.tlog.entry import (
    BatchClose,
    Entry,
    Issue,
    Key,
    State,
    Status,
    StatusChange,
    encode_entry,
    format_time,
)
from signing.tlog.merkle import leaf_hash, root_of
from signing.tlog.note import format_note, parse_note
from signing.tlog.status import blank_pages, pages_root, set_state
from signing.tlog.tiles import TileReader

NOW = datetime(2026, 11, 23, 2, 3, 4, tzinfo=UTC)
ORIGIN = "127.0.0.1:8000/log"
PREFIX, OTHER = "Y000044999001", "Y000044999002"


def make_signer(seed: str, purpose: Purpose = Purpose.CHECKPOINT) -> PrivateKeySigner:
    private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed.encode()).digest())
    public = public_bytes(private)
    info = KeyInfo(
        key_id=key_id_of(Algorithm.ED25519, public),
        algorithm=Algorithm.ED25519,
        purpose=purpose,
        issuer="office",
        not_before=NOW - timedelta(days=400),
        not_after=NOW + timedelta(days=400),
        state=KeyState.ACTIVE,
        public_key=public,
    )
    return software_signer(info, private)


LOG_KEY = make_signer("the log")
WITNESS_KEY = make_signer("the witness")


def make_policy(*, witnessed: bool = False) -> Policy:
    key = VerifierKey(name=ORIGIN, type=SignatureType.ED25519, public_key=LOG_KEY.info.public_key)
    policy = Policy(logs=(PolicyLog(key=key),))
    if not witnessed:
        return policy
    witness = VerifierKey(
        name="witness.example",
        type=SignatureType.ED25519_COSIGNATURE,
        public_key=WITNESS_KEY.info.public_key,
    )
    return replace(policy, witnesses=(PolicyWitness(name="w", key=witness),), quorum="w")


def key_event(issuer: str, action: str = "add", name: str = "") -> Key:
    public = make_signer(f"record {name or issuer}", Purpose.RECORD).info.public_key
    return Key(
        action=action,
        alg="ed25519",
        issuer=issuer,
        key=key_id_of(Algorithm.ED25519, public),
        public=base64.b64encode(public).decode(),
        time=format_time(NOW),
    )


# Mutable: a log grows.
@dataclass
class Book:
    """The leaves of a log and what they add up to."""

    leaves: list[Any] = field(default_factory=list)
    serials: Counter[str] = field(default_factory=Counter)
    states: dict[int, State] = field(default_factory=dict)
    count: int = 0
    batches: int = 0
    time: datetime = NOW - timedelta(hours=5)

    def key(self, issuer: str = PREFIX, action: str = "add", name: str = "") -> Book:
        self.leaves.append(key_event(issuer, action, name))
        return self

    def one(
        self, *, prefix: str = PREFIX, batch: str = "B", edition: int = 1, **values: Any
    ) -> Issue:
        """Make the next issue entry."""
        scope = f"{prefix}264"
        if edition == 1:
            self.serials[scope] += 1
        entry = Issue(
            batch=batch,
            commit=hashlib.sha256(b"%d" % self.count).hexdigest(),
            edition=edition,
            number=f"{scope}{self.serials[scope]:06}",
            prefix=prefix,
            status=self.count,
        )
        self.count += 1
        entry = msgspec.structs.replace(entry, **values)
        self.leaves.append(entry)
        return entry

    def issue(self, count: int, prefix: str = PREFIX) -> Book:
        """Add a whole batch with its close."""
        self.batches += 1
        batch, first = f"{prefix}-2026-{self.batches:04}", len(self.leaves)
        for _ in range(count):
            self.one(prefix=prefix, batch=batch)
        return self.close(batch, first)

    def close(self, batch: str, first: int, **values: Any) -> Book:
        span = [leaf_hash(encode_entry(leaf)) for leaf in self.leaves[first:]]
        close = BatchClose(
            batch=batch,
            count=len(span),
            filing="深技鉴备〔2026〕1号",
            first=first,
            last=len(self.leaves) - 1,
            root=root_of(span).hex(),
        )
        self.leaves.append(msgspec.structs.replace(close, **values))
        return self

    def change(self, index: int, state: State, link: str = "") -> Book:
        self.states[index] = state
        change = StatusChange(index=index, link=link, reason="fraud", state=int(state))
        self.leaves.append(change)
        return self

    def status(self, **values: Any) -> Book:
        self.time += timedelta(seconds=1)
        pages = blank_pages(self.count)
        for index, state in self.states.items():
            set_state(pages, index, state)
        entry = Status(
            before=len(self.leaves),
            count=self.count,
            root=pages_root(pages).hex(),
            time=format_time(self.time),
        )
        self.leaves.append(msgspec.structs.replace(entry, **values))
        return self

    def encoded(self) -> list[bytes]:
        return [encode(leaf) for leaf in self.leaves]

    def files(self, size: int | None = None, *, witnessed: bool = False) -> dict[str, bytes]:
        """Give the files of the log at `size`, the checkpoint among them."""
        entries = self.encoded()[:size]
        nothing: dict[str, bytes] = {}
        appender = TileAppender(0, TileReader(nothing.__getitem__))
        files = dict([*appender.append(entries).files, *appender.finish()])
        head = Checkpoint(origin=ORIGIN, size=len(entries), root=appender.root())
        files["checkpoint"] = sign(head, witnessed=witnessed)
        return files


def sign(head: Checkpoint, *, witnessed: bool = False) -> bytes:
    note = sign_checkpoint(head, [LOG_KEY])
    if not witnessed:
        return note
    parsed = parse_note(note)
    line = cosign_checkpoint(parsed.text, "witness.example", WITNESS_KEY, now=NOW)
    return format_note(replace(parsed, signatures=(*parsed.signatures, line)))


def encode(leaf: Entry | bytes) -> bytes:
    return leaf if isinstance(leaf, bytes) else encode_entry(leaf)


def honest(count: int = 300) -> Book:
    """Give a log with two batches, a correction, a suspension and its end, a revocation."""
    book = Book().key().key(OTHER).issue(count).status()
    book.issue(20, OTHER)
    first = book.leaves[2]
    book.one(edition=2, number=first.number, batch=first.batch)
    book.change(0, State.SUPERSEDED, str(book.count - 1))
    book.change(1, State.SUSPENDED).status().change(1, State.VALID).change(2, State.REVOKED)
    return book.status()


Answer = Callable[[BaseHTTPRequestHandler], None]


# Mutable: what is served changes.
@dataclass
class Site:
    """What the server says: files, and answers of its own for single paths (below `/log/`)."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def site() -> Iterator[Site]:
    """Give a real server on this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5
        wbufsize = 1 << 16  # head and body in one packet: apart, each answer waits for an ACK

        def do_GET(self) -> None:
            path = self.path.removeprefix("/log/")
            site.asked.append(path)
            if path in site.answers:
                site.answers[path](self)
                return
            data = site.files.get(path)
            self.send_response(200 if data is not None else 404)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing: clients that hang up are what is tested."""

    server = Server(("127.0.0.1", 0), Handler)
    site = Site(url=f"http://127.0.0.1:{server.server_address[1]}/log")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield site
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass(frozen=True)  # positional: a test's shorthand
class Eye:
    """A monitor with its own state, on a server or a folder."""

    folder: Path
    url: str

    def source(self) -> LogSource:
        return HttpSource(self.url, silence=2.0, patience=5.0, pauses=(0.0, 0.0))

    def look(
        self,
        *,
        policy: Policy | None = None,
        source: LogSource | None = None,
        now: datetime = NOW,
        prefixes: frozenset[str] = frozenset(),
    ) -> MonitorReport:
        watch = Watch(now=now, max_age=timedelta(days=3), prefixes=prefixes)
        source = source or self.source()
        try:
            with MonitorState.open(self.folder) as state:
                return monitor(source, policy or make_policy(), state, watch)
        finally:
            source.close()

    def found(self, **values: Any) -> list[tuple[str, str]]:
        report = self.look(**values)
        return [(kept.finding.kind.value, kept.finding.where) for kept in report.findings]


@pytest.fixture
def eye(site: Site, tmp_path: Path) -> Eye:
    return Eye(tmp_path / "state", site.url)


@pytest.fixture(scope="session")
def make() -> Any:
    """Give what tests make logs with."""

    class Make:
        Book = Book
        honest = staticmethod(honest)
        sign = staticmethod(sign)
        policy = staticmethod(make_policy)
        key_event = staticmethod(key_event)

        @staticmethod
        def write(files: dict[str, bytes], root: Path) -> FolderSource:
            for path, data in files.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_bytes(data)
            return FolderSource(root)

        @staticmethod
        def policy_file(root: Path, *, witnessed: bool = False) -> Path:
            file = root / "log.policy"
            file.write_bytes(format_policy(make_policy(witnessed=witnessed)))
            return file

    return Make
