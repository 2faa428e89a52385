"""An office with an outbox: its upload key in the log, and a centre that checks what it packs."""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.signer import PrivateKeySigner, public_bytes, software_signer
from keys.trust import TrustedKey
from registry.ledger.accepted import best_note
from registry.office.certificates import open_certificate
from registry.office.office_keys import announce_office_keys, placed_office_keys
from registry.office.reasons import Reason
from registry.office.reissuing import reissue
from registry.office.suspending import suspend
from registry.store.base import read_unit, write_unit
from registry.store.outbox import UploadRow
from registry.store.uploads import Upload
from registry.upload.freezing import freeze, write_frozen
from registry.upload.kit import Kit
from registry.upload.mapping import load_mapping
from registry.upload.outbox import Doing, assemble, dissolve
from signing.report import Answer
from signing.upload.check import PackageCheck, check_package
from signing.upload.manifest import sign_manifest
from signing.upload.rowcheck import RowCheck


def upload_signer(now: Any) -> PrivateKeySigner:
    private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"upload").digest())
    public = public_bytes(private)
    info = KeyInfo(
        key_id=key_id_of(Algorithm.ED25519, public),
        algorithm=Algorithm.ED25519,
        purpose=Purpose.UPLOAD,
        issuer="office",
        not_before=now - timedelta(days=1),
        not_after=now + timedelta(days=400),
        state=KeyState.ACTIVE,
        public_key=public,
    )
    return software_signer(info, private)


@dataclass
class Outbox:
    """One office's outbox; mutable, because the office behind it is."""

    office: Any
    signer: PrivateKeySigner

    @property
    def doing(self) -> Doing:
        return Doing(actor="test", now=self.office.clock.now())

    def announce(self) -> None:
        with write_unit(self.office.engine) as session:
            announce_office_keys(session, [self.signer.info], context=self.office.context)

    def kit(self, **change: Any) -> Kit:
        office = self.office
        with read_unit(office.engine) as session:
            placed = placed_office_keys(session)
        usual = Kit(
            city=office.origin,
            office="市职业技能鉴定指导办公室",
            actor="test",
            folder=office.home / "uploads",
            field_key=office.context.field_key,
            random=secrets.token_bytes,
            mapping=load_mapping("guangdong-certificates"),
            read_tile=office.log.storage.read,
            note=lambda index: best_note(office.log, office.head(), index),
            open=lambda row: open_certificate(row, office.context),
            key_id=self.signer.info.key_id,
            key_leaf=placed[0].added if placed else None,
            sign=lambda manifest: sign_manifest(manifest, self.signer),
            proves=True,
            draw=lambda summary: repr(summary).encode(),
        )
        return replace(usual, **change)

    def prepare(self, prefix: str = "", **values: Any) -> str:
        with write_unit(self.office.engine) as session:
            where = prefix or self.office.prefix
            return assemble(session, where, self.doing, **values).upload_id

    def dissolve(self, upload_id: str) -> None:
        with write_unit(self.office.engine) as session:
            dissolve(session, upload_id, self.doing)

    def freeze(self, upload_id: str, kit: Kit | None = None, **values: Any) -> Upload:
        return freeze(self.office.engine, upload_id, kit or self.kit(), self.doing, **values)

    def package(self, upload_id: str, kit: Kit | None = None) -> bytes:
        out = io.BytesIO()
        write_frozen(self.office.engine, upload_id, kit or self.kit(), out)
        return out.getvalue()

    def checked(self, package: bytes) -> tuple[PackageCheck, list[RowCheck]]:
        info = self.signer.info
        key = TrustedKey(
            key_id=info.key_id,
            algorithm=info.algorithm,
            purpose=info.purpose,
            public_key=info.public_key,
            not_before=info.not_before,
            not_after=info.not_after,
            state=info.state,
        )
        rows: list[RowCheck] = []
        now = self.office.clock.now()
        check = check_package(package, self.office.trust, (key,), now=now, on_row=rows.append)
        return check, rows

    def proven(self, package: bytes) -> list[tuple[int, str]]:
        """Check that a package is valid throughout; return its rows as (status index, kind)."""
        check, rows = self.checked(package)
        assert check.answer is Answer.VALID, check
        assert set(check.rows) == {Answer.VALID}
        return [(row.status or 0, row.row.kind.value) for row in rows]

    def reissue(self, number: str) -> None:
        office = self.office
        with write_unit(office.engine) as session:
            signer = office.record_keys[number[:13]]
            reissue(session, number, Reason.LOST, signer=signer, context=office.context)

    def suspend(self, number: str) -> None:
        with write_unit(self.office.engine) as session:
            suspend(session, number, Reason.DISPUTED, context=self.office.context)

    def rows(self) -> list[UploadRow]:
        found: list[UploadRow] = self.office.rows(UploadRow)
        return found

    def keys(self) -> list[tuple[int, str]]:
        return [(row.status_index, row.kind) for row in self.rows()]


@pytest.fixture
def outbox_of() -> Callable[[Any], Outbox]:
    """Give the function that sets an outbox up beside an office."""

    def make(office: Any) -> Outbox:
        outbox = Outbox(office=office, signer=upload_signer(office.clock.now()))
        outbox.announce()
        return outbox

    return make


@pytest.fixture
def outbox(office: Any, outbox_of: Any) -> Outbox:
    made: Outbox = outbox_of(office)
    return made
