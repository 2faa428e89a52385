"""What a clerk does to one certificate, and what everybody can then prove of its editions."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.policy import PolicyWitness
from keys.signer import public_bytes, software_signer
from keys.vkey import SignatureType, VerifierKey
from registry.ledger.evidence import collect
from registry.office.certificates import editions, open_certificate
from registry.office.reasons import Reason
from registry.office.reissuing import reissue
from registry.office.suspending import reinstate, suspend
from registry.store.base import read_unit, write_unit
from registry.store.certificates import Certificate
from signing.bundle import Evidence
from signing.report import Report
from signing.statusfile import StatusFile, parse_status_file
from signing.tlog.checkpoint import cosign_checkpoint
from signing.tlog.note import format_note, parse_note
from signing.verify import verify

MONTH = timedelta(days=30)
WITNESS = "witness.example.org"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clerk:
    """The five things that can be done to a certificate, each by a reason that fits."""

    office: Any

    def issue(self, count: int = 1, offset: int = 0) -> list[str]:
        first = len(self.office.rows(Certificate))
        self.office.issue(self.office.people(count, offset=offset, level="4"))
        return [row.number for row in self.office.rows(Certificate)[first:]]

    def revoke(self, number: str, reason: Reason = Reason.FRAUD) -> Any:
        return self.office.revoke(number, reason)

    def suspend(self, number: str, reason: Reason = Reason.UNDER_INVESTIGATION) -> Any:
        with write_unit(self.office.engine) as session:
            return suspend(session, number, reason, context=self.office.context)

    def reinstate(self, number: str, reason: Reason = Reason.CLEARED) -> Any:
        with write_unit(self.office.engine) as session:
            return reinstate(session, number, reason, context=self.office.context)

    def correct(self, number: str, reason: Reason = Reason.DATA_ERROR) -> Any:
        # Another direction each time, for a correction must change something.
        return self.office.correct(number, {"direction": f"数控{secrets.token_hex(4)}"}, reason)

    def reissue(self, number: str, reason: Reason = Reason.LOST) -> Any:
        signer = self.office.record_keys[number[:13]]
        with write_unit(self.office.engine) as session:
            return reissue(session, number, reason, signer=signer, context=self.office.context)

    def act(self, verb: str) -> Callable[..., Any]:
        return getattr(self, verb)  # type: ignore[no-any-return]

    def paper(self, number: str, edition: int = 0) -> Evidence:
        """Return the evidence that a file of this edition (0: the newest) carries if made now."""
        with read_unit(self.office.engine) as session:
            row = editions(session, number)[edition - 1]
            opened = open_certificate(row, self.office.context)
            return collect(session, self.office.log, row, opened.envelope, opened.opening)

    def status_file(self, index: int = 0) -> StatusFile:
        """Return the published status file that certificate `index` is to fetch."""
        folder = self.office.site.public / "status"
        return parse_status_file((folder / f"{index // 4096}.tlog-proof").read_bytes())

    def check(
        self, paper: Evidence, status: StatusFile | None = None, *, max_age: timedelta = MONTH
    ) -> Report:
        """Verify a paper now, as certverify does."""
        now = self.office.clock.now()
        return verify(paper, self.office.trust, now=now, max_age=max_age, status=status)


class Witnessed:
    """An office whose policy asks for one witness, which signs when it is told to."""

    def __init__(self, office: Any, signer: Any) -> None:
        self.office, self.signer = office, signer
        key = VerifierKey(
            name=WITNESS,
            type=SignatureType.ED25519_COSIGNATURE,
            public_key=signer.info.public_key,
        )
        witness = PolicyWitness(name="w", key=key)
        office.policy = replace(office.policy, witnesses=(witness,), quorum="w")
        office.log = replace(office.log, policy=office.policy)

    def sign(self) -> None:
        storage = self.office.log.storage
        note = parse_note(storage.read("checkpoint"))
        line = cosign_checkpoint(note.text, WITNESS, self.signer, now=self.office.clock.now())
        data = format_note(replace(note, signatures=(*note.signatures, line)))
        storage.replace("checkpoint", data)
        storage.replace("checkpoint.witnessed", data)


@pytest.fixture(scope="session")
def witness_signer() -> Any:
    """Give the key of a witness."""
    private = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
    public = public_bytes(private)
    info = KeyInfo(
        key_id=key_id_of(Algorithm.ED25519, public),
        algorithm=Algorithm.ED25519,
        purpose=Purpose.CHECKPOINT,
        issuer="office",
        not_before=datetime(2026, 1, 1, tzinfo=UTC),
        not_after=datetime(2028, 1, 1, tzinfo=UTC),
        state=KeyState.ACTIVE,
        public_key=public,
    )
    return software_signer(info, private)


@pytest.fixture
def witnessed(office: Any, witness_signer: Any) -> Witnessed:
    """Make the office's policy ask for a witness; it signs when it is told to."""
    return Witnessed(office, witness_signer)


@pytest.fixture
def clerk(office: Any) -> Clerk:
    return Clerk(office=office)


@pytest.fixture(scope="session")
def clerk_of() -> Callable[[Any], Clerk]:
    """Give the function that seats a clerk in an office."""
    return lambda office: Clerk(office=office)
