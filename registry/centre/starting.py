"""Opening a centre from its home: keys, database, packages, and what the intake works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Engine

from keys.clock import Clock
from keys.errors import KeyNotFound
from keys.model import OFFICE, Algorithm, KeyInfo, KeyState, Purpose
from keys.ring import KeyRing
from keys.trust import TrustedKey
from registry.centre.examine import Table
from registry.centre.home import CentreHome, Settings
from registry.centre.intake import Desk
from registry.centre.packages import Packages
from registry.centre.store import open_database
from registry.upload.mapping import load_mapping
from signing.upload.centre_card import Centre, centre_json

LAST_DAY: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""A receipt key is in force until its centre replaces it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A centre at work. `random` gives that many unpredictable bytes."""

    home: CentreHome
    settings: Settings
    engine: Engine
    desk: Desk
    packages: Packages
    clock: Clock


def open_centre(home: CentreHome, *, clock: Clock, random: Callable[[int], bytes]) -> Opened:
    """Open the centre. Raises CentreNotReady, the ring's errors, MappingError."""
    settings = home.settings()
    ring = home.ring()
    engine = open_database(home.database)
    desk = Desk(
        home=home,
        engine=engine,
        name=settings.name,
        # The ring knows issuers and the office; here the office is the centre's own.
        signer=ring.signer(Purpose.RECEIPT, OFFICE, clock.now()),
        table=Table(province=settings.province, mapping=load_mapping(settings.mapping)),
    )
    packages = Packages(folder=home.packages, key=ring.secret("packages"), random=random)
    return Opened(
        home=home, settings=settings, engine=engine, desk=desk, packages=packages, clock=clock
    )


def make_receipt_key(ring: KeyRing, now: datetime) -> None:
    """Make the receipt key in force from `now` on, unless there is one."""
    try:
        ring.signer(Purpose.RECEIPT, OFFICE, now)
    except KeyNotFound:
        ring.generate(
            algorithm=Algorithm.ED25519,
            purpose=Purpose.RECEIPT,
            issuer=OFFICE,
            not_before=now,
            not_after=LAST_DAY,
        )


def card_of(settings: Settings, ring: KeyRing) -> bytes:
    """Return `centre.json`: what the cities believe receipts by."""
    known = ring.keys()
    keys = tuple(_trusted(key) for key in known if key.purpose is Purpose.RECEIPT)
    return centre_json(Centre(name=settings.name, url=settings.url, keys=keys))


def _trusted(key: KeyInfo) -> TrustedKey:
    return TrustedKey(
        key_id=key.key_id,
        algorithm=key.algorithm,
        purpose=key.purpose,
        public_key=key.public_key,
        not_before=key.not_before,
        not_after=key.not_after,
        state=KeyState.ACTIVE,
    )
