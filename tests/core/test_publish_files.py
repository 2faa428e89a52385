"""The site is told of each file that was let out, so that it knows it again unopened."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.signer import PrivateKeySigner, public_bytes, software_signer
from registry.ledger.storage import StorageFailed
from registry.publish import Site
from registry.publish_files import publish_file
from signing.mirror_files import file_tag_and_key, open_file
from signing.release import parse_release

NOW = datetime(2026, 11, 23, 10, 2, tzinfo=UTC)
PDF = b"%PDF-1.7 let out"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(public=tmp_path / "public", pepper=bytes(range(32)))


@pytest.fixture(scope="module")
def signer() -> PrivateKeySigner:
    key = ec.generate_private_key(ec.SECP256R1())
    public = public_bytes(key)
    info = KeyInfo(
        key_id=key_id_of(Algorithm.ECDSA_P256, public),
        algorithm=Algorithm.ECDSA_P256,
        purpose=Purpose.PDF,
        issuer="Y000044999001",
        not_before=NOW,
        not_after=datetime(2031, 1, 1, tzinfo=UTC),
        state=KeyState.ACTIVE,
        public_key=public,
    )
    return software_signer(info, key)


def publish(site: Site, signer: PrivateKeySigner, **how: Any) -> None:
    context: Any = SimpleNamespace(random=secrets.token_bytes)
    known = {"payload": b"{}", "annotation": None, "token": "q" * 16, "now": NOW}
    publish_file(site, context, PDF, **{**known, "signer": signer, **how})


def rows(site: Site) -> list[tuple[bytes, bytes]]:
    with closing(sqlite3.connect(site.mirror)) as mirror:
        return mirror.execute("SELECT tag, sealed FROM files").fetchall()


def test_a_file_is_found_by_its_digest(site: Site, signer: PrivateKeySigner) -> None:
    publish(site, signer, annotation=b'{"purpose":"x"}')
    digest = hashlib.sha256(PDF)
    tag, key = file_tag_and_key(site.pepper, digest.digest())
    ((found, sealed),) = rows(site)
    assert found == tag
    file = open_file(key, tag, sealed)
    release = parse_release(file.statement.payload)
    assert (file.token, release.file) == ("q" * 16, digest.hexdigest())
    assert release.annotation == '{"purpose":"x"}'
    assert file.statement.key_id == signer.info.key_id
    assert len(sealed) < 800


def test_the_same_file_twice_is_one_row(site: Site, signer: PrivateKeySigner) -> None:
    publish(site, signer)
    publish(site, signer)
    assert len(rows(site)) == 1


def test_a_mirror_that_cannot_be_written_stops_the_release(
    site: Site, signer: PrivateKeySigner
) -> None:
    site.public.mkdir()
    site.mirror.write_bytes(b"no database" * 1000)
    with pytest.raises(StorageFailed, match="mirror"):
        publish(site, signer)
