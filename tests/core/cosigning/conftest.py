"""Witnesses on real servers of this machine, and the office's log under a policy that has them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from keys import ring
from keys.policy import Policy, PolicyGroup, PolicyWitness
from keys.sealed import ScryptParams
from registry.ledger.asking import Asked
from registry.ledger.cosigning import cosign
from registry.ledger.head import Log
from registry.ledger.witness.starting import Started, start_witness
from registry.store.audit import AuditLine

App = Callable[..., Any]
Serve = Callable[[App], str]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Give the function that serves an application on this machine and returns its address."""
    running = []

    def serving(app: App) -> str:
        server = make_server("127.0.0.1", 0, app, handler_class=Quiet)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield serving
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Council:
    """The office's log under a policy with witnesses; mutable: witnesses come and go."""

    office: Any
    log: Log

    def cosign(self, **more: Any) -> tuple[Asked, ...]:
        return cosign(self.office.engine, self.log, clock=self.office.clock, actor="test", **more)

    def anchor(self, people: int = 1, offset: int = 0) -> tuple[Asked, ...]:
        self.office.issue(self.office.people(people, offset))
        self.office.anchor(self.log)
        return self.cosign()

    def read(self, path: str = "checkpoint") -> bytes:
        return self.log.storage.read(path)

    def alarms(self) -> list[str]:
        rows = self.office.rows(AuditLine)
        return [row.detail for row in rows if row.action == "witness-alarm"]


@pytest.fixture
def witnesses(
    office: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Started]:
    """Give the function that starts the witness of a name over its folder of this test."""
    monkeypatch.setattr(ring, "ScryptParams", partial(ScryptParams, n=1 << 4))

    def started(name: str) -> Started:
        return start_witness(
            tmp_path / name,
            name=f"{name}.example",
            policy=office.policy,
            passphrase=b"made up",
            clock=office.clock,
            tell=lambda _line: None,
        )

    return started


class Assembly:
    """Makes councils; a fixture, since test files cannot import from here."""

    def __call__(self, office: Any, *witnesses: PolicyWitness, quorum: int = 0) -> Council:
        groups: tuple[PolicyGroup, ...] = ()
        if quorum:
            members = tuple(one.name for one in witnesses)
            groups = (PolicyGroup(name="all", threshold=quorum, members=members),)
        policy = Policy(
            logs=office.policy.logs,
            witnesses=witnesses,
            groups=groups,
            quorum="all" if quorum else "none",
        )
        return Council(office=office, log=replace(office.log, policy=policy))

    @staticmethod
    def listed(started: Started, name: str, url: str, key: int = 0) -> PolicyWitness:
        """Give a started witness's line in the policy."""
        return PolicyWitness(name=name, key=started.vkeys[key], url=url)

    @staticmethod
    def says(status: str, body: bytes, kind: str = "text/plain") -> App:
        """Give an application that answers everything alike."""

        def app(environ: Any, start_response: Any) -> list[bytes]:
            start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
            return [body]

        return app


@pytest.fixture
def council() -> Assembly:
    return Assembly()
