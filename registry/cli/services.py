"""Rooms put together for one home: what a command needs, opened once.

The trust folder is written here because it joins what two rooms know: the issuers of the database
and the public halves of the key ring.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Self

from sqlalchemy import Engine

from keys.model import Algorithm, KeyInfo, KeyState, Purpose
from keys.policy import Policy, PolicyLog, format_policy
from keys.ring import KeyRing
from keys.signer import PrivateKeySigner
from keys.trust import ISSUERS_FILE, POLICY_FILE, TrustedIssuer, TrustedKey, issuers_json
from keys.vkey import SignatureType, VerifierKey
from registry.cli.base import CLOCK, make_context
from registry.cli.home import Home, Settings
from registry.ledger.head import Log, load_head, refuse_lost_head
from registry.ledger.sequencer import Anchored, anchor
from registry.ledger.storage import LocalStorage
from registry.office.context import Context
from registry.office.issuers import all_issuers
from registry.publish import Site, publish
from registry.store.base import read_unit
from registry.store.schema import require_current

OFFICE = "office"


@dataclass(frozen=True, kw_only=True)  # no slots: cached_property keeps its values in __dict__
class Services:
    """One open home: settings, database, keys, log and site."""

    home: Home
    settings: Settings
    engine: Engine
    ring: KeyRing
    context: Context

    @classmethod
    def open(cls, home: Home) -> Self:
        """Open the home; raises the error that says what is missing."""
        settings = home.settings()
        engine = home.engine()
        require_current(engine)
        ring = home.ring()
        return cls(
            home=home, settings=settings, engine=engine, ring=ring, context=make_context(ring)
        )

    @cached_property
    def checkpoint_signer(self) -> PrivateKeySigner:
        """The log's Ed25519 key."""
        return self.ring.signer(Purpose.CHECKPOINT, OFFICE, CLOCK.now())

    @cached_property
    def policy(self) -> Policy:
        """The trust policy of this log: its own key, and no witness asked for."""
        key = VerifierKey(
            name=self.settings.origin,
            type=SignatureType.ED25519,
            public_key=self.checkpoint_signer.info.public_key,
        )
        url = f"{self.settings.base_url}/log"
        return Policy(logs=(PolicyLog(key=key, url=url),))

    @cached_property
    def log(self) -> Log:
        """The log, with its files below ``public/log``."""
        return Log(
            origin=self.settings.origin,
            storage=LocalStorage(self.home.public / "log"),
            signers=(self.checkpoint_signer,),
            policy=self.policy,
        )

    @cached_property
    def site(self) -> Site:
        """Where publication goes."""
        return Site(public=self.home.public, pepper=self.home.pepper())

    @cached_property
    def seal_root(self) -> bytes:
        """The certificate (DER) under which all issuers' PDF seals stand."""
        certificate = self.ring.signer(Purpose.PDF, OFFICE, CLOCK.now()).info.certificate
        if certificate is None:
            raise AssertionError  # the ring refuses a PDF key without its certificate
        return certificate

    def record_signer(self, prefix: str) -> PrivateKeySigner:
        """Return the issuer's key for records and QR codes."""
        return self.ring.signer(Purpose.RECORD, prefix, CLOCK.now())

    def seal_signer(self, prefix: str) -> PrivateKeySigner:
        """Return the issuer's key for PDF seals."""
        return self.ring.signer(Purpose.PDF, prefix, CLOCK.now())

    def require_head(self) -> None:
        """Refuse with ``HeadLost`` if the database is an older copy than what is public.

        Asked before anything is issued or changed: numbers given away by an old copy would be
        given away twice.
        """
        with read_unit(self.engine) as session:
            refuse_lost_head(self.log, load_head(session, self.log.origin))

    def anchor(self) -> tuple[Anchored, int]:
        """Run the sequencer once and publish; return what it did and how many entries went out."""
        done = anchor(self.engine, self.log, clock=CLOCK)
        # A crash in `issuer add`, or two of them at once, can leave an issuer out of the file.
        self.write_trust()
        return done, publish(self.engine, self.settings.origin, self.site, self.context)

    def write_trust(self) -> None:
        """Write ``public/trust`` from the database's issuers and the ring's public keys."""
        with read_unit(self.engine) as session:
            issuers = all_issuers(session)
        # Opened anew: another process may have made keys since.
        keys = self.home.ring().keys()
        data = issuers_json(
            issuers=[
                TrustedIssuer(
                    prefix=issuer.prefix,
                    name=issuer.name,
                    uscc=issuer.uscc,
                    keys=tuple(_trusted(key) for key in keys if _is_public(key, issuer.prefix)),
                )
                for issuer in issuers
            ],
            seal_root=self.seal_root,
            base_url=self.settings.base_url,
            issued_at=CLOCK.now(),
            signer=self.checkpoint_signer,
        )
        storage = LocalStorage(self.home.public / "trust")
        storage.write_all([(POLICY_FILE, format_policy(self.policy)), (ISSUERS_FILE, data)])


def _is_public(key: KeyInfo, prefix: str) -> bool:
    # Seal keys too: their certificate alone could never say that one was revoked.
    return key.purpose in {Purpose.RECORD, Purpose.PDF} and key.issuer == prefix


def _trusted(key: KeyInfo) -> TrustedKey:
    # When a key was revoked is not kept in the ring: until key leaves are read back, nothing a
    # revoked key ever signed is trusted.
    revoked = datetime(1970, 1, 1, tzinfo=UTC) if key.state is KeyState.REVOKED else None
    return TrustedKey(
        key_id=key.key_id,
        algorithm=Algorithm(key.algorithm),
        purpose=key.purpose,
        public_key=key.public_key,
        not_before=key.not_before,
        not_after=key.not_after,
        state=key.state,
        revoked_at=revoked,
    )
