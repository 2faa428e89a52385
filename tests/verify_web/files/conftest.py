"""The company that seals, states and publishes its files; and what a visitor sees of an upload."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from keys.trust import TrustedKey
from signing.annotation import ANNOTATION_NAME, annotate, annotation_json
from signing.mirror_files import FILES_SCHEMA, ReleasedFile, seal_file
from signing.release import sign_release
from verify_web import sandbox, uploaded

NOW = datetime(2026, 11, 23, 10, 2, tzinfo=UTC)
PEPPER = bytes(range(32))
RECIPIENT = "深圳市示例电力设备有限公司"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What came back: the word and its tone ("" where the form came back), and all the rest."""

    status: int
    text: str
    word: str
    tone: str

    @property
    def badges(self) -> list[str]:
        return re.findall(r'class="answer (\w+)"', self.text)


def upload(client: FlaskClient, data: bytes, recipient: str = "") -> Seen:
    parts = (("recipient", "", recipient.encode()), ("file", '; filename="f"', data))
    body = b"".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode()
        + value
        + b"\r\n"
        for name, more, value in parts
    )
    kind = "multipart/form-data; boundary=x"
    answer = client.post("/verify", data=body + b"--x--\r\n", content_type=kind)
    word = re.search(r'<h1 id="state">([^<]+)</h1>', answer.text)
    tone = re.search(r'class="verdict (\w+)"', answer.text)
    return Seen(
        status=answer.status_code,
        text=answer.text,
        word=word[1] if word else "",
        tone=tone[1] if tone else "",
    )


class Desk:
    """The company that seals, states and publishes its files; the site reads them."""

    def __init__(self, world: Any, seals: Any) -> None:
        self.world, self.seals = world, seals
        self.trust()

    def trust(self, **facts: Any) -> None:
        info = self.seals.signer.info
        known = {
            "key_id": info.key_id,
            "algorithm": info.algorithm,
            "purpose": info.purpose,
            "public_key": info.public_key,
            "not_before": info.not_before,
            "not_after": info.not_after,
            "state": info.state,
        }
        key = TrustedKey(**{**known, **facts})
        self.world.write_trust(seal_root=self.seals.root, seal_key=key)

    def pdf(self, name: str = "valid", **more: bytes) -> bytes:
        attachments = self.seals.attachments(self.world.evidence(name))
        return self.seals.seal({**attachments, **more})

    def annotation(self, until: date, made: date = date(2026, 11, 20)) -> bytes:
        record = self.world.records["valid"]
        payload = self.world.entries["valid"].envelope.payload
        return annotation_json(
            annotate(
                record, payload, purpose="入职审核", recipient=RECIPIENT, made=made, until=until
            )
        )

    def copy(self, until: date = date(2026, 12, 31)) -> bytes:
        return self.pdf(**{ANNOTATION_NAME: self.annotation(until)})

    def publish(
        self, pdf: bytes, name: str = "valid", annotation: bytes | None = None, **lie: Any
    ) -> None:
        entry = self.world.entries[name]
        known = {"payload": entry.envelope.payload, "annotation": annotation, "now": NOW}
        stated = sign_release(
            lie.pop("stated", pdf), **{**known, "signer": self.seals.signer, **lie}
        )
        file = ReleasedFile(token=entry.token, statement=stated)
        row = seal_file(PEPPER, hashlib.sha256(pdf).digest(), file, bytes)
        with closing(sqlite3.connect(self.world.public / "mirror.db")) as mirror, mirror:
            mirror.executescript(FILES_SCHEMA)
            mirror.execute("INSERT INTO files VALUES (?, ?)", row)


@pytest.fixture
def send(client: FlaskClient) -> Callable[..., Seen]:
    """Give a function that uploads a file, and for whom if somebody says so."""
    return lambda data, recipient="": upload(client, data, recipient)


@pytest.fixture
def desk(world: Any, seals_of: Any) -> Desk:
    return Desk(world, seals_of())


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the list of the kinds of files that a worker was asked to open."""
    kinds: list[str] = []
    genuine = sandbox.SANDBOX.inspect

    def inspect(task: Any) -> Any:
        kinds.append(task.kind)
        return genuine(task)

    monkeypatch.setattr(uploaded.SANDBOX, "inspect", inspect, raising=False)
    return kinds
