"""A policy that asks for witnesses: the newest checkpoint, or the newest one that they signed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from keys.policy import PolicyWitness, format_policy, parse_policy
from keys.vkey import SignatureType, VerifierKey
from signing.tlog.checkpoint import cosign_checkpoint
from signing.tlog.note import format_note, parse_note

NAME = "witness.example.org"
LATER = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@dataclass
class Witnessed:
    """A site whose policy asks for one witness; mutable: its log grows."""

    world: Any

    def __post_init__(self) -> None:
        self.log: Path = self.world.public / "log"
        self.newest, self.fallback = self.log / "checkpoint", self.log / "checkpoint.witnessed"
        file = self.world.public / "trust" / "log.policy"
        key = VerifierKey(
            name=NAME,
            type=SignatureType.ED25519_COSIGNATURE,
            public_key=self.world.stranger.info.public_key,
        )
        witness = PolicyWitness(name="w", key=key)
        policy = replace(parse_policy(file.read_bytes()), witnesses=(witness,), quorum="w")
        file.write_bytes(format_policy(policy))

    def cosigned(self) -> bytes:
        """Give the newest checkpoint with the witness's line."""
        note = parse_note(self.newest.read_bytes())
        line = cosign_checkpoint(note.text, NAME, self.world.stranger, now=LATER)
        return format_note(replace(note, signatures=(*note.signatures, line)))

    def grow(self) -> None:
        """Publish a further checkpoint, which no witness has signed yet."""
        self.world.leaves.append(self.world.leaves[0])
        self.world.write_log()


@pytest.fixture
def site(world: Any) -> Witnessed:
    return Witnessed(world)


def shown(client: FlaskClient) -> tuple[int, str]:
    answer = client.get("/log")
    return answer.status_code, answer.text


def test_without_a_witness_there_is_no_answer(site: Witnessed, client: FlaskClient) -> None:
    assert client.get("/healthz").status_code == 503
    site.newest.write_bytes(site.cosigned())
    assert client.get("/healthz").status_code == 200


def test_the_witnessed_checkpoint_stands_in_until_the_newest_is_signed(
    site: Witnessed, client: FlaskClient
) -> None:
    before = len(site.world.leaves)
    site.newest.write_bytes(site.cosigned())
    site.fallback.write_bytes(site.newest.read_bytes())
    site.grow()
    status, text = shown(client)
    assert status == 200
    assert f"{before}" in text
    assert f"{before + 1}" not in text
    assert client.get("/healthz").status_code == 200
    # The witness signs: noticed, and the newest is shown.
    site.newest.write_bytes(site.cosigned())
    assert f"{before + 1}" in shown(client)[1]


def test_a_new_witnessed_checkpoint_is_noticed(site: Witnessed, client: FlaskClient) -> None:
    assert shown(client)[0] == 503
    site.fallback.write_bytes(site.cosigned())
    site.grow()
    assert shown(client)[0] == 200
    site.fallback.unlink()
    assert shown(client)[0] == 503


def test_an_unwitnessed_checkpoint_in_the_other_place_is_not_used(
    site: Witnessed, client: FlaskClient
) -> None:
    site.fallback.write_bytes(site.newest.read_bytes())
    site.grow()
    assert shown(client)[0] == 503
